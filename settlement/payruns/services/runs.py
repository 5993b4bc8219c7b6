"""Every write of pay runs. The run's row is the lock of its items; money moves in `pay` and nowhere else."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from documents import objects
from exchange.filings.rules import safe_cell
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from kernel.money import Money
from kernel.numbers import new_number
from kernel.records import new_id
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.payments.models import Payout
from settlement.payruns import rules, selectors
from settlement.payruns.events import ItemReturned, RunPaid
from settlement.payruns.models import PayAccount, PayItem, PayLine, PayRun
from settlement.payruns.permissions import MAKE_RUNS, RETURN_PAY, VIEW_SLIPS
from settlement.payruns.states import PAY_ITEM, PAY_RUN, ItemState, RunState

PREFIX = "pay-files"
_COUNTED = (ItemState.PENDING, ItemState.PAID)


class NothingToPay(Refusal):
    """No earnings of the month wait, or nobody of them has told an account."""

    code = "nothing_to_pay"
    message = _("这个月没有可发放的报酬：可能已经编入其他批次，或标注员还没有填写收款账户。")


class RunOpen(Refusal):
    """Another run of the firm is not finished."""

    code = "pay_run_open"
    message = _("批次 %(number)s 还没有发放或取消，请先办完。")


class SamePerson(Refusal):
    """Who drew the run up does not approve it."""

    code = "pay_run_same_person"
    message = _("编制人不能复核自己编制的批次，请由本单位另一位财务或管理员复核。")
    status = 403


class PaidAtBank(Refusal):
    """The bank's statement says that the person got the money."""

    code = "pay_item_paid_at_bank"
    message = _(
        "该笔报酬已与银行支出流水匹配，不能登记退票。确有退票的，请先在银行对账中撤销匹配并写明原因。"
    )


class WalletTooLow(Refusal):
    """The firm's balance does not cover the run."""

    code = "pay_run_wallet_too_low"
    message = _("单位可用余额不足以发放 %(needed)s，没有任何人被付款。请先补足余额。")


@transaction.atomic
def set_account(*, by: Actor, at: datetime, holder_name: str, bank_name: str, account: str) -> PayAccount:
    """Tell where the annotator wants to be paid; the same again changes nothing. Raises InvalidInput, NotAllowed."""
    by.require(VIEW_SLIPS)
    assert by.user is not None, "a person sets their own account"
    values = {
        "holder_name": " ".join(holder_name.split()),
        "bank_name": " ".join(bank_name.split()),
        "account": "".join(account.split()),
    }
    if not 2 <= len(values["holder_name"]) <= 60:
        raise InvalidInput(field="holder_name", reason=gettext("请填写户名，2 到 60 个字。"))
    if not 4 <= len(values["bank_name"]) <= 80:
        raise InvalidInput(field="bank_name", reason=gettext("请填写开户银行全称，4 到 80 个字。"))
    if not rules.is_card_number(values["account"]):
        raise InvalidInput(field="account", reason=gettext("账号应为 12 到 19 位数字，请核对是否抄错。"))
    known = selectors.account_of(by.user)
    if known is not None and all(getattr(known, name) == value for name, value in values.items()):
        return known
    made = PayAccount.objects.create(user=by.user, set_at=at, **values)
    record(by=by, at=at, action="payruns.set_account", subject=made, detail={"ends_in": made.account[-4:]})
    return made


def _firm_lock(firm_id: UUID) -> None:
    with transaction.get_connection().cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"payruns:{firm_id}"])


@transaction.atomic
def draw_up(*, by: Actor, at: datetime, month: date) -> PayRun:
    """Draw up the firm's pay of a month that has ended: all earnings until its end that no other run pays.

    Who has told no account is left for a later run. What is withheld counts everything that this firm paid the person
    in the calendar month of drawing up. Raises RunOpen, NothingToPay, InvalidInput, NotAllowed.
    """
    by.require(MAKE_RUNS)
    assert by.user is not None, "a run is drawn up by a person"
    firm_id = by.organization_id
    assert firm_id is not None, "a run is drawn up for a firm"
    first, today = month.replace(day=1), clock.business_date(at)
    if not 2000 <= first.year <= today.year:
        raise InvalidInput(field="month", reason=gettext("只能编制已经结束的月份。"))
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    if following > today:
        raise InvalidInput(field="month", reason=gettext("只能编制已经结束的月份。"))
    _firm_lock(firm_id)
    still_open = PayRun.objects.filter(
        firm_id=firm_id, state__in=[RunState.DRAFTED, RunState.SUBMITTED, RunState.APPROVED]
    )
    if (number := still_open.values_list("number", flat=True).first()) is not None:
        raise RunOpen(number=number)
    earned: dict[UUID, list[Payout]] = defaultdict(list)
    for payout in selectors.payable(firm_id, following).order_by("pk"):
        earned[payout.annotator_id].append(payout)
    accounts = selectors.accounts_of(list(earned))
    if not accounts:
        raise NothingToPay
    run = PayRun(
        id=new_id(), number=new_number("FB", at), firm_id=firm_id, month=first, made_by=by.user, made_at=at,
        item_count=len(accounts),
    )  # fmt: skip
    items = [_item(run, accounts[user_id], earned[user_id], today) for user_id in sorted(accounts)]
    run.gross_fen = sum(int(item.gross_fen) for item in items)
    run.tax_fen = sum(int(item.tax_fen) for item in items)
    run.net_fen = sum(int(item.net_fen) for item in items)
    run.save(force_insert=True)
    PayItem.objects.bulk_create(items)
    PayLine.objects.bulk_create(
        [PayLine(item=item, payout=payout) for item in items for payout in earned[item.annotator_id]]
    )
    detail = {
        "month": first.isoformat()[:7],
        "people": run.item_count,
        "gross_fen": run.gross_fen,
        "tax_fen": run.tax_fen,
    }
    record(by=by, at=at, action="payruns.draw_up", subject=run, detail=detail)
    return run


