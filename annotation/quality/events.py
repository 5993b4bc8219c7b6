"""News of annotation quality, announced inside the transaction that made it true."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class TrainingScored(Event):
    """A training task was answered; its worker is shown the right answer at once."""

    outcome_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class StandingChanged(Event):
    """A worker's standing in a project is another one now; `move` is how it became so."""

    qualification_id: UUID
    move: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class WorkerWarned(Event):
    """A worker's answers to gold come near to the point where the hand-out stops."""

    qualification_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class GoldContested(Event):
    """A worker says that a gold answer is wrong."""

    contest_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ContestDecided(Event):
    """The lead has answered a contest; `worker_ids` are those whose figures a correction changed."""

    contest_id: UUID
    worker_ids: tuple[UUID, ...]
    by: Actor


@dataclass(frozen=True, kw_only=True)
class DriftSeen(Event):
    """A worker's accuracy seems to have fallen; for the lead to look, not to judge by."""

    project_id: UUID
    worker_id: UUID
    by: Actor
