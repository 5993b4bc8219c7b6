"""What broking's JSON looks like. Amounts in fen, times in UTC."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from ninja import Schema
from pydantic import AwareDatetime, Field

from exchange.brokers import rules
from exchange.brokers.models import Deal, Mandate, Match
from exchange.brokers.selectors import record_lines
from exchange.brokers.services import Proposal
from kernel.money import Money

Text = Annotated[str, Field(max_length=rules.MOST_WORDS, pattern=r"^[^\x00]*$")]
Fen = Annotated[int, Field(ge=0, le=10**15)]


class MandateOut(Schema):
    """A mandate; one of `commission_bp` and `commission_fen` is zero."""

    id: UUID
    number: str
    side: str
    principal: str
    broker: str
    scope: str
    industries: list[str]
    starts_at: datetime
    ends_at: datetime
    commission_bp: int
    commission_fen: int
    payer: str
    is_exclusive: bool
    text_sha256: str
    state: str

    @classmethod
    def of(cls, mandate: Mandate) -> MandateOut:
        names = ("number", "side", "scope", "industries", "starts_at", "ends_at", "commission_bp",
                 "commission_fen", "payer", "is_exclusive", "text_sha256", "state")  # fmt: skip
        return cls(
            id=mandate.pk,
            principal=mandate.principal.name,
            broker=mandate.broker.name,
            **{name: getattr(mandate, name) for name in names},
        )


class MandateTextOut(MandateOut):
    """A mandate with the canonical text that is signed."""

    text: str

    @classmethod
    def of(cls, mandate: Mandate) -> MandateTextOut:
        return cls(**MandateOut.of(mandate).dict(), text=mandate.text)


class OfferIn(Schema):
    """The terms of a mandate between `principal_id` and `broker_id`, one of them the caller's."""

    principal_id: UUID
    broker_id: UUID
    side: Text
    scope: Text = "all"
    industries: list[Text] = Field([], max_length=16)
    product_numbers: list[Text] = Field([], max_length=100)
    wish_modality: Text = ""
    wish_labels: list[Text] = Field([], max_length=20)
    wish_budget_fen: Fen | None = None
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    commission_bp: int = Field(0, ge=0, le=rules.MOST_COMMISSION_BP)
    commission_fen: Fen = 0
    payer: Text
    is_exclusive: bool = False

    def terms(self) -> Proposal:
        """As the service takes them."""
        return Proposal(
            side=self.side, scope=self.scope, industries=tuple(self.industries),
            product_numbers=tuple(self.product_numbers), wish_modality=self.wish_modality,
            wish_labels=tuple(self.wish_labels),
            wish_budget=Money(self.wish_budget_fen) if self.wish_budget_fen is not None else None,
            starts_at=self.starts_at, ends_at=self.ends_at, commission_bp=self.commission_bp,
            commission=Money(self.commission_fen), payer=self.payer, is_exclusive=self.is_exclusive,
        )  # fmt: skip


class SignIn(Schema):
    """The hash of the text that was read."""

    text_sha256: Text


class ReasonIn(Schema):
    """Why, for the other side."""

    reason: Text


class BrokerIn(Schema):
    """To which broker the mandate is handed over."""

    broker_id: UUID


class MatchIn(Schema):
    """Which product is proposed, and why; under a supply-side mandate also to which demand."""

    product_number: Text
    reason: Text
    demand_number: Text = ""


class AnswerIn(Schema):
    """The principal's answer; declining needs words."""

    is_accepted: bool
    answer: Text = ""


class MatchOut(Schema):
    """A proposal with its score and parts."""

    id: UUID
    number: str
    mandate: str
    product: str
    product_title: str
    demand: str
    score: int
    parts: list[dict[str, int | str]]
    reason: str
    works_for_supplier: bool
    matched_at: datetime
    answered_at: datetime | None
    answer: str
    state: str

    @classmethod
    def of(cls, match: Match) -> MatchOut:
        names = ("number", "score", "reason", "matched_at", "answered_at", "answer", "state")
        return cls(
            id=match.pk,
            mandate=match.mandate.number,
            product=match.product.number,
            product_title=match.product.title,
            demand=match.demand.number if match.demand is not None else "",
            parts=match.trace,
            works_for_supplier=match.supply_mandate_id is not None,
            **{name: getattr(match, name) for name in names},
        )


class DealIn(Schema):
    """Which order came of the match."""

    order_number: Text


class ConfirmIn(Schema):
    """The commission in all that the confirmer has read."""

    commission_fen: Fen


class RecordIn(Schema):
    """One record of a deal; `fact`: statement, certificate, contract or document."""

    kind: Text
    statement: Text
    fact: Text = "statement"
    document_id: UUID | None = None


class AssessIn(Schema):
    """The year that is assessed; its facts come from the deals on record."""

    year: int = Field(ge=2020, le=2100)


class RateIn(Schema):
    """1 to 5."""

    stars: int
    words: Text = ""


class RecordOut(Schema):
    """One record that the law wants; `made_at` empty: it is missing."""

    kind: str
    statement: str
    fact: str
    fact_label: str
    made_at: datetime | None
    keep_until: date | None


class CommissionOut(Schema):
    """What one mandate earns."""

    mandate: str
    payer: str
    amount_fen: int


class DealOut(Schema):
    """A deal with its commissions and records."""

    id: UUID
    number: str
    order: str
    broker: str
    supplier: str
    buyer: str
    amount_fen: int
    refunded_fen: int
    commission_fen: int
    commissions: list[CommissionOut]
    records: list[RecordOut]
    proposed_at: datetime
    supplier_confirmed_at: datetime | None
    buyer_confirmed_at: datetime | None
    completed_at: datetime | None
    state: str

    @classmethod
    def of(cls, deal: Deal) -> DealOut:
        names = ("number", "refunded_fen", "commission_fen", "proposed_at", "supplier_confirmed_at",
                 "buyer_confirmed_at", "completed_at", "state")  # fmt: skip
        return cls(
            id=deal.pk,
            order=deal.order.number,
            broker=deal.broker.name,
            supplier=deal.order.supplier.name,
            buyer=deal.order.buyer.name,
            amount_fen=deal.order.amount_fen,
            commissions=[
                CommissionOut(mandate=each.mandate.number, payer=each.payer, amount_fen=each.amount_fen)
                for each in sorted(deal.commissions.all(), key=lambda each: each.pk)
            ],
            records=[
                RecordOut(
                    kind=line.kind,
                    statement=line.record.statement if line.record else "",
                    fact=line.record.fact if line.record else "",
                    fact_label=line.record.fact_label if line.record else "",
                    made_at=line.record.made_at if line.record else None,
                    keep_until=line.record.keep_until if line.record else None,
                )
                for line in record_lines(deal)
            ],
            **{name: getattr(deal, name) for name in names},
        )
