"""The annotator's own writes: submit, take up again, skip, give back, contest."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from annotation.labelstudio.rules import digest_of, parse_config, validate_result
from annotation.projects.rules import QualityTerms
from annotation.projects.selectors import latest_guideline, terms_of
from annotation.work.events import TaskSubmitted
from annotation.work.models import Draft, KeptAnswer, Submission, Task, WorkMoment
from annotation.work.permissions import ASSIGN, LABEL
from annotation.work.rules import image_size, is_drawn, seconds_worked, task_fields
from annotation.work.selectors import latest_submission
from annotation.work.services.conclusions import (
    accept,
    checked_reason,
    hand_back,
    is_exhausted,
    locked_task,
    take_away,
    tell_if_complete,
)
from annotation.work.services.leases import lease_end, locked_own_task, note_moment, require_own
from annotation.work.services.refusals import (
    AttemptsUsedUp,
    DisputeSettled,
    LeaseLost,
    NotYourTask,
    ResultRefused,
)
from annotation.work.states import TASK, HandbackCause, MomentKind, TaskState
from audit.services import record
from kernel.events import announce
from organizations.permissions import Actor

WAITS_OR_DONE = (TaskState.SUBMITTED, TaskState.IN_REVIEW, TaskState.ACCEPTED)
KEPT_BYTES = 2 * 1024 * 1024  # of one answer that came too late


def submit(
    *,
    by: Actor,
    at: datetime,
    task_id: UUID,
    result: Any,
    shown_at: datetime | None = None,
    is_timed: bool = True,
) -> Submission:
    """Submit a result (list of Label Studio regions) for a task in hand; a returned one is resumed first.

    Raises ResultRefused with every reason, AttemptsUsedUp, and LeaseLost after keeping the answer. The same
    result again, while it waits, gives the same submission. `shown_at`: when the server showed the page. `is_timed`: false for work
    done elsewhere, of whose time the server knows nothing: it counts in no median and no fair-pay pilot.
    """
    try:
        return _submit(by, at, task_id, result, shown_at, is_timed)
    except LeaseLost:
        keep_answer(by=by, at=at, task_id=task_id, result=result)
        raise


@transaction.atomic
def _submit(
    by: Actor, at: datetime, task_id: UUID, result: Any, shown_at: datetime | None, is_timed: bool
) -> Submission:
    task = locked_own_task(by, at, task_id)
    former = latest_submission(task)
    if former and task.state in WAITS_OR_DONE and _is_same(former, result):
        return former
    terms = terms_of(task.project)
    if is_exhausted(task, terms):
        raise AttemptsUsedUp(count=task.attempt)
    TASK.check(task, "resume" if task.state == TaskState.RETURNED else "submit")
    config = parse_config(task.project.labeling_config)
    problems = validate_result(config, task_fields(config, task.item), result, image_size(task.item))
    if problems:
        raise ResultRefused(problems)
    if task.state == TaskState.RETURNED:
        _resume(by, at, task, terms)
    seconds = _time_worked(by, at, task, shown_at, terms) if is_timed else 0
    return _write_submission(by, at, task, result, seconds, terms)


def _write_submission(
    by: Actor, at: datetime, task: Task, result: Any, seconds: int, terms: QualityTerms
) -> Submission:
    assert task.annotator is not None
    top = task.submissions.aggregate(top=Max("ordinal"))["top"] or 0
    submission = Submission.objects.create(
        task=task,
        ordinal=top + 1,
        annotator=task.annotator,
        guideline=latest_guideline(task.project),
        result=result,
        result_sha256=digest_of(result),
        submitted_at=at,
        work_seconds=seconds,
    )
    Draft.objects.filter(task=task).delete()
    task.lease_ends_at = None
    TASK.move(task, "submit", by=by, at=at, update_fields=["lease_ends_at"])
    detail = {"ordinal": submission.ordinal, "result_sha256": submission.result_sha256}
    record(by=by, at=at, action="tasks.submit", subject=task, detail=detail)
    news = TaskSubmitted(at=at, task_id=task.pk, submission_id=submission.pk, by=by)
    announce(news)
    is_first = task.attempt == 1
    if news.accepted_because:
        accept(Actor.system("质检题"), at, task, submission, news.accepted_because[0])
    elif is_first and not is_drawn(terms.salt, task.pk, submission.ordinal, terms.review_share_bp):
        accept(Actor.system("质检抽样"), at, task, submission)
    return submission


def _time_worked(by: Actor, at: datetime, task: Task, shown_at: datetime | None, terms: QualityTerms) -> int:
    """Note that the annotator was here now, and reckon the time since the submission before."""
    assert by.user_id is not None
    mine = WorkMoment.objects.filter(annotator=by.user_id)
    of_task = mine.filter(task=task)
    since = of_task.filter(kind=MomentKind.SUBMITTED).aggregate(top=Max("seen_at"))["top"]
    begun = max(filter(None, [since, task.assigned_at]))
    if shown_at is not None and begun <= shown_at < at:
        WorkMoment.objects.create(task=task, annotator_id=by.user_id, kind=MomentKind.SHOWN, seen_at=shown_at)
    note_moment(by, at, task, MomentKind.SUBMITTED)
    seen = list(of_task.filter(seen_at__gte=begun).values_list("seen_at", flat=True))
    if not seen:  # a clock set back: what came before it was handed out took no time
        return 0
    first = min(seen)
    elsewhere = mine.exclude(task=task).filter(seen_at__gt=first, seen_at__lt=at)
    return seconds_worked(
        seen if since is None else [moment for moment in seen if moment > since],
        elsewhere.values_list("seen_at", flat=True),
        idle_minutes=terms.idle_minutes,
    )


def _is_same(former: Submission, result: Any) -> bool:
    try:
        return former.result_sha256 == digest_of(result)
    except (ValueError, TypeError, RecursionError):
        return False


@transaction.atomic
def keep_answer(*, by: Actor, at: datetime, task_id: UUID, result: Any) -> KeptAnswer | None:
    """Keep a result that came when the task was somebody else's already; the same one is kept once.

    None when it is no JSON that can be kept.
    """
    by.require(LABEL)
    try:
        digest = digest_of(result)
    except (ValueError, TypeError, RecursionError):
        return None
    if len(str(result)) > KEPT_BYTES:
        return None
    task = Task.objects.get(pk=task_id)
    kept, is_new = KeptAnswer.objects.get_or_create(
        task=task, annotator=by.user, result_sha256=digest, defaults={"result": result, "kept_at": at}
    )
    if is_new:
        record(by=by, at=at, action="tasks.keep_answer", subject=task, detail={"result_sha256": digest})
    return kept


def _resume(by: Actor, at: datetime, task: Task, terms: QualityTerms) -> None:
    task.attempt += 1
    task.lease_ends_at = lease_end(at, terms)
    TASK.move(task, "resume", by=by, at=at, update_fields=["attempt", "lease_ends_at"])


@transaction.atomic
def resume(*, by: Actor, at: datetime, task_id: UUID) -> Task:
    """Take up a returned task again, as the next attempt."""
    task = locked_task(by, task_id)
    require_own(by, task)
    TASK.check(task, "resume")
    terms = terms_of(task.project)
    if is_exhausted(task, terms):
        raise AttemptsUsedUp(count=task.attempt)
    _resume(by, at, task, terms)
    note_moment(by, at, task, MomentKind.SHOWN)
    record(by=by, at=at, action="tasks.resume", subject=task)
    return task


@transaction.atomic
def skip(*, by: Actor, at: datetime, task_id: UUID, reason: str) -> Task:
    """Give a task up because it cannot be labelled (broken, nothing to see …), with the reason."""
    task = locked_task(by, task_id)
    require_own(by, task)
    TASK.check(task, "skip")
    words = checked_reason(reason)
    hand_back(by, at, task, "skip", HandbackCause.SKIPPED, words)
    record(by=by, at=at, action="tasks.skip", subject=task, detail={"reason": words})
    tell_if_complete(by, at, task)
    return task


@transaction.atomic
def release(*, by: Actor, at: datetime, task_id: UUID) -> Task:
    """Put a task in hand back among the unassigned ones: by its annotator, or by the project's lead."""
    task = locked_task(by, task_id)
    if task.annotator_id != by.user_id or not by.can(LABEL):
        by.require(ASSIGN)
    if not by.belongs_to(task.project.firm_id):
        raise NotYourTask
    TASK.check(task, "release")
    former = task.annotator_id
    hand_back(by, at, task, "release", HandbackCause.RELEASED)
    record(by=by, at=at, action="tasks.release", subject=task, detail={"annotator": former})
    return task


