"""JSON of lot inspection; shares are ten-thousandths."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Field, Schema

from annotation.inspection.models import Lot, SampleItem


class PlanIn(Schema):
    """A proposed plan: by `aql` (per cent, as the standard writes it) or by `limiting_quality`."""

    basis: str = "aql"
    aql: str = "2.5"
    level: str = "II"
    initial: str = "normal"
    is_reduction_allowed: bool = False
    limiting_quality: int = Field(default=800, ge=1, le=9_999)
    good_quality: int | None = Field(default=None, ge=0, le=9_998)
    lot_size: int | None = Field(default=None, ge=2, le=500_000)
    is_sample_finished: bool = True
    is_again_tightened: bool = True
    inspector_id: UUID | None = None


class PlanOut(PlanIn):
    """A proposed or agreed plan."""

    id: UUID
    version: int
    proposed_for_id: UUID
    proposed_at: datetime


class StateOut(Schema):
    """Where a project's inspection stands; `severity` is empty without a plan or where lots are judged by themselves."""

    plan: PlanOut | None
    severity: str
    is_discontinued: bool
    lots: dict[str, int]
    accepted_items: int
    commitment_sha256: str


class AnswerIn(Schema):
    """Agreed or not; a refusal has a reason."""

    is_agreed: bool
    reason: str = ""


class SubmitIn(Schema):
    """Items of a lot where the plan leaves it open."""

    size: int | None = None


class ValueIn(Schema):
    """The inspecting side's own value for the lots frozen from now on."""

    value: str


class ValueOut(Schema):
    """The commitment to a value."""

    ordinal: int
    value_sha256: str
    committed_at: datetime


class RemarkIn(Schema):
    """What the supplier has mended."""

    remark: str


class StepOut(Schema):
    """Where inspection stands after a step of switching."""

    ordinal: int
    severity: str
    cause: str
    score: int
    taken_at: datetime


class LotOut(Schema):
    """A lot; what follows from the draw is null or empty before it."""

    id: UUID
    project_id: UUID
    number: str
    state: str
    size: int
    contents_sha256: str
    commitment_sha256: str
    severity: str
    letter: str
    sample_size: int | None
    accept_number: int | None
    value: str
    seed: str
    nonconforming_count: int | None
    rework_scope: str
    remark: str
    former_id: UUID | None
    submitted_at: datetime
    drawn_at: datetime | None
    decided_at: datetime | None

    @classmethod
    def of(cls, lot: Lot) -> LotOut:
        told = {name: getattr(lot, name) for name in cls.model_fields if hasattr(lot, name)}
        return cls(**told, commitment_sha256=lot.commitment.value_sha256)


class SampleOut(Schema):
    """A drawn item, the result as it was frozen being under `item_id` and `digest`."""

    id: UUID
    place: int
    item_id: UUID
    number: int
    digest: str
    is_conforming: bool | None
    fault: str
    reason: str
    inspected_at: datetime | None

    @classmethod
    def of(cls, row: SampleItem) -> SampleOut:
        content = row.content
        return cls(
            id=row.pk,
            place=row.place,
            item_id=content.item_id,
            number=content.number,
            digest=content.digest,
            is_conforming=row.is_conforming,
            fault=row.fault,
            reason=row.reason,
            inspected_at=row.inspected_at,
        )


class FindingIn(Schema):
    """Whether a drawn item conforms; if not, `fault` is wrong_label, missed, surplus, boundary or other."""

    is_conforming: bool
    fault: str = ""
    reason: str = ""


class VerdictIn(Schema):
    """What of a rejected lot is done again: whole or alike."""

    rework_scope: str = ""
    remark: str = ""
