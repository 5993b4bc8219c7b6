"""One answer out of many equals plain loops, holds gold fast, and finds the spammer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.quality.aggregation import (
    dawid_skene,
    entropy,
    fused_boxes,
    mace,
    majority,
    medoid,
    voted_spans,
)
from annotation.quality.judgements import Floats, Judgements
from annotation.quality.regions import polygon_iou
from tests.annotation.quality.panels import panel, panels, table

# --- majority ---------------------------------------------------------------------------------


def test_the_majority_names_every_tied_label() -> None:
    found = majority(table(["1213-", "1233-", "2121-"]))
    assert found.labels.tolist() == [0, 1, 0, 2, -1]
    assert found.is_tied.tolist() == [False, False, True, False, False]
    assert (found.tied_items.tolist(), found.tied_labels.tolist()) == ([2, 2, 2], [0, 1, 2])
    assert found.votes.tolist() == [2, 2, 1, 2, 0]
    assert found.shares[0] == pytest.approx(2 / 3)
    assert np.isnan(found.shares[4])


def test_a_weighty_worker_breaks_a_tie() -> None:
    assert majority(table(["1", "2"]), weights=[1, 2]).labels.tolist() == [1]
    tied = majority(table(["1", "1", "1", "2"]), weights=[0.1, 0.1, 0.1, 0.3])
    assert tied.is_tied.tolist() == [True]
    with pytest.raises(ValueError, match="a worker"):
        majority(table(["1", "2"]), weights=[1, -1])


@given(panels())
def test_the_majority_is_what_counting_says(judgements: Judgements) -> None:
    found = majority(judgements)
    for item in range(judgements.item_count):
        given = judgements.labels[judgements.items == item].tolist()
        best = max((given.count(label) for label in range(4)), default=0)
        first = [label for label in range(4) if given.count(label) == best] if given else [-1]
        assert found.labels[item] == first[0]
        assert bool(found.is_tied[item]) == (len(first) > 1)


# --- Dawid–Skene ------------------------------------------------------------------------------


def plain_dawid_skene(
    judgements: Judgements, gold: dict[int, int], smoothing: float, rounds: int
) -> tuple[list[list[float]], dict[tuple[int, int, int], float]]:
    """The paper's algorithm in loops: shares of votes first, then `rounds` times confusion and posterior."""
    items, labels = judgements.item_count, judgements.label_count
    rows = list(
        zip(*(c.tolist() for c in (judgements.items, judgements.workers, judgements.labels)), strict=True)
    )
    posterior = [[0.0] * labels for _item in range(items)]
    for item, _worker, label in rows:
        posterior[item][label] += 1
    posterior = [[n / sum(shares) for n in shares] for shares in posterior]
    for round_number in range(rounds + 1):
        for item, label in gold.items():
            posterior[item] = [float(k == label) for k in range(labels)]
        prior = [sum(shares[k] for shares in posterior) / items for k in range(labels)]
        confusion: dict[tuple[int, int, int], float] = {}
        for worker in range(judgements.worker_count):
            for truth in range(labels):
                counts = [0.0] * labels
                for item, who, label in rows:
                    if who == worker:
                        counts[label] += posterior[item][truth]
                counts = [max(count, 1e-10) + smoothing for count in counts]
                for label in range(labels):
                    confusion[worker, truth, label] = counts[label] / sum(counts)
        if round_number == rounds:
            break
        for item in range(items):
            logs = [math.log(max(prior[k], 1e-10)) for k in range(labels)]
            for where, worker, label in rows:
                if where == item:
                    logs = [log + math.log(confusion[worker, k, label]) for k, log in enumerate(logs)]
            shares = [math.exp(log - max(logs)) for log in logs]
            posterior[item] = [share / sum(shares) for share in shares]
    return posterior, confusion


@pytest.mark.parametrize(("smoothing", "gold"), [(0.0, {}), (0.5, {}), (0.1, {0: 2, 7: 1, 9: 0})])
def test_dawid_and_skene_equals_the_plain_loops(smoothing: float, gold: dict[int, int]) -> None:
    judgements, _truth = panel(21, items=25, workers=5, labels=3)
    known = np.full(25, -1)
    known[list(gold)] = list(gold.values())
    found = dawid_skene(judgements, gold=known, smoothing=smoothing, rounds=7, tolerance=-math.inf)
    posterior, confusion = plain_dawid_skene(judgements, gold, smoothing, 7)
    np.testing.assert_allclose(found.posterior, posterior, atol=1e-9)
    for (worker, truth, label), share in confusion.items():
        assert found.confusion[worker, truth, label] == pytest.approx(share, abs=1e-9)
    assert len(found.log_likelihood) == 7