def _item(run: PayRun, account: PayAccount, payouts: list[Payout], today: date) -> PayItem:
    start = clock.start_of(today.replace(day=1))
    paid = PayItem.objects.filter(
        annotator=account.user_id, run__firm=run.firm_id, state__in=_COUNTED, run__made_at__gte=start
    ).aggregate(gross=Sum("gross_fen"), tax=Sum("tax_fen"))
    gross, table = sum(int(payout.amount_fen) for payout in payouts), rules.table_on(today)
    line = rules.tax_of_part(
        before=int(paid["gross"] or 0), amount=gross, already=int(paid["tax"] or 0), table=table
    )
    return PayItem(
        run=run, annotator_id=account.user_id, account=account, gross_fen=gross, tax_fen=line.tax,
        net_fen=gross - line.tax, income_fen=line.income, deduction_fen=line.deduction, rate_bp=line.rate_bp,
        quick_deduction_fen=line.quick_deduction, table_from=table.effective_from,
    )  # fmt: skip


def _locked_run(by: Actor, run_id: UUID) -> PayRun:
    """The firm's run under lock; NotFound for others' runs, NotAllowed for who may not act on it."""
    if not by.is_system:
        seen = selectors.run_visible_to(by, run_id)
        if not by.belongs_to(seen.firm_id):
            by.require(MAKE_RUNS)
            raise NotFound
    found = PayRun.objects.select_for_update(of=("self",)).filter(pk=run_id).first()
    if found is None:
        raise NotFound
    if not by.is_system:
        by.require(MAKE_RUNS)
    return found


@transaction.atomic
def submit(*, by: Actor, at: datetime, run_id: UUID) -> PayRun:
    """Hand a drafted run to a second person. Raises MoveNotAllowed, NotFound, NotAllowed."""
    run = _locked_run(by, run_id)
    PAY_RUN.move(run, "submit", by=by, at=at)
    record(by=by, at=at, action="payruns.submit", subject=run)
    return run


@transaction.atomic
def send_back(*, by: Actor, at: datetime, run_id: UUID, reason: str) -> PayRun:
    """The second person does not agree. Raises SamePerson, MoveNotAllowed, InvalidInput, NotFound, NotAllowed."""
    run = _locked_run(by, run_id)
    _require_second(run, by)
    PAY_RUN.move(run, "send_back", by=by, at=at, reason=_reason(reason))
    record(by=by, at=at, action="payruns.send_back", subject=run, detail={"reason": reason})
    return run


def _require_second(run: PayRun, by: Actor) -> None:
    if by.user_id is None or by.user_id == run.made_by_id:
        raise SamePerson


def _reason(reason: str) -> str:
    reason = reason.strip()
    if not 2 <= len(reason) <= 300:
        raise InvalidInput(field="reason", reason=gettext("请用 2 到 300 个字写明原因。"))
    return reason


@transaction.atomic
def approve(*, by: Actor, at: datetime, run_id: UUID) -> PayRun:
    """The second person agrees; a worker pays. Raises SamePerson, MoveNotAllowed, NotFound, NotAllowed."""
    run = _locked_run(by, run_id)
    _require_second(run, by)
    PAY_RUN.check(run, "approve")
    run.approved_by, run.approved_at = by.user, at
    PAY_RUN.move(run, "approve", by=by, at=at, update_fields=["approved_by", "approved_at"])
    record(by=by, at=at, action="payruns.approve", subject=run, detail={"gross_fen": run.gross_fen})
    _queue(run)
    return run


def _queue(run: PayRun) -> None:
    from settlement.payruns.tasks import pay_run

    transaction.on_commit(lambda: pay_run.delay(str(run.pk)))


@transaction.atomic
def cancel(*, by: Actor, at: datetime, run_id: UUID, reason: str) -> PayRun:
    """Give a run up before it is paid; its earnings are free for another. Raises MoveNotAllowed, InvalidInput."""
    run = _locked_run(by, run_id)
    PAY_RUN.move(run, "cancel", by=by, at=at, reason=_reason(reason))
    for item in run.items.select_for_update().order_by("pk"):
        PAY_ITEM.move(item, "drop", by=by, at=at)
    PayLine.objects.filter(item__run=run).update(is_live=False)
    record(by=by, at=at, action="payruns.cancel", subject=run, detail={"reason": reason})
    return run


