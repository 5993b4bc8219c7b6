"""Annual actual revenue is net of refunds and credit invoices; the same fact never counts twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from exchange.trading.models import Order
from settlement.invoicing import services as invoicing
from settlement.invoicing.models import Invoice
from settlement.revenue import history, selectors, services
from settlement.revenue.models import RevenueLine
from settlement.revenue.rules import Credited, credited
from settlement.rewards.readings import cells_of_firm, default_reading, summed
from tests import cast
from tests.settlement import trades
from tests.settlement.invoicing import sheets

pytestmark = pytest.mark.django_db
APRIL = datetime(2025, 4, 7, 4, 0, tzinfo=UTC)
FEBRUARY_2026 = datetime(2026, 2, 9, 4, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def wired() -> Iterator[None]:
    with trades.wired():
        yield


def counted(year: int = 2025) -> int:
    """What counts; the kept figures and the raw rows agree to the fen."""
    firm = cast.organization(cast.QINGLAN)
    found = services.recompute(firm.pk, year)
    assert found.is_equal, found.differences
    return int(selectors.annual(firm.pk, year).counted_fen)


def sold() -> tuple[Order, Invoice]:
    """A sale of 6,800,000.00 without VAT with its invoice."""
    order = trades.sale("6800000.00")
    return order, sheets.invoiced(order, at=APRIL)


def credit(
    invoice: Invoice, net: str, *, at: datetime = APRIL, cause: object = None, reason: str = "销售退回"
) -> Invoice:
    gross = trades.gross_of(trades.Money.from_yuan(net)).fen
    return invoicing.issue_credit(
        by=cast.lin(), at=at, invoice_id=invoice.pk, sheet=sheets.sheet(gross, on=at.date()), reason=reason,
        cause_id=cause,
    )  # fmt: skip


def test_a_credit_invoice_over_everything_leaves_no_revenue() -> None:
    _order, invoice = sold()
    assert counted() == 680_000_000
    credit(invoice, "6800000.00")
    assert counted() == 0
    kept = selectors.annual(cast.organization(cast.QINGLAN).pk, 2025)
    assert (kept.receipts_fen, kept.refunds_fen, kept.vat_fen, kept.line_count) == (
        680_000_000,
        -680_000_000,
        0,
        2,
    )


def test_a_credit_invoice_for_a_refund_is_the_same_fact_and_counts_once() -> None:
    order, invoice = sold()
    refund = trades.refund(order, "800000.00", at=APRIL)
    credit(invoice, "800000.00", cause=refund.pk, reason="退款")
    assert counted() == 600_000_000
    assert RevenueLine.objects.filter(is_credit=True).count() == 0


def test_of_refund_and_credit_invoices_the_larger_counts_in_either_order() -> None:
    order, invoice = sold()
    credit(invoice, "1000000.00")
    assert counted() == 580_000_000
    trades.refund(order, "300000.00", at=APRIL)
    assert counted() == 580_000_000
    assert RevenueLine.objects.get(is_credit=True).net_fen == -70_000_000
    trades.refund(order, "900000.00", at=APRIL)
    assert counted() == 560_000_000
    assert RevenueLine.objects.filter(is_credit=True).count() == 0


def test_an_invoice_credited_for_a_mistake_counts_again_once_it_is_issued_anew() -> None:
    order, invoice = sold()
    credit(invoice, "6800000.00", reason="抬头有误")
    assert counted() == 0
    sheets.invoiced(order, at=APRIL)
    assert counted() == 680_000_000


def test_a_voided_credit_invoice_takes_nothing_off() -> None:
    _order, invoice = sold()
    made = credit(invoice, "6800000.00")
    invoicing.void_invoice(by=cast.lin(), at=APRIL, invoice_id=made.pk, reason="开错")
    assert counted() == 680_000_000


def test_a_credit_invoice_before_the_receipt_is_found_when_it_is_booked() -> None:
    order = trades.sale("6800000.00", completes=False)
    invoice = sheets.invoiced(order, at=trades.MARCH_2025)
    credit(invoice, "800000.00", at=trades.MARCH_2025, reason="折让")
    trades.trading.accept_order(by=cast.zhou(), at=APRIL, order_id=order.pk)
    assert counted() == 600_000_000


def test_a_credit_invoice_after_the_year_takes_off_the_year_of_the_receipt_and_a_past_day_stands() -> None:
    _order, invoice = sold()
    credit(invoice, "800000.00", at=FEBRUARY_2026)
    firm = cast.organization(cast.QINGLAN)
    assert (counted(2025), counted(2026)) == (600_000_000, 0)
    standing = history.standing(firm.pk, 2025, date(2025, 12, 31))
    assert (standing.then.counted_fen, standing.now.counted_fen) == (680_000_000, 600_000_000)
    assert [(each.label, each.effect_fen) for each in standing.changes] == [("红字发票", -80_000_000)]
    # Under the reading by which a late refund counts in its own year, so does a late credit invoice.
    by_refund = {**default_reading(), "late_refund": "year_of_refund"}
    span = (date(2024, 1, 1), date(2027, 1, 1))
    totals = [summed(cells_of_firm(firm.pk, year, *span), year, by_refund) for year in (2025, 2026)]
    assert [each["refunds_fen"] for each in totals] == [0, -80_000_000]


def test_the_trade_s_fate_is_the_credit_invoice_s_fate() -> None:
    order, invoice = sold()
    credit(invoice, "800000.00")
    services.rule_on_trade(
        by=cast.gu(), at=APRIL, order_id=order.pk, code="circular", is_excluded=True, reason="资金回流"
    )
    assert counted() == 0
    assert RevenueLine.objects.get(is_credit=True).exclusions == ["circular"]


@pytest.mark.parametrize(
    ("refunded", "invoiced", "taken_off", "expected"),
    [
        (0, 0, 0, (0, 0)),
        (0, 1060, 1060, (1060, 1000)),
        (0, 2120, 1060, (0, 0)),  # credited and issued again
        (0, 530, 530, (530, 500)),
        (106, 1060, 106, (0, 0)),
        (106, 1060, 107, (1, 1)),
        (1060, 1060, 1060, (0, 0)),
        (0, 1060, 5000, (1060, 1000)),  # never more than was received
    ],
)
def test_what_credit_invoices_take_off_beyond_refunds(
    refunded: int, invoiced: int, taken_off: int, expected: tuple[int, int]
) -> None:
    found = credited(
        received_fen=1060, received_net_fen=1000, refunded_fen=refunded, refunded_net_fen=refunded - refunded * 60 // 1060,
        invoiced_fen=invoiced, credited_fen=taken_off,
    )  # fmt: skip
    assert found == Credited(*expected)
