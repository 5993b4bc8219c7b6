"""Every write to annotation tasks: hand out, submit, review, and what the client's verdict makes of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.labelstudio.rules import Problem, digest_of, parse_config, validate_result
from annotation.projects.events import BatchImported, ProjectDelivered, ProjectOpened, ProjectSentBack
from annotation.projects.models import Item, Project
from annotation.projects.permissions import RUN
from annotation.projects.rules import is_storable
from annotation.projects.selectors import latest_guideline, projects_visible_to
from annotation.projects.services import locked_project, start_project
from annotation.projects.states import ProjectState
from annotation.work.models import Review, Submission, Task
from annotation.work.permissions import ASSIGN, LABEL, REVIEW
from annotation.work.rules import image_size, task_fields
from annotation.work.selectors import (
    FINISHED,
    IN_HAND,
    WORKABLE,
    firm_annotator,
    latest_submission,
    my_tasks,
    tasks_visible_to,
)
from annotation.work.states import TASK, TaskState, Verdict
from audit.services import record
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal, SelfReview
from organizations.models import Membership
from organizations.permissions import Actor

HAND_LIMIT = 20  # unfinished tasks one annotator may hold by claiming
ASSIGN_LIMIT = 1_000  # tasks of one assignment
REASON_LIMIT = 2_000


class NothingReady(Refusal):
    """There is no unassigned task left."""

    code = "nothing_ready"
    message = gettext_lazy("这个项目暂时没有待分配的任务。可以稍后再来，或查看其他项目。")


class HandFull(Refusal):
    """Who holds many unfinished tasks finishes some first."""

    code = "hand_full"
    message = gettext_lazy("您手上已有 %(count)s 条未完成的任务，请先完成再领取。")


class NotWorkable(Refusal):
    """Tasks move only while their project is open or in progress."""

    code = "project_not_workable"
    message = gettext_lazy("项目目前%(state)s，不能处理任务。")


class NotYourTask(Refusal):
    """Only the annotator who holds a task works on it."""

    code = "not_your_task"
    message = gettext_lazy("这条任务分配给了其他标注员，只有本人可以提交。")
    status = 403


class ResultRefused(Refusal):
    """A result is not an answer to the config; `problems` says why, region by region."""

    code = "result_refused"
    message = gettext_lazy("标注结果有 %(count)s 处问题：%(reason)s")
    status = 422

    def __init__(self, problems: Sequence[Problem]) -> None:
        said = [found.told for found in problems]
        super().__init__(field="result", count=len(said), reason=" ".join(said[:20]))
        self.problems, self.reasons = list(problems), said


class OwnWork(SelfReview):
    """Nobody reviews their own labels."""

    message = gettext_lazy("不能质检自己标注的任务，请由其他质检员处理。")


class SameReviewer(SelfReview):
    """A dispute is judged by someone else."""

    message = gettext_lazy("这条任务的申诉针对您的结论，请由其他质检员复核。")


class TasksUnfinished(Refusal):
    """A project is handed over whole."""

    code = "tasks_unfinished"
    message = gettext_lazy("还有 %(count)s 条任务没有通过质检，全部完成后才能交付。")


class NothingAccepted(Refusal):
    """A delivery needs at least one accepted task."""

    code = "nothing_accepted"
    message = gettext_lazy("没有任何通过质检的结果，不能交付。")


# --- tasks come and are handed out ------------------------------------------------------------------


def create_tasks_of_project(news: ProjectOpened) -> None:
    """One ready task for every item of a project that was just published."""
    _create_tasks(news.project_id, Item.objects.filter(project=news.project_id).order_by("ordinal"))


def create_tasks_of_batch(news: BatchImported) -> None:
    """One ready task for every item that came later."""
    _create_tasks(news.project_id, Item.objects.filter(batch=news.batch_id).order_by("ordinal"))


def _create_tasks(project_id: UUID, items: Iterable[Item]) -> None:
    project = Project.objects.get(pk=project_id)
    rows = [Task(project=project, item=item, price_fen=project.task_price_fen) for item in items]
    Task.objects.bulk_create(rows, batch_size=1_000)


def locked_task(by: Actor, task_id: UUID) -> Task:
    """The task with project and item, locked until the transaction ends; NotFound when not visible."""
    found = tasks_visible_to(by).select_for_update(of=("self",)).filter(pk=task_id).first()
    if found is None:
        raise NotFound
    return found


def locked_tasks(project_id: UUID, states: Collection[str], count: int) -> list[Task]:
    """Up to `count` tasks in those states, oldest first, that nobody else is taking at this moment."""
    rows = Task.objects.select_for_update(of=("self",), skip_locked=True)
    return list(rows.filter(project=project_id, state__in=states).order_by("pk")[:count])


def _hand_out(by: Actor, at: datetime, project: Project, tasks: Sequence[Task], annotator: Any) -> None:
    if not tasks:
        raise NothingReady
    if project.state == ProjectState.OPEN:
        start_project(by=by, at=at, project=project)
    for task in tasks:
        task.annotator, task.assigned_at = annotator, at
        TASK.move(task, "assign", by=by, at=at, update_fields=["annotator", "assigned_at"])
    detail = {"annotator": annotator.pk, "tasks": [task.pk for task in tasks]}
    record(by=by, at=at, action="tasks.assign", subject=project, detail=detail)


@transaction.atomic
def assign_tasks(*, by: Actor, at: datetime, project_id: UUID, annotator_id: UUID, count: int) -> list[Task]:
    """Give an annotator of the firm up to `count` unassigned tasks (then skipped ones), oldest first."""
    project = locked_project(project_id)
    if not projects_visible_to(by).filter(pk=project_id).exists():
        raise NotFound
    by.require(ASSIGN)
    if not by.belongs_to(project.firm_id):
        raise NotAllowed(permission=ASSIGN.label, organization=str(by.organization or "—"))
    if project.state not in WORKABLE:
        raise NotWorkable(state=project.get_state_display())
    if not 1 <= count <= ASSIGN_LIMIT:
        words = _("分配条数应在 1 到 %(limit)s 之间。")
        raise InvalidInput(field="count", reason=words % {"limit": ASSIGN_LIMIT})
    annotator = firm_annotator(project.firm_id, annotator_id)
    if annotator is None:
        raise InvalidInput(field="annotator", reason=_("请选择本单位的标注员。"))
    tasks = locked_tasks(project_id, [TaskState.READY], count)
    if len(tasks) < count:
        tasks += locked_tasks(project_id, [TaskState.SKIPPED], count - len(tasks))
    _hand_out(by, at, project, tasks, annotator)
    return tasks


@transaction.atomic
def claim_task(*, by: Actor, at: datetime, project_id: UUID) -> Task:
    """The annotator's next task of a project: one in hand already, else the oldest unassigned one."""
    by.require(LABEL)
    project = Project.objects.filter(pk=project_id, firm=by.organization_id).first()
    if project is None or by.user is None or project.state not in WORKABLE:
        raise NotFound
    if project.state == ProjectState.OPEN:
        project = locked_project(project_id)
        if project.state not in WORKABLE:
            raise NotWorkable(state=project.get_state_display())
    mine = Membership.objects.select_for_update(of=("self",), no_key=True)  # one claim at a time per person
    list(mine.filter(user=by.user, organization=by.organization_id).order_by("pk"))
    held = list(my_tasks(by).filter(state__in=IN_HAND).order_by("-state", "pk"))
    for task in held:
        if task.project_id == project_id:
            return task
    if len(held) >= HAND_LIMIT:
        raise HandFull(count=len(held))
    tasks = locked_tasks(project_id, [TaskState.READY], 1)
    _hand_out(by, at, project, tasks, by.user)
    return tasks[0]


