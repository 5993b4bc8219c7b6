"""Every write of bank statements and their matches. The line's row is the lock of its matches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Model, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from documents import objects
from exchange.trading.models import Order
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.money import Money
from organizations.permissions import Actor
from settlement.banking import judging, reading, selectors
from settlement.banking.judging import BankRow, Judged
from settlement.banking.models import BankImport, BankLine, Match, MatchEnd
from settlement.banking.permissions import IMPORT_STATEMENTS, MATCH_LINES
from settlement.banking.states import BANK_IMPORT, OUTGOING, ImportState, MatchKind, StatementFormat
from settlement.merchant import services as merchant
from settlement.payments.models import EscrowReturn, Refund

PREFIX = "bank-statements"
_LOCK = 0x6261_6E6B  # all confirmations one after the other, so that a reference is judged once


class StatementFaulty(Refusal):
    """The file has bad rows; nothing is imported."""

    code = "statement_faulty"
    message = _("文件中有 %(count)s 行不能导入，整个文件都没有导入。请按提示改好后重新上传。")


class StatementAltered(Refusal):
    """The kept file is not the one that was looked at."""

    code = "statement_altered"
    message = _("保存的文件与检查时不一致，已停止导入。请重新上传。")


class LineUsed(Refusal):
    """More than what is left of the line."""

    code = "bank_line_used"
    message = _("这笔流水只剩 %(left)s 没有匹配。请减少金额，或先撤销原来的匹配。")


class WrongDirection(Refusal):
    """Money that came in pays an order; money that went out is a refund, a return, or a surplus."""

    code = "bank_line_direction"
    message = _("收入流水只能匹配买方付款或客户汇款，支出流水只能匹配退款、退回、报酬或提现。")
    status = 422


class ReceiptBooked(Refusal):
    """A payment that was booked from the bank's lines keeps them as its evidence."""

    code = "receipt_booked"
    message = _(
        "订单 %(number)s 已按这笔流水登记入账，不能撤销匹配。款项有误的，先把托管款退回买方，再匹配退回流水。"
    )


def _known(account: str) -> Callable[[Sequence[str]], Mapping[str, str]]:
    def contents(references: Sequence[str]) -> dict[str, str]:
        rows = BankLine.objects.filter(account=account, reference__in=list(references))
        return dict(rows.values_list("reference", "content_sha256"))

    return contents


def _judged(body: bytes, file_name: str, form: str, account: str, at: datetime) -> Judged:
    statement = reading.read(body, file_name, form)
    account = "".join(account.split())
    if statement.account and account and statement.account != account:
        reason = gettext("文件是账户 %(account)s 的流水，与填写的账号不同。") % {
            "account": statement.account[:40]
        }
        raise InvalidInput(field="account", reason=reason)
    account = statement.account or account
    if not 4 <= len(account) <= 40 or not account.isascii() or not account.isalnum():
        raise InvalidInput(field="account", reason=gettext("请填写本方账号，4 到 40 位字母或数字。"))
    return judging.judge(
        statement,
        account=account,
        today=clock.business_date(at),
        known=_known(account),
    )


def _sum(rows: Sequence[BankRow], sign: int) -> int:
    return sum(sign * row.amount_fen for row in rows if sign * row.amount_fen > 0)


@transaction.atomic
def check_file(
    *,
    by: Actor,
    at: datetime,
    file_name: str,
    body: bytes,
    form: str = StatementFormat.TABLE,
    account: str = "",
) -> BankImport:
    """Look at a statement (dry run): every bad row and column is told, nothing is imported.

    The file is kept under its hash. Raises NotAllowed, InvalidInput (field "file", "format" or "account").
    """
    by.require(IMPORT_STATEMENTS)
    judged = _judged(body, file_name, form, account, at)
    stored = objects.put(PREFIX, body, "application/octet-stream")
    row = BankImport.objects.create(
        organization=by.organization,
        format=form,
        account=judged.account,
        file_name=file_name[-255:],
        size=stored.size,
        sha256=stored.sha256,
        object_key=stored.key,
        row_count=judged.row_count,
        new_count=len(judged.new),
        known_count=len(judged.known),
        faulty_count=judged.faulty_count,
        credit_fen=_sum(judged.new, 1),
        debit_fen=_sum(judged.new, -1),
        faults=[fault.as_json() for fault in judged.faults],
        checked_by=by.label[:200],
        checked_at=at,
    )
    detail = {"sha256": row.sha256, "rows": row.row_count, "faulty": row.faulty_count}
    record(by=by, at=at, action="bank.check", subject=row, detail=detail)
    return row


