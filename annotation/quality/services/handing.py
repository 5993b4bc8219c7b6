"""Which items go to a worker next, so that nothing tells gold from other work.

With hidden gold in the plan all hand-outs are drawn by lot (where a model ranks the items, among those it is equally
unsure of), so that neither numbers nor ids run in an order that gold would break; a gold task made for one more worker gets an id of the time of the item's first task.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from annotation.projects.models import Project
from annotation.quality.models import GoldAnswer, GoldPlan, Qualification
from annotation.quality.scoring import WHOLE
from annotation.quality.selectors import active_gold, plan_of, ready_items
from annotation.quality.services.standing import judge, locked_qualification, unseen
from annotation.quality.states import GoldRole, Standing
from annotation.work.events import TasksWanted
from annotation.work.models import Task
from annotation.work.states import TASK, TaskState
from kernel.errors import Refusal
from organizations.permissions import Actor


class HandOutStopped(Refusal):
    """Nothing is handed out to a worker who is stopped; the reason is told."""

    code = "hand_out_stopped"
    message = _("这个项目已暂停向%(worker)s派发任务：%(reason)s可在“我的质量”申诉，由项目经理复核。")


class TooManyBeforeScreening(Refusal):
    """Who is in training or screening gets those tasks only."""

    code = "too_many_before_screening"
    message = _("%(worker)s%(stage)s，目前最多分配 %(most)s 条。完成后再分配其他任务。")


def prefer_tasks(news: TasksWanted) -> None:
    """Refuse a hand-out to who is stopped; name training, screening or hidden gold among what is given."""
    plan = plan_of(news.project_id)
    if plan is None:
        return
    project = Project.objects.get(pk=news.project_id)
    standing = locked_qualification(project, news.annotator_id, news.at)
    judge(standing, plan, at=news.at)
    if standing.state in (Standing.STOPPED, Standing.APPEALED):
        raise HandOutStopped(worker=standing.worker, reason=standing.reason)
    if standing.state != Standing.QUALIFIED:
        wanted = _first_steps(standing, plan)
        if news.count > len(wanted):
            stage = standing.get_state_display()
            raise TooManyBeforeScreening(worker=standing.worker, stage=stage, most=len(wanted))
        chosen = wanted[: news.count]
    else:
        chosen = _mixed(standing, plan, news.count)
        hidden = set(chosen) & set(unseen(project.pk, news.annotator_id, GoldRole.HIDDEN))
        _make_copies(project, [item for item in chosen if item in hidden])
        news.preferred.extend(chosen)
        return
    _make_copies(project, chosen)
    news.preferred.extend(chosen)


def _first_steps(standing: Qualification, plan: GoldPlan) -> list[UUID]:
    """The training or screening items that the worker may still be given."""
    is_training = standing.state == Standing.TRAINING
    role = GoldRole.TRAINING if is_training else GoldRole.SCREENING
    wanted = plan.training_count if is_training else plan.screening_count
    items = active_gold(standing.project_id).filter(role=role).values("item")
    tasks = Task.objects.filter(item__in=items, annotator=standing.worker_id)
    given = tasks.filter(assigned_at__gte=standing.attempt_at).count()
    return unseen(standing.project_id, standing.worker_id, role)[: max(wanted - given, 0)]


def _mixed(standing: Qualification, plan: GoldPlan, count: int) -> list[UUID]:
    """Items in the order in which they are given: hidden gold at the plan's share, the others by lot."""
    gold = unseen(standing.project_id, standing.worker_id, GoldRole.HIDDEN) if plan.hidden_share else []
    if not gold:
        return []
    others = ready_items(standing.project_id, standing.worker_id, count + 1)
    had = Task.objects.filter(project=standing.project_id, annotator=standing.worker_id).count()
    chosen: list[UUID] = []
    for number in range(had, had + count):
        item: UUID | None
        if gold and _drawn(standing, number) < plan.hidden_share:
            item = gold.pop(_place(standing, number, len(gold)))
        else:
            item = next((one for one in others if one not in chosen), None)
        if item is not None and item not in chosen:
            chosen.append(item)
    return chosen


def _lot(standing: Qualification, number: int, use: str) -> int:
    """A number that nobody can foresee without the installation's secret, the same for the same hand-out."""
    told = f"{use}:{standing.project_id}:{standing.worker_id}:{number}"
    digest = hmac.new(settings.SECRET_KEY.encode(), told.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big")


def _drawn(standing: Qualification, number: int) -> int:
    return _lot(standing, number, "share") % WHOLE


def _place(standing: Qualification, number: int, count: int) -> int:
    return _lot(standing, number, "which") % count


def _make_copies(project: Project, item_ids: Sequence[UUID]) -> None:
    """A ready task for each of these items that has none; its gold is locked, so that copies get numbers of their own."""
    if not item_ids:
        return
    locked_gold(item_ids)
    ready = set(
        Task.objects.filter(item__in=item_ids, state=TaskState.READY).values_list("item_id", flat=True)
    )
    tops = dict(
        Task.objects.filter(item__in=item_ids).order_by().values_list("item").annotate(top=Max("copy"))
    )
    firsts = {task.item_id: task for task in Task.objects.filter(item__in=item_ids, copy=0)}
    Task.objects.bulk_create(
        Task(
            id=_of_the_time_of(firsts[item_id].pk),
            project=project,
            item_id=item_id,
            copy=tops[item_id] + 1,
            price_fen=project.task_price_fen,
            priority=firsts[item_id].priority,
        )
        for item_id in item_ids
        if item_id not in ready
    )


def locked_gold(item_ids: Sequence[UUID]) -> list[GoldAnswer]:
    """The gold of these items, locked until the transaction ends."""
    rows = GoldAnswer.objects.select_for_update(of=("self",), no_key=True)
    return list(rows.filter(item__in=item_ids).order_by("pk"))


def _of_the_time_of(first: UUID) -> UUID:
    """A new UUIDv7 with the time of another."""
    whole = bytearray(first.bytes[:6] + secrets.token_bytes(10))
    whole[6] = (whole[6] & 0x0F) | 0x70
    whole[8] = (whole[8] & 0x3F) | 0x80
    return UUID(bytes=bytes(whole))


def withdraw_spare(*, by: Actor, at: datetime, project_id: UUID) -> int:
    """Withdraw further copies of gold tasks that nobody has in hand, before a project is handed over; how many."""
    gold = GoldAnswer.objects.filter(project=project_id).values("item")
    done = Task.objects.filter(project=project_id, item__in=gold, state=TaskState.ACCEPTED).values("item")
    rows = Task.objects.filter(item__in=done, copy__gt=0, state=TaskState.READY)
    found = list(rows.select_for_update(of=("self",)).order_by("pk"))
    for task in found:
        TASK.move(task, "withdraw", by=by, at=at, reason=str(_("交付前撤回未领取的质检题")))
    return len(found)
