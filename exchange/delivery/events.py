"""News of deliveries and entitlements."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class OrderDelivered(Event):
    """The files are open to the buyer; the inspection period runs."""

    order_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class VersionAdded(Event):
    """A running subscription opens a newer version."""

    entitlement_id: UUID
    version: int


@dataclass(frozen=True, kw_only=True)
class EntitlementSuspended(Event):
    """Data may not be used for now."""

    entitlement_id: UUID
    reason: str


@dataclass(frozen=True, kw_only=True)
class EntitlementResumed(Event):
    """Data may be used again."""

    entitlement_id: UUID


@dataclass(frozen=True, kw_only=True)
class QuotaReached(Event):
    """So many per cent (80 or 100) of the included quantity are used."""

    entitlement_id: UUID
    percent: int


@dataclass(frozen=True, kw_only=True)
class EntitlementEnding(Event):
    """An entitlement ends in at most so many days."""

    entitlement_id: UUID
    days: int
