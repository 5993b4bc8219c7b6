"""One contract with three workers: training, hidden gold, disagreement, a contest won, adjudication, delivery, pay."""

from __future__ import annotations

from datetime import timedelta

import pytest

from annotation.projects import services as projects
from annotation.quality import services as quality
from annotation.quality.models import Consensus, GoldContest, GoldOutcome, Qualification
from annotation.quality.selectors import delivered_results, to_adjudicate
from annotation.work.models import Task
from kernel.money import Money
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Purpose
from tests.annotation import scenes
from tests.annotation.quality import stage
from tests.cast import NOON, lin, mei

pytestmark = pytest.mark.django_db

TRUTH = {1: "正面", 2: "负面", 3: "正面", 4: "负面", 5: "中性"}


def test_three_workers_gold_a_contest_and_a_consensus_that_is_delivered_and_paid() -> None:
    project = stage.opened(5, overlap=3, review=0)
    stage.gold(project, 1, "正面", "training")
    stage.gold(project, 2, "正面", "hidden", note="规范第 1 条")
    stage.planned(project, training_count=1, reveal_after=2, hidden_share=0)
    for place, who in enumerate(actor() for actor in stage.TRIO):
        for number in range(5):
            at = NOON + timedelta(hours=place, minutes=number)
            task = stage.claim(who, project, at=at)
            assert (number == 0) == (task.item.ordinal == 1)
            word = TRUTH[task.item.ordinal]
            if task.item.ordinal == 5:
                word = ("中性", "正面", "负面")[place]
            stage.answer(who, task, word, at=at)
    assert set(Qualification.objects.values_list("state", flat=True)) == {"qualified"}
    assert [each.is_right for each in GoldOutcome.objects.filter(role="hidden")] == [False] * 3

    mine = GoldOutcome.objects.get(role="hidden", worker=mei().user)
    contest = quality.contest_gold(by=mei(), at=NOON, outcome_id=mine.pk, reason="原文说的是差评。")
    quality.correct_contested(by=scenes.qin(), at=NOON, contest_id=contest.pk, answer="您说得对。")
    newest = GoldOutcome.objects.filter(role="hidden", gold__version=2)
    assert [each.is_right for each in newest] == [True] * 3
    assert GoldContest.objects.get().state == "corrected"

    with pytest.raises(quality.ItemsToAdjudicate):
        projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    waiting = to_adjudicate(project.pk).get()
    assert (waiting.item.ordinal, waiting.confidence) == (5, 3_333)
    quality.adjudicate(
        by=scenes.qin(),
        at=NOON,
        item_id=waiting.item_id,
        result=scenes.sentiment("中性"),
        reason="没有褒贬。",
    )
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    told = {
        each.item.ordinal: each.result[0]["value"]["choices"][0] for each in delivered_results(project.pk)
    }
    assert told == TRUTH
    origins = Consensus.objects.order_by("item__ordinal", "-version").distinct("item__ordinal")
    assert [each.origin for each in origins] == ["gold", "gold", "merged", "merged", "adjudicated"]

    projects.accept_project(by=lin(), at=NOON, project_id=project.pk)
    assert Task.objects.filter(project=project, state="accepted").count() == 15
    earned = [ledger.balance_of(user=who().user, purpose=Purpose.EARNINGS) for who in stage.TRIO]
    assert earned == [Money(5 * 35)] * 3
