"""What a project's delivery asks of its tasks, and what a delivery sent back makes of them."""

from __future__ import annotations

from annotation.projects.events import ProjectDelivered, ProjectSentBack
from annotation.projects.models import Project
from annotation.projects.selectors import terms_of
from annotation.work.models import Task
from annotation.work.selectors import FINISHED
from annotation.work.services.conclusions import send_back_to_annotator
from annotation.work.services.refusals import NothingAccepted, TasksUnfinished
from annotation.work.states import TaskState


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
    terms = terms_of(Project.objects.get(pk=news.project_id))
    rows = Task.objects.select_for_update(of=("self",)).filter(
        project=news.project_id, item__in=news.item_ids, state=TaskState.ACCEPTED
    )
    for task in rows.order_by("pk"):
        send_back_to_annotator(news.by, news.at, task, "reopen", news.reason, terms)
