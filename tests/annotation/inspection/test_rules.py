"""The pure rules: plans of a lot against published cells, the curve's figures, the draw, cutting, switching."""

from __future__ import annotations

import hashlib
import itertools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.inspection import rules
from annotation.inspection.rules import Scheme, Terms
from annotation.inspection.states import Cause
from annotation.quality.sampling import Severity, Switching
from kernel.errors import InvalidInput

# lot size, AQL, level, severity → code letter of the plan, n, Ac: cells of GB/T 2828.1-2012, tables 2-A, 2-B, 2-C
PUBLISHED = [
    (1_000, "1.0", "II", "normal", "J", 80, 2),
    (1_000, "1.0", "II", "tightened", "J", 80, 1),
    (1_000, "1.0", "II", "reduced", "J", 32, 1),
    (5_000, "2.5", "II", "normal", "L", 200, 10),
    (5_000, "2.5", "II", "tightened", "L", 200, 8),
    (5_000, "2.5", "II", "reduced", "L", 80, 6),
    (500, "4.0", "I", "normal", "F", 20, 2),
    (3_000, "0.65", "III", "normal", "L", 200, 3),
]


@pytest.mark.parametrize(("size", "aql", "level", "severity", "letter", "n", "ac"), PUBLISHED)
def test_a_lot_is_inspected_by_the_published_cell(
    size: int, aql: str, level: str, severity: str, letter: str, n: int, ac: int
) -> None:
    found = rules.scheme_of(Terms(aql=aql, level=level), size, severity)
    assert (found.letter, found.sample_size, found.accept, found.reject) == (letter, n, ac, ac + 1)


def test_at_aql_two_and_a_half_a_lot_with_five_per_cent_errors_still_passes_58_per_cent_of_the_time() -> None:
    terms = Terms(aql="2.5")
    scheme = rules.scheme_of(terms, 5_000, "normal")
    assert rules.telling_share(terms) == 0.05
    assert round(rules.passes_with(scheme, 0.05, is_isolated=False), 3) == 0.583


def test_a_small_lot_is_inspected_wholly_and_a_single_item_is_a_lot() -> None:
    assert rules.scheme_of(Terms(aql="0.65"), 15, "normal") == Scheme(15, 15, 0, "F", "normal", True)
    assert rules.scheme_of(Terms(), 1, "normal") == Scheme(1, 1, 0, "", "normal", True)


def test_a_limiting_quality_passes_one_time_in_ten_at_most_and_asks_no_severity() -> None:
    terms = Terms(basis="lq", limiting_quality=500)
    scheme = rules.scheme_of(terms, 1_000, "normal")
    assert (scheme.severity, scheme.letter, scheme.accept) == ("", "", 0)
    assert rules.passes_with(scheme, 0.05, is_isolated=True) <= 0.10
    smaller = Scheme(1_000, scheme.sample_size - 1, 0)
    assert rules.passes_with(smaller, 0.05, is_isolated=True) > 0.10
    kinder = rules.scheme_of(Terms(basis="lq", limiting_quality=500, good_quality=100), 1_000, "normal")
    assert kinder.accept > 0
    assert rules.passes_with(kinder, 0.01, is_isolated=True) >= 0.95


def test_an_aql_outside_the_tables_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        rules.scheme_of(Terms(aql="3"), 100, "normal")
    assert refused.value.field == "aql"


@given(size=st.integers(2, 20_000), aql=st.sampled_from(["0.65", "1.0", "2.5", "6.5"]))
def test_the_curve_falls_from_certainty(size: int, aql: str) -> None:
    terms = Terms(aql=aql)
    points = rules.curve_of(rules.scheme_of(terms, size, "normal"), terms)
    assert points[0] == (0, 10_000)
    assert [share for share, _chance in points] == sorted(share for share, _chance in points)
    assert all(one >= two for (_a, one), (_b, two) in itertools.pairwise(points))


# --- the draw -----------------------------------------------------------------------------------


