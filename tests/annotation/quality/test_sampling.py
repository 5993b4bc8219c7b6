"""Single sampling plans are those of ISO 2859-1:1999 / GB/T 2828.1-2012, and switching follows its clause 9."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.quality.sampling import (
    AQLS,
    LETTERS,
    LEVELS,
    MOVES,
    Plan,
    Severity,
    Switching,
    after_lot,
    arrow,
    code_letter,
    limiting_plan,
    lot_pass_probability,
    master_plan,
    outgoing_limit,
    outgoing_quality,
    pass_probability,
    plan,
    quality_at,
    resumed,
    smallest_sample,
)
from kernel.errors import InvalidInput

# --- the tables -------------------------------------------------------------------------------

LETTER_CELLS = """
    2 II A · 8 III B · 9 II B · 15 I A · 16 S-3 B · 25 II C · 26 S-2 B · 50 II D · 51 S-1 B · 90 II E ·
    91 S-4 D · 150 II F · 151 S-2 C · 280 II G · 281 S-4 E · 500 II H · 501 II J · 1200 III K · 1201 II K ·
    3200 I H · 3201 II L · 10000 S-3 F · 10001 II M · 35000 III N · 35001 S-1 D · 150000 II N ·
    150001 II P · 500000 S-4 J · 500001 II Q · 500001 III R · 1000000 S-4 K
