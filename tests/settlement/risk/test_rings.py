"""Every planted ring is found, none is invented: worked examples and brute force over small markets."""

from __future__ import annotations

from datetime import date
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given as assume
from hypothesis import settings
from hypothesis import strategies as st

from settlement.risk.signals import rings
from tests.settlement.risk.ground import GIVEN, firm, found, letters, market, trade

MILLION = 1_000_000


def ring(names: str, yuan: int, *, apart: int = 3, shrinks: int = 0) -> list[dict[str, Any]]:
    """Each firm pays the next, the last one the first; every hop some days later and a little smaller."""
    return [
        trade(payer, payee, yuan - shrinks * hop, day=apart * hop)
        for hop, (payer, payee) in enumerate(zip(names, names[1:] + names[0], strict=True))
    ]


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_a_planted_ring_is_found_for_each_of_its_firms(size: int) -> None:
    names = "ABCDEF"[:size]
    noise = [trade("X", "A", 800_000), trade("B", "Y", 990_000, day=1), trade("Y", "Z", 1_000_000, day=2)]
    signals = found(ring(names, 2 * MILLION, shrinks=10_000) + noise, "round_trip")
    assert [letters([each.firm]) for each in signals] == list(names)
    (one, *_others) = signals
    assert letters(one.parties) == names
    assert len(one.orders) == size
    back = 2 * MILLION - 10_000 * (size - 1)
    assert one.judgement.amount_fen == back * 100
    assert one.judgement.figures["days"] == 3 * (size - 1)
    assert one.judgement.figures["back_bp"] == back * 10_000 // (2 * MILLION)


def test_small_rings_of_five_are_left_alone_and_small_rings_of_four_are_not() -> None:
    assert found(ring("ABCDE", 999_999), "round_trip") == []
    assert len(found(ring("ABCDE", MILLION), "round_trip")) == 5
    assert len(found(ring("ABCD", 100), "round_trip")) == 4


def test_amounts_five_per_cent_apart_are_the_same_money_and_a_fen_more_is_not() -> None:
    trades = [trade("A", "B", 1000), trade("B", "A", 950, day=1)]
    assert len(found(trades, "round_trip")) == 2
    trades[1]["gross_fen"] -= 1
    assert found(trades, "round_trip") == []


def test_a_ring_closes_within_thirty_days_or_it_is_none() -> None:
    def closing(days: int) -> list[dict[str, Any]]:
        return [trade("A", "B", 1000), trade("B", "C", 1000, day=4), trade("C", "A", 1000, day=days)]

    assert len(found(closing(30), "round_trip")) == 3
    assert found(closing(31), "round_trip") == []


def test_what_was_refunded_did_not_go_round() -> None:
    trades = ring("ABC", 1000)
    trades[1]["back_fen"] = 100_000
    assert found(trades, "round_trip") == []


def test_the_same_ring_in_two_rounds_is_one_finding_a_year_with_all_its_orders() -> None:
    again = [{**each, "day": date(2025, 9, 1)} for each in ring("ABC", 5000)]
    signals = found(ring("ABC", 1000) + again, "round_trip")
    assert len(signals) == 3
    assert {len(each.orders) for each in signals} == {6}
    assert signals[0].judgement.figures["out_fen"] == 600_000


def test_a_ring_over_new_year_is_told_in_both_years() -> None:
    trades = [trade("A", "B", 1000, day=date(2025, 12, 29)), trade("B", "A", 1000, day=date(2026, 1, 4))]
    assert sorted((letters([e.firm]), e.year) for e in found(trades, "round_trip")) == [
        ("A", 2025), ("A", 2026), ("B", 2025), ("B", 2026),
    ]  # fmt: skip


def brute_force(trades: list[dict[str, Any]]) -> set[str]:
    """All rings by trying every order of the firms and every choice of payments."""
    names = sorted({letters([each[side]]) for each in trades for side in ("buyer", "supplier")})
    wanted = set()

    def fits(chosen: list[dict[str, Any]]) -> bool:
        days = [each["day"].toordinal() for each in chosen]
        amounts = [each["gross_fen"] for each in chosen]
        return max(days) - min(days) <= 30 and (max(amounts) - min(amounts)) * 20 <= max(amounts)

    for size in range(2, 7):
        for order in permutations(names, size):
            if order[0] != min(order):
                continue
            choices: list[list[dict[str, Any]]] = [[]]
            for payer, payee in zip(order, order[1:] + order[:1], strict=True):
                hop = [e for e in trades if e["buyer"] == firm(payer) and e["supplier"] == firm(payee)]
                choices = [[*chosen, each] for chosen in choices for each in hop if fits([*chosen, each])]
            if any(size <= 4 or min(e["gross_fen"] for e in chosen) >= MILLION * 100 for chosen in choices):
                wanted.add("".join(order))
    return wanted


PAYMENTS = st.tuples(
    st.sampled_from("ABCDEF"), st.sampled_from("ABCDEF"), st.sampled_from([960_000, 990_000, 1_000_000, 1_040_000]),
    st.integers(0, 45),
).filter(lambda each: each[0] != each[1])  # fmt: skip


@settings(max_examples=60, deadline=None)
@assume(st.lists(PAYMENTS, min_size=1, max_size=16))
def test_rings_are_exactly_those_that_brute_force_finds(payments: list[tuple[str, str, int, int]]) -> None:
    trades = [trade(payer, payee, yuan, day=day) for payer, payee, yuan, day in payments]
    with market(trades) as con:
        numbers = dict(con.execute("SELECT n, id FROM firms").fetchall())
        ours = {letters([numbers[n] for n in each.firms]) for each in rings.rings(con, GIVEN)}
    assert ours == brute_force(trades)


def test_many_equal_payments_between_the_same_firms_do_not_multiply() -> None:
    trades = [
        each
        for day in range(25)
        for each in ring("ABCD", 1000, apart=0)
        if not each.update(day=each["day"].replace(day=1 + day))
    ]
    with market(trades) as con:
        (only,) = rings.rings(con, GIVEN)
    assert len(only.rounds) <= 25


def test_a_group_whose_payments_cancel_out_is_told_and_one_that_trades_is_not() -> None:
    # Amounts too different for one ring: A→B 1.5 M, B→C 1.0 M, B→A 0.5 M, C→A 1.0 M: nobody is richer.
    around = [
        trade("A", "B", 1_500_000), trade("B", "C", 1_000_000, day=60), trade("B", "A", 500_000, day=120),
        trade("C", "A", 1_000_000, day=180),
    ]  # fmt: skip
    signals = found(around, "circulation")
    assert [letters([each.firm]) for each in signals] == ["A", "B", "C"]
    assert signals[0].judgement.figures == {"size": 3, "gross_fen": 400_000_000, "net_fen": 0, "net_bp": 0}
    assert signals[0].judgement.score == 90
    assert found([*around, trade("A", "C", 300_000)], "circulation") == []


@pytest.mark.parametrize(
    ("extra", "score"), [(0, 90), (20_202, 90), (20_203, 60), (105_263, 60), (105_264, None)]
)
def test_net_to_gross_is_strong_to_one_and_weak_to_five_per_cent(extra: int, score: int | None) -> None:
    # 1,000,000 there and 1,000,000 + extra back: net = extra, gross = 2,000,000 + extra.
    signals = found([trade("A", "B", 1_000_000), trade("B", "A", 1_000_000 + extra, day=200)], "circulation")
    assert ([each.judgement.score for each in signals] or [None])[0] == score
