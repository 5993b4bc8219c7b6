"""JSON of annotation projects."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from annotation.projects.models import Project


class ProjectIn(Schema):
    """A new project: price in fen (with an hourly rate the most that one task pays), `labeling_config` Label Studio XML, `modality` text or image."""

    title: str
    brief: str = ""
    modality: str
    labeling_config: str
    task_price_fen: int = Field(ge=0, le=100_000_000)
    due_on: date | None = None
    client_id: UUID | None = None
    hourly_rate_fen: int | None = Field(default=None, ge=1, le=100_000)


class ProjectOut(Schema):
    """A project as its parties see it."""

    id: UUID
    number: str
    title: str
    brief: str
    modality: str
    labeling_config: str
    task_price_fen: int
    hourly_rate_fen: int | None
    firm_id: UUID
    client_id: UUID | None
    due_on: date | None
    created_at: datetime
    opened_at: datetime | None
    delivered_at: datetime | None
    accepted_at: datetime | None
    state: str

    @classmethod
    def of(cls, project: Project) -> ProjectOut:
        return cls.model_validate(project, from_attributes=True)


class GuidelineIn(Schema):
    """The text of the next guideline version, what changed, and who pays for doing accepted work again."""

    body: str
    change_note: str = ""
    touched_labels: list[str] = []
    rework_payer: str = ""
    question_ids: list[UUID] = []


class GuidelineOut(Schema):
    """A published guideline version."""

    version: int
    body: str
    change_note: str
    touched_labels: list[str]
    rework_payer: str
    published_at: datetime


class PlanIn(Schema):
    """A quality plan; `review_share_bp` is the share of submissions reviewed in 10000."""

    overlap: int = 1
    lease_minutes: int = 120
    review_share_bp: int = 10_000
    has_second_review: bool = False
    review_firm_id: UUID | None = None
    attempt_limit: int = 3
    idle_minutes: int = 5


class PlanOut(PlanIn):
    """A version of a project's quality plan."""

    version: int
    decided_at: datetime


class ExampleIn(Schema):
    """A worked example of the guideline in force: `kind` is right or wrong, `result` Label Studio's regions."""

    item_id: UUID
    kind: str
    result: list[Any]
    note: str


class ExampleOut(ExampleIn):
    """A worked example."""

    id: UUID
    ordinal: int


class QuestionOut(Schema):
    """A question about the guideline; `answer` is empty until the lead answers."""

    id: UUID
    item_id: UUID | None
    question: str
    asked_at: datetime
    answer: str
    answered_at: datetime | None


class AnswerIn(Schema):
    """The answer to a question."""

    answer: str


class TextIn(Schema):
    """One text item."""

    name: str
    text: str


class ImportIn(Schema):
    """Text items with their source and licence."""

    source: str
    licence: str
    items: list[TextIn] = Field(min_length=1, max_length=5_000)


class ImportOut(Schema):
    """What an import did."""

    batch_id: UUID
    ordinal: int
    added_count: int
    skipped_count: int


class OpenIn(Schema):
    """Why a project is published though a pilot earned less than the wage floor."""

    pay_reason: str = ""


class ReasonIn(Schema):
    """Why."""

    reason: str


class SendBackIn(Schema):
    """Why a delivery is sent back, and which items to do again (none: the firm decides)."""

    reason: str
    item_ids: list[UUID] = []