@transaction.atomic
def confirm(*, by: Actor, at: datetime, import_id: UUID) -> BankImport:
    """Import every new line of a statement that was looked at; again: nothing more happens.

    The file is read and judged again, because others may have imported since: with any bad row nothing is imported.
    Exact lines are matched at once when the setting allows. Raises NotFound, NotAllowed, StatementFaulty,
    StatementAltered.
    """
    by.require(IMPORT_STATEMENTS)
    with transaction.get_connection().cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    row = BankImport.objects.select_for_update(of=("self",)).filter(pk=import_id).first()
    if row is None:
        raise NotFound
    if row.state == ImportState.IMPORTED:
        return row
    body = objects.get(row.object_key)
    if hashlib.sha256(body).hexdigest() != row.sha256:
        raise StatementAltered
    judged = _judged(body, row.file_name, row.format, row.account, at)
    if judged.faults:
        raise StatementFaulty(count=judged.faulty_count)
    row.imported_by, row.imported_at, row.imported_count = by.label[:200], at, len(judged.new)
    changed = ["imported_by", "imported_at", "imported_count"]
    BANK_IMPORT.move(row, "import", by=by, at=at, update_fields=changed)
    BankLine.objects.bulk_create([_line(row, each) for each in judged.new], batch_size=500)
    detail = {"sha256": row.sha256, "imported": len(judged.new), "skipped": len(judged.known)}
    record(by=by, at=at, action="bank.import", subject=row, detail=detail)
    if judged.new:
        from settlement.banking.tasks import book_arrivals, match_exact

        transaction.on_commit(book_arrivals.delay)
        if settings.BANK_AUTO_MATCH:
            transaction.on_commit(lambda: match_exact.delay(str(row.pk)))
    return row


def _line(source: BankImport, row: BankRow) -> BankLine:
    names = (
        "reference", "content_sha256", "booked_on", "amount_fen", "balance_fen", "party_name", "party_account",
        "party_uscc", "virtual_account", "text",
    )  # fmt: skip
    told = {name: getattr(row, name) for name in names}
    return BankLine(
        id=row.id_in(source.account), source=source, row_number=row.number, account=source.account, **told
    )


_OWN_LINE: dict[str, tuple[str, Callable[[], QuerySet[Any]]]] = {
    MatchKind.ARRIVAL: ("cash_move", selectors.real_arrivals),
    MatchKind.WAGE: ("pay_item", selectors.sent_wages),
    MatchKind.PAYOUT: ("payout", selectors.sent_payouts),
}


def _locked_line(line_id: UUID) -> BankLine:
    found = BankLine.objects.select_for_update(of=("self",)).order_by("pk").filter(pk=line_id).first()
    if found is None:
        raise NotFound
    return found


def _target(kind: str, target_id: UUID) -> dict[str, Model]:
    """The columns of a match that name what it pays; what has a line of its own already is not there."""
    if kind in _OWN_LINE:
        name, rows = _OWN_LINE[kind]
        found = rows().select_for_update(of=("self",), no_key=True).filter(pk=target_id).first()
        if found is not None and not Match.objects.filter(end=None, **{name: found}).exists():
            return {name: found}
    if kind in (MatchKind.RECEIPT, MatchKind.SURPLUS):
        order = Order.objects.filter(pk=target_id, contracted_at__isnull=False).first()
        if order is not None:
            return {"order": order}
    elif kind == MatchKind.REFUND:
        refund = Refund.objects.select_related("order").filter(pk=target_id).first()
        if refund is not None:
            return {"order": refund.order, "refund": refund}
    elif kind == MatchKind.ESCROW_RETURN:
        returned = EscrowReturn.objects.select_related("order").filter(pk=target_id).first()
        if returned is not None:
            return {"order": returned.order, "escrow_return": returned}
    raise InvalidInput(field="number", reason=gettext("没有这笔付款或退款，请核对编号。"))


def target_named(line: BankLine, number: str) -> tuple[MatchKind, UUID]:
    """What a person means by a number typed for a line: an order's payment, a refund, a return, a surplus.

    Raises InvalidInput (field "number").
    """
    number = number.strip().upper()
    refund = Refund.objects.filter(number=number).values_list("pk", flat=True).first()
    if refund is not None:
        return MatchKind.REFUND, refund
    order = Order.objects.filter(number=number).values_list("pk", flat=True).first()
    if order is None:
        raise InvalidInput(field="number", reason=gettext("没有这笔付款或退款，请核对编号。"))
    if line.amount_fen > 0:
        return MatchKind.RECEIPT, order
    returned = EscrowReturn.objects.filter(order=order).values_list("pk", flat=True).first()
    return (MatchKind.ESCROW_RETURN, returned) if returned else (MatchKind.SURPLUS, order)


@transaction.atomic
def match_line(
    *, by: Actor, at: datetime, line_id: UUID, kind: str, target_id: UUID, amount: Money | None = None
) -> Match:
    """Declare a line, or `amount` of it, the money of one payment; without an amount all that is left of it.

    What the suggestion said at that moment is kept with it. Raises LineUsed, WrongDirection, InvalidInput, NotFound,
    NotAllowed.
    """
    line = _locked_line(line_id)
    by.require(MATCH_LINES)
    return declare(line, by=by, at=at, kind=kind, target_id=target_id, amount=amount)


