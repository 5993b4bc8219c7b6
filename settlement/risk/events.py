"""News of risk cases."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class CaseOpened(Event):
    """A firm's trades are looked at; it may answer until the hearing ends."""

    case_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class CaseAnswered(Event):
    """The firm has answered."""

    case_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class CaseDecided(Event):
    """A case was decided; what it changes is booked in the same transaction."""

    case_id: UUID
    outcome: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class CaseReopened(Event):
    """A decided case is looked at again; the firm may answer again."""

    case_id: UUID
    by: Actor
