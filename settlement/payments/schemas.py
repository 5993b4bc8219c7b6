"""JSON shapes of payments; amounts are whole fen."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Field, Schema


class IntentOut(Schema):
    """A buyer's payment of one order; `state` uses Stripe's words."""

    id: UUID
    number: str
    order: UUID
    order_number: str
    amount_fen: int
    method: str
    failure: str
    state: str
    created_at: datetime
    authorized_at: datetime | None = None
    returned_fen: int | None = None
    released_at: datetime | None = None
    fee_fen: int | None = None
    seller_fen: int | None = None


class PayIn(Schema):
    """Which method pays: `pm_test_ok` or `pm_test_declined`."""

    method: str = Field("pm_test_ok", max_length=40)


class TransferOut(Schema):
    """Where a buyer transfers an order's price, and what to write as the remark."""

    holder: str
    bank_name: str
    account: str
    remark: str
    amount_fen: int


class RefundIn(Schema):
    """How much goes back, and why."""

    amount_fen: int = Field(..., ge=1, le=10**15)
    reason: str = Field(..., min_length=2, max_length=300)


class RefundOut(Schema):
    """A refund with the tax and the fee share in it."""

    id: UUID
    number: str
    order: UUID
    amount_fen: int
    tax_fen: int
    fee_fen: int
    reason: str
    refunded_at: datetime


class PayoutOut(Schema):
    """What one project paid the caller."""

    id: UUID
    project: UUID
    project_number: str
    task_count: int
    amount_fen: int
    earned_at: datetime


class EarningsOut(Schema):
    """The caller's earnings, the newest projects first.

    `held_fen` waits for review, `accepted_fen` for the project's acceptance, `balance_fen` is payable.
    """

    held_fen: int
    accepted_fen: int
    balance_fen: int
    paid_fen: int
    earned_fen: int
    task_count: int
    items: list[PayoutOut]
    next: str | None = None
