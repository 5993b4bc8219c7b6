"""News of annotation projects."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class ProjectOpened(Event):
    """A project was published for labelling: its items become tasks; whoever knows of unfair pay refuses.

    `pay_reason`: why it is published though its pay is below the wage floor.
    """

    project_id: UUID
    by: Actor
    pay_reason: str = ""


@dataclass(frozen=True, kw_only=True)
class BatchImported(Event):
    """More raw items came to a project that is already open: they become tasks too."""

    project_id: UUID
    batch_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ProjectDelivered(Event):
    """The firm hands its work over; whoever knows of unfinished work refuses."""

    project_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ProjectSentBack(Event):
    """The client wants the listed items done again (none listed: the firm decides which)."""

    project_id: UUID
    item_ids: tuple[UUID, ...]
    reason: str
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ProjectAccepted(Event):
    """The client (or the firm for itself) accepted a delivered project: its accepted tasks are payable."""

    project_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class QualityPlanDecided(Event):
    """A published project has a new quality plan; more copies of its items may be wanted."""

    project_id: UUID
    plan_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class QuestionAsked(Event):
    """An annotator asked about the guideline; the project's leads owe an answer."""

    question_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class QuestionAnswered(Event):
    """A question about the guideline was answered, for everybody who works on the project."""

    question_id: UUID
    by: Actor