# --- the annotator ----------------------------------------------------------------------------------


def _require_own(by: Actor, task: Task) -> None:
    by.require(LABEL)
    if task.annotator_id != by.user_id or not by.belongs_to(task.project.firm_id):
        raise NotYourTask
    if task.project.state not in WORKABLE:
        raise NotWorkable(state=task.project.get_state_display())


def _reason(text: str, field: str = "reason") -> str:
    words = text.strip()
    if not words or len(words) > REASON_LIMIT or not is_storable(words):
        raise InvalidInput(
            field=field, reason=_("请写明原因，最多 %(limit)s 个字。") % {"limit": REASON_LIMIT}
        )
    return words


@transaction.atomic
def submit(*, by: Actor, at: datetime, task_id: UUID, result: Any) -> Submission:
    """Submit a result (list of Label Studio regions) for a task in hand; a returned one is resumed first.

    Raises ResultRefused with every reason. The same result again, while it waits, gives the same submission.
    """
    task = locked_task(by, task_id)
    _require_own(by, task)
    former = latest_submission(task)
    if former and task.state == TaskState.SUBMITTED and _is_same(former, result):
        return former
    TASK.check(task, "resume" if task.state == TaskState.RETURNED else "submit")
    config = parse_config(task.project.labeling_config)
    problems = validate_result(config, task_fields(config, task.item), result, image_size(task.item))
    if problems:
        raise ResultRefused(problems)
    if task.state == TaskState.RETURNED:
        TASK.move(task, "resume", by=by, at=at)
    assert task.annotator is not None
    submission = Submission.objects.create(
        task=task,
        ordinal=former.ordinal + 1 if former else 1,
        annotator=task.annotator,
        guideline=latest_guideline(task.project),
        result=result,
        result_sha256=digest_of(result),
        submitted_at=at,
    )
    TASK.move(task, "submit", by=by, at=at)
    detail = {"ordinal": submission.ordinal, "result_sha256": submission.result_sha256}
    record(by=by, at=at, action="tasks.submit", subject=task, detail=detail)
    return submission


