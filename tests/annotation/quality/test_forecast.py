"""Forecasts say how sure they are; drift is noticed, and false alarms are as rare as promised."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from annotation.quality.forecast import burn_up, confused_pairs, drift, mistakes
from tests.annotation.quality.panels import table

# --- burn-up ----------------------------------------------------------------------------------


def test_a_steady_pace_ends_on_its_day() -> None:
    found = burn_up([100] * 10, total=2000, due_in=10)
    assert (found.pace, found.days, found.days_early, found.days_late) == (100, 10, 10, 10)
    assert found.on_time == 1
    assert found.needed_pace == 100
    assert found.line[0] == 1000
    assert found.line[-1] == found.low[-1] == found.high[-1] == 2000
    late = burn_up([100] * 10, total=2001, due_in=10)
    assert (late.days, late.on_time) == (11, 0)


def test_the_interval_is_that_of_students_t() -> None:
    past = np.array([80, 120, 95, 105, 60, 140, 100, 100])
    found = burn_up(past, total=2000, due_in=12)
    scatter = past.std(ddof=1)
    half = stats.t(7).ppf(0.9) * scatter / math.sqrt(8)
    assert (found.pace_low, found.pace_high) == pytest.approx((100 - half, 100 + half))
    error = scatter * math.sqrt(12 + 144 / 8)
    assert found.on_time == pytest.approx(stats.t(7).sf((1200 - 12 * 100) / error))
    assert found.on_time == pytest.approx(0.5)
    assert found.days_early is not None
    assert found.days_late is not None
    assert found.days_early < 12 == found.days < found.days_late
    day = found.days_late
    assert day * 100 - stats.t(7).ppf(0.9) * scatter * math.sqrt(day + day**2 / 8) >= 1200


def test_what_never_comes_is_told_so() -> None:
    idle = burn_up([0, 0, 0], total=10, due_in=5)
    assert (idle.days, idle.days_early, idle.days_late, idle.on_time) == (None, None, None, 0)
    doubtful = burn_up([0, 0, 50], total=1000, due_in=5)
    assert doubtful.days is not None
    assert doubtful.days_late is None
    done = burn_up([5, 5], total=10, due_in=0)
    assert (done.days, done.on_time, done.needed_pace) == (0, 1, 0)
    assert burn_up([5, 4], total=10, due_in=0).needed_pace is None


def test_only_the_latest_days_set_the_pace() -> None:
    assert burn_up([1000] * 30 + [10] * 20, total=40_000, due_in=1).pace == 10


@given(st.lists(st.integers(0, 50), min_size=2, max_size=30), st.integers(0, 2000), st.integers(0, 60))
def test_forecasts_are_in_order(past: list[int], total: int, due_in: int) -> None:
    found = burn_up(past, total=total, due_in=due_in)
    assert 0 <= found.on_time <= 1
    assert len(found.line) == len(found.low) == len(found.high) == due_in + 1
    for low, middle, high in zip(found.low, found.line, found.high, strict=True):
        assert sum(past) - 1e-6 <= low <= middle + 1e-6 <= high + 2e-6
    order = [day for day in (found.days_early, found.days, found.days_late) if day is not None]
    assert order == sorted(order)
    later = burn_up(past, total=total, due_in=due_in + 5)
    if found.pace > 0 and sum(past) < total:
        assert later.days == found.days


@pytest.mark.parametrize(
    "wrong", [{"done_by_day": [1]}, {"done_by_day": [1, -1]}, {"due_in": -1}, {"level": 1}]
)
def test_input_without_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"days|level"):
        burn_up(**({"done_by_day": [1, 2], "total": 10, "due_in": 3} | wrong))


# --- drift ------------------------------------------------------------------------------------


def test_the_cusum_is_pages_recursion() -> None:
    answers = np.random.default_rng(1).random(300) < 0.9
    found = drift(answers, usual=0.95, fallen=0.8)
    level = 0.0
    for right, seen in zip(answers, found.sums, strict=True):
        level = max(0.0, level + (math.log(0.8 / 0.95) if right else math.log(0.2 / 0.05)))
        assert seen == pytest.approx(level, abs=1e-9)


def test_a_fall_is_noticed_and_dated() -> None:
    rng = np.random.default_rng(4)
    answers = np.concatenate([rng.random(400) < 0.95, rng.random(200) < 0.7])
    found = drift(answers, usual=0.95, fallen=0.8)
    assert found.alarm is not None
    assert found.began is not None
    assert 400 <= found.alarm < 460
    assert abs(found.began - 400) < 40
    steady = drift(np.ones(500, dtype=bool), usual=0.95, fallen=0.8)
    assert (steady.alarm, steady.began) == (None, None)
    assert steady.sums.max() == 0
    assert drift([], usual=0.95, fallen=0.8).alarm is None


def test_false_alarms_are_at_least_as_rare_as_asked() -> None:
    rng = np.random.default_rng(5)
    runs = []
    for _worker in range(120):
        alarm = drift(rng.random(3000) < 0.95, usual=0.95, fallen=0.8, false_alarm_every=200).alarm
        runs.append(3000 if alarm is None else alarm + 1)
    assert np.mean(runs) > 200
    with pytest.raises(ValueError, match="usual"):
        drift([True], usual=0.8, fallen=0.9)


# --- confusion --------------------------------------------------------------------------------


def test_confused_pairs_come_most_frequent_first() -> None:
    # Items: 1-1, 1-2, 1-2, 2-3, 3-3.
    first, second = confused_pairs(table(["11123", "12233"]))
    assert (first.first, first.second, first.count) == (0, 1, 2)
    assert first.share == pytest.approx(2 / 3)
    # 2 coincidences of 1 and 2 against 4 · 3 / 9 by chance.
    assert first.lift == pytest.approx(2 / (4 * 3 / 9))
    assert (second.first, second.second, second.count) == (1, 2, 1)
    assert len(confused_pairs(table(["11123", "12233"]), top=1)) == 1
    assert confused_pairs(table(["12", "12"])) == []


def test_mistakes_are_counted_against_the_truth() -> None:
    found = mistakes(table(["1122", "2123"]), [0, 0, 1, -1])
    assert [(m.truth, m.given, m.count, m.share) for m in found] == [(0, 1, 1, 0.25)]
    assert mistakes(table(["11", "11"]), [-1, -1]) == []
