"""The reviewer's writes: take a submission, judge it, return accepted work after all."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from annotation.projects.permissions import RUN
from annotation.projects.rules import QualityTerms, is_storable
from annotation.projects.selectors import terms_of
from annotation.projects.services import locked_project
from annotation.projects.states import ProjectState
from annotation.work.events import TaskConcluded, TasksReopened, VerdictOverturned
from annotation.work.models import Review, Submission, Task
from annotation.work.permissions import REVIEW
from annotation.work.selectors import WORKABLE, latest_submission, review_queue, tasks_visible_to
from annotation.work.services.conclusions import (
    REASON_LIMIT,
    accept,
    checked_reason,
    is_exhausted,
    locked_task,
    send_back_to_annotator,
    take_away,
)
from annotation.work.services.refusals import (
    NothingToReview,
    NotWorkable,
    OwnWork,
    ReviewedElsewhere,
    SameReviewer,
    SecondReviewByOther,
    TakenByOther,
)
from annotation.work.states import TASK, HandbackCause, TaskState, Verdict
from audit.services import record
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.events import announce
from organizations.models import Organization
from organizations.permissions import Actor

REVIEW_MINUTES = 60
"""How long a taken submission waits for its reviewer's verdict in a project without leases."""


def _require_reviewer(by: Actor, task: Task, terms: QualityTerms) -> None:
    """Raise unless the actor may judge this task's submission: right organization, not the author."""
    by.require(REVIEW)
    if terms.review_firm_id and not by.is_system and by.organization_id != terms.review_firm_id:
        firm = Organization.objects.get(pk=terms.review_firm_id)
        raise ReviewedElsewhere(firm=str(firm))
    if not by.belongs_to(terms.review_firm_id or task.project.firm_id):
        raise NotAllowed(permission=REVIEW.label, organization=str(by.organization or "—"))
    if by.user is None or Submission.objects.filter(task__item=task.item_id, annotator=by.user).exists():
        raise OwnWork


def _require_other_reviewer(by: Actor, task: Task, submission: Submission) -> None:
    """Raise when the actor judged this submission before, or another reviewer is at it."""
    before = list(submission.reviews.values_list("reviewer", "level"))
    if any(reviewer == by.user_id for reviewer, _level in before):
        if task.state == TaskState.DISPUTED:
            raise SameReviewer
        if task.review_level == 2:
            raise SecondReviewByOther
    if task.state == TaskState.IN_REVIEW and task.reviewer_id != by.user_id:
        raise TakenByOther


@transaction.atomic
def take(*, by: Actor, at: datetime, task_id: UUID) -> Task:
    """Take a submission so that nobody else reviews it meanwhile; what one has taken is given again."""
    task = locked_task(by, task_id)
    terms = terms_of(task.project)
    _require_reviewer(by, task, terms)
    if task.state == TaskState.IN_REVIEW and task.reviewer_id == by.user_id:
        return task
    submission = latest_submission(task)
    if submission is not None:
        _require_other_reviewer(by, task, submission)
    TASK.check(task, "take")
    return _take(by, at, task, terms)


def _take(by: Actor, at: datetime, task: Task, terms: QualityTerms) -> Task:
    task.reviewer = by.user
    task.lease_ends_at = at + timedelta(minutes=terms.lease_minutes or REVIEW_MINUTES)
    TASK.move(task, "take", by=by, at=at, update_fields=["reviewer", "lease_ends_at"])
    record(by=by, at=at, action="tasks.take", subject=task)
    return task


@transaction.atomic
def take_next(*, by: Actor, at: datetime, project_id: UUID | None = None) -> Task:
    """The reviewer's next submission, taken: one in hand already, else the oldest that nobody is at.

    A dispute is given without being taken. Raises NothingToReview.
    """
    by.require(REVIEW)
    waiting = review_queue(by)
    if project_id is not None:
        waiting = waiting.filter(project=project_id)
    mine = waiting.filter(state=TaskState.IN_REVIEW).order_by("pk").first()
    if mine is not None:
        return locked_task(by, mine.pk)
    ids = list(waiting.order_by("pk").values_list("pk", flat=True)[:20])
    rows = Task.objects.select_for_update(of=("self",), skip_locked=True).select_related("project", "item")
    for task in rows.filter(pk__in=ids, state__in=[TaskState.SUBMITTED, TaskState.DISPUTED]).order_by("pk"):
        return task if task.state == TaskState.DISPUTED else _take(by, at, task, terms_of(task.project))
    raise NothingToReview


@transaction.atomic
def put_back(*, by: Actor, at: datetime, task_id: UUID) -> Task:
    """Put a taken submission back into the queue: its reviewer only."""
    task = locked_task(by, task_id)
    _require_reviewer(by, task, terms_of(task.project))
    if task.state == TaskState.IN_REVIEW and task.reviewer_id != by.user_id:
        raise TakenByOther
    TASK.check(task, "put_back")
    task.reviewer = task.lease_ends_at = None
    TASK.move(task, "put_back", by=by, at=at, update_fields=["reviewer", "lease_ends_at"])
    record(by=by, at=at, action="tasks.put_back", subject=task)
    return task


