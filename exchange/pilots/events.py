"""News of the pilot."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class RoundPublished(Event):
    """Brokers may apply."""

    round_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class PilotApplied(Event):
    """A firm has handed in an application."""

    application_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ScorerAppointed(Event):
    """A person is to declare and to score."""

    seat_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ScorerExcluded(Event):
    """A scorer has declared a conflict; somebody else is needed."""

    seat_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ResultAnnounced(Event):
    """The result of a round is in its public notice."""

    round_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ResultObjected(Event):
    """Somebody objects to a result."""

    objection_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ResultConcluded(Event):
    """The notice ended; the selected may sign."""

    round_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class PilotBegan(Event):
    """Both sides have signed; the broker is in the pilot."""

    pilot_id: UUID
    organization_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class PilotAssessed(Event):
    """A year's assessment was computed; the operator is to decide."""

    pilot_id: UUID
    year: int
    by: Actor


@dataclass(frozen=True, kw_only=True)
class PilotDecided(Event):
    """The operator decided after an assessment; `verdict` is one of states.Verdict."""

    pilot_id: UUID
    year: int
    verdict: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class PilotGraduated(Event):
    """The pilot ended well."""

    pilot_id: UUID
    organization_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class PilotExited(Event):
    """The broker left the pilot: its mandates are to be handed over or ended."""

    pilot_id: UUID
    organization_id: UUID
    reason: str
    by: Actor
