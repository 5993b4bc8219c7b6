"""What the money desks of the demo have to show: a bank statement, invoices, a pay run, closed days, an amount held back,
released rules.

In November 2026 the base imports a statement with 清蓝's latest orders: most match, one is half paid, one paid too
much, one was matched by mistake, and one transfer nobody can explain.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from stdnum import luhn

from config.stories import people
from config.stories.way import shanghai
from exchange.trading.models import Order
from exchange.trading.rules import tax_within
from exchange.trading.states import OrderState
from kernel import clock
from kernel.money import Money
from settlement.banking import services as banking
from settlement.banking.judging import COLUMNS
from settlement.banking.models import BankImport, BankLine
from settlement.invoicing import services as invoicing
from settlement.ledger import closing
from settlement.merchant import services as merchant
from settlement.merchant.models import Intent
from settlement.payruns import services as payruns
from settlement.payruns.models import PayRun
from settlement.rewards import services as rewards
from settlement.rewards.models import RuleRelease

FIRM = "qinglan"
ACCOUNT = "44180100000001"
MORNING = shanghai(2026, 11, 3, 9)
RATE_BP = 600
ORDERS = 9
HALF, OVER, TWICE, MISTAKEN = 5, 6, 7, 8
SURPLUS_FEN = 100_00


def tell(at: datetime) -> None:
    """Every part that is not there yet; `at` is today."""
    closing.close_day(at=shanghai(2026, 11, 1, 2), day=date(2026, 10, 31))
    run = _pay_annotators()
    closing.close_day(at=shanghai(2026, 11, 3, 2), day=date(2026, 11, 2))
    _reconcile(run)
    _hold_back(at - timedelta(hours=2))
    closing.close_day(at=shanghai(2026, 11, 4, 2), day=date(2026, 11, 3))
    closing.record_proof(at=shanghai(2026, 11, 4, 3), by="账实核对")


@transaction.atomic
def release_rules(at: datetime) -> None:
    """The rules as they are, released by two people of the department; after the claims, which were decided before."""
    if RuleRelease.objects.exists():
        return
    found = rewards.propose_release(
        by=people.actor("shen"), at=at - timedelta(hours=5), note="征求意见稿参数的首次发布（示例）"
    )
    rewards.approve_release(by=people.actor("fang"), at=at - timedelta(hours=4), release_id=found.pk)


@transaction.atomic
def _pay_annotators() -> PayRun | None:
    """清蓝 pays its annotators for October: drawn up by finance, approved by the administrator."""
    known = PayRun.objects.filter(firm=people.organization(FIRM)).first()
    if known is not None:
        return known
    for number, key in enumerate(("mei", "qinglan-annotator2"), 1):
        annotator, stem = people.actor(key), f"622200000000{number:03d}"
        assert annotator.user is not None
        payruns.set_account(
            by=annotator, at=shanghai(2026, 10, 30), holder_name=annotator.user.name,
            bank_name="示例银行清远支行", account=stem + luhn.calc_check_digit(stem),
        )  # fmt: skip
    finance, at = people.actor(f"{FIRM}-finance"), shanghai(2026, 11, 2)
    try:
        run = payruns.draw_up(by=finance, at=at, month=date(2026, 10, 1))
    except payruns.NothingToPay:
        return None
    payruns.submit(by=finance, at=at + timedelta(hours=1), run_id=run.pk)
    payruns.approve(by=people.actor("lin"), at=at + timedelta(hours=2), run_id=run.pk)
    return payruns.pay(at=at + timedelta(hours=2, minutes=1), run_id=run.pk)


def _latest_orders() -> list[Order]:
    rows = Order.objects.filter(supplier=people.organization(FIRM), state=OrderState.COMPLETED)
    rows = rows.filter(placed_at__lt=shanghai(2026, 10, 25)).select_related("buyer")
    return list(rows.order_by("-placed_at")[:ORDERS])


@transaction.atomic
def _reconcile(run: PayRun | None) -> None:
    """The statement of the base's account, imported and matched as far as it goes; invoices for most of the orders."""
    orders = _latest_orders()
    if BankImport.objects.exists() or len(orders) < ORDERS:
        return
    by = people.actor("qian")
    rows = _rows(orders, run)
    checked = banking.check_file(
        by=by, at=MORNING, file_name="示例银行 2026 年 10 月流水.csv", body=_csv(rows), account=ACCOUNT
    )
    assert not checked.faults, checked.faults
    banking.confirm(by=by, at=MORNING, import_id=checked.pk)
    for line in BankLine.objects.filter(source=checked).order_by("row_number"):
        for order in orders:
            if order.number in line.text:
                match = banking.match_line(
                    by=by, at=MORNING, line_id=line.pk, kind="receipt", target_id=order.pk
                )
                if order == orders[MISTAKEN]:
                    reason = "附言写错了订单号，付款方已来函更正，等待重新匹配"
                    banking.end_match(by=by, at=MORNING, match_id=match.pk, reason=reason)
    if run is not None:
        banking.match_run(by=by, at=MORNING, run_id=run.pk)
    _invoice(orders)


