"""News of data spaces."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class SpaceApplied(Event):
    """A broker hands in a space, or hands it in again: the operator is to decide."""

    space_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class SpaceMoved(Event):
    """The operator decided on a space, or it was suspended, resumed or closed; `move` is one of states.SPACE."""

    space_id: UUID
    move: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class MemberInvited(Event):
    """An organization is asked to join."""

    member_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class MemberAnswered(Event):
    """An organization joined, declined or left; `move` is one of states.MEMBER."""

    member_id: UUID
    move: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class MemberRemoved(Event):
    """A member was removed, with the reason."""

    member_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class RulesPublished(Event):
    """New rules hold: every member is to accept them before it has access again."""

    space_id: UUID
    version: int
    by: Actor


@dataclass(frozen=True, kw_only=True)
class MilestoneReported(Event):
    """The operator is to check the evidence."""

    milestone_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class MilestoneDecided(Event):
    """The operator confirmed, sent back or dropped a milestone; `move` is one of states.MILESTONE."""

    milestone_id: UUID
    move: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class LandingClaimed(Event):
    """The operator is to verify a landed project."""

    landing_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class LandingDecided(Event):
    """The operator verified a landed project or did not."""

    landing_id: UUID
    by: Actor