@transaction.atomic
def reassign(*, by: Actor, at: datetime, task_id: UUID, reason: str) -> Task:
    """Give a returned task to somebody else: by the project's lead, or by its annotator; the reason is told."""
    task = locked_task(by, task_id)
    if task.annotator_id != by.user_id or not by.can(LABEL):
        by.require(ASSIGN)
    if not by.belongs_to(task.project.firm_id):
        raise NotYourTask
    TASK.check(task, "reassign")
    words = checked_reason(reason)
    former = task.annotator_id
    take_away(by, at, task, HandbackCause.REASSIGNED, words)
    detail = {"annotator": former, "reason": words}
    record(by=by, at=at, action="tasks.reassign", subject=task, detail=detail)
    return task


@transaction.atomic
def dispute(*, by: Actor, at: datetime, task_id: UUID, reason: str) -> Task:
    """Contest a return, once for a submission: another reviewer judges it again without knowing the first."""
    task = locked_task(by, task_id)
    require_own(by, task)
    TASK.check(task, "dispute")
    words = checked_reason(reason)
    submission = latest_submission(task)
    if submission is not None and submission.reviews.filter(settles__isnull=False).exists():
        raise DisputeSettled
    task.lease_ends_at = None
    TASK.move(task, "dispute", by=by, at=at, reason=words, update_fields=["lease_ends_at"])
    record(by=by, at=at, action="tasks.dispute", subject=task, detail={"reason": words})
    return task
