"""What an order's JSON looks like. Amounts in fen, times in UTC."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from ninja import Schema
from pydantic import Field

from exchange.trading.models import Order, Supplement
from exchange.trading.selectors import access_ends_at


class OrderOut(Schema):
    """An order; `amount_fen` includes `tax_fen` VAT."""

    id: UUID
    number: str
    state: str
    product: str
    product_title: str
    plan: str
    supplier: str
    buyer: str
    amount_fen: int
    tax_fen: int
    inspection_days: int
    term_days: int | None
    is_exclusive: bool
    access_ends_at: datetime | None
    placed_at: datetime
    buyer_signed_at: datetime | None
    supplier_signed_at: datetime | None
    contracted_at: datetime | None
    paid_at: datetime | None
    delivered_at: datetime | None
    inspection_until: datetime | None
    accepted_at: datetime | None
    completed_at: datetime | None

    @classmethod
    def of(cls, order: Order) -> OrderOut:
        return cls(
            id=order.pk,
            number=order.number,
            state=order.state,
            product=order.product.number,
            product_title=order.product.title,
            plan=order.plan.name,
            supplier=order.supplier.name,
            buyer=order.buyer.name,
            amount_fen=order.amount_fen,
            tax_fen=order.tax_fen,
            inspection_days=order.inspection_days,
            term_days=order.term_days,
            is_exclusive=order.is_exclusive,
            access_ends_at=access_ends_at(order),
            placed_at=order.placed_at,
            buyer_signed_at=order.buyer_signed_at,
            supplier_signed_at=order.supplier_signed_at,
            contracted_at=order.contracted_at,
            paid_at=order.paid_at,
            delivered_at=order.delivered_at,
            inspection_until=order.inspection_until,
            accepted_at=order.accepted_at,
            completed_at=order.completed_at,
        )


class SignatureOut(Schema):
    """One side's signature over the text (and the policy, when there is one) with that hash."""

    party: str
    signer: str
    text_sha256: str
    policy_sha256: str = ""
    signed_at: datetime


class ContractOut(Schema):
    """The contract's canonical text and its ODRL policy; each hash is over the UTF-8 bytes.

    `policy` is the policy read; its hashed bytes are at `policy_url`. `document_sha256`: of the PDF, if made.
    """

    number: str
    template: str
    text: str
    text_sha256: str
    policy: dict[str, Any]
    policy_sha256: str
    policy_url: str
    document_sha256: str
    signatures: list[SignatureOut]


class RuleOut(Schema):
    """One rule of the licence in plain words: permission, prohibition or obligation."""

    kind: str
    party: str
    action: str
    conditions: list[str]


class SupplementOut(Schema):
    """A later agreement: its text, what it changes, who has signed."""

    id: UUID
    number: str
    kind: str
    state: str
    text: str
    text_sha256: str
    contract_sha256: str
    reason: str
    term_days: int | None
    inspection_days: int | None
    ends_on: date | None
    proposed_party: str
    proposed_at: datetime
    in_force_at: datetime | None
    signatures: list[SignatureOut]

    @classmethod
    def of(cls, supplement: Supplement) -> SupplementOut:
        names = ("number", "kind", "state", "text", "text_sha256", "contract_sha256", "reason", "term_days",
                 "inspection_days", "ends_on", "proposed_party", "proposed_at", "in_force_at")  # fmt: skip
        signatures = sorted(supplement.signatures.all(), key=lambda each: each.signed_at)
        return cls(
            id=supplement.pk,
            signatures=[
                SignatureOut(
                    party=each.party,
                    signer=each.signer_label,
                    text_sha256=each.text_sha256,
                    signed_at=each.signed_at,
                )
                for each in signatures
            ],
            **{name: getattr(supplement, name) for name in names},
        )


class SupplementIn(Schema):
    """`kind`: amendment (with `term_days` or `inspection_days`) or termination (after delivery: `ends_on`)."""

    kind: str
    reason: str
    term_days: int | None = None
    inspection_days: int | None = None
    ends_on: date | None = None


class PlaceIn(Schema):
    """Which plan, for what use; under which match's number, with the commission in all that the buyer has read."""

    plan_id: UUID
    use_statement: str
    match_code: Annotated[str, Field(max_length=24, pattern=r"^[^\x00]*$")] = ""
    commission_fen: int = Field(0, ge=0, le=10**15)


class SignIn(Schema):
    """The hash of the text that was read; signing another text is refused."""

    text_sha256: str


class CancelIn(Schema):
    """Why, for the other side."""

    reason: str
