"""JSON of annotation tasks; results are Label Studio's lists of regions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from annotation.work.models import Task


class TaskOut(Schema):
    """A task in a list."""

    id: UUID
    project_id: UUID
    item_id: UUID
    annotator_id: UUID | None
    price_fen: int
    assigned_at: datetime | None
    accepted_at: datetime | None
    lease_ends_at: datetime | None
    attempt: int
    state: str

    @classmethod
    def of(cls, task: Task) -> TaskOut:
        return cls.model_validate(task, from_attributes=True)


class TaskDetail(TaskOut):
    """A task to work on: `data` as Label Studio names its fields (an image as a link of ten minutes).

    `shown`: the server's signed note of when it gave the task out; send it back with the submission, so that
    working time is known.
    """

    data: dict[str, str]
    labeling_config: str
    guideline_version: int | None
    returned_because: str
    shown: str


class StartOut(Schema):
    """What to begin with; `origin` is draft, submission, proposal or empty."""

    result: list[Any]
    origin: str
    revision: int
    saved_at: datetime | None


class DeskOut(Schema):
    """A task as the labelling page shows it: nothing but the item's fields, the questions and one's own work.

    `shown`: as in TaskDetail; empty for a task that is fetched ahead.
    """

    id: UUID
    ordinal: int
    state: str
    data: dict[str, str]
    labeling_config: str
    returned_because: str
    attempt: int
    lease_ends_at: datetime | None
    shown: str
    start: StartOut


class DraftIn(Schema):
    """`revision`: the one the draft builds on, 0 for a first one."""

    result: list[Any]
    revision: int = Field(ge=0, le=2_000_000_000)


class DraftOut(Schema):
    """A kept draft."""

    result: list[Any]
    revision: int
    saved_at: datetime


class AssignmentIn(Schema):
    """Whom to give how many tasks of which project."""

    project_id: UUID
    annotator_id: UUID
    count: int = Field(ge=1, le=1_000)


class ClaimIn(Schema):
    """The project to take the next task of."""

    project_id: UUID


class SubmissionIn(Schema):
    """`result`: Label Studio's list of regions; `shown`: the note that came with the task."""

    result: list[Any]
    shown: str = ""


class ReviewOut(Schema):
    """A verdict on a submission."""

    id: UUID
    ordinal: int
    level: int
    verdict: str
    comment: str
    reviewer_id: UUID
    reviewed_at: datetime


class SubmissionOut(Schema):
    """A submitted result."""

    id: UUID
    task_id: UUID
    ordinal: int
    annotator_id: UUID
    result: list[Any]
    result_sha256: str
    submitted_at: datetime
    work_seconds: int


class KeptAnswerOut(Schema):
    """A result that came after the lease was over and the task somebody else's; it does not count."""

    id: UUID
    task_id: UUID
    result: list[Any]
    kept_at: datetime


class NextReviewIn(Schema):
    """The project to review in; none: wherever something waits."""

    project_id: UUID | None = None


class TurnIn(Schema):
    """A result with the note that came with the task, and whether the next task is wanted."""

    result: list[Any]
    shown: str = ""
    is_going_on: bool = True


class TurnOut(Schema):
    """What was submitted, and the next task of the project, if there is one."""

    submission_id: UUID
    following: DeskOut | None


class ReviewIn(Schema):
    """`verdict` is accept or return; a return needs a comment."""

    verdict: str
    comment: str = ""


class QuestionIn(Schema):
    """A question about the guideline at a task."""

    question: str


class StatementLineOut(Schema):
    """What one annotator did in one project in a period."""

    annotator: str
    project_number: str
    project_title: str
    task_count: int
    seconds: int
    amount_fen: int
    rework_firm_fen: int
    rework_client_fen: int


class WageFloorIn(Schema):
    """A wage floor from a day on: of `place` (six digits; the operator), else of the caller's own firm."""

    effective_from: date
    hourly_fen: int
    source: str
    notice: str
    is_assumption: bool
    place: str = ""


class WageFloorOut(Schema):
    """A wage floor in fen an hour; `place` is empty for the firm's own, `set_at` for one that is shipped."""

    effective_from: date
    hourly_fen: int
    source: str
    notice: str
    is_assumption: bool
    place: str
    set_at: datetime | None


class ReasonIn(Schema):
    """Why."""

    reason: str
