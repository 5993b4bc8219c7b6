"""The pilot's arithmetic: bounds, monotony, ties, outliers, parameters by date."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.pilots import rules
from tests.cast import NOON

SCALE = rules.scale_of(rules.DEFAULT_SCALE)
KEYS = [row.key for row in SCALE]


@st.composite
def scales(draw: st.DrawFn) -> tuple[rules.Criterion, ...]:
    """Any scale of one to twelve criteria whose weights add up to a hundred."""
    cuts = sorted(draw(st.sets(st.integers(1, 99), max_size=11)))
    weights = [b - a for a, b in zip([0, *cuts], [*cuts, 100], strict=True)]
    return tuple(rules.Criterion(f"c{i}", f"指标{i}", weight, "") for i, weight in enumerate(weights))


def facts() -> st.SearchStrategy[rules.Facts]:
    """Any possible year."""

    def made(
        deals: int, amount: int, disputes: int, required: int, missing: int, count: int, spare: int
    ) -> rules.Facts:
        return rules.Facts(
            deals=deals, amount_fen=amount, disputes=disputes, required_records=required,
            complete_records=max(0, required - missing), ratings_count=count,
            ratings_sum=count + min(spare, 4 * count),
        )  # fmt: skip

    small = st.integers(0, 60)
    return st.builds(made, small, st.integers(0, 10**10), small, small, small, small, st.integers(0, 240))


def total(of: rules.Facts) -> int:
    return int(rules.assessment_of(2026, of, until=None)["total_centi"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws slowly
@given(scales(), st.data())
def test_a_weighted_total_stays_within_bounds_and_never_falls_when_points_rise(
    scale: tuple[rules.Criterion, ...], data: st.DataObject
) -> None:
    assert rules.scale_fault(scale) == ""
    points = {row.key: data.draw(st.integers(0, 100)) for row in scale}
    before = rules.total_centi(scale, points)
    assert 0 <= before <= rules.FULL
    key = data.draw(st.sampled_from([row.key for row in scale]))
    raised = {**points, key: data.draw(st.integers(points[key], 100))}
    assert rules.total_centi(scale, raised) >= before
    assert rules.total_centi(scale, dict.fromkeys(points, 100)) == rules.FULL


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(facts())
def test_an_assessment_stays_within_bounds_and_moves_the_right_way(of: rules.Facts) -> None:
    assert of.fault() == ""
    here = total(of)
    assert 0 <= here <= rules.FULL
    assert total(replace(of, deals=of.deals + 1)) >= here
    assert total(replace(of, amount_fen=of.amount_fen + 1_000_000)) >= here
    assert total(replace(of, disputes=of.disputes + 1)) <= here
    if of.complete_records < of.required_records:
        assert total(replace(of, complete_records=of.complete_records + 1)) >= here
    if of.ratings_sum < 5 * of.ratings_count:
        assert total(replace(of, ratings_sum=of.ratings_sum + 1)) >= here


def test_the_weights_of_every_row_of_parameters_add_up() -> None:
    assert sum(row["weight"] for row in rules.DEFAULT_SCALE) == 100
    for row in rules.PARAMETERS:
        assert sum(weight for _key, weight in row.weights) == 100
        assert {key for key, _weight in row.weights} == set(rules.ITEM_LABELS)


def test_parameters_are_those_of_the_day() -> None:
    first = rules.PARAMETERS[0]
    later = replace(first, effective_from=date(2027, 1, 1), deals_target=24)
    table = (later, first)
    assert rules.parameters_on(date(2026, 12, 31), table).deals_target == 12
    assert rules.parameters_on(date(2027, 1, 1), table).deals_target == 24
    with pytest.raises(LookupError):
        rules.parameters_on(date(2023, 12, 31), table)


def test_incomplete_records_never_pass_whatever_the_total() -> None:
    strong = rules.Facts(
        deals=50, amount_fen=10**10, complete_records=94, required_records=100, ratings_count=1, ratings_sum=5
    )
    found = rules.assessment_of(2026, strong, until=None)
    assert found["total_centi"] == 9_850
    assert (found["proposal"], found["reason"]) == ("improve", "records")
    enough = rules.assessment_of(2026, replace(strong, complete_records=95), until=None)
    assert (enough["proposal"], enough["reason"]) == ("continue", "on_course")


@pytest.mark.parametrize(
    ("totals", "flags"),
    [
        ([8000, 8000, 6400], [False, False, True]),
        ([8000, 8000, 6500], [False, False, False]),  # exactly 15 points is not more than 15
        ([8000, 6000], [False, False]),
        ([5000, 7000, 7001, 9000], [True, False, False, True]),
        ([9000, 9000, 9000, 1000, 1000], [False, False, False, True, True]),
    ],
)
def test_what_lies_far_from_the_median_is_an_outlier(totals: list[int], flags: list[bool]) -> None:
    assert rules.outliers(totals, 15) == flags


def test_a_mean_is_rounded_once_halves_up() -> None:
    assert rules.rounded(Fraction(15, 2)) == 8
    assert rules.rounded(Fraction(22, 3)) == 7
    assert rules.rounded(rules.mean_centi([7950, 7950, 7951])) == 7950


def test_grades_begin_at_their_band() -> None:
    bands = [["A", 8500], ["B", 7500], ["C", 6000]]
    assert [rules.grade_of(centi, bands) for centi in (8500, 8499, 7500, 6000, 5999)] == [
        "A",
        "B",
        "B",
        "C",
        "",
    ]


def test_ranking_does_not_depend_on_the_order_of_the_input() -> None:
    def candidate(number: str, **points: int) -> rules.Candidate:
        sheet = rules.Sheet("s", 1, {**dict.fromkeys(KEYS, 80), **points})
        return rules.Candidate(number, NOON, (sheet,))

    some = [candidate("b"), candidate("a"), candidate("c", capability=84, plan=70), candidate("d", plan=90)]
    expected = ["d", "c", "a", "b"]  # c has the same total as a and b, and more where the weight is largest
    assert [each.number for each in rules.ranked(SCALE, some)] == expected
    assert [each.number for each in rules.ranked(SCALE, some[::-1])] == expected


def test_a_term_ends_on_the_same_day_of_a_later_year() -> None:
    from kernel import clock

    leap = clock.start_of(date(2028, 2, 29))
    assert rules.years_after(leap, 1) == clock.start_of(date(2029, 3, 1))
    assert rules.years_after(NOON, 2) == clock.start_of(date(2028, 3, 2))
