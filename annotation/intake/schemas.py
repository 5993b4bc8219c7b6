"""JSON of imports and models."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from annotation.intake.models import Intake, Predictor, Proposal
from annotation.intake.selectors import outlook_of


class BeginIn(Schema):
    """A new import; `form`: items, label_studio, coco, yolo, yolo_obb, voc, conll or table."""

    source: str
    licence: str
    form: str = "items"
    storage_id: UUID | None = None
    prefix: str = ""


class DecisionIn(Schema):
    """`near`: keep or leave_out; `personal`: mask, leave_out or keep (then `legal_ground` is needed)."""

    near: str
    personal: str
    legal_ground: str = ""
    is_skipping_bad: bool = False


class CostOut(Schema):
    """Items × people × price, in fen."""

    item_count: int
    copies: int
    price_fen: int
    total_fen: int


class IntakeOut(Schema):
    """An import with what its dry run found; costs are null before it."""

    id: UUID
    project_id: UUID
    form: str
    source: str
    licence: str
    state: str
    created_at: datetime
    job_id: UUID | None
    batch_id: UUID | None
    found: dict[str, Any]
    cost: CostOut | None
    cost_without_near: CostOut | None

    @classmethod
    def of(cls, intake: Intake) -> IntakeOut:
        costs = outlook_of(intake) if "rows" in intake.found else None
        shown = {
            name: CostOut(
                item_count=cost.item_count,
                copies=cost.copies,
                price_fen=cost.price.fen,
                total_fen=cost.total.fen,
            )
            for name, cost in (
                (("cost", costs.cost), ("cost_without_near", costs.without_near)) if costs else ()
            )
        }
        return cls(
            id=intake.pk,
            project_id=intake.project_id,
            form=intake.form,
            source=intake.source,
            licence=intake.licence,
            state=intake.state,
            created_at=intake.created_at,
            job_id=intake.job_id,
            batch_id=intake.batch_id,
            found=intake.found,
            cost=shown.get("cost"),
            cost_without_near=shown.get("cost_without_near"),
        )


class IntakeFileOut(Schema):
    """A file of an import."""

    id: UUID
    path: str
    size: int
    sha256: str


class StorageIn(Schema):
    """A firm's own bucket; the secret is never given back."""

    name: str
    endpoint: str
    bucket: str
    access_key: str
    secret: str
    region: str = ""


class StorageOut(Schema):
    """A bucket without its secret."""

    id: UUID
    name: str
    endpoint: str
    bucket: str
    region: str
    created_at: datetime


class PredictorIn(Schema):
    """A model; `kind`: built_in, or http with its address and token."""

    kind: str
    name: str
    address: str = ""
    token: str = ""
    is_ordering: bool = True


class PredictorOut(Schema):
    """A model as the project's firm sees it."""

    id: UUID
    project_id: UUID
    kind: str
    name: str
    address: str
    version: str
    trained_count: int
    is_ordering: bool
    state: str
    job_id: UUID | None

    @classmethod
    def of(cls, predictor: Predictor) -> PredictorOut:
        return cls.model_validate(predictor, from_attributes=True)


class StateIn(Schema):
    """Whether a model is in use."""

    is_active: bool


class ProposalOut(Schema):
    """A starting point of an item."""

    id: UUID
    item_id: UUID
    source: str
    model_version: str
    result: list[Any]
    score: float | None = Field(default=None)
    made_at: datetime

    @classmethod
    def of(cls, proposal: Proposal) -> ProposalOut:
        return cls.model_validate(proposal, from_attributes=True)
