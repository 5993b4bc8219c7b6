"""Fair pay: what a pilot says of an hour's earning, and accepted work that a changed guideline makes anew."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from annotation.projects.events import ProjectOpened
from annotation.projects.guidelines import write_question
from annotation.projects.models import GuidelineQuestion, Project
from annotation.projects.permissions import RUN
from annotation.projects.selectors import projects_visible_to, terms_of
from annotation.projects.services import locked_project
from annotation.projects.states import ProjectState, ReworkPayer
from annotation.work.events import TasksReopened
from annotation.work.models import PayCheck, ReworkPay, Task
from annotation.work.permissions import LABEL, REVIEW
from annotation.work.selectors import WORKABLE, latest_change, pilot_of, touched_tasks
from annotation.work.services.conclusions import locked_task, send_back_to_annotator
from annotation.work.services.refusals import (
    NothingTouched,
    NotWorkable,
    NotYourTask,
    PayBelowFloor,
)
from audit.services import record
from kernel import clock
from kernel.errors import NotAllowed, NotFound
from kernel.events import announce
from kernel.money import Money
from organizations.permissions import Actor


def require_fair_pay(news: ProjectOpened) -> None:
    """Refuse a publication whose pilot earned less than the wage floor, unless a reason is told; keep the figures.

    Without a pilot (enough timed tasks of the firm under the same config) nothing is known and nothing refused.
    """
    project = Project.objects.get(pk=news.project_id)
    pilot = pilot_of(project, clock.business_date(news.at))
    if pilot is None:
        return
    if pilot.is_below and not news.pay_reason:
        raise PayBelowFloor(
            field="pay_reason",
            count=pilot.task_count,
            seconds=pilot.median_seconds,
            hourly=Money(pilot.hourly_fen),
            floor=Money(pilot.floor.hourly_fen),
            source=pilot.floor.told,
        )
    PayCheck.objects.create(
        project=project,
        task_count=pilot.task_count,
        median_seconds=pilot.median_seconds,
        hourly_fen=pilot.hourly_fen,
        floor_fen=pilot.floor.hourly_fen,
        floor_source=pilot.floor.told,
        reason=news.pay_reason if pilot.is_below else "",
        checked_by=news.by.user,
        checked_at=news.at,
    )


@transaction.atomic
def reopen_touched(*, by: Actor, at: datetime, project_id: UUID) -> list[Task]:
    """Return the accepted tasks that a change of the guideline touches, and write down who pays for the rework.

    Which they are and who pays was told when the version was published; asking again finds nothing.
    """
    project = locked_project(project_id)
    if not projects_visible_to(by).filter(pk=project_id).exists():
        raise NotFound
    by.require(RUN)
    if not by.belongs_to(project.firm_id):
        raise NotAllowed(permission=RUN.label, organization=str(by.organization or "—"))
    if project.state != ProjectState.IN_PROGRESS:
        raise NotWorkable(state=project.get_state_display())
    guideline = latest_change(project)
    ids = touched_tasks(project)
    if guideline is None or not ids:
        raise NothingTouched
    terms, reason = terms_of(project), guideline.change_note or f"v{guideline.version}"
    rows = Task.objects.select_for_update(of=("self",)).select_related("project", "item")
    tasks = list(rows.filter(pk__in=ids).order_by("pk"))
    touched = tuple(dict.fromkeys(task.item_id for task in tasks))
    announce(TasksReopened(at=at, project_id=project.pk, item_ids=touched, by=by))
    again = 0 if guideline.rework_payer == ReworkPayer.NONE else project.task_price_fen
    for task in tasks:
        task.attempt = 0  # doing it again is no failed attempt
        task.price_fen += again
        task.save(update_fields=["attempt", "price_fen"])
        send_back_to_annotator(by, at, task, "reopen", reason, terms)
    ReworkPay.objects.bulk_create(
        ReworkPay(
            task=task, guideline=guideline, payer=guideline.rework_payer, amount_fen=again, decided_at=at
        )
        for task in tasks
    )
    detail = {"version": guideline.version, "tasks": len(tasks), "payer": guideline.rework_payer}
    detail["amount_fen"] = again * len(tasks)
    record(by=by, at=at, action="tasks.reopen_touched", subject=project, detail=detail)
    return tasks


@transaction.atomic
def ask(*, by: Actor, at: datetime, task_id: UUID, question: str) -> GuidelineQuestion:
    """Ask about the guideline at a task that is one's own, or that one reviews."""
    task = locked_task(by, task_id)
    is_own = by.can(LABEL) and task.annotator_id == by.user_id
    if by.user is None or not (is_own or by.can(REVIEW)):
        raise NotYourTask
    if task.project.state not in WORKABLE:
        raise NotWorkable(state=task.project.get_state_display())
    return write_question(by=by, at=at, project=task.project, item=task.item, question=question)
