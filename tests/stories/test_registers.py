"""The demo city's register: past trades and an exported month, told once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from config.stories import people, registers
from config.stories.way import shanghai
from exchange.delivery import services as delivery
from exchange.filings.models import PastTrade, RegisterExport
from exchange.filings.selectors import past_total_of, past_trades
from exchange.trading import services as trading
from kernel.money import Money
from settlement.payments import services as payments
from tests import cast
from tests.exchange import market
from tests.settlement.invoicing.sheets import credited, invoiced
from tests.world import build

pytestmark = pytest.mark.django_db


def test_the_register_is_told_once_and_marks_everything_as_invented() -> None:
    people.settle(shanghai(2024, 10, 8))
    registers.tell()
    registers.tell()
    assert past_total_of(past_trades(people.actor("gu"))) == (5, Money(100_370_050))
    assert RegisterExport.objects.get().files.count() == 3
    assert all("示例" in trade.product_title + trade.venue for trade in PastTrade.objects.all())
    assert past_total_of(past_trades(people.actor("lin")))[0] == 2


def test_settlement_tells_the_voucher_of_the_money() -> None:
    """Acceptance releases escrow, and the wiring hands payment number and release down with the completion."""
    order = build(gross=Money.from_yuan("1060.00")).order
    assert order.filing.claims["receipt"] == {
        "payment": order.payment.number,
        "released_fen": 106_000,
        "released_at": order.release.released_at.isoformat().replace("+00:00", "Z"),
    }


def test_the_voucher_names_the_invoices_of_its_day_and_its_page_the_later_ones() -> None:
    order, lin, zhou, noon = market.contracted(), cast.lin(), cast.zhou(), cast.NOON
    day = timedelta(days=1)
    payments.pay_order(by=zhou, at=noon, order_id=order.pk)
    early, wrong = invoiced(order, 2_000_000, at=noon), invoiced(order, 1_000_000, at=noon)
    credited(wrong, 1_000_000, at=noon)
    delivery.deliver(by=lin, at=noon + day, order_id=order.pk)
    trading.accept_order(by=zhou, at=noon + 2 * day, order_id=order.pk)
    order.refresh_from_db()
    assert order.filing.claims["invoices"] == [
        {"code": "", "number": early.invoice_number, "issued_on": "2026-03-02", "amount_fen": 2_000_000}
    ]
    late = invoiced(order, 4_800_000, at=noon + 3 * day)
    client = Client()
    assert zhou.user is not None
    client.force_login(zhou.user)
    page = client.get(f"/filings/{order.filing.pk}/").content.decode()
    for each in (early, wrong, late):
        assert f'href="/invoices/{each.pk}/">{each.invoice_number}</a>' in page
    assert "红字" in page
    order.filing.refresh_from_db()
    assert (order.filing.sequence, len(order.filing.claims["invoices"])) == (1, 1)
