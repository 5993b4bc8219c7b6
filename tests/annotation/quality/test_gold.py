"""Gold: handed out unseen, scored, paid, contested, corrected for everybody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from annotation.intake import services as intake
from annotation.intake.models import Proposal
from annotation.projects import services as projects
from annotation.projects.models import Project
from annotation.quality import services as quality
from annotation.quality.models import GoldAnswer, GoldContest, GoldOutcome, Qualification
from annotation.quality.selectors import counted_outcomes, my_outcomes
from annotation.work import services as work
from annotation.work.models import Task
from annotation.work.schemas import TaskDetail
from kernel.errors import InvalidInput, NotAllowed, NotFound
from tests.annotation import scenes
from tests.annotation.quality import stage
from tests.cast import NOON, QINGLAN, he, lin, mei, person, tao, zhou

pytestmark = pytest.mark.django_db


def test_a_gold_answer_is_judged_against_the_config_and_nothing_is_kept_of_a_wrong_one() -> None:
    project = stage.opened()
    with pytest.raises(quality.GoldRefused) as refused:
        stage.gold(project, 1, "很好")
    assert (refused.value.field, refused.value.code) == ("result", "gold_refused")
    assert GoldAnswer.objects.count() == 0


def test_only_the_lead_of_the_firm_keeps_gold() -> None:
    project = stage.opened()
    given = {
        "at": NOON,
        "project_id": project.pk,
        "item_id": stage.item(project, 1).pk,
        "result": scenes.sentiment(),
    }
    for stranger, refusal in ((tao(), NotAllowed), (zhou(), NotFound), (he(), NotFound), (mei(), NotFound)):
        with pytest.raises(refusal):
            quality.make_gold(by=stranger, role="hidden", **given)
    assert quality.make_gold(by=lin(), role="hidden", **given).version == 1


def test_nobody_keeps_gold_for_an_item_that_was_theirs_to_label() -> None:
    project = stage.opened(1)
    stage.answer(mei(), scenes.assigned(project)[0])
    both = person("mei", QINGLAN)
    both.user.memberships.update(roles=["annotator", "project_lead"])  # type: ignore[union-attr]
    lead = type(both).of(both.user.memberships.get())  # type: ignore[union-attr]
    with pytest.raises(quality.OwnGold):
        quality.make_gold(
            by=lead, at=NOON, project_id=project.pk, item_id=stage.item(project, 1).pk,
            result=scenes.sentiment(), role="hidden",
        )  # fmt: skip


def test_hidden_gold_comes_among_the_tasks_at_the_plans_share_and_each_item_once() -> None:
    project = stage.opened(30)
    for ordinal in (1, 2, 3):
        stage.gold(project, ordinal)
    stage.planned(project, hidden_share=5_000)
    seen = []
    for _number in range(14):
        task = stage.claim(mei(), project)
        stage.answer(mei(), task)
        seen.append(task.item.ordinal)
    assert len(set(seen)) == 14
    assert GoldOutcome.objects.filter(worker=mei().user).count() == len({1, 2, 3} & set(seen)) >= 1


def test_a_further_worker_gets_a_copy_of_the_same_gold_item_at_the_same_price() -> None:
    project = stage.opened(8)
    stage.gold(project, 1, role="training")
    stage.planned(project, training_count=1)
    for who in (mei(), scenes.wen()):
        stage.answer(who, stage.claim(who, project))
    copies = Task.objects.filter(item=stage.item(project, 1)).order_by("copy")
    assert [(task.copy, task.price_fen, task.state) for task in copies] == [
        (0, 35, "accepted"),
        (1, 35, "accepted"),
    ]
    assert [task.annotator for task in copies] == [mei().user, scenes.wen().user]


def test_neither_fields_nor_ids_of_a_copy_tell_gold_from_other_work() -> None:
    project = stage.opened(4)
    stage.gold(project, 2, role="training")
    stage.planned(project, training_count=1)
    for who in (mei(), scenes.wen()):
        stage.answer(who, stage.claim(who, project))
    first, copy = Task.objects.filter(item=stage.item(project, 2)).order_by("copy")
    assert (copy.pk.bytes[:6], copy.pk.version, copy.pk.variant) == (first.pk.bytes[:6], 7, first.pk.variant)
    told = set(TaskDetail.model_fields)
    assert not told & {"copy", "gold", "role", "is_gold", "recorded_at"}


def test_numbers_run_in_no_order_once_gold_is_hidden_among_them() -> None:
    project = stage.opened(40)
    stage.gold(project, 20)
    stage.planned(project, hidden_share=100)
    seen = []
    for _number in range(12):
        task = stage.claim(mei(), project)
        stage.answer(mei(), task)
        seen.append(task.item.ordinal)
    assert seen != sorted(seen)


def test_a_worker_learns_of_hidden_gold_only_after_so_many_further_tasks() -> None:
    project = stage.opened(8)
    stage.gold(project, 1)
    stage.planned(project, reveal_after=3)
    for number, task in enumerate(scenes.assigned(project, count=8)):
        stage.answer(mei(), task, at=NOON + timedelta(minutes=number))
        assert my_outcomes(mei()).count() == (1 if number >= 3 else 0)


def test_what_is_not_disclosed_cannot_be_contested_nor_found() -> None:
    project = stage.opened(3)
    stage.gold(project, 1)
    stage.planned(project, reveal_after=50)
    stage.answer(mei(), scenes.assigned(project, count=3)[0], "负面")
    outcome = GoldOutcome.objects.get()
    with pytest.raises(NotFound):
        quality.contest_gold(by=mei(), at=NOON, outcome_id=outcome.pk, reason="题目是错的。")


def contested(words: tuple[str, str] = ("负面", "负面")) -> tuple[GoldContest, list[GoldOutcome]]:
    """Mei and Wen answered training gold otherwise than it says, and Mei contests it."""
    project = stage.opened(4, overlap=2)
    stage.gold(project, 1, "正面", "training")
    stage.planned(project, training_count=1)
    for who, word in zip((mei(), scenes.wen()), words, strict=True):
        stage.answer(who, stage.claim(who, project), word)
    mine = GoldOutcome.objects.get(worker=mei().user)
    made = quality.contest_gold(by=mei(), at=NOON, outcome_id=mine.pk, reason="结论句明显是负面。")
    return made, list(GoldOutcome.objects.order_by("pk"))


def test_a_corrected_gold_is_a_new_version_and_scores_everybody_anew() -> None:
    contest, before = contested()
    assert [(each.score, each.is_right) for each in before] == [(0, False), (0, False)]
    done = quality.correct_contested(by=scenes.qin(), at=NOON, contest_id=contest.pk, answer="您说得对。")
    assert (done.state, done.answer) == ("corrected", "您说得对。")
    gold = GoldAnswer.objects.order_by("version")
    assert [(each.version, each.source) for each in gold] == [(1, "written"), (2, "corrected")]
    after = GoldOutcome.objects.filter(gold=gold[1]).order_by("pk")
    assert [(each.score, each.is_right) for each in after] == [(10_000, True), (10_000, True)]
    assert GoldOutcome.objects.count() == 4


def test_an_upheld_contest_changes_no_score_and_is_not_made_twice() -> None:
    contest, before = contested()
    with pytest.raises(quality.AlreadyContested):
        quality.contest_gold(by=mei(), at=NOON, outcome_id=contest.outcome_id, reason="再说一次。")
    quality.uphold_contested(by=scenes.qin(), at=NOON, contest_id=contest.pk, answer="规范第 2 条。")
    assert list(GoldOutcome.objects.order_by("pk")) == before
    with pytest.raises(InvalidInput) as refused:
        quality.contest_gold(by=scenes.wen(), at=NOON, outcome_id=before[1].pk, reason=" ")
    assert refused.value.field == "reason"


def test_retired_gold_says_nothing_of_anybody_any_more() -> None:
    contest, _before = contested()
    item = contest.outcome.gold.item_id
    quality.retire_gold(by=scenes.qin(), at=NOON, item_id=item, note="题目有歧义。")
    assert counted_outcomes(contest.project_id).count() == 0


def test_accepted_results_become_gold_by_lot_once_each() -> None:
    project = stage.opened(4)
    scenes.accepted(project, 3)
    made = quality.take_accepted(by=scenes.qin(), at=NOON, project_id=project.pk, role="hidden", count=2)
    assert [(each.source, each.version) for each in made] == [("accepted", 1), ("accepted", 1)]
    more = quality.take_accepted(by=scenes.qin(), at=NOON, project_id=project.pk, role="hidden", count=9)
    assert len(more) == 1
    with pytest.raises(quality.NothingToTake):
        quality.take_accepted(by=scenes.qin(), at=NOON, project_id=project.pk, role="hidden", count=1)


def test_imported_labels_become_gold_by_number_name_or_digest_and_again_change_nothing() -> None:
    project = stage.opened(4)
    names = ["1", stage.item(project, 2).name, stage.item(project, 3).sha256]
    rows = [quality.GoldRow(name, scenes.sentiment("负面")) for name in names]
    given = {"by": scenes.qin(), "at": NOON, "project_id": project.pk, "role": "screening"}
    assert quality.import_gold(rows=rows, **given) == (3, 0)
    assert quality.import_gold(rows=rows, **given) == (0, 3)
    with pytest.raises(InvalidInput) as refused:
        quality.import_gold(rows=[*rows, quality.GoldRow("99", scenes.sentiment())], **given)
    assert "第 4 行" in str(refused.value)
    with pytest.raises(quality.GoldRefused) as wrong:
        quality.import_gold(rows=[quality.GoldRow("4", [])], **given)
    assert "第 1 行" in str(wrong.value)
    assert GoldAnswer.objects.count() == 3


def test_gold_copies_that_nobody_took_do_not_stand_in_the_way_of_the_hand_over() -> None:
    project = stage.opened(2, review=0)
    stage.gold(project, 1, role="training")
    stage.planned(project, training_count=1)
    for _number in range(2):
        stage.answer(mei(), stage.claim(mei(), project))
    task = stage.claim(scenes.wen(), project)
    work.release(by=scenes.wen(), at=NOON, task_id=task.pk)
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    states = (
        Task.objects.filter(project=project).order_by("item__ordinal", "copy").values_list("state", flat=True)
    )
    assert list(states) == ["accepted", "skipped", "accepted"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("hidden_share", 5_001), ("iou", 0), ("poor", 0), ("reveal_after", 0), ("good", 10_000)],
)
def test_a_plan_out_of_its_bounds_is_refused_by_field(name: str, value: int) -> None:
    project = stage.opened(1)
    with pytest.raises(InvalidInput) as refused:
        stage.planned(project, **{name: value})
    assert refused.value.field == name


def test_a_plan_is_a_version_and_the_greatest_counts() -> None:
    project = stage.opened(1)
    stage.planned(project)
    assert stage.planned(project, hidden_share=1_000).version == 2
    assert Qualification.objects.count() == 0


def proposed(project: Project, word: str, *ordinals: int) -> None:
    predictor = intake.add_predictor(
        by=scenes.qin(), at=NOON, project_id=project.pk, kind="built_in", name=f"模型{word}"
    )
    for ordinal in ordinals:
        Proposal.objects.create(
            item=stage.item(project, ordinal), source="model", result=scenes.sentiment(word),
            result_sha256="0" * 64, predictor=predictor, made_at=NOON,
        )  # fmt: skip


def test_gold_that_the_starting_point_gave_away_measures_nobody_and_other_gold_does() -> None:
    project = stage.opened(2)
    stage.gold(project, 1)
    stage.gold(project, 2)
    proposed(project, "正面", 1)
    proposed(project, "负面", 2)
    for _number in range(2):
        stage.answer(mei(), stage.claim(mei(), project))
    assert [found.submission.task.item.ordinal for found in GoldOutcome.objects.all()] == [2]


def test_hidden_gold_leaves_what_a_model_is_unsure_of_first() -> None:
    project = stage.opened(12)
    stage.gold(project, 1)
    stage.planned(project, hidden_share=1)
    unsure = [stage.item(project, ordinal).pk for ordinal in (5, 9, 11)]
    Task.objects.filter(item__in=unsure).update(priority=700)
    seen = []
    for _number in range(3):
        task = stage.claim(mei(), project)
        stage.answer(mei(), task)
        seen.append(task.item.ordinal)
    assert sorted(seen) == [5, 9, 11]
