"""News of annotation work, announced inside the transaction that made it true."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class TasksWanted(Event):
    """Tasks are about to be handed out; a listener refuses, or names items to be given first in `preferred`.

    What is preferred is given as far as it is ready and this annotator may have it; `preferred` starts empty.
    """

    project_id: UUID
    annotator_id: UUID
    count: int
    by: Actor
    preferred: list[UUID] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class TaskSubmitted(Event):
    """An annotator submitted a result; it waits for its verdict.

    A listener that names a reason in `accepted_because` has it accepted without review; it starts empty.
    """

    task_id: UUID
    submission_id: UUID
    by: Actor
    accepted_because: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class TaskConcluded(Event):
    """A submission has its verdict (`accept` or `return`), by a reviewer or because it was not drawn for review.

    A passed first level of two is no conclusion yet.
    """

    task_id: UUID
    submission_id: UUID
    verdict: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class VerdictOverturned(Event):
    """A blind second review found a contested return wrong: the submission is accepted and pays."""

    task_id: UUID
    submission_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ItemComplete(Event):
    """Every copy of an item is accepted or skipped. Comes again when a copy is reopened and accepted anew."""

    item_id: UUID
    project_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class TasksReopened(Event):
    """Accepted work on these items is about to be done again; whoever holds their results frozen refuses."""

    project_id: UUID
    item_ids: tuple[UUID, ...]
    by: Actor


@dataclass(frozen=True, kw_only=True)
class LeaseLapsed(Event):
    """A task went back to the unassigned ones because nobody worked on it in its time."""

    task_id: UUID
    annotator_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class TaskReassigned(Event):
    """A task is taken from its annotator after too many returns, or by the lead; somebody else does it anew."""

    task_id: UUID
    annotator_id: UUID
    reason: str
    by: Actor
