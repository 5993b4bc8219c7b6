"""Leases: how long a task stays with whom it is, prolonged by work, ended by time."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from annotation.projects.models import Project
from annotation.projects.rules import QualityTerms
from annotation.projects.selectors import terms_of
from annotation.work.events import LeaseLapsed
from annotation.work.models import Handback, Task, WorkMoment
from annotation.work.permissions import LABEL
from annotation.work.selectors import WORKABLE, may_be_given
from annotation.work.services.conclusions import hand_back, is_exhausted, locked_task, take_away
from annotation.work.services.refusals import LeaseLost, NotWorkable, NotYourTask
from annotation.work.states import TASK, HandbackCause, MomentKind, TaskState
from kernel.events import announce
from organizations.permissions import Actor

MOMENT_GAP = timedelta(seconds=15)
"""Signs of work closer together than this are one."""
# Written into records, so the same whatever language the person reads in.
OUT_OF_ATTEMPTS, NO_REWORK = "返工次数已用完", "没有在时限内返工"
NO_WORK, WORKED_ON = "超过领取时限，没有作业记录", "时限过后继续作业，任务尚未交给他人"
LAPSED_AT_ONCE = 500  # rows of one transaction


def lapse_due(*, at: datetime, project_id: UUID | None = None) -> int:
    """End the leases that are over, of one project or of all; rows that somebody is working at are left.

    A task in hand goes back to the unassigned ones, a returned one to somebody else, one in review to the queue.
    """
    rows = Task.objects.select_for_update(of=("self",), skip_locked=True).select_related("project", "item")
    due = rows.filter(lease_ends_at__lte=at, project__state__in=WORKABLE)
    if project_id is not None:
        due = due.filter(project=project_id)
    by, terms = Actor.system("领取时限"), dict[UUID, QualityTerms]()
    ended = list(due.order_by("pk")[:LAPSED_AT_ONCE])
    for task in ended:
        if task.project_id not in terms:
            terms[task.project_id] = terms_of(task.project)
        _end_lease(by, at, task, terms[task.project_id])
    return len(ended)


def _end_lease(by: Actor, at: datetime, task: Task, terms: QualityTerms) -> None:
    if task.state == TaskState.IN_REVIEW:
        task.reviewer = task.lease_ends_at = None
        TASK.move(task, "put_back", by=by, at=at, update_fields=["reviewer", "lease_ends_at"])
    elif task.state == TaskState.RETURNED and is_exhausted(task, terms):
        take_away(by, at, task, HandbackCause.EXHAUSTED, OUT_OF_ATTEMPTS)
    elif task.state == TaskState.RETURNED:
        take_away(by, at, task, HandbackCause.REASSIGNED, NO_REWORK)
    else:
        assert task.annotator_id is not None
        former = task.annotator_id
        hand_back(by, at, task, "lapse", HandbackCause.LAPSED, NO_WORK)
        announce(LeaseLapsed(at=at, task_id=task.pk, annotator_id=former, by=by))


@transaction.atomic
def lapse_leases(at: datetime) -> int:
    """End every lease that is over; how many. Run again until it gives 0."""
    return lapse_due(at=at)


def require_own(by: Actor, task: Task) -> None:
    """Raise unless the actor is the annotator who holds the task, in a project where tasks move."""
    by.require(LABEL)
    if task.annotator_id != by.user_id or not by.belongs_to(task.project.firm_id):
        raise NotYourTask
    if task.project.state not in WORKABLE:
        raise NotWorkable(state=task.project.get_state_display())


def locked_own_task(by: Actor, at: datetime, task_id: UUID) -> Task:
    """The locked task in the actor's hand. A lapsed one is theirs again as long as nobody else got it.

    Raises NotFound, NotYourTask, NotWorkable; LeaseLost when somebody else has it now.
    """
    by.require(LABEL)
    rows = Task.objects.select_for_update(of=("self",)).select_related("project", "project__firm", "item")
    found = rows.filter(pk=task_id, project__firm=by.organization_id).first()
    # Asked under the lock: the lease may have ended while this waited for it.
    lapsed = Handback.objects.filter(task=task_id, annotator=by.user_id, cause=HandbackCause.LAPSED)
    if by.user is None or found is None or found.annotator_id == by.user_id or not lapsed.exists():
        task = locked_task(by, task_id)
        require_own(by, task)
        return task
    project: Project = found.project
    if project.state not in WORKABLE:
        raise NotWorkable(state=project.get_state_display())
    is_free = found.state == TaskState.READY and may_be_given(by.user).filter(pk=found.pk).exists()
    if not is_free:
        raise LeaseLost
    found.annotator, found.assigned_at = by.user, at
    found.lease_ends_at = lease_end(at, terms_of(project))
    fields = ["annotator", "assigned_at", "lease_ends_at"]
    TASK.move(found, "assign", by=by, at=at, reason=WORKED_ON, update_fields=fields)
    return found


def lease_end(at: datetime, terms: QualityTerms) -> datetime | None:
    """The end of a lease that begins now; None without leases."""
    return at + timedelta(minutes=terms.lease_minutes) if terms.lease_minutes else None


def note_moment(by: Actor, at: datetime, task: Task, kind: MomentKind) -> bool:
    """Write down that the annotator was seen at the task; False when that was noted a moment ago."""
    assert by.user_id is not None
    near = WorkMoment.objects.filter(task=task, annotator=by.user_id, seen_at__gt=at - MOMENT_GAP)
    if kind != MomentKind.SUBMITTED and near.filter(seen_at__lte=at).exists():
        return False
    WorkMoment.objects.create(task=task, annotator_id=by.user_id, kind=kind, seen_at=at)
    return True


@transaction.atomic
def extend(*, by: Actor, at: datetime, task_id: UUID) -> Task:
    """A sign of work (draft saved, page alive): the lease runs on, the moment counts as working time.

    Raises LeaseLost when the lease had run out and somebody else has the task.
    """
    task = locked_own_task(by, at, task_id)
    if task.state not in (TaskState.ASSIGNED, TaskState.RETURNED):
        return task
    if note_moment(by, at, task, MomentKind.WORKED):
        end = lease_end(at, terms_of(task.project))
        if end is not None and (task.lease_ends_at is None or task.lease_ends_at < end):
            task.lease_ends_at = end
            task.save(update_fields=["lease_ends_at"])
    return task