def test_anybody_draws_the_same_sample_with_the_printed_recipe() -> None:
    contents = [(number, rules.digest_of_item(f"i{number}", f"r{number}")) for number in range(1, 101)]
    value = "山水清远之间随机写下的一句话"
    lot = rules.digest_of_lot(contents)
    seed = rules.seed_of(lot, value)

    def sha(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    by_hand = sha("\n".join(f"{number}:{digest}" for number, digest in contents))
    assert lot == by_hand
    assert seed == sha(f"{by_hand}:{value}")
    chosen = sorted(range(1, 101), key=lambda number: sha(f"{seed}:{number}"))[:13]
    assert rules.drawn(seed, [number for number, _digest in contents], 13) == chosen


def test_one_changed_result_or_another_value_draws_another_sample() -> None:
    numbers = range(1, 1_001)
    first = rules.drawn(rules.seed_of("a" * 64, "x" * 16), numbers, 80)
    assert rules.drawn(rules.seed_of("b" * 64, "x" * 16), numbers, 80) != first
    assert rules.drawn(rules.seed_of("a" * 64, "y" * 16), numbers, 80) != first


def test_every_item_is_drawn_about_equally_often() -> None:
    counts = dict.fromkeys(range(50), 0)
    for turn in range(2_000):
        for number in rules.drawn(rules.sha256_of(str(turn)), counts, 5):
            counts[number] += 1
    assert sum(counts.values()) == 10_000
    assert (
        140 < min(counts.values()) <= max(counts.values()) < 265
    )  # 200 expected, four and a half deviations


@given(count=st.integers(0, 500), size=st.none() | st.integers(2, 60), keeps_rest=st.booleans())
def test_lots_are_of_the_agreed_size_and_nothing_is_lost(
    count: int, size: int | None, keeps_rest: bool
) -> None:
    sizes = rules.cut(count, size, keeps_rest=keeps_rest)
    assert sum(sizes) <= count
    if keeps_rest or size is None:
        assert sum(sizes) == count
    else:
        assert count - sum(sizes) < size
    assert all(each > 1 for each in sizes) or count == 1
    assert [len(piece) for piece in rules.chunks(range(count), sizes)] == sizes


# --- switching ------------------------------------------------------------------------------------


def walk(*verdicts: int, start: Severity = Severity.NORMAL, approved: bool = False) -> list[tuple[str, str]]:
    """Where inspection stands after lots with so many nonconforming items in their samples."""
    state, told = Switching(start), []
    for faulty in verdicts:
        scheme = rules.scheme_of(Terms(aql="1.0"), 1_000, state.severity)
        state, cause = rules.after_lot(state, scheme, "1.0", faulty, is_reduction_approved=approved)
        told.append((str(state.severity), str(cause.value)))
    return told


def test_each_switch_is_told_with_its_rule() -> None:
    assert walk(9, 0, 9)[-1] == ("tightened", Cause.TWO_OF_FIVE)
    assert walk(9, 0, 0, 0, 0, 9)[-1] == ("normal", Cause.KEPT)
    assert walk(*[0] * 5, start=Severity.TIGHTENED)[-1] == ("normal", Cause.FIVE_ACCEPTED)
    assert walk(9, 0, 9, 9, 0, 9, 9, start=Severity.TIGHTENED)[-1] == ("discontinued", Cause.FIVE_REJECTED)
    assert walk(*[0] * 10, approved=True)[-1] == ("reduced", Cause.SCORE)
    assert walk(*[0] * 10)[-1] == ("normal", Cause.KEPT)
    assert walk(0, 9, start=Severity.REDUCED)[-1] == ("normal", Cause.REDUCED_LOST)


def test_a_lot_submitted_again_is_never_inspected_reduced() -> None:
    told: dict[tuple[str, bool], Any] = {
        (current, tightened): rules.severity_again(current, is_tightened=tightened)
        for current in ("normal", "tightened", "reduced")
        for tightened in (False, True)
    }
    assert told == {
        ("normal", False): "normal",
        ("normal", True): "tightened",
        ("tightened", False): "tightened",
        ("tightened", True): "tightened",
        ("reduced", False): "normal",
        ("reduced", True): "tightened",
    }


def test_a_verdict_is_certain_when_the_rest_cannot_change_it() -> None:
    scheme = Scheme(100, 8, 1)
    certain = {
        (seen, bad): rules.verdict_so_far(scheme, seen, bad) for seen, bad in ((2, 2), (7, 0), (6, 0), (8, 1))
    }
    assert certain == {(2, 2): False, (7, 0): True, (6, 0): None, (8, 1): True}
    rng = random.Random(7)
    for _turn in range(200):
        faults = [rng.random() < 0.2 for _place in range(8)]
        for seen in range(9):
            known = rules.verdict_so_far(scheme, seen, sum(faults[:seen]))
            assert known is None or known is (sum(faults) <= 1)
