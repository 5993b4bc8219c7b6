"""News of mandates, matches and deals."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class MandateOffered(Event):
    """A mandate waits for the other side's signature."""

    mandate_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class MandateSigned(Event):
    """Both sides have signed."""

    mandate_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class MandateEnded(Event):
    """A mandate was refused, taken back, ended early or ran out."""

    mandate_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class HandoverOpened(Event):
    """The broker left the pilot: the principal is to choose another or to end the mandate."""

    mandate_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class MatchRecorded(Event):
    """A product was proposed to a principal."""

    match_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class MatchAnswered(Event):
    """The principal accepted or declined a proposal."""

    match_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class DealProposed(Event):
    """The broker named the order of a match; both sides are to confirm the commission."""

    deal_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class DealCompleted(Event):
    """The order of a confirmed deal is complete: the commission is due."""

    deal_id: UUID
    order_id: UUID
    by: Actor
