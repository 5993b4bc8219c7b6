"""The open questions that change the sums: what rows of the books add up to under each reading."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from exchange.trading.models import Order
from kernel.money import Money
from settlement.revenue.models import AnnualRevenue, RevenueLine
from settlement.rewards import comparisons, engine, measures, readings, rules, selectors
from settlement.rewards.comparisons import Scheme
from tests import cast
from tests.settlement import trades

pytestmark = pytest.mark.django_db
VALID = (date(2024, 1, 1), date(2027, 1, 1))
CARD = measures.DATA_PRODUCT_TRADING


def firm() -> Any:
    return cast.organization(cast.QINGLAN)


def outcome(year: int, **interpretation: str) -> tuple[str, int]:
    found = rules.decide(CARD.id, selectors.gather_facts(firm(), year), interpretation=interpretation)
    return found.outcome.value, found.amount_fen


def test_the_default_sums_are_those_that_are_kept() -> None:
    order = trades.sale("6000000.00")
    trades.refund(order, "100000.00", at=trades.MARCH_2025.replace(month=5))
    kept = AnnualRevenue.objects.get(firm=firm(), year=2025)
    sums = readings.summed(readings.cells_of_firm(firm().pk, 2025, *VALID), 2025, readings.default_reading())
    assert (sums["receipts_fen"], sums["refunds_fen"]) == (kept.receipts_fen, kept.refunds_fen)
    assert (sums["vat_fen"], sums["fees_fen"]) == (kept.vat_fen, kept.fee_fen)
    assert (sums["transaction_count"], sums["excluded_count"]) == (1, 0)
    by_firm = readings.cells_by_firm(2025, *VALID)
    assert set(by_firm[firm().pk]) == set(readings.cells_of_firm(firm().pk, 2025, *VALID))
    assert readings.resummed(readings.cells_of_firm(firm().pk, 2025, *VALID), 2025) == []


def test_a_refund_after_the_year_lowers_the_year_of_the_sale_or_that_of_the_refund() -> None:
    order = trades.sale("6000000.00")
    trades.refund(order, "1500000.00", at=trades.JANUARY_2026)
    assert outcome(2025) == ("not_eligible", 0)
    assert outcome(2025, late_refund="year_of_refund") == ("granted", 6_000_000)
    cells = readings.cells_of_firm(firm().pk, 2026, *VALID)
    other = {**readings.default_reading(), "late_refund": "year_of_refund"}
    assert readings.summed(cells, 2026, other)["refunds_fen"] == -150_000_000
    assert readings.summed(cells, 2026, readings.default_reading())["refunds_fen"] == 0


@pytest.mark.parametrize("reading", [{"year_end": "year_of_acceptance"}, {"recognition": "accrual"}])
def test_a_sale_accepted_in_december_and_paid_in_january_counts_in_either_year(
    reading: dict[str, str],
) -> None:
    order = trades.sale("6000000.00", at=datetime(2025, 1, 3, 4, 0, tzinfo=UTC))
    Order.objects.filter(pk=order.pk).update(accepted_at=datetime(2024, 12, 31, 4, 0, tzinfo=UTC))
    assert outcome(2025) == ("granted", 6_000_000)
    assert outcome(2025, **reading) == ("not_eligible", 0)
    assert outcome(2024, **reading)[0] == "not_eligible", "no certificate was in force in 2024"
    assert (
        rules.decide(CARD.id, selectors.gather_facts(firm(), 2024), interpretation=reading).step("revenue")[
            "lines"
        ][0]["amount_fen"]
        == 600_000_000
    )


def test_one_certificate_in_the_year_covers_every_sale_where_it_is_read_so() -> None:
    trades.sale("6000000.00")
    RevenueLine.objects.update(exclusions=["certificate"])
    assert outcome(2025) == ("not_eligible", 0)
    assert outcome(2025, coverage="once_in_year") == ("granted", 6_000_000)
    RevenueLine.objects.update(exclusions=["certificate", "circular"])
    assert outcome(2025, coverage="once_in_year") == ("not_eligible", 0)


def test_a_year_partly_inside_the_validity_counts_its_days_or_the_whole() -> None:
    trades.sale("6000000.00")
    cells = readings.cells_of_firm(firm().pk, 2025, date(2025, 3, 10), date(2028, 3, 10))
    inside = readings.summed(cells, 2025, readings.default_reading())
    whole = readings.summed(cells, 2025, {**readings.default_reading(), "partial_year": "whole_year"})
    assert (inside["receipts_fen"], inside["excluded_period_fen"]) == (600_000_000, -600_000_000)
    assert (whole["receipts_fen"], whole["excluded_period_fen"]) == (600_000_000, 0)


def test_two_readings_at_once_have_their_own_sum() -> None:
    order = trades.sale("6000000.00")
    trades.refund(order, "1500000.00", at=trades.JANUARY_2026)
    RevenueLine.objects.update(exclusions=["certificate"])
    assert outcome(2025, coverage="once_in_year") == ("not_eligible", 0)
    assert outcome(2025, coverage="once_in_year", late_refund="year_of_refund") == ("granted", 6_000_000)


# --- two ways over all firms --------------------------------------------------------------------


def scheme(values: dict[str, int] | None = None, **interpretation: str) -> Scheme:
    return Scheme(interpretation={CARD.id: interpretation}, values={CARD.id: values or {}})


def test_all_firms_come_out_as_each_statement_does() -> None:
    trades.sale("6000000.00")
    found = comparisons.compared(2025, scheme(), scheme())
    total = found.total
    assert (total.firm_count, total.one_fen, total.other_fen, found.changed) == (1, 6_000_000, 6_000_000, [])
    assert total.one_fen == outcome(2025)[1]
    by_lines = comparisons.compared(2025, scheme(), scheme(coverage="once_in_year"))
    assert (by_lines.total.one_fen, by_lines.total.other_fen) == (6_000_000, 6_000_000)


def test_who_gains_and_what_it_costs() -> None:
    trades.sale("4900000.00")
    found = comparisons.compared(2025, scheme(), scheme(tax="including_vat"))
    (row,) = found.changed
    assert (row.firm, row.one_fen, row.other_fen, row.change_fen) == (firm(), 0, 5_194_000, 5_194_000)
    assert row.measure == CARD.id
    assert "4,900,000.00" in row.one_why.zh
    assert "51,940.00" in row.other_why.zh
    total = found.total
    assert (total.gaining_count, total.losing_count, total.change_fen) == (1, 0, 5_194_000)
    back = comparisons.compared(2025, scheme(tax="including_vat"), scheme()).total
    assert (back.gaining_count, back.losing_count, back.change_fen) == (0, 1, -5_194_000)


def test_a_reading_of_refunds_is_worked_out_from_the_lines() -> None:
    order = trades.sale("6000000.00")
    trades.refund(order, "1500000.00", at=trades.JANUARY_2026)
    found = comparisons.compared(2025, scheme(), scheme(late_refund="year_of_refund"))
    assert (found.total.one_fen, found.total.other_fen) == (0, 6_000_000)


def test_another_threshold_and_cap_change_the_figures_but_no_parameter() -> None:
    trades.sale("6000000.00")
    lowered = scheme({"revenue_threshold": 700_000_000})
    assert comparisons.compared(2025, scheme(), lowered).total.other_fen == 0
    capped = scheme({"annual_cap": Money(3_000_000).fen})
    assert comparisons.compared(2025, scheme(), capped).total.other_fen == 3_000_000
    version = measures.version_of(CARD.id)
    assert version.at("annual_cap", version.first_day).value == 100_000_000


def test_comparing_takes_the_same_number_of_queries_for_more_sales() -> None:
    trades.sale("6000000.00")
    with CaptureQueriesContext(connection) as few:
        comparisons.compared(2025, scheme(), scheme(tax="including_vat"))
    for _each in range(3):
        trades.sale("100.00")
    with CaptureQueriesContext(connection) as many:
        comparisons.compared(2025, scheme(), scheme(tax="including_vat"))
    assert len(few) == len(many) <= 40


def test_a_firm_whose_profile_is_not_verified_is_undetermined_in_both_ways() -> None:
    trades.sale("6000000.00")
    cells = readings.cells_by_firm(2025, *VALID)
    assert list(cells) == [firm().pk]
    type(firm()).objects.filter(pk=firm().pk).update(verification="unverified")
    found = comparisons.compared(2025, scheme(), scheme(tax="including_vat"))
    assert (found.total.undetermined_count, found.total.one_fen) == (1, 0)
    assert isinstance(selectors.gather_facts(firm(), 2025), engine.Facts)
