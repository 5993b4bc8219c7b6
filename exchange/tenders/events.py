"""News of annotation tenders and engagements. A submitted bid is no news: it is sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class TenderPublished(Event):
    """Bids may be drawn up; `invited`: the firms that were asked by name."""

    tender_id: UUID
    invited: Sequence[UUID]
    by: Actor


@dataclass(frozen=True, kw_only=True)
class TenderAsked(Event):
    """A firm asked about a tender."""

    question_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class TenderAnswered(Event):
    """The buyer answered a question, for all who may bid."""

    question_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class TenderAwarded(Event):
    """One bid was chosen; the firms of the others learn why."""

    tender_id: UUID
    engagement_id: UUID
    declined: Sequence[UUID]
    by: Actor


@dataclass(frozen=True, kw_only=True)
class TenderEnded(Event):
    """A tender ended without an award; `bids` were in the running."""

    tender_id: UUID
    bids: Sequence[UUID]
    by: Actor


@dataclass(frozen=True, kw_only=True)
class EngagementStarted(Event):
    """Both sides have signed; the project stands ready."""

    engagement_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class LotDelivered(Event):
    """The firm hands a lot over."""

    milestone_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class LotRejected(Event):
    """A lot failed inspection; its money stays in escrow."""

    milestone_id: UUID
    words: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class MilestoneAccepted(Event):
    """A funded lot was accepted: its money goes to the firm."""

    milestone_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class MilestoneReturned(Event):
    """A funded lot will not be done: its money goes back to the buyer."""

    milestone_id: UUID
    reason: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class TerminationAsked(Event):
    """One side wants to end the engagement; the other is asked."""

    engagement_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class EngagementEnded(Event):
    """Completed, cancelled before signing, or terminated."""

    engagement_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class FirmRated(Event):
    """The buyer rated the firm's work."""

    engagement_id: UUID
    by: Actor
