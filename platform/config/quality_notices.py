"""What annotators and leads are told of gold, standing and drift; wired in `wiring.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from annotation.projects.models import Project
from annotation.quality import events as news
from annotation.quality.models import GoldContest, GoldOutcome, Qualification
from kernel.events import Event
from notifications.services import notify, notify_holders
from organizations.states import Role

MOVES: Mapping[str, Promise] = {
    "begin_screening": _("“%(project)s”：练习完成，开始测试"),
    "pass": _("“%(project)s”：测试合格，可以领取任务"),
    "fail": _("“%(project)s”：测试未通过，已暂停派发"),
    "stop": _("“%(project)s”：已暂停向您派发任务"),
    "uphold": _("“%(project)s”：申诉未获支持，维持暂停派发"),
    "readmit": _("“%(project)s”：可以再做一次测试"),
    "reinstate": _("“%(project)s”：已恢复向您派发任务"),
}


def _tell_worker(event: Event, worker: User, project: Project, title: Promise, body: str = "") -> None:
    notify(
        users=[worker],
        at=event.at,
        title=title,
        body=body.replace("%", "%%"),
        words={"project": project.title},
        url=reverse("quality:mine"),
        organization_id=project.firm_id,
        is_mailed=False,
    )


def _tell_leads(event: Event, project: Project, title: Promise, words: Mapping[str, Any], page: str) -> None:
    notify_holders(
        organization_id=project.firm_id,
        roles=(Role.PROJECT_LEAD,),
        at=event.at,
        title=title,
        words={"project": project.title, **words},
        url=reverse(f"projects:{page}", args=[project.pk]),
        is_mailed=False,
    )


def tell_training(event: news.TrainingScored) -> None:
    """The worker, at once: right or wrong, with the answer on the own page."""
    found = GoldOutcome.objects.select_related("worker", "project").get(pk=event.outcome_id)
    title = (
        _("“%(project)s”练习题：答对了")
        if found.is_right
        else _("“%(project)s”练习题：与标准答案不一致，请查看")
    )
    _tell_worker(event, found.worker, found.project, title)


def tell_standing(event: news.StandingChanged) -> None:
    """The worker what becomes of the hand-out, with the reason; the leads of a stop and an appeal."""
    found = Qualification.objects.select_related("worker", "project").get(pk=event.qualification_id)
    if event.move in MOVES:
        _tell_worker(event, found.worker, found.project, MOVES[event.move], found.reason)
    words = {"worker": found.worker}
    if event.move in ("fail", "stop"):
        _tell_leads(
            event, found.project, _("“%(project)s”：已暂停向%(worker)s派发任务"), words, "quality_people"
        )
    elif event.move == "appeal":
        _tell_leads(
            event, found.project, _("“%(project)s”：%(worker)s对暂停派发提出申诉"), words, "quality_people"
        )


def tell_warned(event: news.WorkerWarned) -> None:
    """The worker and the leads: the answers to gold come near to the limit."""
    found = Qualification.objects.select_related("worker", "project").get(pk=event.qualification_id)
    _tell_worker(event, found.worker, found.project, _("“%(project)s”：近期正确率偏低，请对照标注规范"))
    title = _("“%(project)s”：%(worker)s的质检题正确率偏低")
    _tell_leads(event, found.project, title, {"worker": found.worker}, "quality_people")


def tell_contested(event: news.GoldContested) -> None:
    """The leads: somebody says that a gold answer is wrong."""
    found = GoldContest.objects.select_related("project", "worker").get(pk=event.contest_id)
    title = _("“%(project)s”：%(worker)s对标准答案提出质疑")
    _tell_leads(event, found.project, title, {"worker": found.worker}, "quality_gold")


def tell_decided(event: news.ContestDecided) -> None:
    """Who contested, what was decided; and everybody else whose figures a correction changed."""
    found = GoldContest.objects.select_related("project", "worker").get(pk=event.contest_id)
    title = (
        _("“%(project)s”：标准答案已更正，所有人的得分已重新计算")
        if found.state == "corrected"
        else _("“%(project)s”：标准答案不变，答复见“我的质量”")
    )
    _tell_worker(event, found.worker, found.project, title, found.answer)
    for worker in User.objects.filter(pk__in=event.worker_ids).exclude(pk=found.worker_id).order_by("pk"):
        _tell_worker(event, worker, found.project, _("“%(project)s”：标准答案已更正，您的得分已重新计算"))


def tell_drift(event: news.DriftSeen) -> None:
    """The leads: somebody's accuracy seems to have fallen; to look into, not to judge by."""
    project = Project.objects.get(pk=event.project_id)
    worker = User.objects.get(pk=event.worker_id)
    title = _("“%(project)s”：%(worker)s的正确率可能下降，请查看")
    _tell_leads(event, project, title, {"worker": worker}, "quality")
