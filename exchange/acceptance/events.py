"""News of inspections and disputes."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class PriceReduced(Event):
    """Part of an order's price goes back to the buyer out of escrow; the rest is released right after."""

    order_id: UUID
    amount_fen: int
    tax_fen: int
    reason: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class WholePriceBack(Event):
    """The whole price goes back to the buyer out of escrow; the order ends."""

    order_id: UUID
    reason: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ComplaintFiled(Event):
    """A buyer reports defects; the supplier is to answer."""

    complaint_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ComplaintAnswered(Event):
    """The supplier offers a remedy or rejects; the buyer is to reply."""

    complaint_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class OfferDeclined(Event):
    """The buyer does not accept; the supplier is to answer again."""

    complaint_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ComplaintSettled(Event):
    """The buyer accepted the supplier's answer."""

    complaint_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ComplaintWithdrawn(Event):
    """The buyer took its complaint back; the inspection period runs on."""

    complaint_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class DisputeOpened(Event):
    """A side asks the exchange to rule; both sides are to state their evidence."""

    complaint_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class RulingProposed(Event):
    """A ruling waits for a second operator."""

    ruling_id: UUID
    complaint_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class RulingReturned(Event):
    """The second operator sent a ruling back; another one is to be made."""

    ruling_id: UUID
    complaint_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class RulingGiven(Event):
    """A ruling has taken effect."""

    ruling_id: UUID
    complaint_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class DeliveryReplaced(Event):
    """A newer version stands delivered; the inspection period begins anew."""

    order_id: UUID
    complaint_id: UUID
    by: Actor
