"""What every writer of tasks shares: locks, hand-backs, and what follows from a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Sum
from django.utils.translation import gettext as _

from annotation.projects.models import Item, Project
from annotation.projects.rules import QualityTerms, is_storable
from annotation.projects.states import ReworkPayer
from annotation.work.events import ItemComplete, TaskConcluded, TaskReassigned
from annotation.work.models import Handback, ReworkPay, Submission, Task
from annotation.work.rules import pay_of
from annotation.work.selectors import FINISHED, tasks_visible_to
from annotation.work.states import TASK, HandbackCause, TaskState, Verdict
from kernel.errors import InvalidInput, NotFound
from kernel.events import announce
from organizations.permissions import Actor

REASON_LIMIT = 2_000
REWORK_MINUTES = 24 * 60
"""A returned task stays with its annotator at least so long: people sleep."""


def locked_task(by: Actor, task_id: UUID) -> Task:
    """The task with project and item, locked until the transaction ends; NotFound when not visible."""
    found = tasks_visible_to(by).select_for_update(of=("self",)).filter(pk=task_id).first()
    if found is None:
        raise NotFound
    return found


def locked_item(item_id: UUID) -> Item:
    """The item, locked so that two copies finished at one moment know of one another."""
    return Item.objects.select_for_update(of=("self",), no_key=True).get(pk=item_id)


def checked_reason(text: str, field: str = "reason") -> str:
    """The words of a reason; InvalidInput when there are none, too many, or what the database cannot hold."""
    words = text.strip()
    if not words or len(words) > REASON_LIMIT or not is_storable(words):
        raise InvalidInput(
            field=field, reason=_("请写明原因，最多 %(limit)s 个字。") % {"limit": REASON_LIMIT}
        )
    return words


def rework_ends(at: datetime, terms: QualityTerms) -> datetime | None:
    """Until when a returned task stays with its annotator; None without leases."""
    if terms.lease_minutes is None:
        return None
    return at + timedelta(minutes=max(terms.lease_minutes, REWORK_MINUTES))


def hand_back(
    by: Actor, at: datetime, task: Task, move: str, cause: HandbackCause, reason: str = ""
) -> Handback:
    """Take the move that leaves the task without annotator, and note who had it and why no more."""
    assert task.annotator_id is not None
    noted = Handback.objects.create(
        task=task,
        item_id=task.item_id,
        annotator_id=task.annotator_id,
        cause=cause,
        reason=reason,
        handed_back_at=at,
    )
    task.annotator = task.assigned_at = task.lease_ends_at = None
    task.attempt, task.review_level = 1, 1
    TASK.move(
        task,
        move,
        by=by,
        at=at,
        reason=reason,
        update_fields=["annotator", "assigned_at", "lease_ends_at", "attempt", "review_level"],
    )
    return noted


def take_away(by: Actor, at: datetime, task: Task, cause: HandbackCause, reason: str) -> None:
    """A returned task goes to somebody else, as if new; its annotator is told why."""
    assert task.annotator_id is not None
    former = task.annotator_id
    hand_back(by, at, task, "reassign", cause, reason)
    announce(TaskReassigned(at=at, task_id=task.pk, annotator_id=former, reason=reason, by=by))


def accept(by: Actor, at: datetime, task: Task, submission: Submission, reason: str = "") -> None:
    """The task is accepted with this submission: its pay is told, the news go out."""
    task.accepted_at, task.lease_ends_at, task.reviewer = at, None, None
    task.price_fen = _pay(task)
    fields: Sequence[str] = ("accepted_at", "lease_ends_at", "reviewer", "price_fen")
    TASK.move(task, "accept", by=by, at=at, reason=reason, update_fields=fields)
    announce(
        TaskConcluded(
            at=at, task_id=task.pk, submission_id=submission.pk, verdict=Verdict.ACCEPT.value, by=by
        )
    )
    tell_if_complete(by, at, task)


def _pay(task: Task) -> int:
    """By the item what it was handed out at; by the hour its annotator's time, at most its price each time it is paid."""
    project: Project = task.project
    if project.hourly_rate_fen is None:
        return int(task.price_fen)
    again = list(ReworkPay.objects.filter(task=task).order_by("decided_at").values_list("payer", flat=True))
    if again and again[-1] == ReworkPayer.NONE:
        return int(task.price_fen)
    mine = task.submissions.filter(annotator=task.annotator_id)
    seconds = mine.aggregate(total=Sum("work_seconds"))["total"] or 0
    times = 1 + sum(payer != ReworkPayer.NONE for payer in again)
    return pay_of(project.task_price_fen * times, project.hourly_rate_fen, seconds)


def tell_if_complete(by: Actor, at: datetime, task: Task) -> None:
    """Announce the item when this was its final open copy."""
    others = Task.objects.filter(item=task.item_id).exclude(pk=task.pk)
    if others.exists():
        locked_item(task.item_id)
        if others.exclude(state__in=FINISHED).exists():
            return
    announce(ItemComplete(at=at, item_id=task.item_id, project_id=task.project_id, by=by))


def send_back_to_annotator(
    by: Actor, at: datetime, task: Task, move: str, reason: str, terms: QualityTerms
) -> None:
    """The task returns to the same annotator, for a while of its own; taken away after the last attempt's time."""
    task.accepted_at, task.reviewer, task.review_level = None, None, 1
    task.lease_ends_at = rework_ends(at, terms)
    fields = ("accepted_at", "reviewer", "review_level", "lease_ends_at")
    TASK.move(task, move, by=by, at=at, reason=reason, update_fields=fields)


def is_exhausted(task: Task, terms: QualityTerms) -> bool:
    """Whether the returned task's annotator has no attempt left."""
    return (
        task.state == TaskState.RETURNED
        and terms.attempt_limit is not None
        and task.attempt >= terms.attempt_limit
    )
