"""News of filings."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class TradeFiled(Event):
    """A completed trade is on the register with its voucher."""

    filing_id: UUID
    order_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class FilingAmended(Event):
    """A refund lowered or voided a filing."""

    filing_id: UUID
    order_id: UUID
    by: Actor
