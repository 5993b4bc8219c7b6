"""JSON shapes of reconciliation; amounts are whole fen."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from ninja import Field, Schema


class GapOut(Schema):
    """Something that does not match: code, amount, what to do and whose turn it is."""

    code: str
    amount_fen: int
    label: str
    remedy: str
    who: str


class OrderOut(Schema):
    """An order from contract to bank."""

    order: UUID
    number: str
    supplier: UUID
    buyer: UUID
    standing: str
    booked_fen: int
    received_fen: int
    returned_fen: int
    refunded_fen: int
    paid_back_fen: int
    released_fen: int
    invoiced_fen: int
    credited_fen: int
    gaps: list[GapOut]


class ReceiptOut(Schema):
    """A buyer's transfer as it would be booked; `code` names what is in the way, empty when nothing is."""

    order: UUID
    received_fen: int
    price_fen: int
    missing_fen: int
    surplus_fen: int
    lines: list[str]
    code: str
    detail: str


class LineOut(Schema):
    """A bank line; positive came in."""

    id: UUID
    account: str
    reference: str
    booked_on: date
    amount_fen: int
    left_fen: int
    party_name: str
    party_account: str
    virtual_account: str
    text: str


class SuggestionOut(Schema):
    """What a line may be, with score and reasons."""

    kind: str
    target: UUID
    label: str
    amount_fen: int
    score: int
    reasons: list[str]
    is_exact: bool


class MatchIn(Schema):
    """What a line, or a part of it, is the money of."""

    kind: str
    target: UUID
    amount_fen: int | None = Field(None, ge=1, le=10**15)


class MatchOut(Schema):
    """A match and, when it was taken back, why."""

    id: UUID
    line: UUID
    order: UUID | None
    label: str
    kind: str
    amount_fen: int
    score: int
    reasons: list[str]
    matched_at: datetime


class PayRunOut(Schema):
    """A paid pay run, and how many people of it have their bank lines."""

    id: UUID
    number: str
    firm: UUID
    paid_at: datetime
    sent_count: int
    matched_count: int
    matched_fen: int


class EndIn(Schema):
    """Why a match was wrong."""

    reason: str = Field(max_length=300, pattern=r"^[^\x00]*$")


class EndOut(Schema):
    """The end of a match."""

    match: UUID
    reason: str
    ended_at: datetime
