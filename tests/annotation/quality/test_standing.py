"""A worker's way into a project and out of it: training, screening, the sequential test, appeal, second try."""

from __future__ import annotations

from datetime import timedelta

import pytest

from annotation.quality import services as quality
from annotation.quality.models import GoldOutcome, Qualification
from annotation.quality.skill import SPEED_NOTE
from annotation.quality.states import QUALIFICATION, Standing
from annotation.work.models import Task
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.states import MoveNotAllowed
from notifications.models import Notification
from organizations.permissions import Actor
from tests.annotation import scenes
from tests.annotation.quality import stage
from tests.cast import NOON, he, mei, tao

pytestmark = pytest.mark.django_db


def standing(who: Actor) -> Qualification:
    return Qualification.objects.get(worker=who.user)


def screened(word: str = "正面", *, spare: int = 0) -> Qualification:
    """Mei did one training task and two screening tasks, answering them with the word; all gold says 正面."""
    project = stage.opened(9, overlap=2)
    stage.gold(project, 1, role="training")
    for ordinal in range(2, 4 + spare):
        stage.gold(project, ordinal, role="screening")
    stage.planned(project, training_count=1, screening_count=2)
    for number in range(3):
        at = NOON + timedelta(minutes=number)
        stage.answer(mei(), stage.claim(mei(), project, at=at), "正面" if number == 0 else word, at=at)
    return standing(mei())


def test_training_comes_first_then_screening_then_work() -> None:
    project = stage.opened(9)
    stage.gold(project, 7, role="training")
    stage.gold(project, 8, role="screening")
    stage.planned(project, training_count=1, screening_count=1)
    seen = []
    for number in range(3):
        task = stage.claim(mei(), project)
        seen.append((task.item.ordinal, standing(mei()).state))
        stage.answer(mei(), task, at=NOON + timedelta(minutes=number))
    assert seen == [(7, "training"), (8, "screening"), (1, "qualified")]


def test_training_and_screening_are_accepted_and_pay_whatever_the_answer() -> None:
    found = screened("负面")
    done = Task.objects.filter(annotator=mei().user)
    assert [(task.state, task.price_fen) for task in done] == [("accepted", 35)] * 3
    assert found.state == Standing.STOPPED


def test_the_answer_to_training_is_told_at_once() -> None:
    project = stage.opened(3)
    stage.gold(project, 1, role="training")
    stage.planned(project, training_count=1)
    stage.answer(mei(), stage.claim(mei(), project), "负面")
    titles = list(Notification.objects.filter(user=mei().user).values_list("title", flat=True))
    assert "“评论情感标注”练习题：与标准答案不一致，请查看" in titles


def test_who_fails_the_screening_is_told_why_and_given_nothing_more() -> None:
    found = screened("负面")
    assert (found.state, found.reason) == ("stopped", "测试题答对 0 / 2，未达到合格线 80%。")
    with pytest.raises(quality.HandOutStopped) as refused:
        stage.claim(mei(), found.project)
    assert "测试题答对 0 / 2" in str(refused.value)
    assert Task.objects.filter(annotator=mei().user).count() == 3


def test_who_passes_is_given_work() -> None:
    found = screened("正面")
    assert found.state == Standing.QUALIFIED
    assert stage.claim(mei(), found.project).item.ordinal >= 4


def test_the_lead_cannot_hand_out_work_before_the_screening_is_done() -> None:
    project = stage.opened(9)
    stage.gold(project, 1, role="screening")
    stage.planned(project, screening_count=1)
    with pytest.raises(quality.TooManyBeforeScreening) as refused:
        scenes.assigned(project, count=5)
    assert "最多分配 1 条" in str(refused.value)
    assert [task.item.ordinal for task in scenes.assigned(project, count=1)] == [1]


