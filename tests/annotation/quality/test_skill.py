"""Workers are judged with their doubt, decided on with known error rates, and never on speed alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from annotation.quality.skill import (
    SPEED_NOTE,
    Decision,
    SequentialTest,
    accuracy,
    gold_counts,
    recompute,
    robust_z,
    speed,
)
from kernel.errors import InvalidInput
from tests.annotation.quality.panels import table

# --- accuracy ---------------------------------------------------------------------------------


def test_accuracy_is_the_beta_posterior() -> None:
    found = accuracy([18, 0, 0], [20, 0, 5])
    for place, (right, wrong) in enumerate([(18, 2), (0, 0), (0, 5)]):
        belief = stats.beta(1 + right, 1 + wrong)
        assert found.mean[place] == pytest.approx(belief.mean(), abs=1e-12)
        assert (found.low[place], found.high[place]) == pytest.approx(belief.interval(0.95), abs=1e-9)
        assert found.probability_above(0.8)[place] == pytest.approx(belief.sf(0.8), abs=1e-12)
    assert accuracy(18, 20, prior=(2, 1)).mean.tolist() == [20 / 23]
    for wrong in ([3], [-1]):
        with pytest.raises(ValueError, match="right"):
            accuracy(wrong, [2])


@given(st.integers(0, 200), st.integers(0, 200))
def test_the_interval_holds_the_mean_and_narrows(right: int, wrong: int) -> None:
    one = accuracy(right, right + wrong)
    more = accuracy(4 * right + 4, 4 * (right + wrong) + 8)
    assert one.low[0] <= one.mean[0] <= one.high[0]
    assert more.high[0] - more.low[0] <= one.high[0] - one.low[0] + 0.02


def test_correcting_gold_recomputes_everyone() -> None:
    judgements = table(["112-", "122-", "22-1"])
    before, after = np.array([0, 0, 1, -1]), np.array([0, 1, 1, -1])
    assert [counts.tolist() for counts in gold_counts(judgements, before)] == [[3, 2, 0], [3, 3, 2]]
    found = recompute(judgements, before, after, reviews=([1, 0, 0], [2, 0, 4]))
    assert found.items.tolist() == [1]
    assert found.before.right.tolist() == [4, 2, 0]
    assert found.after.right.tolist() == [3, 3, 1]
    assert found.after.checked.tolist() == [5, 3, 6]
    assert found.changed.tolist() == [0, 1, 2]
    same = recompute(judgements, before, before)
    assert same.changed.tolist() == same.items.tolist() == []
    withdrawn = recompute(judgements, before, np.array([0, 0, -1, -1]))
    assert withdrawn.changed.tolist() == [0, 1]
    assert withdrawn.after.checked.tolist() == [2, 2, 2]


# --- the sequential test ----------------------------------------------------------------------

TEST = SequentialTest(poor=0.8, good=0.95)


def test_the_bounds_are_walds() -> None:
    assert TEST.bounds == pytest.approx((math.log(0.05 / 0.95), math.log(0.95 / 0.05)))
    # log 19 / log(0.95 / 0.8) = 17.1: eighteen right answers in a row accept.
    assert TEST.run([True] * 17) == (Decision.CONTINUE, 17)
    assert TEST.run([True] * 50) == (Decision.ACCEPT, 18)
    # log 19 / log(0.2 / 0.05) = 2.1: three wrong ones in a row reject.
    assert TEST.run([False] * 5) == (Decision.REJECT, 3)
    assert TEST.needed(0, 0) == (18, 3)
    assert TEST.needed(17, 0) == (1, 5)
    assert TEST.needed(18, 0) == (0, 0)


@given(st.integers(0, 80), st.integers(0, 20))
def test_so_many_more_answers_decide_and_one_fewer_does_not(right: int, wrong: int) -> None:
    accept, reject = TEST.needed(right, wrong)
    if TEST.decide(right, wrong) is not Decision.CONTINUE:
        assert (accept, reject) == (0, 0)
        return
    assert TEST.decide(right + accept, wrong) is Decision.ACCEPT
    assert TEST.decide(right + accept - 1, wrong) is not Decision.ACCEPT
    assert TEST.decide(right, wrong + reject) is Decision.REJECT
    assert TEST.decide(right, wrong + reject - 1) is not Decision.REJECT


@pytest.mark.parametrize(("worth", "wrong_decision"), [(0.8, Decision.ACCEPT), (0.95, Decision.REJECT)])
def test_the_error_rates_are_kept(worth: float, wrong_decision: Decision) -> None:
    rng = np.random.default_rng(17)
    runs = [TEST.run(rng.random(2000) < worth) for _worker in range(1000)]
    errors = np.mean([decision == wrong_decision for decision, _count in runs])
    assert errors <= 0.05 / 0.95 + 0.02
    mean = np.mean([count for _decision, count in runs])
    assert TEST.expected_more(0, 0, worth) == pytest.approx(mean, rel=0.25)


def test_the_expected_number_is_largest_between_the_two_accuracies() -> None:
    middle = TEST.expected_more(0, 0, 0.89)
    assert middle > TEST.expected_more(0, 0, 0.8) > 0
    assert middle > TEST.expected_more(0, 0, 0.95) > 0
    # Where the walk has no drift the general formula gives way to its limit.
    gain, loss = TEST.steps
    still = -loss / (gain - loss)
    assert TEST.expected_more(0, 0, still) == pytest.approx(TEST.expected_more(0, 0, still + 1e-6), rel=1e-3)
    assert TEST.expected_more(18, 0, 0.9) == 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [({"poor": 0.9, "good": 0.8}, "good"), ({"poor": 0.8, "good": 1.0}, "good"), ({"poor": 0.8, "good": 0.9, "false_accept": 0.5}, "false_accept")],
)  # fmt: skip
def test_a_test_that_cannot_decide_is_refused(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        SequentialTest(**arguments)
    assert refused.value.field == field


# --- speed ------------------------------------------------------------------------------------


def test_robust_z_is_iglewicz_and_hoaglins() -> None:
    # Median 3, absolute deviations 2 1 0 1 97: MAD 1.
    np.testing.assert_allclose(robust_z([1, 2, 3, 4, 100])[[0, 4]], [-2 * 0.67449, 97 * 0.67449], rtol=1e-5)
    assert robust_z([5, 5, 5]).tolist() == [0, 0, 0]
    # More than half equal: the mean absolute deviation, 2 / 5.
    assert robust_z([5, 5, 5, 5, 7])[4] == pytest.approx(2 / (0.4 * 1.2533141373155))


def test_a_worker_is_compared_within_each_type_of_task() -> None:
    rng = np.random.default_rng(3)
    workers = np.repeat(np.arange(5), 40)
    types = ["框", "文本"] * 100
    seconds = np.exp(rng.normal(0, 0.3, 200)) * np.where(np.arange(200) % 2, 5.0, 60.0)
    seconds[workers == 3] /= 20
    found = speed(seconds, workers, types, worker_count=6)
    assert found.is_unusual.tolist() == [False, False, False, True, False, False]
    assert found.workers[3] < -3.5
    assert np.isnan(found.workers[5])
    minutes = speed(seconds / 60, workers, types, worker_count=6)
    np.testing.assert_allclose(minutes.scores, found.scores, atol=1e-9)
    with pytest.raises(ValueError, match="above 0"):
        speed([0.0], [0], ["框"], worker_count=1)


def test_speed_says_itself_that_it_rejects_nobody() -> None:
    assert "不得单凭用时退回、拒收" in str(SPEED_NOTE)
