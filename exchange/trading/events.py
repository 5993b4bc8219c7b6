"""News of trades."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from kernel.money import Money
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class OrderPaid(Event):
    """The buyer's money lies in escrow; the supplier may deliver."""

    order_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class OrderAccepted(Event):
    """The buyer (or the end of the inspection period) accepted the delivery; escrow is to be released."""

    order_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class OrderCompleted(Event):
    """Escrow was released; the trade is to be filed and counted."""

    order_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(Event):
    """A buyer asks to buy; both sides may sign the contract.

    `referral`: the code under which it was ordered, with the `commission` in all that the buyer has read.
    """

    order_id: UUID
    by: Actor
    referral: str = ""
    commission: Money = Money(0)  # noqa: RUF009 - immutable


@dataclass(frozen=True, kw_only=True)
class OrderContracted(Event):
    """Both sides have signed; the buyer may pay."""

    order_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class OrderCancelled(Event):
    """An order ended before it was paid."""

    order_id: UUID
    by: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class SupplementProposed(Event):
    """A side proposes to change or end a contract; both may sign."""

    supplement_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class SupplementInForce(Event):
    """Both sides have signed a supplement; its effects are written."""

    supplement_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class SupplementEnded(Event):
    """A supplement was declined or withdrawn; the contract stays as it was."""

    supplement_id: UUID
    by: Actor
    reason: str