@transaction.atomic
def review(*, by: Actor, at: datetime, task_id: UUID, verdict: str, comment: str = "") -> Review:
    """Accept a submission, or return it to its annotator with a comment. Never one's own work.

    With a second level, a first acceptance passes it on. On a contested return the verdict is the final one:
    an acceptance overturns the return, another return upholds it and says why.
    """
    task = locked_task(by, task_id)
    terms = terms_of(task.project)
    by.require(REVIEW)
    if verdict not in Verdict.values:
        raise InvalidInput(field="verdict", reason=_("请选择通过或退回。"))
    submission = latest_submission(task)
    if submission is None:
        TASK.check(task, verdict)
        raise NotFound
    _require_reviewer(by, task, terms)
    TASK.check(task, verdict)
    _require_other_reviewer(by, task, submission)
    words = _checked_comment(verdict, comment)
    found = _write_review(by, at, task, submission, verdict, words)
    is_contested = task.state == TaskState.DISPUTED
    if verdict == Verdict.RETURN:
        _return(by, at, task, submission, words, terms, is_contested=is_contested)
    elif not is_contested and terms.has_second_review and task.review_level == 1:
        task.review_level, task.reviewer, task.lease_ends_at = 2, None, None
        fields = ["review_level", "reviewer", "lease_ends_at"]
        TASK.move(task, "pass_on", by=by, at=at, reason=words, update_fields=fields)
    else:
        accept(by, at, task, submission, words)
        if is_contested:
            announce(VerdictOverturned(at=at, task_id=task.pk, submission_id=submission.pk, by=by))
    detail = {"verdict": verdict, "comment": words, "submission": submission.ordinal, "level": found.level}
    record(by=by, at=at, action="tasks.review", subject=task, detail=detail)
    return found


def _checked_comment(verdict: str, comment: str) -> str:
    words = comment.strip()
    if verdict == Verdict.RETURN and not words:
        raise InvalidInput(field="comment", reason=_("退回时请写明哪里不对，标注员需要据此返工。"))
    if len(words) > REASON_LIMIT or not is_storable(words):
        said = _("意见最多 %(limit)s 个字。")
        raise InvalidInput(field="comment", reason=said % {"limit": REASON_LIMIT})
    return words


def _write_review(
    by: Actor, at: datetime, task: Task, submission: Submission, verdict: str, words: str
) -> Review:
    assert by.user is not None  # _require_reviewer has seen to it
    former = submission.reviews.aggregate(top=Max("ordinal"))["top"] or 0
    contested = None
    if task.state == TaskState.DISPUTED:
        contested = submission.reviews.filter(verdict=Verdict.RETURN).order_by("-ordinal").first()
    return Review.objects.create(
        submission=submission,
        ordinal=former + 1,
        level=task.review_level,
        settles=contested,
        verdict=verdict,
        comment=words,
        reviewer=by.user,
        reviewed_at=at,
    )


def _return(
    by: Actor, at: datetime, task: Task, submission: Submission, words: str, terms: QualityTerms,
    *, is_contested: bool,
) -> None:  # fmt: skip
    """Back to the same annotator; after the final attempt's contested return to somebody else at once."""
    send_back_to_annotator(by, at, task, "return", words, terms)
    announce(
        TaskConcluded(
            at=at, task_id=task.pk, submission_id=submission.pk, verdict=Verdict.RETURN.value, by=by
        )
    )
    if is_contested and is_exhausted(task, terms):
        take_away(by, at, task, HandbackCause.EXHAUSTED, words)


@transaction.atomic
def reopen(*, by: Actor, at: datetime, task_id: UUID, reason: str) -> Task:
    """Return an accepted task after all (a later check found it wrong), while its project is in progress."""
    project_id = tasks_visible_to(by).filter(pk=task_id).values_list("project", flat=True).first()
    if project_id is None:
        raise NotFound
    project = locked_project(project_id)
    task = locked_task(by, task_id)
    terms = terms_of(project)
    if not by.can(RUN):
        by.require(REVIEW)
    if not by.belongs_to(project.firm_id) and not by.belongs_to(terms.review_firm_id):
        raise NotAllowed(permission=REVIEW.label, organization=str(by.organization or "—"))
    if project.state not in WORKABLE or project.state == ProjectState.OPEN:
        raise NotWorkable(state=project.get_state_display())
    TASK.check(task, "reopen")
    words = checked_reason(reason)
    announce(TasksReopened(at=at, project_id=project.pk, item_ids=(task.item_id,), by=by))
    send_back_to_annotator(by, at, task, "reopen", words, terms)
    record(by=by, at=at, action="tasks.reopen", subject=task, detail={"reason": words})
    return task
