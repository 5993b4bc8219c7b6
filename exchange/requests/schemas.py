"""What requests and offers look like as JSON. Amounts in fen, periods in days, times in UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema

from exchange.requests.models import Offer, PurchaseRequest


class StatedIn(Schema):
    """The stated use of one plan. `previous_id`: an ended request that this one follows; `change_note`: what is new."""

    plan_id: UUID
    purpose: str
    use_statement: str
    place: str
    place_note: str = ""
    term_days: int | None = None
    people_count: int
    is_training: bool
    is_abroad: bool
    previous_id: UUID | None = None
    change_note: str = ""


class RequestOut(Schema):
    """A request; what was approved may be ordered until `approval_until`."""

    id: UUID
    number: str
    state: str
    product: str
    plan: str
    supplier: str
    buyer: str
    purpose: str
    use_statement: str
    place: str
    place_note: str
    term_days: int | None
    people_count: int
    is_training: bool
    is_abroad: bool
    change_note: str
    previous_id: UUID | None
    requested_at: datetime
    approved_at: datetime | None
    approval_until: datetime | None
    refusal_reason: str
    advice: str
    accepted_version: int | None
    order_id: UUID | None

    @classmethod
    def of(cls, request: PurchaseRequest) -> RequestOut:
        same = ("number", "state", "purpose", "use_statement", "place", "place_note", "term_days",
                "people_count", "is_training", "is_abroad", "change_note", "previous_id", "requested_at",
                "approved_at", "approval_until", "refusal_reason", "advice", "accepted_version", "order_id")  # fmt: skip
        return cls(
            id=request.pk,
            product=request.product.number,
            plan=request.plan.name,
            supplier=request.supplier.name,
            buyer=request.buyer.name,
            **{name: getattr(request, name) for name in same},
        )


class OfferOut(Schema):
    """One version of the terms; `changes` is the difference to the version before."""

    version: int
    party: str
    plan_id: UUID
    price_fen: int
    licence: str
    template: str
    territory: str
    term_days: int | None
    user_count: int | None
    inspection_days: int
    is_exclusive: bool
    clauses: list[str]
    note: str
    changes: list[dict[str, Any]]
    made_at: datetime
    valid_until: datetime

    @classmethod
    def of(cls, offer: Offer) -> OfferOut:
        return cls(**{name: getattr(offer, name) for name in cls.model_fields})


class OfferIn(Schema):
    """A new version of the terms; `after_version` is the latest that was read (0: none)."""

    plan_id: UUID
    price_fen: int
    licence: str
    inspection_days: int
    template: str = "provision"
    territory: str = "CN"
    term_days: int | None = None
    user_count: int | None = None
    is_exclusive: bool = False
    clauses: list[str] = []
    note: str = ""
    after_version: int = 0


class ApproveIn(Schema):
    """A remark for the buyer."""

    remark: str = ""


class RefuseIn(Schema):
    """Why not, and what to change before asking again."""

    reason: str
    advice: str = ""


class WithdrawIn(Schema):
    """Why, for the supplier."""

    reason: str


class AcceptIn(Schema):
    """Which version is accepted; only the latest may be."""

    version: int
