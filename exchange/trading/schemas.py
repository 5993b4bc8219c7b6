"""What an order's JSON looks like. Amounts in fen, times in UTC."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema

from exchange.trading.models import Order


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
    """One side's signature over the text with that hash."""

    party: str
    signer: str
    text_sha256: str
    signed_at: datetime


class ContractOut(Schema):
    """The contract's canonical text; `text_sha256` is over its UTF-8 bytes."""

    number: str
    template: str
    text: str
    text_sha256: str
    signatures: list[SignatureOut]


class PlaceIn(Schema):
    """Which plan, for what use."""

    plan_id: UUID
    use_statement: str


class SignIn(Schema):
    """The hash of the text that was read; signing another text is refused."""

    text_sha256: str


class CancelIn(Schema):
    """Why, for the other side."""

    reason: str
