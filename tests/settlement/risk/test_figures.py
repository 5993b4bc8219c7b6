"""Each signal about figures speaks at its threshold and is silent just below it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from settlement.risk import parameters
from settlement.risk.signals import Signal
from tests.settlement.risk.ground import TODAY, firm, found, letters, trade

M = 1_000_000


def only(trades: list[dict[str, Any]], kind: str, **more: Any) -> Signal:
    (signal,) = found(trades, kind, **more)
    return signal


def test_more_than_half_of_a_year_from_one_buyer() -> None:
    signal = only([trade("X", "A", 600_001), trade("Y", "A", 600_000)], "concentration")
    assert (letters([signal.firm, *signal.parties]), signal.year) == ("AAX", 2025)
    assert signal.judgement.figures["share_bp"] == 5_000
    assert (signal.judgement.amount_fen, len(signal.orders)) == (60_000_100, 1)
    assert found([trade("X", "A", 600_000), trade("Y", "A", 600_000)], "concentration") == []


def test_small_years_are_not_called_concentrated() -> None:
    assert len(found([trade("X", "A", M)], "concentration")) == 1
    assert found([trade("X", "A", M, back_fen=1)], "concentration") == []


def test_firms_that_buy_from_one_another_more_than_half() -> None:
    signals = found([trade("A", "B", 400_000), trade("B", "A", 200_001, day=200)], "reciprocity")
    assert [letters([each.firm]) for each in signals] == ["A", "B"]
    assert signals[0].judgement.amount_fen == 20_000_100
    assert len(signals[0].orders) == 2
    assert found([trade("A", "B", 400_000), trade("B", "A", 200_000, day=200)], "reciprocity") == []
    assert found([trade("A", "B", 99_999), trade("B", "A", 99_999, day=200)], "reciprocity") == []
    assert len(found([trade("A", "B", 100_000), trade("B", "A", 100_000, day=200)], "reciprocity")) == 2


def test_buying_back_in_another_year_is_another_matter() -> None:
    assert found([trade("A", "B", M), trade("B", "A", M, day=date(2026, 2, 1))], "reciprocity") == []


@pytest.mark.parametrize(
    ("fen", "is_told"), [(499_999_999, False), (500_000_000, True), (525_000_000, True), (525_000_001, False)]
)
def test_revenue_from_the_condition_to_five_per_cent_above_it(fen: int, is_told: bool) -> None:
    revenues = {(firm("A"), 2025): fen}
    signals = found(
        [trade("X", "A", 10)], "near_threshold", revenues=revenues, goal=lambda _year: 500_000_000
    )
    assert bool(signals) is is_told
    if signals:
        assert signals[0].judgement.figures["above_fen"] == fen - 500_000_000
    assert found([trade("X", "A", 10)], "near_threshold", revenues=revenues) == []


def test_more_than_half_of_a_year_in_december() -> None:
    autumn = trade("X", "A", M, day=date(2025, 11, 30))
    assert found([autumn, trade("Y", "A", M, day=date(2025, 12, 1))], "december") == []
    signal = only([autumn, trade("Y", "A", M + 1, day=date(2025, 12, 1))], "december")
    assert signal.judgement.figures == {
        "december_fen": 100_000_100,
        "year_fen": 200_000_100,
        "share_bp": 5_000,
    }
    assert [each["day"] for each in signal.orders] == [date(2025, 12, 1)]
    assert found([trade("Y", "A", M - 1, day=date(2025, 12, 1))], "december") == []


def test_final_days_at_five_times_the_daily_average() -> None:
    # 350 days with 1,000 a day before; 15 days from 17 December on.
    before = trade("X", "A", 350_000, day=date(2025, 3, 1))
    assert found([before, trade("Y", "A", 499_999, day=date(2025, 12, 17))], "year_end_burst") == []
    signal = only([before, trade("Y", "A", 500_000, day=date(2025, 12, 17))], "year_end_burst")
    assert (signal.judgement.figures["times"], signal.judgement.figures["days"]) == (33, 15)
    steady = trade(
        "X", "A", 3_500_000, day=date(2025, 3, 1)
    )  # 10,000 a day: five times are 750,000 in 15 days
    assert found([steady, trade("Y", "A", 749_999, day=date(2025, 12, 31))], "year_end_burst") == []
    assert len(found([steady, trade("Y", "A", 750_000, day=date(2025, 12, 31))], "year_end_burst")) == 1
    assert found([before, trade("Y", "A", M, day=date(2025, 12, 16))], "year_end_burst") == []


def test_a_year_that_still_runs_is_compared_by_the_days_that_have_passed() -> None:
    trades = [
        trade("X", "A", 3_500_000, day=date(2025, 3, 1)),
        trade("Y", "A", 500_000, day=date(2025, 12, 17)),
    ]
    from tests.settlement.risk import ground

    with ground.market(trades) as con:
        from settlement.risk.signals import scan

        kinds = {each.kind for each in scan(con, years=(2025,), today=date(2025, 12, 18), given=ground.GIVEN)}
    assert "year_end_burst" in kinds  # 250,000 a day in two days against 10,000


def test_paid_and_never_used_thirty_days_after_delivery() -> None:
    due = TODAY - timedelta(days=30)
    signal = only([trade("X", "A", 50_000, use_count=0, delivered_on=due)], "buyer_without_use")
    assert letters(signal.parties) == "AX"
    assert [each["kind"] for each in signal.proofs] == ["delivery"]
    assert signal.judgement.figures == {"unused_fen": 5_000_000, "size": 1, "days": 30}
    for changed in (
        {"use_count": 1},
        {"delivered_on": due + timedelta(days=1)},
        {"back_fen": 1},
        {"delivered_on": None},
    ):
        unused = {"use_count": 0, "delivered_on": due, **changed}
        assert found([trade("X", "A", 50_000, **unused)], "buyer_without_use") == []


def test_a_product_used_under_one_order_is_used_under_the_next_one_too() -> None:
    due = TODAY - timedelta(days=40)
    first, again = (trade("X", "A", 50_000, use_count=count, delivered_on=due) for count in (0, 3))
    assert found([first, again], "buyer_without_use") == []
    other = trade("X", "A", 50_000, use_count=0, delivered_on=due, product=firm("z"))
    assert len(only([other, again], "buyer_without_use").orders) == 1


def test_money_given_back_on_the_day_it_came() -> None:
    signal = only([trade("X", "A", 20_000, back_fen=M, same_day_fen=M)], "same_day_refund")
    assert signal.judgement.figures == {"refund_fen": M, "size": 1}
    assert found([trade("X", "A", 20_000, back_fen=M, same_day_fen=M - 1)], "same_day_refund") == []
    assert found([trade("X", "A", 20_000, back_fen=M)], "same_day_refund") == []


def test_a_year_made_with_buyers_that_came_for_one_supplier_only() -> None:
    day = date(2025, 6, 1)
    fresh = {"verified_on": day - timedelta(days=60)}
    known = trade("Z", "A", 999_999)
    signal = only(
        [trade("X", "A", 400_000, **fresh), trade("Y", "A", 600_000, **fresh), known], "new_buyers_only"
    )
    assert (signal.judgement.figures["size"], signal.judgement.amount_fen) == (2, 100_000_000)
    assert letters(signal.parties) == "AXY"
    assert found([trade("X", "A", 999_999, **fresh), known], "new_buyers_only") == []
    older = {"verified_on": day - timedelta(days=61)}
    assert found([trade("X", "A", 2 * M, **older)], "new_buyers_only") == []
    elsewhere = trade("X", "B", 10, day=300, **fresh)
    assert found([trade("X", "A", 2 * M, **fresh), elsewhere], "new_buyers_only") == []


def offers(*prices: int, **kept: Any) -> list[dict[str, Any]]:
    """Like offers, each a plan of its own, by three suppliers in turn."""
    return [
        trade("X", "CDE"[number % 3], price, plan=firm(chr(0x61 + number)), **kept)
        for number, price in enumerate(prices)
    ]


def test_a_price_far_from_like_offers() -> None:
    # Seven equal prices and one other: the least spread of logarithms (0.2) holds, so 3.5 deviations are e^0.7 = 2.0138 times.
    signal = only(offers(*[10_000] * 7, 20_138), "price_far")
    assert letters([signal.firm]) == "D"
    assert signal.judgement.figures == {
        "price_fen": 2_013_800, "median_fen": 1_000_000, "deviation_centi": 350, "size": 8,
    }  # fmt: skip
    assert found(offers(*[10_000] * 7, 20_137), "price_far") == []
    assert only(offers(*[10_000] * 7, 4_965), "price_far").judgement.figures["deviation_centi"] == -350
    assert found(offers(*[10_000] * 7, 4_967), "price_far") == []


def test_a_price_is_compared_only_with_enough_like_offers_of_several_suppliers() -> None:
    assert found(offers(*[10_000] * 6, 90_000), "price_far") == []
    one_supplier = [{**each, "supplier": firm("C")} for each in offers(*[10_000] * 7, 90_000)]
    assert found(one_supplier, "price_far") == []
    other_industry = [*offers(*[10_000] * 8), trade("X", "A", 90_000, industry="tourism")]
    assert found(other_industry, "price_far") == []


def test_many_orders_of_one_plan_are_one_offer() -> None:
    busy = [trade("X", "C", 90_000, plan=firm("z"), day=number) for number in range(20)]
    (signal,) = found([*offers(*[10_000] * 8), *busy], "price_far")
    assert len(signal.orders) == 20


def test_thresholds_are_dated_and_never_missing_silently() -> None:
    assert parameters.in_force(date(2024, 1, 1)).days("hearing_days") == 10
    with pytest.raises(parameters.UndefinedParameter):
        parameters.in_force(date(2023, 12, 31)).days("hearing_days")
    row = {
        "name": "x", "signal": "case", "label": {"zh": "", "en": ""}, "note": {"zh": "", "en": ""}, "value": 1,
        "unit": "days", "basis": "", "effective_from": date(2024, 1, 1),
    }  # fmt: skip
    with pytest.raises(parameters.OverlappingParameters):
        parameters.read({"name": "v", "parameter": [row, {**row, "effective_from": date(2025, 1, 1)}]})
    ended = {**row, "effective_to": date(2025, 1, 1)}
    _name, rows = parameters.read(
        {"name": "v", "parameter": [ended, {**row, "effective_from": date(2025, 1, 1)}]}
    )
    assert [each.applies_on(date(2025, 1, 1)) for each in rows] == [False, True]
    for changed in ({"unit": "weeks"}, {"value": "1"}, {"effective_to": date(2024, 1, 1)}, {"unit": "yuan"}):
        with pytest.raises(ValueError, match="x"):
            parameters.read({"name": "v", "parameter": [{**row, **changed}]})


def test_every_signal_has_its_thresholds_in_both_languages() -> None:
    from settlement.risk.states import SignalKind

    rows = parameters.all_rows()
    assert {row.signal for row in rows} == {*SignalKind.values, "case"}
    assert all(text[language] for row in rows for text in (row.label, row.note) for language in ("zh", "en"))
