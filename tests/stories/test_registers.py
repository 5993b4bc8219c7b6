"""The demo city's register: past trades and an exported month, told once."""

from __future__ import annotations

import pytest

from config.stories import people, registers
from config.stories.way import shanghai
from exchange.filings.models import PastTrade, RegisterExport
from exchange.filings.selectors import past_total_of, past_trades
from kernel.money import Money
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