def _is_same(former: Submission, result: Any) -> bool:
    try:
        return former.result_sha256 == digest_of(result)
    except (ValueError, TypeError, RecursionError):
        return False


@transaction.atomic
def resume(*, by: Actor, at: datetime, task_id: UUID) -> Task:
    """Take up a returned task again."""
    task = locked_task(by, task_id)
    _require_own(by, task)
    TASK.move(task, "resume", by=by, at=at)
    record(by=by, at=at, action="tasks.resume", subject=task)
    return task


@transaction.atomic
def skip(*, by: Actor, at: datetime, task_id: UUID, reason: str) -> Task:
    """Give a task up because it cannot be labelled (broken, nothing to see …), with the reason."""
    task = locked_task(by, task_id)
    _require_own(by, task)
    TASK.check(task, "skip")
    words = _reason(reason)
    task.annotator = task.assigned_at = None
    TASK.move(task, "skip", by=by, at=at, reason=words, update_fields=["annotator", "assigned_at"])
    record(by=by, at=at, action="tasks.skip", subject=task, detail={"reason": words})
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
    task.annotator = task.assigned_at = None
    TASK.move(task, "release", by=by, at=at, update_fields=["annotator", "assigned_at"])
    record(by=by, at=at, action="tasks.release", subject=task, detail={"annotator": former})
    return task


@transaction.atomic
def dispute(*, by: Actor, at: datetime, task_id: UUID, reason: str) -> Task:
    """Contest a return: another reviewer judges the same submission again."""
    task = locked_task(by, task_id)
    _require_own(by, task)
    TASK.check(task, "dispute")
    words = _reason(reason)
    TASK.move(task, "dispute", by=by, at=at, reason=words)
    record(by=by, at=at, action="tasks.dispute", subject=task, detail={"reason": words})
    return task


# --- the reviewer -----------------------------------------------------------------------------------


