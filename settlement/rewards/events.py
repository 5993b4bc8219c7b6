"""News of reward claims."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class StatementDrafted(Event):
    """The system has worked out a statement that the firm may confirm or object to."""

    claim_id: UUID
    firm_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ClaimReturned(Event):
    """A reviewer sent a claim back to the firm, with a reason."""

    claim_id: UUID
    firm_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class AwardGranted(Event):
    """An award was written into the register."""

    claim_id: UUID
    award_id: UUID
    firm_id: UUID
    by: Actor