@given(panels(), st.floats(0, 2))
def test_posteriors_and_confusions_sum_to_one(judgements: Judgements, smoothing: float) -> None:
    found = dawid_skene(judgements, smoothing=smoothing, rounds=8)
    np.testing.assert_allclose(found.posterior.sum(axis=1), 1, atol=1e-9)
    np.testing.assert_allclose(found.confusion.sum(axis=2), 1, atol=1e-9)
    assert (found.posterior >= 0).all()


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_the_likelihood_never_falls_and_nobody_is_special(seed: int) -> None:
    judgements, _truth = panel(seed, items=30)
    found = dawid_skene(judgements, rounds=12, tolerance=-math.inf)
    assert (np.diff(found.log_likelihood) > -1e-6).all()
    rng = np.random.default_rng(seed)
    items, workers = rng.permutation(30), rng.permutation(6)
    other = Judgements.of(
        items[judgements.items], workers[judgements.workers], judgements.labels,
        item_count=30, worker_count=6, label_count=4,
    )  # fmt: skip
    moved = dawid_skene(other, rounds=12, tolerance=-math.inf)
    np.testing.assert_allclose(moved.posterior[items], found.posterior, atol=1e-6)


def test_gold_is_held_fast_and_teaches_who_is_wrong() -> None:
    # Two workers who always say 1, one who is right: without gold the majority wins, with gold the truth.
    judgements = table(["11111111", "11111111", "12121212"])
    truth = np.array([0, 1] * 4)
    assert dawid_skene(judgements).labels.tolist() == [0] * 8
    gold = np.where(np.arange(8) < 4, truth, -1)
    found = dawid_skene(judgements, gold=gold, smoothing=0.1)
    assert found.labels.tolist() == truth.tolist()
    assert (found.posterior[:4].max(axis=1) == 1).all()
    assert found.skill[2] > 0.9
    with pytest.raises(ValueError, match="gold"):
        dawid_skene(judgements, gold=np.full(8, 2))


def test_dawid_and_skene_beat_the_majority_when_workers_differ() -> None:
    judgements, truth = panel(5, items=600, workers=9, each=9, accuracy=(0.0, 0.9))
    by_vote = (majority(judgements).labels == truth).mean()
    found = dawid_skene(judgements, smoothing=0.1, rounds=5000)
    assert (found.labels == truth).mean() > by_vote + 0.02
    assert found.is_converged
    assert entropy(found.posterior).max() <= 2
    assert entropy(np.array([[0.5, 0.5], [1, 0]])).tolist() == [1, 0]


def test_an_item_nobody_judged_gets_the_prior() -> None:
    found = dawid_skene(table(["112-", "112-"]))
    np.testing.assert_allclose(found.posterior[3], found.prior, atol=1e-9)
    nobody = Judgements.of([], [], [], item_count=2, worker_count=1, label_count=2)
    assert dawid_skene(nobody).posterior.tolist() == [[0.5, 0.5], [0.5, 0.5]]


# --- MACE -------------------------------------------------------------------------------------


def plain_posterior(judgements: Judgements, competence: Floats, habits: Floats) -> list[list[float]]:
    found = []
    for item in range(judgements.item_count):
        shares = []
        for truth in range(judgements.label_count):
            share = 1.0
            for where, worker, label in zip(
                judgements.items, judgements.workers, judgements.labels, strict=True
            ):
                if where == item:
                    copied = competence[worker] * (label == truth)
                    share *= copied + (1 - competence[worker]) * habits[worker, label]
            shares.append(share)
        found.append([share / sum(shares) for share in shares])
    return found


def test_mace_finds_the_spammer_and_his_habit() -> None:
    judgements, truth = panel(31, items=400, workers=6, each=5, accuracy=(0.85, 0.9))
    labels = judgements.labels.copy()
    labels[judgements.workers == 4] = 2
    spoilt = Judgements.of(judgements.items, judgements.workers, labels, label_count=4)
    found = mace(spoilt, seed=1, restarts=3)
    assert found.spammers().tolist() == [4]
    assert found.habits[4, 2] > 0.95
    assert (found.labels == truth).mean() > 0.9
    np.testing.assert_allclose(
        found.posterior, plain_posterior(spoilt, found.competence, found.habits), atol=1e-9
    )


