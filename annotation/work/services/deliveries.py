"""What a project's delivery asks of its tasks, and what a delivery sent back makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from annotation.projects.events import ProjectDelivered, ProjectSentBack
from annotation.projects.models import Project
from annotation.projects.selectors import terms_of
from annotation.work.events import TasksReopened
from annotation.work.models import Task
from annotation.work.selectors import FINISHED
from annotation.work.services.conclusions import send_back_to_annotator
from annotation.work.services.refusals import NothingAccepted, TasksUnfinished
from annotation.work.states import TaskState
from kernel.events import announce
from organizations.permissions import Actor


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
    project = Project.objects.get(pk=news.project_id)
    reopen_items(by=news.by, at=news.at, project=project, reasons=dict.fromkeys(news.item_ids, news.reason))


def reopen_items(*, by: Actor, at: datetime, project: Project, reasons: Mapping[UUID, str]) -> int:
    """Return the accepted tasks of these items to their annotators, each with its item's reason; how many.

    `project` is locked by the caller, who has checked the permission.
    """
    if not reasons:
        return 0
    terms = terms_of(project)
    announce(TasksReopened(at=at, project_id=project.pk, item_ids=tuple(reasons), by=by))
    rows = Task.objects.select_for_update(of=("self",)).filter(
        project=project, item__in=list(reasons), state=TaskState.ACCEPTED
    )
    tasks = list(rows.order_by("pk"))
    for task in tasks:
        send_back_to_annotator(by, at, task, "reopen", reasons[task.item_id], terms)
    return len(tasks)
