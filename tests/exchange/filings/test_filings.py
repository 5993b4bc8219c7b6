"""Filings: one voucher for each completed trade, amended or voided by refunds, exported without traps."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest
from django.db import ProgrammingError, transaction
from hypothesis import given
from hypothesis import strategies as st

from exchange.filings import rules
from exchange.filings import services as filings
from exchange.filings.events import FilingAmended, TradeFiled
from exchange.filings.models import Filing, FormerVoucher
from exchange.filings.selectors import filings_visible_to, register, total_of
from kernel.errors import NotAllowed, NotFound
from kernel.events import Event
from kernel.money import Money
from kernel.numbers import is_valid
from kernel.states import MoveNotAllowed
from signing.services import verify
from tests import cast
from tests.cast import NOON
from tests.exchange import market

pytestmark = pytest.mark.django_db

FILED = NOON + timedelta(days=1)


def filed() -> Filing:
    return filings.file_trade(by=market.SYSTEM, at=FILED, order_id=market.completed().pk)


def test_a_completed_trade_is_filed_with_a_signed_voucher(nobody_listens: list[Event]) -> None:
    filing = filed()
    order = filing.order
    assert is_valid(filing.voucher_number or "")
    claims = verify(filing.token)
    assert jwt.get_unverified_header(filing.token)["typ"] == "voucher+jwt"
    assert {name: claims[name] for name in filing.claims} == filing.claims
    assert claims["jti"] == filing.voucher_number
    assert claims["supplier"] == {"name": "清蓝数据标注（示例）有限公司", "uscc": "91441802MA5000001N"}
    assert claims["buyer"]["uscc"] == "91440101MA5000002T"
    assert claims["product"]["root_hash"] == order.version.root_hash
    assert claims["contract"] == {"number": order.contract.number, "sha256": order.contract.text_sha256}
    assert (claims["amount_fen"], claims["tax_fen"], claims["filed_fen"]) == (6_800_000, 384_905, 6_800_000)
    assert (claims["delivered_at"], claims["accepted_at"]) == ("2026-03-02T04:00:00Z", "2026-03-03T04:00:00Z")
    assert (claims["venue"], claims["status"], claims["sequence"]) == (rules.QINGYUAN_BASE, "filed", 1)
    assert isinstance(nobody_listens[-1], TradeFiled)


def test_a_trade_is_filed_once_however_often_it_is_asked() -> None:
    first = filed()
    again = filings.file_trade(by=market.SYSTEM, at=FILED + timedelta(days=3), order_id=first.order_id)
    assert (again.pk, again.token) == (first.pk, first.token)
    assert Filing.objects.count() == 1


def test_an_unfinished_trade_is_not_filed() -> None:
    order = market.delivered()
    with pytest.raises(filings.NotCompleted), transaction.atomic():
        filings.file_trade(by=market.SYSTEM, at=NOON, order_id=order.pk)
    assert not Filing.objects.exists()


def test_refunds_amend_and_then_void_and_the_former_vouchers_stay(nobody_listens: list[Event]) -> None:
    filing = filed()
    first_token = filing.token
    later = FILED + timedelta(days=5)
    amended = filings.amend_after_refund(
        by=market.SYSTEM, at=later, order_id=filing.order_id, refunded_total=Money.from_yuan("8000.00")
    )
    assert (amended.state, amended.amount_fen) == ("amended", 6_000_000)
    claims = verify(amended.token)
    assert (claims["status"], claims["sequence"], claims["refunded_fen"], claims["filed_fen"]) == (
        "amended", 2, 800_000, 6_000_000,
    )  # fmt: skip
    same = filings.amend_after_refund(
        by=market.SYSTEM, at=later, order_id=filing.order_id, refunded_total=Money.from_yuan("8000.00")
    )
    assert same.token == amended.token
    voided = filings.amend_after_refund(
        by=market.SYSTEM, at=later, order_id=filing.order_id, refunded_total=Money(6_800_000)
    )
    assert (voided.state, voided.amount_fen, verify(voided.token)["status"]) == ("voided", 0, "voided")
    former = FormerVoucher.objects.order_by("sequence")
    assert [(each.sequence, each.claims["status"]) for each in former] == [(1, "filed"), (2, "amended")]
    assert former[0].token == first_token
    assert verify(first_token)["sequence"] == 1
    assert isinstance(nobody_listens[-1], FilingAmended)
    with pytest.raises(MoveNotAllowed), transaction.atomic():
        filings.amend_after_refund(
            by=market.SYSTEM, at=later, order_id=filing.order_id, refunded_total=Money(1)
        )


def test_refunds_beyond_the_amount_and_of_unfiled_trades_are_refused() -> None:
    filing = filed()
    with pytest.raises(filings.RefundBeyondAmount), transaction.atomic():
        filings.amend_after_refund(
            by=market.SYSTEM, at=FILED, order_id=filing.order_id, refunded_total=Money(6_800_001)
        )
    unfiled = market.completed(filing.order.product)
    with pytest.raises(NotFound), transaction.atomic():
        filings.amend_after_refund(by=market.SYSTEM, at=FILED, order_id=unfiled.pk, refunded_total=Money(1))


def test_former_vouchers_never_change() -> None:
    filing = filed()
    filings.amend_after_refund(by=market.SYSTEM, at=FILED, order_id=filing.order_id, refunded_total=Money(1))
    with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
        FormerVoucher.objects.update(token="")


def test_sides_see_their_filings_and_the_register_is_the_watchers() -> None:
    filed()
    sees = {who.__name__: filings_visible_to(who()).count() for who in cast.EVERYONE}
    assert sees == {"lin": 1, "mei": 0, "tao": 0, "zhou": 1, "he": 0, "gu": 1, "shen": 1, "yan": 1}
    assert total_of(register(cast.gu(), year=2026)) == (1, Money(6_800_000))
    assert total_of(register(cast.gu(), year=2025)) == (0, Money(0))
    with pytest.raises(NotAllowed):
        register(cast.mei())


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", "  =cmd", "＝1", "\r=1"])
def test_a_cell_that_would_run_is_quoted(cell: str) -> None:
    assert rules.safe_cell(cell) == f"'{cell}"


def test_plain_cells_stay_as_they_are() -> None:
    assert [rules.safe_cell(cell) for cell in ("清蓝", "68000.00", 5, None, "")] == [
        "清蓝",
        "68000.00",
        "5",
        "",
        "",
    ]


@given(st.text())
def test_no_cell_ever_starts_a_formula(text: str) -> None:
    assert not rules.safe_cell(text).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
