"""A contract with three workers: blind labels, a lapse, rework, a dispute won, a changed guideline, acceptance, pay."""

from __future__ import annotations

from datetime import timedelta

import pytest

from annotation.projects import services as projects
from annotation.projects.models import Project
from annotation.work import services as work
from annotation.work.models import Task
from config.stories import sources, way
from config.stories.way import Team
from kernel.money import Money
from organizations.permissions import Actor
from organizations.states import Role
from settlement.payments.selectors import earnings_of
from tests.annotation import scenes
from tests.cast import NOON, QINGLAN, mei, person, tao, zhou

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def ning() -> Actor:
    return person("ning", QINGLAN, Role.ANNOTATOR)


def stands(who: Actor) -> tuple[int, int, int]:
    """Held, earned and payable, in fen."""
    found = earnings_of(who)
    return found.under_way.held_fen, found.under_way.earned_fen, found.balance.fen


def done(project: Project, who: Actor, word: str = "正面", *, minutes: int = 0) -> Task:
    at = NOON + minutes * MINUTE
    task = work.claim_task(by=who, at=at, project_id=project.pk)
    work.submit(by=who, at=at + MINUTE, task_id=task.pk, result=scenes.sentiment(word))
    return task


def judge(task: Task, verdict: str, by: Actor, *, minutes: int, comment: str = "") -> None:
    work.review(by=by, at=NOON + minutes * MINUTE, task_id=task.pk, verdict=verdict, comment=comment)


def test_two_blind_labels_by_three_workers_from_claim_to_pay() -> None:
    project = scenes.planned(["甲", "乙"], overlap=2, lease_minutes=30, project={"client": True})
    first, other = done(project, mei()), done(project, scenes.wen())
    assert [(task.item.ordinal, task.copy) for task in (first, other)] == [(1, 0), (2, 0)]
    assert (stands(mei()), stands(scenes.wen())) == ((35, 0, 0), (35, 0, 0))

    judge(first, "accept", tao(), minutes=5)
    judge(other, "return", tao(), minutes=5, comment="看反了")
    assert (stands(mei()), stands(scenes.wen())) == ((0, 35, 0), (0, 0, 0))
    work.dispute(by=scenes.wen(), at=NOON + 6 * MINUTE, task_id=other.pk, reason="规范第 3 条")
    judge(other, "accept", scenes.ouyang(), minutes=7)
    assert stands(scenes.wen()) == (0, 35, 0)

    left = work.claim_task(by=mei(), at=NOON + 10 * MINUTE, project_id=project.pk)
    last = done(project, scenes.wen(), "负面", minutes=20)
    assert [(task.item.ordinal, task.copy) for task in (left, last)] == [(2, 1), (1, 1)]
    second = done(project, ning(), "负面", minutes=41)  # 梅's lease is over: 宁 gets her copy
    assert second.pk == left.pk
    judge(second, "return", tao(), minutes=45, comment="漏看后半句")
    work.submit(by=ning(), at=NOON + 50 * MINUTE, task_id=second.pk, result=scenes.sentiment())
    for task in (second, last):
        judge(task, "accept", tao(), minutes=55)
    assert (stands(mei()), stands(scenes.wen()), stands(ning())) == ((0, 35, 0), (0, 70, 0), (0, 35, 0))

    projects.publish_guideline(
        by=scenes.qin(), at=NOON + 60 * MINUTE, project_id=project.pk, body="反语按实际态度。",
        touched_labels=["负面"], rework_payer="client", change_note="反语",
    )  # fmt: skip
    (again,) = work.reopen_touched(by=scenes.qin(), at=NOON + 61 * MINUTE, project_id=project.pk)
    assert again.pk == last.pk
    work.submit(by=scenes.wen(), at=NOON + 65 * MINUTE, task_id=last.pk, result=scenes.sentiment())
    judge(last, "accept", tao(), minutes=66)
    assert stands(scenes.wen()) == (0, 105, 0)

    projects.deliver_project(by=scenes.qin(), at=NOON + 70 * MINUTE, project_id=project.pk)
    projects.accept_project(by=zhou(), at=NOON + 80 * MINUTE, project_id=project.pk)
    assert (stands(mei()), stands(scenes.wen()), stands(ning())) == ((0, 0, 35), (0, 0, 105), (0, 0, 35))


def test_the_demo_project_is_labelled_by_two_people_and_waits_for_review() -> None:
    team = Team(scenes.qin(), (mei(), scenes.wen()), tao())
    project = way.label_twice(team, sources.reviews(6), title="双人标注", price=Money(35), at=NOON)
    rows = Task.objects.filter(project=project).order_by("copy", "item__ordinal")
    assert [task.state for task in rows if task.copy == 0] == ["accepted", "submitted"] * 3
    assert sorted(task.state for task in rows if task.copy == 1) == [
        "accepted", "accepted", "ready", "ready", "submitted", "submitted",
    ]  # fmt: skip
    assert project.questions.get().answer == "按作者的实际态度，反语的夸奖标“负面”。"
