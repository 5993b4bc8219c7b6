"""News of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class ListingSubmitted(Event):
    """A product waits for the operator's review."""

    product_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ListingPublished(Event):
    """A product may be bought (first listing, or again after a suspension)."""

    product_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ListingRejected(Event):
    """The operator sent a listing back, with the reason."""

    product_id: UUID
    by: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class ListingSuspended(Event):
    """A listed product may not be bought for now."""

    product_id: UUID
    by: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class ListingEnded(Event):
    """A product left the catalogue for good."""

    product_id: UUID
    by: Actor
    reason: str
