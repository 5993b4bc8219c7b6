"""A sale in December, its money in January, a refund in February: at every step the books, the invoices and the bank
say the same, or the reconciliation says exactly what is missing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from exchange.delivery import services as delivery
from exchange.trading import services as trading
from exchange.trading.models import Order
from kernel.money import Money
from settlement.banking import selectors as reconciliation
from settlement.banking import services as banking
from settlement.banking.states import Gap, Standing
from settlement.ledger import closing
from settlement.ledger import selectors as ledger
from settlement.payments import services as payments
from settlement.revenue.models import AnnualRevenue
from tests import cast
from tests.exchange import market
from tests.settlement import trades
from tests.settlement.banking.statements import imported, qian, row
from tests.settlement.invoicing.sheets import credited, invoiced

DECEMBER = datetime(2025, 12, 29, 4, 0, tzinfo=UTC)
JANUARY = datetime(2026, 1, 6, 4, 0, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 3, 4, 0, tzinfo=UTC)


def gaps(order: Order) -> list[tuple[Gap, int]]:
    return list(reconciliation.order_visible_to(cast.lin(), order.pk).gaps)


@pytest.mark.django_db(transaction=True)
def test_a_december_sale_with_january_money_and_a_february_refund_is_reconciled_to_the_fen() -> None:
    with trades.wired():
        # December: contracted, nothing paid.
        order = market.contracted(market.listed(at=DECEMBER), at=DECEMBER)
        assert gaps(order) == [(Gap.UNPAID, 0)]

        # January: the bank is first, then the payment, the delivery, the acceptance.
        [line] = imported(
            row(booked_on="2026-01-05", text=f"货款 {order.number}"), at=JANUARY - timedelta(days=1)
        )
        banking.match_line(by=qian(), at=JANUARY, line_id=line.pk, kind="receipt", target_id=order.pk)
        assert gaps(order) == [(Gap.RECEIPT_UNBOOKED, 6_800_000)]
        payments.pay_order(by=cast.zhou(), at=JANUARY, order_id=order.pk)
        assert gaps(order) == [(Gap.NOT_DELIVERED, 6_800_000)]
        delivery.deliver(by=cast.lin(), at=JANUARY, order_id=order.pk)
        assert gaps(order) == [(Gap.NOT_ACCEPTED, 6_800_000)]
        trading.accept_order(by=cast.zhou(), at=JANUARY + timedelta(days=1), order_id=order.pk)
        assert gaps(order) == [(Gap.NOT_INVOICED, 6_800_000)]
        invoice = invoiced(order, at=JANUARY + timedelta(days=2))
        assert gaps(order) == []
        year = AnnualRevenue.objects.get(firm=order.supplier_id)
        assert (year.year, year.receipts_fen) == (2026, order.net_fen)  # the year of the money
        closed = closing.close_day(at=JANUARY + timedelta(days=3))
        assert closed is not None
        assert closed.balances["bank"] == -6_800_000

        # February: a tenth goes back; books first, then the credit invoice, then the bank.
        back = payments.refund_order(
            by=cast.lin(), at=FEBRUARY, order_id=order.pk, amount=Money(680_000), reason="部分样本重复"
        )
        assert gaps(order) == [(Gap.REFUND_UNPAID, 680_000), (Gap.CREDIT_MISSING, 680_000)]
        credit = credited(invoice, 680_000, tax=int(back.tax_fen), at=FEBRUARY, cause=back.pk)
        assert gaps(order) == [(Gap.REFUND_UNPAID, 680_000)]
        [went] = imported(row(booked_on="2026-02-04", credit="", debit="6800.00", text=back.number))
        [best] = reconciliation.suggestions_for(went)
        assert best.is_exact
        banking.match_line(
            by=qian(),
            at=FEBRUARY,
            line_id=went.pk,
            kind=best.expected.kind,
            target_id=best.expected.target_id,
        )
        told = reconciliation.order_visible_to(cast.yan(), order.pk)
        assert (told.gaps, told.standing) == ([], Standing.MATCHED)

    # Everything says the same: what stands invoiced is what was kept, the tax too, and so does the bank.
    order.refresh_from_db()
    assert told.facts.stands == told.facts.keeps == 6_120_000
    assert invoice.tax_fen - credit.tax_fen == order.tax_fen - back.tax_fen
    watch = reconciliation.watch()
    assert (watch.line_count, watch.unmatched_count) == (2, 0)
    assert -ledger.total_of("bank").fen == int(line.amount_fen) + int(went.amount_fen)  # type: ignore[arg-type]
    year.refresh_from_db()
    assert year.counted_fen == order.net_fen - (680_000 - back.tax_fen)
    second = closing.close_day(at=FEBRUARY + timedelta(days=3))
    assert second is not None
    assert (second.day, second.previous_hash) == (date(2026, 2, 5), closed.hash)
    assert closing.record_proof(at=FEBRUARY + timedelta(days=3), by="测试").is_sound
