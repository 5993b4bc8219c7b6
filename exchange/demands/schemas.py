"""What the JSON of demands looks like. Amounts in fen, times in UTC, quality in basis points."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, Field

from exchange.demands.models import Answer, AnswerMessage, Demand


class DemandOut(Schema):
    """A demand as everyone who finds it sees it; nulls and empty texts: anything will do."""

    number: str
    buyer: str
    title: str
    description: str
    industry: str
    kind: str
    modality: str
    task: str
    quantity: int | None
    quality_bp: int | None
    budget_least_fen: int | None
    budget_most_fen: int | None
    deadline: datetime
    visibility: str
    state: str
    published_at: datetime | None

    @classmethod
    def of(cls, demand: Demand) -> DemandOut:
        values = {name: getattr(demand, name) for name in cls.model_fields if name != "buyer"}
        return cls(buyer=demand.buyer.name, **values)


class AnswerOut(Schema):
    """A firm's answer, for the two sides."""

    id: UUID
    demand: str
    firm: str
    product: str
    words: str
    price_fen: int | None
    delivery_days: int | None
    state: str
    submitted_at: datetime
    edited_at: datetime | None

    @classmethod
    def of(cls, answer: Answer) -> AnswerOut:
        return cls(
            id=answer.pk, demand=answer.demand.number, firm=answer.firm.name,
            product=answer.product.number if answer.product else "", words=answer.words,
            price_fen=answer.price_fen, delivery_days=answer.delivery_days, state=answer.state,
            submitted_at=answer.submitted_at, edited_at=answer.edited_at,
        )  # fmt: skip


class MessageOut(Schema):
    """A word about an answer; `side` is buyer or firm."""

    side: str
    text: str
    sender: str
    sent_at: datetime

    @classmethod
    def of(cls, message: AnswerMessage) -> MessageOut:
        return cls(side=message.side, text=message.text, sender=message.sender_label, sent_at=message.sent_at)


class ReasonOut(Schema):
    """One agreement between a demand and a product."""

    code: str
    words: str


class MatchOut(Schema):
    """A product that answers a demand; `score` 0 to 100."""

    product: str
    title: str
    supplier: str
    score: int
    reasons: list[ReasonOut]


class DemandsWantedIn(Schema):
    """What is searched for; each facet may be given several times."""

    q: str = ""
    industry: list[str] = []
    kind: list[str] = []
    modality: list[str] = []
    task: list[str] = []
    budget: list[str] = []


class DemandIn(Schema):
    """A new demand."""

    title: str
    description: str
    industry: str
    kind: str = ""
    modality: str = ""
    task: str = ""
    quantity: int | None = Field(default=None, ge=1, le=10**12)
    quality_bp: int | None = Field(default=None, ge=1, le=10_000)
    budget_least_fen: int | None = Field(default=None, ge=0, le=10**15)
    budget_most_fen: int | None = Field(default=None, ge=1, le=10**15)
    deadline: AwareDatetime
    visibility: str = "public"
    contact_name: str
    contact_phone: str = ""
    contact_email: str = ""
    invited: list[UUID] = Field(default=[], max_length=50)


class AnswerIn(Schema):
    """An answer: a product's number, or words with price and delivery time."""

    product: str = ""
    words: str = ""
    price_fen: int | None = Field(default=None, ge=1, le=10**15)
    delivery_days: int | None = Field(default=None, ge=1, le=3_650)


class TextIn(Schema):
    """A word to the other side."""

    text: str = Field(max_length=2_000)


class HidingIn(Schema):
    """Why a demand is hidden."""

    reason: str = Field(max_length=500)
