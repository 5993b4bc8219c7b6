"""A live installation: the buyer pays from its bank in two transfers and a little too much; the books at every step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from exchange.delivery import services as delivery
from exchange.trading import services as trading
from settlement.banking import selectors as reconciliation
from settlement.banking import services as banking
from settlement.banking.states import Gap, Standing
from settlement.ledger import closing
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Purpose
from settlement.payments import selectors as payments_read
from settlement.payments import services as payments
from settlement.revenue.models import AnnualRevenue
from tests import cast
from tests.exchange import market
from tests.settlement import trades
from tests.settlement.banking.statements import imported, qian, row
from tests.settlement.banking.test_receipts import sun
from tests.settlement.invoicing.sheets import invoiced

MARCH = datetime(2026, 3, 4, 4, 0, tzinfo=UTC)


def books() -> dict[str, int]:
    wanted = (Purpose.BANK, Purpose.ESCROW, Purpose.WALLET, Purpose.FEES)
    return {str(each): ledger.total_of(each).fen for each in wanted}


@pytest.mark.django_db(transaction=True)
def test_a_buyer_pays_an_order_from_its_bank_and_every_fen_is_accounted_for(settings: Any) -> None:
    settings.PAYMENTS_LIVE = True
    settings.BANK_VIRTUAL_PREFIX = "62290001"
    with trades.wired():
        order = market.contracted(market.listed(at=MARCH), at=MARCH)
        with pytest.raises(payments.TestMethodsOff):
            payments.pay_order(by=cast.zhou(), at=MARCH, order_id=order.pk)
        told = payments_read.transfer_of(order)
        assert told is not None
        assert (told.account, told.remark, told.amount.fen) == (
            f"62290001{order.number[3:7]}{order.number[8:15]}", order.number, 6_800_000,
        )  # fmt: skip

        # Two transfers; the first is a part, the second a yuan too much. The bank's lines name the order by its account.
        at = MARCH + timedelta(days=1)
        for credit in ("30000.00", "38001.00"):
            [line] = imported(row(credit=credit, virtual_account=told.account, booked_on="2026-03-04"), at=at)
            best = reconciliation.suggestions_for(line)[0]
            assert (best.expected.target_id, "virtual_account" in best.reasons) == (order.pk, True)
            if credit == "38001.00":
                with pytest.raises(banking.ReceiptShort):
                    banking.book_receipt(by=sun(), at=at, order_id=order.pk)
            banking.match_line(by=qian(), at=at, line_id=line.pk, kind="receipt", target_id=order.pk)
        assert books() == {"bank": 0, "escrow": 0, "wallet": 0, "fees": 0}
        banking.book_receipt(by=sun(), at=at, order_id=order.pk)
        assert books() == {"bank": -6_800_000, "escrow": 6_800_000, "wallet": 0, "fees": 0}

        # The order goes on as any paid one.
        delivery.deliver(by=cast.lin(), at=at, order_id=order.pk)
        trading.accept_order(by=cast.zhou(), at=at + timedelta(days=1), order_id=order.pk)
        assert books() == {"bank": -6_800_000, "escrow": 0, "wallet": 6_664_000, "fees": 136_000}
        invoiced(order, at=at + timedelta(days=2))
        found = reconciliation.order_visible_to(cast.zhou(), order.pk)
        assert found.gaps == [(Gap.OVERPAID, 100)]

        # The yuan goes back from the bank.
        [back] = imported(row(credit="", debit="1.00", booked_on="2026-03-06"), at=at + timedelta(days=2))
        banking.match_line(by=qian(), at=at, line_id=back.pk, kind="surplus", target_id=order.pk)
        found = reconciliation.order_visible_to(cast.zhou(), order.pk)
        assert (found.gaps, found.standing) == ([], Standing.MATCHED)
        assert AnnualRevenue.objects.get(firm=order.supplier_id).receipts_fen == order.net_fen
        assert closing.close_day(at=at + timedelta(days=4)) is not None
        assert closing.record_proof(at=at + timedelta(days=4), by="测试").is_sound