def _rows(orders: Sequence[Order], run: PayRun | None) -> list[dict[str, str]]:
    found = []
    for number, order in enumerate(orders):
        price = int(order.amount_fen)
        parts = {HALF: [price // 2], OVER: [price + SURPLUS_FEN], TWICE: [price // 2, price - price // 2]}
        for fen in parts.get(number, [price]):
            found.append(
                _row(order.placed_at, credit=fen, party_name=order.buyer.name, text=f"货款 {order.number}")
            )
    found.append(_row(orders[0].placed_at, credit=1_234_567, party_name="某贸易行（示例）", text="往来款"))
    found.append(_row(MORNING - timedelta(days=4), debit=10_50, text="账户管理手续费"))
    if run is not None:
        found.append(_row(MORNING - timedelta(hours=20), debit=int(run.net_fen), text=f"报酬 {run.number}"))
    return [{**row, "reference": f"SL202610{serial:06d}"} for serial, row in enumerate(found, 1)]


def _row(at: datetime, *, credit: int = 0, debit: int = 0, party_name: str = "", text: str) -> dict[str, str]:
    amounts = {"credit": Money(credit).yuan if credit else "", "debit": Money(debit).yuan if debit else ""}
    booked_on = clock.business_date(at).isoformat()
    return {**amounts, "booked_on": booked_on, "party_name": party_name, "text": text}


def _csv(rows: Sequence[dict[str, str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([column.heading for column in COLUMNS])
    writer.writerows([[row.get(column.name, "") for column in COLUMNS] for row in rows])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _sheet(serial: int, gross: Money) -> invoicing.Sheet:
    tax = tax_within(gross, RATE_BP)
    return invoicing.Sheet(
        invoice_number=f"2644{serial:016d}", rate_bp=RATE_BP, net=gross - tax, tax=tax,
        issued_on=clock.business_date(MORNING),
    )  # fmt: skip


def _invoice(orders: Sequence[Order]) -> None:
    """Six orders invoiced, one of them credited in part; a buyer asks for another one."""
    lin = people.actor("lin")
    for serial, order in enumerate(orders[: HALF + 1], 1):
        kind = "ordinary" if serial == 1 else "special"
        sheet = _sheet(serial, Money(int(order.amount_fen)))
        invoice = invoicing.issue_invoice(by=lin, at=MORNING, order_id=order.pk, kind=kind, sheet=sheet)
    invoicing.issue_credit(
        by=lin,
        at=MORNING,
        invoice_id=invoice.pk,
        sheet=_sheet(99, Money(100_00)),
        reason="品名写错，部分红冲重开",
    )
    asked = orders[TWICE]
    buyer = next(
        each
        for each in map(people.actor, ("zhou", "nanling-lead", "zhushui-lead", "lingnan-lead"))
        if each.organization_id == asked.buyer_id
    )
    invoicing.wish_invoice(by=buyer, at=MORNING, order_id=asked.pk, kind="special", note="请寄财务部")


@transaction.atomic
def _hold_back(at: datetime) -> None:
    """A card that 清蓝 may still charge: authorized, not captured."""
    lin = people.actor("lin")
    if Intent.objects.filter(organization=people.organization(FIRM)).exists():
        return
    method = merchant.create_method(by=lin, at=at, kind="card", token="pm_card_visa")
    intent = merchant.create_intent(
        by=lin, at=at, amount=Money(1_280_000), capture_method="manual", method=method,
        description="定制标注预授权（示例）",
    )  # fmt: skip
    merchant.confirm_intent(by=lin, at=at, intent_id=intent.pk)
