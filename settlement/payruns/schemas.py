"""JSON shapes of pay runs; amounts are whole fen."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from ninja import Schema


class RunIn(Schema):
    """The month to pay, by any of its days."""

    month: date


class RunOut(Schema):
    """A pay run."""

    id: UUID
    number: str
    firm: UUID
    month: date
    gross_fen: int
    tax_fen: int
    net_fen: int
    item_count: int
    made_at: datetime
    approved_at: datetime | None
    paid_at: datetime | None
    sha256: str
    state: str


class SlipOut(Schema):
    """An annotator's own slip."""

    id: UUID
    run_number: str
    month: date
    gross_fen: int
    tax_fen: int
    net_fen: int
    state: str
