"""News of requests and negotiations."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class RequestMade(Event):
    """A buyer asks to use a product; the supplier is to answer."""

    request_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class RequestApproved(Event):
    """The supplier agrees; the buyer may order until the approval lapses."""

    request_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class RequestRefused(Event):
    """The supplier does not agree, and says why."""

    request_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class RequestExpired(Event):
    """An approval lapsed before anything was ordered."""

    request_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class RequestWithdrawn(Event):
    """The buyer no longer asks."""

    request_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class OfferMade(Event):
    """A side put new terms on the table; `party` is that side."""

    request_id: UUID
    offer_id: UUID
    party: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class OfferAccepted(Event):
    """Both sides agree; the order is placed on exactly these terms. `party` is the side that accepted."""

    request_id: UUID
    offer_id: UUID
    party: str
    by: Actor
