"""News of money."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class EscrowReleased(Event):
    """An order's escrow went to the supplier and the exchange."""

    order_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class OrderRefunded(Event):
    """Money of a released order went back to the buyer, wholly or in part."""

    order_id: UUID
    refund_id: UUID
    by: Actor