@transaction.atomic
def review(*, by: Actor, at: datetime, task_id: UUID, verdict: str, comment: str = "") -> Review:
    """Accept a submission, or return it to its annotator with a comment. Never one's own work."""
    task = locked_task(by, task_id)
    by.require(REVIEW)
    if not by.belongs_to(task.project.firm_id):
        raise NotAllowed(permission=REVIEW.label, organization=str(by.organization or "—"))
    if verdict not in Verdict.values:
        raise InvalidInput(field="verdict", reason=_("请选择通过或退回。"))
    submission = latest_submission(task)
    if submission is None:
        TASK.check(task, verdict)
        raise NotFound
    if by.user is None or task.submissions.filter(annotator=by.user).exists():
        raise OwnWork
    TASK.check(task, verdict)
    if task.state == TaskState.DISPUTED and submission.reviews.filter(reviewer=by.user).exists():
        raise SameReviewer
    words = comment.strip()
    if verdict == Verdict.RETURN and not words:
        raise InvalidInput(field="comment", reason=_("退回时请写明哪里不对，标注员需要据此返工。"))
    if len(words) > REASON_LIMIT or not is_storable(words):
        said = _("意见最多 %(limit)s 个字。")
        raise InvalidInput(field="comment", reason=said % {"limit": REASON_LIMIT})
    former = submission.reviews.aggregate(top=Max("ordinal"))["top"] or 0
    found = Review.objects.create(
        submission=submission,
        ordinal=former + 1,
        verdict=verdict,
        comment=words,
        reviewer=by.user,
        reviewed_at=at,
    )
    task.accepted_at = at if verdict == Verdict.ACCEPT else None
    TASK.move(task, verdict, by=by, at=at, reason=words, update_fields=["accepted_at"])
    detail = {"verdict": verdict, "comment": words, "submission": submission.ordinal}
    record(by=by, at=at, action="tasks.review", subject=task, detail=detail)
    return found


@transaction.atomic
def reopen(*, by: Actor, at: datetime, task_id: UUID, reason: str) -> Task:
    """Return an accepted task after all (a later check found it wrong), while its project is in progress."""
    project_id = tasks_visible_to(by).filter(pk=task_id).values_list("project", flat=True).first()
    if project_id is None:
        raise NotFound
    project = locked_project(project_id)
    task = locked_task(by, task_id)
    if not by.can(RUN):
        by.require(REVIEW)
    if not by.belongs_to(project.firm_id):
        raise NotAllowed(permission=REVIEW.label, organization=str(by.organization or "—"))
    if project.state != ProjectState.IN_PROGRESS:
        raise NotWorkable(state=project.get_state_display())
    TASK.check(task, "reopen")
    words = _reason(reason)
    _reopen(by, at, task, words)
    record(by=by, at=at, action="tasks.reopen", subject=task, detail={"reason": words})
    return task


def _reopen(by: Actor, at: datetime, task: Task, reason: str) -> None:
    task.accepted_at = None
    TASK.move(task, "reopen", by=by, at=at, reason=reason, update_fields=["accepted_at"])


# --- delivery ---------------------------------------------------------------------------------------


def require_finished(news: ProjectDelivered) -> None:
    """Refuse a delivery with unfinished tasks, or with none accepted."""
    tasks = Task.objects.filter(project=news.project_id)
    unfinished = tasks.exclude(state__in=FINISHED).count()
    if unfinished:
        raise TasksUnfinished(count=unfinished)
    if not tasks.filter(state=TaskState.ACCEPTED).exists():
        raise NothingAccepted


def reopen_sent_back(news: ProjectSentBack) -> None:
    """Return the accepted tasks of the items that the client sent back to their annotators."""
    rows = Task.objects.select_for_update(of=("self",)).filter(
        project=news.project_id, item__in=news.item_ids, state=TaskState.ACCEPTED
    )
    for task in rows.order_by("pk"):
        _reopen(news.by, news.at, task, news.reason)