"""


@pytest.mark.parametrize("cell", [cell.split() for cell in LETTER_CELLS.split("·")], ids=" ".join)
def test_the_code_letter_is_that_of_table_1(cell: list[str]) -> None:
    assert code_letter(int(cell[0]), cell[1]) == cell[2]


CELLS = {
    # letter, AQL → letter of the plan, sample size, Ac; a plan of another letter came by an arrow.
    Severity.NORMAL: """
        A 0.010 Q 1250 0 · A 6.5 A 2 0 · A 10 C 5 1 · B 4.0 B 3 0 · B 6.5 A 2 0 · B 10 C 5 1 · C 2.5 C 5 0 ·
        C 6.5 D 8 1 · D 2.5 C 5 0 · D 4.0 E 13 1 · D 10 D 8 2 · E 1.0 E 13 0 · E 10 E 13 3 · F 0.65 F 20 0 ·
        F 1.0 E 13 0 · F 1.5 G 32 1 · F 2.5 F 20 1 · F 4.0 F 20 2 · G 0.40 G 32 0 · G 2.5 G 32 2 ·
        G 4.0 G 32 3 · G 10 G 32 7 · H 0.25 H 50 0 · H 0.65 J 80 1 · H 1.0 H 50 1 · H 2.5 H 50 3 ·
        H 4.0 H 50 5 · H 6.5 H 50 7 · J 0.15 J 80 0 · J 0.25 H 50 0 · J 0.40 K 125 1 · J 1.0 J 80 2 ·
        J 2.5 J 80 5 · J 4.0 J 80 7 · J 10 J 80 14 · K 0.10 K 125 0 · K 0.65 K 125 2 · K 1.0 K 125 3 ·
        K 2.5 K 125 7 · K 10 K 125 21 · L 0.065 L 200 0 · L 1.0 L 200 5 · L 1.5 L 200 7 · L 2.5 L 200 10 ·
        L 4.0 L 200 14 · L 10 K 125 21 · M 0.65 M 315 5 · M 2.5 M 315 14 · N 1.0 N 500 10 · P 1.5 P 800 21 ·
        P 10 K 125 21 · Q 0.025 R 2000 1 · Q 0.010 Q 1250 0 · R 0.010 Q 1250 0 · R 0.015 P 800 0 ·
        R 0.025 R 2000 1 · R 0.65 R 2000 21 · R 1.0 Q 1250 21""",
    Severity.TIGHTENED: """
        A 10 A 2 0 · B 6.5 B 3 0 · B 10 D 8 1 · D 2.5 D 8 0 · E 2.5 G 32 1 · F 2.5 G 32 1 · G 2.5 G 32 1 ·
        H 2.5 H 50 2 · J 1.0 J 80 1 · J 2.5 J 80 3 · J 4.0 J 80 5 · K 1.0 K 125 2 · K 2.5 K 125 5 ·
        K 10 K 125 18 · L 1.0 L 200 3 · L 2.5 L 200 8 · L 10 K 125 18 · M 2.5 M 315 12 · N 1.0 N 500 8 ·
        P 0.65 P 800 8 · Q 0.025 S 3150 1 · R 0.025 S 3150 1 · R 0.010 R 2000 0 · R 0.015 Q 1250 0 ·
        R 0.040 R 2000 1""",
    Severity.REDUCED: """
        A 10 D 3 1 · C 2.5 C 2 0 · D 1.5 D 3 0 · E 10 E 5 2 · F 1.5 H 20 1 · G 4.0 G 13 2 · H 2.5 H 20 2 ·
        H 6.5 H 20 5 · J 1.0 J 32 1 · J 2.5 J 32 3 · J 4.0 J 32 5 · K 0.65 K 50 1 · K 1.0 K 50 2 ·
        K 10 K 50 10 · L 1.0 L 80 3 · L 2.5 L 80 6 · M 2.5 M 125 8 · M 6.5 L 80 10 · N 1.0 N 200 6 ·
        P 0.040 R 800 1 · Q 0.010 Q 500 0 · Q 0.025 N 200 0 · R 0.025 N 200 0 · R 0.040 R 800 1""",
}


@pytest.mark.parametrize(
    ("severity", "cell"),
    [(severity, cell.split()) for severity, cells in CELLS.items() for cell in cells.split("·")],
)
def test_the_plan_is_that_of_the_master_table(severity: Severity, cell: list[str]) -> None:
    found = master_plan(cell[0], cell[1], severity)
    assert [found.letter, str(found.sample_size), str(found.accept)] == cell[2:]
    assert found.reject == found.accept + 1
    assert found.asked_letter == cell[0]


def test_arrows_point_to_the_first_plan_on_their_way() -> None:
    for severity in (Severity.NORMAL, Severity.TIGHTENED, Severity.REDUCED):
        for letter in LETTERS[:-1]:
            for aql in AQLS:
                shown, found = arrow(letter, aql, severity), master_plan(letter, aql, severity)
                there, here = LETTERS.index(found.letter), LETTERS.index(letter)
                assert {"": there == here, "↑": there < here, "↓": there > here}[shown]
                between = LETTERS[min(there, here) + 1 : max(there, here)]
                assert all(arrow(each, aql, severity) for each in between)
    assert (arrow("J", "0.25"), arrow("J", "0.40"), arrow("J", "0.65")) == ("↑", "↓", "")


def test_along_a_letter_plans_never_become_stricter_with_a_larger_aql() -> None:
    for severity in (Severity.NORMAL, Severity.TIGHTENED, Severity.REDUCED):
        for letter in LETTERS[:-1]:
            plans = [master_plan(letter, q, severity) for q in AQLS if not arrow(letter, q, severity)]
            assert len({found.sample_size for found in plans}) == 1
            accepted = [found.accept for found in plans]
            assert accepted == sorted(set(accepted))


def test_tightened_passes_less_than_normal_and_normal_less_than_reduced_at_twice_the_aql() -> None:
    for letter in "HJKLM":
        for aql in AQLS[8:14]:
            found = [
                float(pass_probability(p.sample_size, p.accept, 2 * float(aql) / 100))
                for p in (
                    master_plan(letter, aql, s)
                    for s in (Severity.TIGHTENED, Severity.NORMAL, Severity.REDUCED)
                )
            ]
            assert found[0] < found[1] < found[2]


def test_a_lot_no_larger_than_its_sample_is_inspected_wholly() -> None:
    assert plan(5000, 2.5) == Plan("L", "L", Severity.NORMAL, Decimal("2.5"), 200, 10)
    assert plan(40, "0.65") == Plan("F", "D", Severity.NORMAL, Decimal("0.65"), 20, 0)
    assert plan(20, "0.65") == Plan("F", "C", Severity.NORMAL, Decimal("0.65"), 20, 0, is_full=True)
    assert plan(12, "0.65").sample_size == 12


@pytest.mark.parametrize(
    ("arguments", "field"),
    [((1, "1.0", "II"), "lot_size"), ((100, "1.0", "IV"), "level"), ((100, "2.0", "II"), "aql"), ((100, "x", "I"), "aql"), ((100, 15, "I"), "aql")],
)  # fmt: skip
def test_what_the_tables_do_not_hold_is_refused(arguments: tuple[int, object, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        plan(arguments[0], arguments[1], level=arguments[2])
    assert refused.value.field == field


@given(st.integers(2, 2_000_000), st.sampled_from(AQLS), st.sampled_from(sorted(LEVELS)))
def test_every_lot_has_a_plan_that_fits_in_it(lot: int, aql: Decimal, level: str) -> None:
    for severity in (Severity.NORMAL, Severity.TIGHTENED, Severity.REDUCED):
        found = plan(lot, aql, level=level, severity=severity)
        assert found.sample_size <= lot
        assert found.accept < found.sample_size or found.is_full


# --- switching --------------------------------------------------------------------------------


def run(state: Switching, results: str, aql: str = "2.5", **conditions: bool) -> Switching:
    """Lots of letter L in turn: "." without a fault, "a" just accepted, "x" not accepted."""
    for result in results:
        used = master_plan("L", aql, state.severity)
        state = after_lot(state, used, {".": 0, "a": used.accept, "x": used.reject}[result], **conditions)
    return state


@pytest.mark.parametrize("results", ["xx", "x...x", ".....x..x", "xaax"])
def test_two_of_five_lots_not_accepted_tighten(results: str) -> None:
    assert run(Switching(), results[:-1]).severity == Severity.NORMAL
    assert run(Switching(), results) == Switching(Severity.TIGHTENED)


def test_two_lots_not_accepted_with_four_between_do_not_tighten() -> None:
    assert run(Switching(), "x....x....x").severity == Severity.NORMAL


def test_five_lots_accepted_in_turn_end_tightened_inspection() -> None:
    tightened = Switching(Severity.TIGHTENED)
    assert run(tightened, "....x....").severity == Severity.TIGHTENED
    assert run(tightened, "....x.....") == Switching()


def test_the_fifth_lot_not_accepted_under_tightened_inspection_ends_inspection() -> None:
    tightened = Switching(Severity.TIGHTENED)
    assert run(tightened, "x..x..x..x").not_accepted == 4
    ended = run(tightened, "x..x..x..x....x")
    assert ended == Switching(Severity.DISCONTINUED)
    with pytest.raises(ValueError, match="resume"):
        after_lot(ended, master_plan("L", "2.5"), 0)
    assert resumed(ended) == Switching(Severity.TIGHTENED)
    with pytest.raises(ValueError, match="not discontinued"):
        resumed(tightened)


def test_thirty_points_of_the_switching_score_allow_reduced_inspection() -> None:
    # Ac 10: three points for each lot that the next tighter AQL (Ac 7) would have accepted too.
    assert run(Switching(), "." * 10).score == 30
    assert run(Switching(), "." * 10).severity == Severity.NORMAL  # nobody has approved
    assert run(Switching(), "." * 10, is_reduction_approved=True) == Switching(Severity.REDUCED)
    assert run(Switching(), "." * 10, is_reduction_approved=True, is_steady=False).severity == Severity.NORMAL
    assert run(Switching(), "." * 9 + "a").score == 0
    used = master_plan("L", "2.5")
    assert after_lot(Switching(score=9), used, 7).score == 12
    assert after_lot(Switching(score=9), used, 8).score == 0


def test_with_an_acceptance_number_of_0_or_1_an_accepted_lot_is_two_points() -> None:
    assert run(Switching(), "." * 14, aql="0.25").score == 28
    assert run(Switching(), "a", aql="0.25").score == 2
    assert run(Switching(score=20), "x", aql="0.25").score == 0


@pytest.mark.parametrize(("results", "steady"), [("x", True), (".", False)])
def test_reduced_inspection_ends_with_a_lot_not_accepted_or_unsteady_production(
    results: str, steady: bool
) -> None:
    reduced = Switching(Severity.REDUCED)
    assert run(reduced, "..a.") == reduced
    assert run(reduced, results, is_steady=steady) == Switching()


def test_a_lot_judged_by_the_wrong_table_is_refused() -> None:
    with pytest.raises(ValueError, match="another severity"):
        after_lot(Switching(Severity.TIGHTENED), master_plan("L", "2.5"), 0)


@given(
    st.lists(st.tuples(st.sampled_from(".ax"), st.booleans(), st.booleans()), max_size=60),
    st.sampled_from(["0.25", "2.5"]),
)
def test_switching_never_skips_a_step(lots: list[tuple[str, bool, bool]], aql: str) -> None:
    state = Switching()
    for result, steady, approved in lots:
        if state.severity is Severity.DISCONTINUED:
            state = resumed(state)
        after = run(state, result, aql, is_steady=steady, is_reduction_approved=approved)
        assert after.severity == state.severity or after.severity in MOVES[state.severity]
        assert len(after.latest) <= 4
        state = after


# --- operating curves -------------------------------------------------------------------------


def test_a_process_with_five_per_cent_passes_aql_2_5_with_58_per_cent() -> None:
    assert float(pass_probability(200, 10, 0.05)) == pytest.approx(0.583067, abs=1e-6)
    exact = sum(math.comb(200, d) * Fraction(1, 20) ** d * Fraction(19, 20) ** (200 - d) for d in range(11))
    assert float(pass_probability(200, 10, 0.05)) == pytest.approx(float(exact), abs=1e-12)


@given(st.integers(1, 400), st.integers(0, 30))
def test_the_operating_curve_falls_from_one_to_nothing(size: int, accept: int) -> None:
    found = pass_probability(size, accept, np.linspace(0, 1, 50))
    assert found[0] == 1
    assert found[-1] == (1 if accept >= size else 0)
    assert (np.diff(found) <= 1e-15).all()


def exact(lot: int, size: int, accept: int, bad: int) -> float:
    ways = sum(math.comb(bad, d) * math.comb(lot - bad, size - d) for d in range(min(accept, size) + 1))
    return float(Fraction(ways, math.comb(lot, size)))


@given(st.data())
def test_the_curve_of_one_lot_is_exact(data: st.DataObject) -> None:
    lot = data.draw(st.integers(1, 150))
    size, bad = data.draw(st.integers(0, lot)), data.draw(st.integers(0, lot))
    accept = data.draw(st.integers(0, lot))
    found = lot_pass_probability(lot, size, accept, bad)
    assert found == pytest.approx(exact(lot, size, accept, bad), abs=1e-10)
    if bad < lot:
        assert lot_pass_probability(lot, size, accept, bad + 1) <= found + 1e-12


def test_a_large_lot_neither_overflows_nor_vanishes() -> None:
    assert lot_pass_probability(500_000, 100_000, 5000, 25_000) == pytest.approx(0.503, abs=0.002)
    assert lot_pass_probability(10_000_000, 200, 10, 500_000) == pytest.approx(
        float(pass_probability(200, 10, 0.05)), abs=1e-4
    )
    with pytest.raises(ValueError, match="parts of the lot"):
        lot_pass_probability(10, 11, 0, 1)


def test_the_outgoing_quality_has_its_limit_where_the_curve_turns() -> None:
    limit, share = outgoing_limit(200, 10)
    grid = outgoing_quality(200, 10, np.linspace(0, 0.2, 20_001))
    assert limit == pytest.approx(float(grid.max()), abs=1e-9)
    assert float(outgoing_quality(200, 10, share)) == pytest.approx(limit, abs=1e-12)
    assert limit == pytest.approx(0.0328, abs=5e-5)
    small, _share = outgoing_limit(200, 10, lot_size=400)
    assert small == pytest.approx(limit / 2, abs=1e-12)


def test_the_quality_at_a_probability_is_where_the_curve_is() -> None:
    for probability in (0.05, 0.1, 0.5, 0.95):
        share = quality_at(125, 7, probability)
        assert float(pass_probability(125, 7, share)) == pytest.approx(probability, abs=1e-12)


# --- isolated lots ----------------------------------------------------------------------------


def test_the_smallest_plan_lets_the_limiting_quality_pass_once_in_ten() -> None:
    found = limiting_plan(1000, 0.05)
    assert (found.sample_size, found.accept) == (44, 0)
    assert found.consumer_risk <= 0.1 < lot_pass_probability(1000, 43, 0, 50)


def test_with_a_good_quality_the_plan_is_fair_to_it_too() -> None:
    found = limiting_plan(10_000, 0.05, good_quality=0.01)
    assert (found.sample_size, found.accept) == (132, 3)
    assert found.consumer_risk <= 0.1
    assert found.producer_risk is not None
    assert found.producer_risk <= 0.05
    before = smallest_sample(10_000, 2, 0.05)
    assert 1 - lot_pass_probability(10_000, before, 2, 100) > 0.05


def test_a_small_lot_is_inspected_wholly_when_no_sample_will_do() -> None:
    assert smallest_sample(10, 0, 0.05) == 10
    assert limiting_plan(20, 0.10, good_quality=0.05).sample_size == 20
    with pytest.raises(InvalidInput):
        limiting_plan(100, 0.01, good_quality=0.02)
    with pytest.raises(InvalidInput):
        limiting_plan(1, 0.1)
