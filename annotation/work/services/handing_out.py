"""Tasks come with items and are handed out: by the lead, or claimed one at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from annotation.intake.events import ItemsRanked
from annotation.projects.events import BatchImported, ProjectOpened, QualityPlanDecided
from annotation.projects.models import Item, Project
from annotation.projects.rules import QualityTerms
from annotation.projects.selectors import projects_visible_to, terms_of
from annotation.projects.services import locked_project, start_project
from annotation.projects.states import ProjectState
from annotation.work.events import TasksWanted
from annotation.work.models import Task, WorkMoment
from annotation.work.permissions import ASSIGN, LABEL
from annotation.work.selectors import IN_HAND, WORKABLE, firm_annotator, may_be_given, my_tasks
from annotation.work.services.conclusions import hand_back, locked_task
from annotation.work.services.leases import lapse_due
from annotation.work.services.refusals import HandFull, NotForThisPerson, NothingReady, NotWorkable
from annotation.work.states import TASK, HandbackCause, MomentKind, TaskState
from audit.services import record
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.events import announce
from organizations.models import Membership
from organizations.permissions import Actor

HAND_LIMIT = 20  # unfinished tasks one annotator may hold by claiming
ASSIGN_LIMIT = 1_000  # tasks of one assignment
TASKS_AT_ONCE = 1_000


def create_tasks_of_project(news: ProjectOpened) -> None:
    """As many ready tasks as the plan says for every item of a project that was just published."""
    _create_tasks(news.project_id, Item.objects.filter(project=news.project_id).order_by("ordinal"))


def create_tasks_of_batch(news: BatchImported) -> None:
    """The same for every item that came later."""
    _create_tasks(news.project_id, Item.objects.filter(batch=news.batch_id).order_by("ordinal"))


def create_copies_of_plan(news: QualityPlanDecided) -> None:
    """The further copies that a published project's new plan asks for."""
    _create_tasks(news.project_id, Item.objects.filter(project=news.project_id).order_by("ordinal"))


def _create_tasks(project_id: UUID, items: QuerySet[Item]) -> None:
    """The tasks that are missing: first one for every item, then the second copies, so that work spreads.

    Of a large import only the ids are held, and a chunk of tasks.
    """
    project = Project.objects.get(pk=project_id)
    wanted = list(items.values_list("pk", flat=True))
    there = set(Task.objects.filter(project=project).values_list("item_id", "copy"))
    missing = (
        Task(project=project, item_id=item_id, copy=copy, price_fen=project.task_price_fen)
        for copy in range(terms_of(project).overlap)
        for item_id in wanted
        if (item_id, copy) not in there
    )
    while chunk := list(islice(missing, TASKS_AT_ONCE)):
        Task.objects.bulk_create(chunk)


def rank_tasks(news: ItemsRanked) -> None:
    """Tasks that nobody holds yet are handed out in the order in which a model is unsure of them."""
    by_value: dict[int, list[UUID]] = {}
    for item_id, value in news.ranks:
        by_value.setdefault(value, []).append(item_id)
    waiting = Task.objects.filter(project=news.project_id, state=TaskState.READY)
    for value, item_ids in sorted(by_value.items()):
        waiting.filter(item__in=item_ids).update(priority=value)


def locked_tasks(ids: Sequence[UUID], states: Collection[str]) -> list[Task]:
    """Those of the tasks that are still in these states and that nobody else is taking at this moment."""
    rows = Task.objects.select_for_update(of=("self",), skip_locked=True).select_related("project", "item")
    return list(rows.filter(pk__in=ids, state__in=states).order_by("pk"))


def locked_membership(user: User, organization_id: UUID | None) -> None:
    """One hand-out at a time per person: whoever else hands this person tasks waits here."""
    rows = Membership.objects.select_for_update(of=("self",), no_key=True)
    list(rows.filter(user=user, organization=organization_id).order_by("pk"))


def _locked_choice(
    project_id: UUID, user: User, states: Collection[str], count: int, preferred: Sequence[UUID] = ()
) -> list[Task]:
    """Up to `count` tasks for one person, at most one copy of an item, preferred items first, then by priority, then the oldest."""
    chosen: list[Task] = []
    tried: set[UUID] = set()
    for items in [preferred, None] if preferred else [None]:
        while len(chosen) < count:
            rows = may_be_given(user).filter(project=project_id, state__in=states)
            rows = rows.exclude(pk__in=tried).exclude(item__in=[task.item_id for task in chosen])
            if items is not None:
                rows = rows.filter(item__in=items)
            if count > 1:
                first_copies = rows.order_by("item", "copy").distinct("item").values("pk")
                rows = Task.objects.filter(pk__in=first_copies)
            ids = list(rows.order_by("-priority", "pk").values_list("pk", flat=True)[: count - len(chosen)])
            if not ids:
                break
            tried.update(ids)
            chosen += locked_tasks(ids, states)
    return chosen