def declare(
    line: BankLine,
    *,
    by: Actor,
    at: datetime,
    kind: str,
    target_id: UUID,
    amount: Money | None,
    reasons: Sequence[str] | None = None,
) -> Match:
    """The same for a line under lock; `reasons` of who has told already what the line is (by default the suggestion's)."""
    if kind not in MatchKind.values or (line.amount_fen < 0) != (kind in OUTGOING):
        raise WrongDirection
    target = _target(kind, target_id)
    left = selectors.left_of(line)
    due = selectors.due_of(target)
    taken = (left if due is None else min(left, due)) if amount is None else amount
    if due is not None and taken > due:
        raise InvalidInput(
            field="amount", reason=gettext("匹配金额不能超过这笔款项的 %(due)s。") % {"due": due}
        )
    if taken.fen < 0 or (amount is not None and not amount):
        raise InvalidInput(field="amount", reason=gettext("匹配金额应大于零。"))
    if not taken or taken > left:
        raise LineUsed(field="amount", left=left)
    score, grounds = (100, reasons) if reasons is not None else _suggested(line, target_id)
    match = Match(
        line=line, kind=kind, **target, amount_fen=taken.fen,
        is_automatic=by.is_system, score=score, reasons=list(grounds),
        matched_by=by.label[:200], matched_at=at, matcher=by.user,
    )  # fmt: skip
    try:
        match.save(force_insert=True)
    except DatabaseError as error:
        if isinstance(error.__cause__, psycopg.Error) and error.__cause__.sqlstate == "QB001":
            raise LineUsed(field="amount", left=left) from error
        raise
    detail = {
        "line": line.reference,
        "target": match.label,
        "kind": kind,
        "amount_fen": taken.fen,
        "score": match.score,
    }
    record(by=by, at=at, action="bank.match", subject=match, detail=detail)
    return match


def _suggested(line: BankLine, target_id: UUID) -> tuple[int, Sequence[str]]:
    """Score and reasons of the suggestion that a person follows; nothing when there was none."""
    told = next((s for s in selectors.suggestions_for(line) if s.expected.target_id == target_id), None)
    return (told.score, told.reasons) if told else (0, ())


@transaction.atomic
def end_match(*, by: Actor, at: datetime, match_id: UUID, reason: str) -> MatchEnd:
    """Take a match back, with a reason; again: the end that is there.

    Raises ReceiptBooked, InvalidInput, NotFound, NotAllowed.
    """
    by.require(MATCH_LINES)
    match = (
        Match.objects.select_for_update(of=("self",))
        .select_related("line", *selectors.TARGETS)
        .filter(pk=match_id)
        .first()
    )
    if match is None:
        raise NotFound
    known = MatchEnd.objects.filter(match=match).first()
    if known is not None:
        return known
    if match.kind == MatchKind.RECEIPT and selectors.is_booked_from_bank(match.order_id):
        raise ReceiptBooked(number=match.label)
    reason = reason.strip()
    if not 2 <= len(reason) <= 300:
        raise InvalidInput(field="reason", reason=gettext("请用 2 到 300 个字写明撤销匹配的原因。"))
    ended = MatchEnd.objects.create(match=match, reason=reason, ended_by=by.label[:200], ended_at=at)
    detail = {
        "line": match.line.reference,
        "target": match.label,
        "amount_fen": match.amount_fen,
        "reason": reason,
    }
    record(by=by, at=at, action="bank.unmatch", subject=match, detail=detail)
    return ended


def match_exact(*, at: datetime, import_id: UUID) -> int:
    """Match the lines of an import that name one payment exactly, when the setting allows; how many.

    Exactly: the amount to the fen and its number or account, and no second payment of which that is true. Each line
    is a transaction of its own; running again finds nothing more.
    """
    if not settings.BANK_AUTO_MATCH:
        return 0
    by, count = Actor.system("银行对账"), 0
    for line_id in (
        BankLine.objects.filter(source=import_id).order_by("row_number").values_list("pk", flat=True)
    ):
        with transaction.atomic():
            line = _locked_line(line_id)
            exact = [each for each in selectors.suggestions_for(line) if each.is_exact]
            if len(exact) == 1:
                expected = exact[0].expected
                declare(line, by=by, at=at, kind=expected.kind, target_id=expected.target_id, amount=None)
                count += 1
    return count


def book_arrivals(*, at: datetime) -> int:
    """Credit every line that names the account of a merchant's customer to that customer, once; how many.

    The line is matched to the booking, whose reference begins with the bank's. Each line is a transaction of its
    own; what a person has matched, or what the merchant's rules refuse, stays for a person.
    """
    by, count = Actor.system("银行对账"), 0
    for line_id in list(selectors.arrivals_to_book().values_list("pk", flat=True)):
        try:
            with transaction.atomic():
                line = _locked_line(line_id)
                if not selectors.arrivals_to_book().filter(pk=line.pk).exists():
                    continue
                move = merchant.money_arrived(
                    by=by, at=at, virtual_account=line.virtual_account, amount=Money(line.amount_fen),
                    reference=f"{line.reference}/{line.pk.hex[:12]}",
                )  # fmt: skip
                declare(line, by=by, at=at, kind=MatchKind.ARRIVAL, target_id=move.pk, amount=None)
        except Refusal:
            continue
        count += 1
    return count
