"""What the JSON of tenders looks like. Amounts in fen with VAT, times in UTC, quality in per cent."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, Field

from exchange.tenders.models import (
    Bid,
    Engagement,
    LotInspection,
    Milestone,
    Tender,
    TenderItem,
    TenderQuestion,
)
from organizations.models import Organization


class TenderOut(Schema):
    """A tender as everyone who finds it sees it; a null budget is open."""

    number: str
    buyer: str
    title: str
    brief: str
    task: str
    modality: str
    labeling_config: str
    guideline: str
    item_count: int
    lot_count: int
    aql_percent: Decimal
    limiting_percent: Decimal | None
    budget_fen: int | None
    due_on: date
    deadline: datetime
    visibility: str
    state: str
    award_reason: str

    @classmethod
    def of(cls, tender: Tender) -> TenderOut:
        values = {name: getattr(tender, name) for name in cls.model_fields if name != "buyer"}
        return cls(buyer=tender.buyer.name, **values)


class TenderIn(Schema):
    """A new tender with its text items; images are uploaded on the page."""

    title: str
    brief: str
    task: str
    modality: str
    labeling_config: str
    guideline: str
    source: str
    licence: str
    item_count: int
    lot_count: int = 1
    aql_percent: Decimal = Decimal("2.5")
    limiting_percent: Decimal | None = None
    budget_fen: int | None = None
    due_on: date
    deadline: AwareDatetime
    visibility: str = "public"
    invited: list[UUID] = []
    samples: list[str] = Field(default=[], max_length=20)
    work: list[str] = Field(default=[], max_length=2_000)


class SampleOut(Schema):
    """A sample item to be labelled."""

    ordinal: int
    name: str
    media_type: str
    text: str

    @classmethod
    def of(cls, item: TenderItem) -> SampleOut:
        return cls(ordinal=item.ordinal, name=item.name, media_type=item.media_type, text=item.text)


class QuestionOut(Schema):
    """A question with its answer; who asked is not told."""

    id: UUID
    question: str
    answer: str

    @classmethod
    def of(cls, asked: TenderQuestion) -> QuestionOut:
        return cls(id=asked.pk, question=asked.question, answer=asked.answer)


class TextIn(Schema):
    """A question, an answer or a reason."""

    text: str


class BidIn(Schema):
    """A firm's price and plan; `hours` when priced by the hour."""

    unit: str
    unit_price_fen: int = Field(ge=0, le=10**13)
    task_pay_fen: int = Field(ge=0, le=10**13)
    hours: int | None = None
    people_count: int
    days: int
    overlap: int = 1
    review_share_bp: int = 10_000
    plan: str
    valid_until: date


class LabelIn(Schema):
    """A sample's result as Label Studio writes it."""

    result: list[dict[str, Any]]


class BidOut(Schema):
    """A bid, for its firm and, once opened, for the buyer."""

    id: UUID
    tender: str
    firm: str
    unit: str
    unit_price_fen: int
    quantity: int
    amount_fen: int
    people_count: int
    days: int
    overlap: int
    review_share_bp: int
    plan: str
    valid_until: date
    state: str
    outcome: str

    @classmethod
    def of(cls, bid: Bid) -> BidOut:
        values = {
            name: getattr(bid, name) for name in cls.model_fields if name not in ("tender", "firm", "id")
        }
        return cls(id=bid.pk, tender=bid.tender.number, firm=bid.firm.name, **values)


class AwardIn(Schema):
    """Why this bid; what the others are told (else the same)."""

    reason: str
    others: str = ""


class LotOut(Schema):
    """One lot of an engagement."""

    id: UUID
    ordinal: int
    item_count: int
    amount_fen: int
    due_on: date | None
    state: str

    @classmethod
    def of(cls, lot: Milestone) -> LotOut:
        values = {name: getattr(lot, name) for name in cls.model_fields if name != "id"}
        return cls(id=lot.pk, **values)


class EngagementOut(Schema):
    """A service contract with its lots."""

    number: str
    tender: str
    buyer: str
    firm: str
    amount_fen: int
    tax_fen: int
    text_sha256: str
    state: str
    lots: list[LotOut]

    @classmethod
    def of(cls, found: Engagement, lots: list[Milestone]) -> EngagementOut:
        return cls(
            number=found.number, tender=found.tender.number, buyer=found.buyer.name, firm=found.firm.name,
            amount_fen=found.amount_fen, tax_fen=found.tax_fen, text_sha256=found.contract.text_sha256,
            state=found.state, lots=[LotOut.of(lot) for lot in lots],
        )  # fmt: skip


class SigningIn(Schema):
    """The hash of the text that the signer read."""

    text_sha256: str


class InspectionIn(Schema):
    """What the sample showed."""

    defect_count: int
    words: str = ""


class InspectionOut(Schema):
    """An inspection and what the plan decided."""

    sample_size: int
    accept_at_most: int
    defect_count: int
    is_accepted: bool

    @classmethod
    def of(cls, found: LotInspection) -> InspectionOut:
        return cls(**{name: getattr(found, name) for name in cls.model_fields})


class RatingIn(Schema):
    """Marks from 1 to 5."""

    quality: int
    punctuality: int
    communication: int
    words: str = ""


class ProviderOut(Schema):
    """A firm of the directory; rates in basis points, null where nothing was counted yet."""

    name: str
    uscc: str
    item_count: int
    lot_count: int
    inspection_count: int
    pass_bp: int | None
    on_time_bp: int | None
    dispute_count: int
    people_count: int
    since: datetime | None

    @classmethod
    def of(cls, firm: Organization) -> ProviderOut:
        return cls(**{name: getattr(firm, name) for name in cls.model_fields})