@transaction.atomic
def pay(*, at: datetime, run_id: UUID) -> PayRun:
    """Pay an approved run: every entry in one batch, the file for the bank, the states; all or nothing, once.

    Killed at any moment it has happened wholly or not at all; again: nothing more happens. Raises WalletTooLow (the
    run stays approved), MoveNotAllowed.
    """
    by = Actor.system("报酬发放")
    run = _locked_run(by, run_id)
    if run.state == RunState.PAID:
        return run
    PAY_RUN.check(run, "pay")
    items = list(run.items.select_for_update(of=("self",)).select_related("account").order_by("pk"))
    entries = _post(run, items, at)
    for item, entry in zip(items, entries, strict=True):
        item.entry = entry
        PAY_ITEM.move(item, "pay", by=by, at=at, update_fields=["entry"])
    stored = objects.put(PREFIX, bank_file(run, items), "text/csv")
    run.object_key, run.sha256, run.paid_at = stored.key, stored.sha256, at
    PAY_RUN.move(run, "pay", by=by, at=at, update_fields=["object_key", "sha256", "paid_at"])
    detail = {"net_fen": run.net_fen, "tax_fen": run.tax_fen, "people": run.item_count, "sha256": run.sha256}
    record(by=by, at=at, action="payruns.pay", subject=run, detail=detail)
    announce(RunPaid(at=at, run_id=run.pk, by=by))
    return run


def _post(run: PayRun, items: list[PayItem], at: datetime) -> list[Entry]:
    """One entry per person: pay and tax out of what is owed, and the firm's balance pays for both."""
    wallet = ledger.Address(Purpose.WALLET, run.firm_id)
    settled = ledger.Address(Purpose.LABOUR_SETTLED, run.firm_id)
    withheld = ledger.Address(Purpose.WITHHOLDING, run.firm_id)
    bank = ledger.Address.of_platform(Purpose.BANK, run.pk)
    owed = {item.annotator_id: ledger.Address(Purpose.EARNINGS, user_id=item.annotator_id) for item in items}
    found = ledger.accounts([wallet, settled, withheld, bank, *owed.values()])
    entries = []
    for item in items:
        source = found[owed[item.annotator_id]]
        moves = [
            (source, found[bank], int(item.net_fen)),
            (source, found[withheld], int(item.tax_fen)),
            (found[wallet], found[settled], int(item.gross_fen)),
        ]
        entries.append(
            ledger.NewEntry(
                key=f"payrun:{item.pk}",
                kind="payrun",
                fact=item,
                transfers=[ledger.Transfer(a, b, Money(fen)) for a, b, fen in moves if fen],
                at=at,
                memo=run.number,
            )
        )
    try:
        return ledger.post_many(entries)
    except ledger.InsufficientBalance as short:
        raise WalletTooLow(needed=Money(run.gross_fen)) from short


def bank_file(run: PayRun, items: list[PayItem]) -> bytes:
    """The file that the firm hands to its bank: one line per person who gets money; the same run, the same bytes."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["序号", "收款户名", "收款账号", "开户银行", "金额（元）", "附言"])
    paid = [item for item in items if item.net_fen]
    for number, item in enumerate(paid, 1):
        told = [
            safe_cell(item.account.holder_name),
            f"\t{item.account.account}",
            safe_cell(item.account.bank_name),
        ]
        writer.writerow([number, *told, Money(item.net_fen).yuan, run.number])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


@transaction.atomic
def return_item(*, by: Actor, at: datetime, item_id: UUID, reason: str) -> PayItem:
    """The bank gave one person's pay back: its entry is reversed, its earnings are free for another run.

    Told by the operator's finance, which sees the bank's account, never by the firm, whose balance it fills again; and
    not while a line of the bank's statement is matched with the payment. Again: nothing more happens. Raises
    PaidAtBank, MoveNotAllowed, InvalidInput, NotFound, NotAllowed.
    """
    run = PayRun.objects.select_for_update(of=("self",)).filter(items=item_id).first()
    by.require(RETURN_PAY)
    if run is None:
        raise NotFound
    item = run.items.select_for_update(of=("self",)).select_related("entry").get(pk=item_id)
    if item.state == ItemState.RETURNED:
        return item
    PAY_ITEM.check(item, "return")
    if selectors.is_paid_at_bank(item):
        raise PaidAtBank
    PAY_ITEM.move(item, "return", by=by, at=at, reason=_reason(reason))
    assert item.entry is not None, "a paid item has an entry"
    ledger.reverse(entry=item.entry, at=at, memo=f"{run.number} 退票")
    item.lines.update(is_live=False)
    record(by=by, at=at, action="payruns.return", subject=item, detail={"run": run.number, "reason": reason})
    announce(ItemReturned(at=at, item_id=item.pk, by=by))
    return item


def pay_waiting(*, at: datetime) -> int:
    """Queue approved runs again that no worker has paid; how many."""
    waiting = list(PayRun.objects.filter(state=RunState.APPROVED).order_by("pk")[:50])
    with transaction.atomic():
        for run in waiting:
            _queue(run)
    return len(waiting)