def test_a_stopped_worker_appeals_and_the_lead_grants_a_second_try_on_other_tasks() -> None:
    found = screened("负面", spare=2)
    quality.appeal(by=mei(), at=NOON, qualification_id=found.pk, reason="规范第 3 条有歧义。")
    later = NOON + timedelta(hours=1)
    quality.readmit(by=scenes.qin(), at=later, qualification_id=found.pk, reason="同意再测。")
    assert (standing(mei()).state, standing(mei()).attempt) == ("screening", 2)
    for number in range(2):
        at = later + timedelta(minutes=number)
        task = stage.claim(mei(), found.project, at=at)
        assert task.item.ordinal in (4, 5)
        stage.answer(mei(), task, at=at)
    assert standing(mei()).state == Standing.QUALIFIED


def test_without_unseen_screening_there_is_no_second_try_but_the_lead_may_reinstate() -> None:
    found = screened("负面")
    with pytest.raises(quality.NoScreeningLeft):
        quality.readmit(by=scenes.qin(), at=NOON, qualification_id=found.pk, reason="再测。")
    quality.reinstate(by=scenes.qin(), at=NOON, qualification_id=found.pk, reason="面谈后恢复。")
    assert standing(mei()).state == Standing.QUALIFIED


def test_only_the_worker_appeals_and_only_the_lead_decides() -> None:
    found = screened("负面")
    for stranger, refusal in ((tao(), NotAllowed), (he(), NotFound), (scenes.wen(), NotFound)):
        with pytest.raises(refusal):
            quality.reinstate(by=stranger, at=NOON, qualification_id=found.pk, reason="试试。")
    with pytest.raises(NotAllowed):
        quality.reinstate(by=mei(), at=NOON, qualification_id=found.pk, reason="自己恢复。")
    with pytest.raises(InvalidInput):
        quality.appeal(by=mei(), at=NOON, qualification_id=found.pk, reason="  ")
    assert standing(mei()).state == Standing.STOPPED


def test_a_corrected_gold_brings_back_who_failed_by_it() -> None:
    found = screened("负面")
    for outcome in GoldOutcome.objects.filter(role="screening").select_related("gold"):
        quality.correct_gold(
            by=scenes.qin(),
            at=NOON,
            item_id=outcome.gold.item_id,
            result=scenes.sentiment("负面"),
            note="更正。",
        )
    again = standing(mei())
    assert (again.state, again.reason) == ("qualified", "标准答案更正后重新计算，恢复派发。")
    assert found.state == Standing.STOPPED


def test_the_sequential_test_on_hidden_gold_stops_the_hand_out_and_warns_before() -> None:
    project = stage.opened(8)
    for ordinal in range(1, 5):
        stage.gold(project, ordinal)
    stage.planned(project, poor=6_000, good=9_000)
    tasks = scenes.assigned(project, count=8)
    states = []
    for number, task in enumerate(tasks[:4]):
        stage.answer(mei(), task, "负面", at=NOON + timedelta(minutes=number))
        states.append((standing(mei()).state, standing(mei()).warned_at is not None))
    # log(0.1 / 0.4) = -1.386 an error; warned at half of log(0.05 / 0.95) = -2.944, stopped beyond it.
    assert states == [("qualified", False), ("qualified", True), ("stopped", True), ("stopped", True)]
    assert "隐藏质检题答对 0 / 3" in standing(mei()).reason


def test_nobody_is_returned_or_stopped_for_speed_alone() -> None:
    project = stage.opened(6)
    stage.gold(project, 1)
    stage.planned(project)
    for task in scenes.assigned(project, count=6):
        stage.answer(mei(), task, at=NOON + timedelta(milliseconds=task.item.ordinal))
    quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert standing(mei()).state == Standing.QUALIFIED
    assert set(Task.objects.values_list("state", flat=True)) == {"submitted"}
    assert "不得单凭用时退回" in str(SPEED_NOTE)


@pytest.mark.parametrize("state", Standing.values)
@pytest.mark.parametrize("move", sorted(QUALIFICATION.moves))
def test_every_move_leads_from_its_states_only(state: str, move: str) -> None:
    found = Qualification(state=state)
    if state in QUALIFICATION.moves[move].from_:
        assert QUALIFICATION.check(found, move).name == move
    else:
        with pytest.raises(MoveNotAllowed):
            QUALIFICATION.check(found, move)
