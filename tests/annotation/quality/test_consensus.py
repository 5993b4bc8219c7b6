"""Several answers become one: merged, kept with their evidence, adjudicated, delivered, sealed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import ProgrammingError, transaction

from annotation.labelstudio.library import ENTITIES, TEMPLATES
from annotation.labelstudio.rules import parse_config, validate_result
from annotation.projects import services as projects
from annotation.quality import services as quality
from annotation.quality.measuring import measured
from annotation.quality.merging import Asked, merge
from annotation.quality.models import Consensus, GoldOutcome, Measurement
from annotation.quality.selectors import ConsensusMissing, delivered_results, due_for_measuring, to_adjudicate
from annotation.work import services as work
from annotation.work.models import Submission, Task
from assets.datasets.services import create_dataset, seal_from_project
from documents import objects
from kernel.errors import InvalidInput, NotFound
from tests.annotation import scenes
from tests.annotation.quality import stage
from tests.annotation.quality.test_scoring import box, link, stretch
from tests.cast import NOON, lin, mei, tao, zhou

VOTES = {1: "正正正", 2: "正正负", 3: "负负负", 4: "正负中"}
WORDS = {"正": "正面", "负": "负面", "中": "中性"}


def words(votes: dict[int, str] | None = None) -> dict[int, list[str]]:
    return {number: [WORDS[sign] for sign in signs] for number, signs in (votes or VOTES).items()}


def span(start: int, end: int, label: str = "人名") -> dict[str, Any]:
    text = ENTITIES.task["text"]
    value = {"start": start, "end": end, "text": text[start:end], "labels": [label]}
    return {"from_name": "entity", "to_name": "text", "type": "labels", "value": value}


# --- pure -----------------------------------------------------------------------------------------


def asked(*votes: str, gold: str | None = None) -> Asked:
    return Asked(
        [f"w{place}" for place in range(len(votes))],
        [scenes.sentiment(WORDS[sign]) for sign in votes],
        gold=scenes.sentiment(WORDS[gold]) if gold else None,
    )


@pytest.mark.parametrize("method", ["majority", "dawid_skene", "mace"])
def test_every_method_gives_the_answer_that_most_gave(method: str) -> None:
    config = parse_config(stage.CHOICE)
    merged, _learnt = merge(
        config, [asked(*signs) for signs in ("正正负", "负负负", "正正正", "负负正")], method=method
    )
    told = [each.result[0]["value"]["choices"][0] for each in merged]
    assert told == ["正面", "负面", "正面", "负面"]
    assert all(0.5 < each.confidence <= 1 for each in merged)


def test_majority_is_as_sure_as_its_share_and_tells_every_label() -> None:
    merged, _learnt = merge(parse_config(stage.CHOICE), [asked("正", "正", "负")])
    assert merged[0].confidence == pytest.approx(2 / 3)
    assert merged[0].posterior == {"sentiment": {"正面": 0.666667, "负面": 0.333333}}


def test_gold_is_the_result_and_teaches_who_errs() -> None:
    config = parse_config(stage.CHOICE)
    known = [asked("正", "负", "负", gold="正") for _number in range(12)]
    merged, learnt = merge(config, [*known, asked("正", "负", "负")], method="dawid_skene")
    assert [each.confidence for each in merged[:12]] == [1.0] * 12
    assert merged[12].result[0]["value"]["choices"] == ["正面"]
    assert (learnt[0].workers, learnt[0].labels) == (["w0", "w1", "w2"], ["正面", "负面"])


def test_boxes_are_fused_where_more_than_half_drew_them_and_answer_the_config() -> None:
    config = parse_config(scenes.BOXES)
    given = [[box(10), box(60)], [box(11)], [box(12)]]
    merged, _learnt = merge(config, [Asked(["a", "b", "c"], given, {"image": ""}, (200, 100))])
    assert len(merged[0].result) == 1
    assert merged[0].result[0]["value"]["x"] == pytest.approx(11)
    assert validate_result(config, {"image": ""}, merged[0].result, (200, 100)) == []
    assert merged[0].confidence == pytest.approx((2 / 3 + 1 + 1) / 3)


def test_spans_are_voted_and_their_text_is_that_of_the_item() -> None:
    config = ENTITIES.config
    given = [[span(0, 4, "机构")], [span(0, 6, "机构")], [span(0, 6, "机构"), span(8, 10, "地名")]]
    merged, _learnt = merge(config, [Asked(["a", "b", "c"], given, ENTITIES.task)])
    values = [region["value"] for region in merged[0].result]
    assert values == [{"start": 0, "end": 6, "text": ENTITIES.task["text"][:6], "labels": ["机构"]}]
    assert validate_result(config, ENTITIES.task, merged[0].result, None) == []


def test_merging_again_gives_the_same_bytes() -> None:
    config = parse_config(scenes.BOXES)
    given = [[box(10), box(60)], [box(11), box(61)]]
    once = merge(config, [Asked(["a", "b"], given, {"image": ""}, (200, 100))])[0]
    again = merge(config, [Asked(["b", "a"], given[::-1], {"image": ""}, (200, 100))])[0]
    assert once[0].result == again[0].result


def test_agreement_is_that_of_the_published_measures() -> None:
    items = [asked(*signs) for signs in ("正正正", "正正负", "负负负", "正负中")]
    facts = measured(parse_config(stage.CHOICE), items, [[20_000.0] * 3] * 4)
    told = facts["controls"][0]
    # coincidences: 12 judgements, observed disagreement 5 / 12 by hand, expected (144 - 36 - 25 - 1) / 132.
    assert told["value"] == pytest.approx(1 - (5 / 12) / (82 / 132), abs=1e-6)
    # Fleiss: mean agreement (1 + 1/3 + 1 + 0) / 4, by chance (36 + 25 + 1) / 144.
    assert told["fleiss"] == pytest.approx((7 / 12 - 62 / 144) / (1 - 62 / 144), abs=1e-6)
    assert told["low"] <= told["value"] <= told["high"]
    assert (facts["items"], facts["judgements"], facts["workers"]) == (4, 12, ["w0", "w1", "w2"])
    assert (told["confused"][0]["first"], told["confused"][0]["second"]) == ("正面", "负面")


def test_regions_agree_by_f1_and_tell_labels_and_pairs() -> None:
    given = [[box(10), box(60, "人")], [box(10)]]
    facts = measured(parse_config(scenes.BOXES), [Asked(["a", "b"], given)], [[1.0, 1.0]])
    told = facts["controls"][0]
    assert (told["measure"], told["value"]) == ("f1", pytest.approx(2 / 3, abs=1e-6))
    assert [(each["label"], each["value"]) for each in told["labels"]] == [("车", 1.0), ("人", 0.0)]
    assert told["pairs"][0][1] == pytest.approx(2 / 3, abs=1e-6)


def test_relations_have_a_figure_of_their_own_over_the_answers_that_have_any() -> None:
    config = parse_config(TEMPLATES["relations"].xml)
    entities = [stretch("a", 0), stretch("b", 4, "地名"), stretch("c", 8, "机构")]
    first = [*entities, link("a", "b"), link("a", "c", "任职于")]
    second = [*entities, link("a", "b"), link("c", "a", "任职于")]
    none = list(entities)
    items = [
        Asked(["u", "v"], [first, second]),
        Asked(["u", "v"], [first, first]),
        Asked(["u", "v"], [none] * 2),
    ]
    facts = measured(config, items, [[1.0, 1.5], [1.0, 2.5], [3.0, 3.0]])
    entity, told = facts["controls"]
    assert (entity["name"], entity["value"]) == ("entity", 1.0)
    # By hand: 1 of 2 and 2 shared, then 2 of 2 and 2; the third item has none and tells nothing.
    assert (told["name"], told["measure"], told["value"]) == ("@relations", "f1", 0.75)
    assert [(each["label"], each["value"], each["count"]) for each in told["labels"]] == [
        ("位于", 1.0, 2),
        ("任职于", 0.5, 2),
    ]
    assert (told["pairs"][0][1], told["common"][0][1], told["by_worker"]) == (0.75, 2, [0.75, 0.75])
    assert told["over_time"] == [{"day": 1.0, "value": 0.5}, {"day": 2.0, "value": 1.0}]
    assert [each["value"] for each in entity["over_time"]] == [1.0, 1.0, 1.0]


# --- stored ---------------------------------------------------------------------------------------

stored = pytest.mark.django_db


@stored
def test_three_peoples_answers_become_one_result_with_its_evidence() -> None:
    project = stage.opened(4, overlap=3)
    stage.planned(project)
    stage.labelled(project, words())
    made = quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    rows = Consensus.objects.order_by("item__ordinal")
    told = [(each.result[0]["value"]["choices"][0], each.confidence, each.is_settled) for each in rows[:3]]
    assert told == [("正面", 10_000, True), ("正面", 6_666, True), ("负面", 10_000, True)]
    assert (rows[3].confidence, rows[3].is_settled, rows[3].method) == (3_333, False, "majority")
    behind = Submission.objects.filter(task__item=rows[0].item).order_by("pk").values_list("pk", flat=True)
    assert rows[0].evidence == list(behind)
    assert (made.submission_count, made.facts["items"]) == (12, 4)
    assert {row["count"] for row in made.facts["people"]} == {4}


@stored
def test_measuring_again_writes_nothing_that_is_merged_already() -> None:
    project = stage.opened(4, overlap=3)
    stage.labelled(project, words())
    for _number in range(2):
        quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert list(Consensus.objects.values_list("version", flat=True)) == [1, 1, 1, 1]
    assert list(Measurement.objects.order_by("ordinal").values_list("ordinal", flat=True)) == [1, 2]


@stored
def test_unsure_items_are_adjudicated_before_the_hand_over() -> None:
    project = stage.opened(4, overlap=3)
    stage.labelled(project, words())
    with pytest.raises(quality.ItemsToAdjudicate) as refused:
        projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert "1 条数据" in str(refused.value)
    quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    waiting = to_adjudicate(project.pk).get()
    with pytest.raises(InvalidInput):
        quality.adjudicate(
            by=scenes.qin(), at=NOON, item_id=waiting.item_id, result=scenes.sentiment("中性"), reason=""
        )
    with pytest.raises(quality.GoldRefused):
        quality.adjudicate(by=scenes.qin(), at=NOON, item_id=waiting.item_id, result=[], reason="空。")
    with pytest.raises(NotFound):
        quality.adjudicate(
            by=zhou(), at=NOON, item_id=waiting.item_id, result=scenes.sentiment("中性"), reason="外人。"
        )
    made = quality.adjudicate(
        by=scenes.qin(),
        at=NOON,
        item_id=waiting.item_id,
        result=scenes.sentiment("中性"),
        reason="规范第 2 条。",
    )
    assert (made.version, made.origin, made.evidence) == (2, "adjudicated", waiting.evidence)
    quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert to_adjudicate(project.pk).count() == 0
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)


@stored
def test_a_reopened_answer_makes_the_merged_result_stale_until_it_is_merged_anew() -> None:
    project = stage.opened(1, overlap=2)
    stage.labelled(project, {1: ["正面", "正面"]})
    quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    task = Task.objects.filter(annotator=mei().user).get()
    later = NOON + timedelta(days=1)
    work.reopen(by=tao(), at=later, task_id=task.pk, reason="再看。")
    stage.answer(mei(), task, "负面", at=later)
    stage.accept(task, at=later)
    with pytest.raises(ConsensusMissing):
        list(delivered_results(project.pk))
    quality.measure(by=scenes.qin(), at=later, project_id=project.pk)
    assert Consensus.objects.order_by("version").last().confidence == 5_000  # type: ignore[union-attr]


@stored
def test_the_sealed_row_of_an_item_is_its_consensus_with_every_answer_in_its_lineage() -> None:
    project = stage.opened(3, overlap=3)
    stage.planned(project, method="dawid_skene", sure=0)
    stage.labelled(project, words({1: "正正正", 2: "正正负", 3: "负负负"}))
    quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    projects.deliver_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    projects.accept_project(by=lin(), at=NOON, project_id=project.pk)
    dataset = create_dataset(
        by=lin(), at=NOON, name="三人标注", name_en="Three", description="示例", modality="text"
    )
    version = seal_from_project(
        by=lin(), at=NOON, dataset_id=dataset.pk, project_id=project.pk, with_posterior=True
    )
    file = version.files.get(path="rows.jsonl")
    rows = [json.loads(line) for line in objects.get(file.object_key).splitlines()]
    assert [row["labels"] for row in rows] == [["正面"], ["正面"], ["负面"]]
    assert {row["annotator"] for row in rows} == {"A001+A002+A003"}
    assert [row["consensus"]["answers"] for row in rows] == [3, 3, 3]
    assert [row["consensus"]["agreement_bp"] for row in rows] == [10_000, 3_333, 10_000]
    assert [(each["annotator"], each["labels"]) for each in rows[1]["judgements"]] == [
        ("A001", ["正面"]), ("A002", ["正面"]), ("A003", ["负面"]),
    ]  # fmt: skip
    assert set(rows[0]["consensus"]["posterior"]["sentiment"]) <= {"正面", "负面"}
    assert version.lineage.count() == 9
    told = json.loads(objects.get(version.files.get(path="confusion.json").object_key))
    assert told[0]["workers"] == ["W001", "W002", "W003"]


@stored
def test_the_result_of_an_item_with_gold_is_the_gold_answer() -> None:
    project = stage.opened(2, overlap=1)
    stage.gold(project, 1, "负面")
    stage.labelled(project, {1: ["正面"], 2: ["正面"]})
    quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    told = {each.item.ordinal: each for each in delivered_results(project.pk)}
    assert told[1].result[0]["value"]["choices"] == ["负面"]
    assert told[1].consensus is not None
    assert told[1].consensus.origin == "gold"
    assert told[2].consensus is None
    assert GoldOutcome.objects.get().is_right is False


@stored
def test_a_project_is_measured_anew_after_the_plans_number_of_submissions() -> None:
    project = stage.opened(12)
    stage.planned(project, measure_every=10)
    for number, task in enumerate(scenes.assigned(project, count=12), 1):
        stage.answer(mei(), task)
        assert due_for_measuring() == ([project.pk] if number >= 10 else [])
    quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert due_for_measuring() == []


@stored
def test_what_was_merged_or_measured_cannot_be_rewritten() -> None:
    project = stage.opened(1, overlap=2)
    stage.labelled(project, {1: ["正面", "正面"]})
    quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    for rows in (Consensus.objects.all(), Measurement.objects.all()):
        with pytest.raises(ProgrammingError), transaction.atomic():
            rows.delete()
