"""JSON of annotation quality; shares and scores are ten-thousandths."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema


class PlanIn(Schema):
    """A gold plan; what is left out is as usual."""

    hidden_share: int = 500
    training_count: int = 0
    screening_count: int = 0
    pass_share: int = 8_000
    reveal_after: int = 20
    least_shapes: int = 7_500
    least_spans: int = 8_000
    least_texts: int = 9_000
    least_ratings: int = 7_500
    iou: int = 5_000
    poor: int = 7_500
    good: int = 9_000
    sure: int = 6_000
    measure_every: int = 200
    method: str = "majority"


class PlanOut(PlanIn):
    """A version of the plan."""

    id: UUID
    version: int
    made_at: datetime


class GoldIn(Schema):
    """The right answer of an item; `role`: hidden, screening or training."""

    item_id: UUID
    result: list[Any]
    role: str
    note: str = ""


class GoldRowIn(Schema):
    """`item`: its number, name or SHA-256."""

    item: str
    result: list[Any]


class GoldImportIn(Schema):
    """Labels that become gold, all or none."""

    role: str
    rows: list[GoldRowIn] = Field(max_length=10_000)


class GoldImportOut(Schema):
    """How many are new, how many were there already."""

    made: int
    same: int


class TakeIn(Schema):
    """How many accepted results become gold."""

    role: str
    count: int


class CorrectIn(Schema):
    """A corrected answer and why."""

    result: list[Any]
    note: str


class GoldOut(Schema):
    """A gold answer in force; `answered` and `right` count every scored answer to it."""

    id: UUID
    item_id: UUID
    version: int
    role: str
    source: str
    result: list[Any]
    note: str
    is_active: bool
    made_at: datetime


class OutcomeOut(Schema):
    """One of one's own outcomes that one may know of, with the answer it was measured by."""

    id: UUID
    project_id: UUID
    submission_id: UUID
    role: str
    score: int
    is_right: bool
    parts: dict[str, int]
    scored_at: datetime


class StandingOut(Schema):
    """A worker's standing in a project."""

    id: UUID
    project_id: UUID
    worker_id: UUID
    state: str
    attempt: int
    reason: str


class ReasonIn(Schema):
    """Why."""

    reason: str


class ContestOut(Schema):
    """A contested gold answer."""

    id: UUID
    project_id: UUID
    outcome_id: UUID
    worker_id: UUID
    reason: str
    answer: str
    state: str
    contested_at: datetime


class UpholdIn(Schema):
    """What is answered."""

    answer: str


class CorrectContestIn(Schema):
    """What is answered; `result`: the right one, the worker's own when left out."""

    answer: str
    result: list[Any] | None = None


class MeasurementOut(Schema):
    """What was measured: `facts` by control and by person, `confusion` by pseudonym."""

    id: UUID
    ordinal: int
    submission_count: int
    measured_at: datetime
    facts: dict[str, Any]
    confusion: list[Any]


class JobOut(Schema):
    """The job that measures."""

    id: UUID
    state: str


class ConsensusOut(Schema):
    """What an item with several answers delivers, and what it rests on."""

    id: UUID
    item_id: UUID
    version: int
    origin: str
    method: str
    method_version: int
    result: list[Any]
    result_sha256: str
    confidence: int
    posterior: dict[str, dict[str, float]]
    evidence: list[UUID]
    is_settled: bool
    decided_at: datetime


class AdjudicateIn(Schema):
    """The result that is delivered, and why."""

    result: list[Any]
    reason: str