def _hand_out(
    by: Actor, at: datetime, project: Project, tasks: Sequence[Task], annotator: Any, terms: QualityTerms
) -> None:
    if not tasks:
        raise NothingReady
    if project.state == ProjectState.OPEN:
        start_project(by=by, at=at, project=project)
    held = Task.objects.filter(project=project, annotator=annotator, state__in=IN_HAND).count()
    fields = ["annotator", "assigned_at", "lease_ends_at", "attempt", "review_level"]
    for place, task in enumerate(tasks, held + 1):
        task.annotator, task.assigned_at, task.attempt, task.review_level = annotator, at, 1, 1
        # The third task in hand has three leases' time: it is begun when the first two are done.
        task.lease_ends_at = (
            at + timedelta(minutes=terms.lease_minutes * place) if terms.lease_minutes else None
        )
        TASK.move(task, "assign", by=by, at=at, update_fields=fields)
    detail = {"annotator": annotator.pk, "tasks": [task.pk for task in tasks]}
    record(by=by, at=at, action="tasks.assign", subject=project, detail=detail)


def _wanted(by: Actor, at: datetime, project: Project, user: User, count: int) -> list[UUID]:
    """Ask whoever listens: a refusal stops the hand-out, the items they name come first."""
    news = TasksWanted(at=at, project_id=project.pk, annotator_id=user.pk, count=count, by=by)
    announce(news)
    return news.preferred


@transaction.atomic
def assign_tasks(*, by: Actor, at: datetime, project_id: UUID, annotator_id: UUID, count: int) -> list[Task]:
    """Give an annotator of the firm up to `count` unassigned tasks (then skipped ones), oldest first.

    Never a second copy of an item, nor an item that this person skipped, reviewed or did not get right.
    """
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
    locked_membership(annotator, project.firm_id)
    lapse_due(at=at, project_id=project_id)
    preferred = _wanted(by, at, project, annotator, count)
    tasks = _locked_choice(project_id, annotator, [TaskState.READY], count, preferred)
    if len(tasks) < count:
        missing = count - len(tasks)
        taken = {task.item_id for task in tasks}
        skipped = _locked_choice(project_id, annotator, [TaskState.SKIPPED], missing)
        tasks += [task for task in skipped if task.item_id not in taken]
    _hand_out(by, at, project, tasks, annotator, terms_of(project))
    return tasks


@transaction.atomic
def hand_over(*, by: Actor, at: datetime, task_id: UUID, annotator_id: UUID) -> Task:
    """Give this one task to an annotator of the firm: a waiting one, or one unworked in a colleague's hand.

    Never a second copy of an item, nor an item that this person skipped, reviewed or did not get right.
    """
    project: Project = locked_task(by, task_id).project
    if project.state == ProjectState.OPEN:
        project = locked_project(project.pk)
    by.require(ASSIGN)
    if not by.belongs_to(project.firm_id):
        raise NotAllowed(permission=ASSIGN.label, organization=str(by.organization or "—"))
    if project.state not in WORKABLE:
        raise NotWorkable(state=project.get_state_display())
    annotator = firm_annotator(project.firm_id, annotator_id)
    if annotator is None:
        raise InvalidInput(field="annotator", reason=_("请选择本单位的标注员。"))
    locked_membership(annotator, project.firm_id)
    task = locked_task(by, task_id)
    if task.state == TaskState.ASSIGNED and task.annotator_id == annotator.pk:
        return task
    if task.state == TaskState.ASSIGNED:
        hand_back(by, at, task, "release", HandbackCause.RELEASED)
    TASK.check(task, "assign")
    if not may_be_given(annotator).filter(pk=task.pk).exists():
        raise NotForThisPerson
    _wanted(by, at, project, annotator, 1)
    _hand_out(by, at, project, [task], annotator, terms_of(project))
    return task


@transaction.atomic
def claim_task(*, by: Actor, at: datetime, project_id: UUID) -> Task:
    """The annotator's next task of a project: one in hand already, else the oldest unassigned one.

    Never a second copy of an item, nor an item that this person skipped, reviewed or did not get right.
    """
    by.require(LABEL)
    project = Project.objects.filter(pk=project_id, firm=by.organization_id).first()
    if project is None or by.user is None or project.state not in WORKABLE:
        raise NotFound
    if project.state == ProjectState.OPEN:
        project = locked_project(project_id)
        if project.state not in WORKABLE:
            raise NotWorkable(state=project.get_state_display())
    locked_membership(by.user, by.organization_id)
    lapse_due(at=at, project_id=project_id)
    held = list(my_tasks(by).filter(state__in=IN_HAND).order_by("-state", "pk"))
    for task in held:
        if task.project_id == project_id:
            return task
    if len(held) >= HAND_LIMIT:
        raise HandFull(count=len(held))
    preferred = _wanted(by, at, project, by.user, 1)
    tasks = _locked_choice(project_id, by.user, [TaskState.READY], 1, preferred)
    _hand_out(by, at, project, tasks, by.user, terms_of(project))
    WorkMoment.objects.create(task=tasks[0], annotator=by.user, kind=MomentKind.SHOWN, seen_at=at)
    return tasks[0]