def test_mace_repeats_by_seed_and_more_restarts_are_never_worse() -> None:
    judgements, _truth = panel(32, items=80)
    one = mace(judgements, seed=5, restarts=2)
    assert one.log_likelihood == mace(judgements, seed=5, restarts=2).log_likelihood
    assert mace(judgements, seed=5, restarts=5).log_likelihood >= one.log_likelihood
    np.testing.assert_allclose(one.posterior.sum(axis=1), 1, atol=1e-12)
    gold = np.full(80, -1)
    gold[3] = 2
    assert mace(judgements, seed=5, gold=gold, restarts=1).posterior[3].tolist() == [0, 0, 1, 0]
    with pytest.raises(ValueError, match="smoothing"):
        mace(judgements, seed=1, smoothing=0)


# --- boxes and spans --------------------------------------------------------------------------

BOXES = [(10, 10, 20, 20), (11, 10, 20, 20), (12, 10, 20, 20), (70, 70, 5, 5), (10, 10, 20, 20)]
WHO = ["甲", "乙", "丙", "甲", "乙"]
WHAT = ["车", "车", "车", "车", "人"]


def test_boxes_that_lie_on_one_another_are_fused() -> None:
    (found,) = fused_boxes(BOXES, WHO, WHAT, annotator_count=3)
    assert found.box == (11, 10, 20, 20)
    assert (found.label, found.members, found.support) == ("车", (0, 1, 2), 1.0)
    assert 0.9 < found.mean_iou < 1
    lone = fused_boxes(BOXES, WHO, WHAT, annotator_count=3, quorum=0.3)
    assert [(each.label, each.members) for each in lone] == [("车", (0, 1, 2)), ("人", (4,)), ("车", (3,))]
    (weighted,) = fused_boxes(BOXES, WHO, WHAT, annotator_count=3, weights={"甲": 2.0})
    assert weighted.box[0] == pytest.approx(10.75)
    (middle,) = fused_boxes(
        [*BOXES[:2], (16, 10, 20, 20)], WHO[:3], WHAT[:3], annotator_count=3, by_median=True
    )
    assert middle.box[0] == 11


@given(st.permutations(range(5)))
def test_the_order_of_boxes_does_not_matter(order: list[int]) -> None:
    arguments = ([each[n] for n in order] for each in (BOXES, WHO, WHAT))
    moved = fused_boxes(*arguments, annotator_count=3, quorum=0.3)
    found = fused_boxes(BOXES, WHO, WHAT, annotator_count=3, quorum=0.3)
    assert [(each.box, each.label) for each in moved] == [(each.box, each.label) for each in found]


def test_two_boxes_of_one_annotator_are_two_things() -> None:
    found = fused_boxes([(0, 0, 10, 10), (1, 0, 10, 10)], ["甲", "甲"], ["车", "车"], annotator_count=1)
    assert len(found) == 2
    assert fused_boxes([], [], [], annotator_count=2) == []


def test_the_medoid_is_the_shape_most_like_the_others() -> None:
    shapes = [[(x, 0), (x + 10, 0), (x + 10, 10), (x, 10)] for x in (0, 2, 9)]
    assert medoid(polygon_iou(shapes, shapes)) == 1


def test_spans_are_voted_on_character_by_character() -> None:
    answers = [
        [(0, 4, "地名"), (6, 8, "人名")],
        [(1, 4, "地名")],
        [(0, 4, "地名"), (6, 8, "人名"), (9, 11, "人名")],
    ]
    assert voted_spans(answers) == [
        (0, 4, "地名", pytest.approx(11 / 12)),
        (6, 8, "人名", pytest.approx(2 / 3)),
    ]
    assert voted_spans(answers, quorum=0.9) == [(1, 4, "地名", 1.0)]
    assert voted_spans([]) == voted_spans([[], []]) == []


def test_two_spans_that_touch_stay_two_when_most_saw_two() -> None:
    two, one = [(0, 2, "词"), (2, 5, "词")], [(0, 5, "词")]
    assert [span[:2] for span in voted_spans([two, two, one])] == [(0, 2), (2, 5)]
    assert [span[:2] for span in voted_spans([two, one, one])] == [(0, 5)]
    # Two that half marked are not enough: more than the quorum is asked.
    assert voted_spans([two, []]) == []
