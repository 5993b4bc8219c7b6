"""Paying awards out: the firm's account, a file prepared by one and approved by another, the bank's receipts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from audit.services import record
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce as tell
from kernel.money import Money
from kernel.numbers import new_number
from kernel.wording import listed
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.rewards import funds, rules
from settlement.rewards.blocks import blocks_of
from settlement.rewards.events import AwardPaid, PaymentReturned
from settlement.rewards.models import Award, Claim, Disbursement, PayeeAccount, Payment, RecoveryCase
from settlement.rewards.permissions import CLAIM_REWARDS, DISBURSE
from settlement.rewards.services.guards import (
    locked_claim,
    require_department,
    require_other_person,
    require_stranger,
    require_unblocked,
)
from settlement.rewards.states import (
    CLAIM,
    DISBURSEMENT,
    PAYMENT,
    ClaimState,
    DisbursementState,
    PaymentState,
    RecoveryState,
)


class NothingToPay(Refusal):
    """No approved claim has an account and unpaid money."""

    code = "nothing_to_pay"
    message = _("没有可拨付的奖励：须已批准、未在其他拨付批次中，且企业已登记收款账户。")


class NotApprovedYet(Refusal):
    """Receipts are entered for an approved file only."""

    code = "disbursement_not_approved"
    message = _("拨付文件尚未经第二人审批，不能登记回单。")


class ReceiptDiffers(Refusal):
    """The payment was settled with another receipt."""

    code = "receipt_differs"
    message = _("该笔已按回单 %(reference)s 登记到账，不能再登记另一张回单。")


class ReturnDiffers(Refusal):
    """The money came back with another line of the bank."""

    code = "return_differs"
    message = _("该笔已按银行退回流水 %(reference)s 登记退回，不能再登记另一笔退回。")


class RecoveryStands(Refusal):
    """Money asked back from the firm that comes back through the bank is what the firm pays back."""

    code = "recovery_stands"
    message = _(
        "该申报有未撤回的追回 %(number)s，不能登记到账后退回：请先撤回该追回，或把退回的款项登记为它的缴回。"
    )


@transaction.atomic
def set_payee_account(*, by: Actor, at: datetime, bank: str, account_number: str) -> PayeeAccount:
    """The firm says where its awards go; the holder is the firm itself, by its registered name."""
    by.require(CLAIM_REWARDS)
    if by.organization is None:
        raise NotFound
    number = account_number.replace(" ", "").replace("-", "")
    if not (number.isascii() and number.isdigit() and 8 <= len(number) <= 34):
        raise InvalidInput(field="account_number", reason=_("账号应为 8 至 34 位数字。"))
    if not rules.is_plain(bank.strip()) or len(bank.strip()) > 120:
        raise InvalidInput(field="bank", reason=_("请填写开户银行全称。"))
    if not rules.is_plain(by.organization.name):
        raise InvalidInput(field="bank", reason=_("单位名称不能用作户名，请先更正单位资料。"))
    found = PayeeAccount.objects.create(
        firm=by.organization,
        holder_name=by.organization.name,
        bank=bank.strip(),
        account_number=number,
        declared_by=by.user,
        declared_at=at,
    )
    record(by=by, at=at, action="rewards.set_payee_account", subject=found, detail={"account": found.masked})
    return found


@transaction.atomic
def prepare_disbursement(*, by: Actor, at: datetime, claim_ids: Sequence[UUID] | None = None) -> Disbursement:
    """Put the unpaid money of claims approved from the own budgets (all, or the named ones) into one file for the bank.

    Claims are locked in order of id; one that stands in another open file, or that something blocks, stays out.
    Raises NothingToPay, and ReviewBlocked when nothing else is left.
    """
    by.require(DISBURSE)
    own = Award.objects.filter(line__organization=by.organization).values("claim")
    waiting = Claim.objects.select_for_update(of=("self",)).filter(state=ClaimState.APPROVED, pk__in=own)
    if claim_ids is not None:
        waiting = waiting.filter(pk__in=list(claim_ids))
    locked = list(waiting.order_by("pk"))
    found = [each for each in funds.payables([claim.pk for claim in locked]) if each.account is not None]
    if not found:
        raise NothingToPay
    blocked = [each.claim for each in found if blocks_of(each.claim)]
    found = [each for each in found if each.claim not in blocked]
    if not found:
        require_unblocked(*blocked)
    require_stranger(by, *(each.claim.firm_id for each in found))
    number = new_number("BF", at)
    lines = [
        rules.PayLine(
            position, each.claim.number, each.claim.firm.uscc, each.account.holder_name, each.account.bank,
            each.account.account_number, each.amount_fen,
        )
        for position, each in enumerate(found, 1)
        if each.account is not None
    ]  # fmt: skip
    file = rules.pay_file(number, lines)
    assert by.organization is not None, "a department pays"
    disbursement = Disbursement.objects.create(
        number=number,
        organization=by.organization,
        total_fen=sum(line.amount_fen for line in lines),
        file=file,
        file_sha256=hashlib.sha256(file.encode()).hexdigest(),
        prepared_by=by.user,
        preparer_label=by.label[:200],
        prepared_at=at,
    )
    Payment.objects.bulk_create(
        [
            Payment(
                disbursement=disbursement, claim=each.claim, position=line.position, amount_fen=line.amount_fen,
                holder_name=line.holder_name, bank=line.bank, account_number=line.account_number,
            )
            for each, line in zip(found, lines, strict=True)
        ]
    )  # fmt: skip
    record(
        by=by, at=at, action="rewards.prepare_disbursement", subject=disbursement, detail=_told(disbursement)
    )
    return disbursement


def _locked(disbursement_id: UUID) -> Disbursement:
    rows = Disbursement.objects.select_for_update(of=("self",)).select_related("organization")
    found = rows.filter(pk=disbursement_id).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def approve_disbursement(*, by: Actor, at: datetime, disbursement_id: UUID) -> Disbursement:
    """Another person approves the file; from then on the bank's receipts may be entered. Raises SamePerson.

    A claim that was reopened or is blocked meanwhile stops the file: cancel it and prepare another.
    """
    # Claims before the file, as everywhere: a reopening in flight is waited for, then seen.
    rows = Claim.objects.select_for_update(of=("self",))
    claims = list(
        rows.filter(pk__in=Payment.objects.filter(disbursement=disbursement_id).values("claim")).order_by(
            "pk"
        )
    )
    found = _locked(disbursement_id)
    by.require(DISBURSE)
    require_department(by, found.organization)
    DISBURSEMENT.check(found, "approve")
    require_other_person(by, found.prepared_by_id)
    require_stranger(by, *(claim.firm_id for claim in claims))
    moved = [claim.number for claim in claims if claim.state != ClaimState.APPROVED]
    if moved:
        raise ClaimsMoved(numbers=listed(moved))
    require_unblocked(*claims)
    found.approved_by, found.approver_label, found.approved_at = by.user, by.label[:200], at
    DISBURSEMENT.move(
        found, "approve", by=by, at=at, update_fields=["approved_by", "approver_label", "approved_at"]
    )
    record(by=by, at=at, action="rewards.approve_disbursement", subject=found, detail=_told(found))
    return found


class ClaimsMoved(Refusal):
    """Some claims of the file are no longer to be paid as they stand in it."""

    code = "claims_moved"
    message = _("%(numbers)s 正在重新核定，请取消本拨付文件后重新编制。")


@transaction.atomic
def cancel_disbursement(*, by: Actor, at: datetime, disbursement_id: UUID, reason: str) -> Disbursement:
    """Drop a file before it was approved; its claims may stand in another one."""
    found = _locked(disbursement_id)
    by.require(DISBURSE)
    require_department(by, found.organization)
    DISBURSEMENT.check(found, "cancel")
    for payment in Payment.objects.select_for_update(of=("self",)).filter(disbursement=found).order_by("pk"):
        PAYMENT.move(payment, "cancel", by=by, at=at)
    DISBURSEMENT.move(found, "cancel", by=by, at=at, reason=reason)
    record(by=by, at=at, action="rewards.cancel_disbursement", subject=found, detail={"reason": reason})
    return found


def _locked_payment(payment_id: UUID) -> tuple[Claim, Disbursement, Payment]:
    """The payment with its claim and file, locked in this order."""
    row = Payment.objects.filter(pk=payment_id).values_list("claim_id", "disbursement_id").first()
    if row is None:
        raise NotFound
    claim, disbursement = locked_claim(row[0]), _locked(row[1])
    return claim, disbursement, Payment.objects.select_for_update(of=("self",)).get(pk=payment_id)


@transaction.atomic
def enter_receipt(*, by: Actor, at: datetime, payment_id: UUID, reference: str) -> Payment:
    """The bank paid: post it, once, from the department's treasury account to the firm's bank.

    The same receipt again changes nothing; another one is refused. Raises NotApprovedYet, ReceiptDiffers.
    """
    claim, disbursement, payment = _locked_payment(payment_id)
    by.require(DISBURSE)
    require_department(by, disbursement.organization)
    wanted = reference.strip()
    if payment.state == PaymentState.PAID and payment.reference == wanted:
        return payment
    if payment.state == PaymentState.PAID:
        raise ReceiptDiffers(reference=payment.reference)
    if disbursement.state == DisbursementState.PREPARED:
        raise NotApprovedYet
    PAYMENT.check(payment, "pay")
    require_stranger(by, claim.firm_id)
    if not wanted or len(wanted) > 80:
        raise InvalidInput(field="reference", reason=_("请填写银行回单号。"))
    if Payment.objects.filter(reference=wanted, entry__isnull=False).exists():
        raise InvalidInput(field="reference", reason=_("该回单号已登记在另一笔拨付上。"))
    payment.entry = _post(payment, disbursement, claim, at)
    payment.reference, payment.settled_at = wanted, at
    PAYMENT.move(payment, "pay", by=by, at=at, update_fields=["reference", "settled_at", "entry"])
    detail = {"claim": claim.number, "amount_fen": payment.amount_fen, "reference": wanted,
              "entry": str(payment.entry_id)}  # fmt: skip
    record(by=by, at=at, action="rewards.pay", subject=payment, detail=detail)
    if claim.state == ClaimState.APPROVED and funds.standing_of(claim).is_settled:
        CLAIM.move(claim, "disburse", by=by, at=at, reason=disbursement.number)
    _settle(disbursement, by=by, at=at)
    tell(AwardPaid(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))
    return payment


def _post(payment: Payment, disbursement: Disbursement, claim: Claim, at: datetime) -> Entry:
    treasury = ledger.Address(Purpose.FISCAL, disbursement.organization_id)
    bank = ledger.Address(Purpose.FIRM_BANK, claim.firm_id)
    accounts = ledger.accounts([treasury, bank])
    return ledger.post(
        key=f"reward:{payment.pk}",
        kind="reward",
        fact=payment,
        transfers=[ledger.Transfer(accounts[treasury], accounts[bank], Money(payment.amount_fen))],
        at=at,
        memo=claim.number,
    )


@transaction.atomic
def return_payment(*, by: Actor, at: datetime, payment_id: UUID, reason: str) -> Payment:
    """The bank sent the money back: nothing is posted, the firm is asked, the claim may stand in another file."""
    claim, disbursement, payment = _locked_payment(payment_id)
    by.require(DISBURSE)
    require_department(by, disbursement.organization)
    if disbursement.state == DisbursementState.PREPARED:
        raise NotApprovedYet
    PAYMENT.check(payment, "return")
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明银行退回的原因。"))
    payment.reason, payment.settled_at = reason.strip()[:300], at
    PAYMENT.move(
        payment, "return", by=by, at=at, reason=payment.reason, update_fields=["reason", "settled_at"]
    )
    detail = {"claim": claim.number, "amount_fen": payment.amount_fen, "reason": payment.reason}
    record(by=by, at=at, action="rewards.payment_returned", subject=payment, detail=detail)
    _settle(disbursement, by=by, at=at)
    tell(PaymentReturned(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))
    return payment


@transaction.atomic
def reverse_receipt(*, by: Actor, at: datetime, payment_id: UUID, reference: str, reason: str) -> Payment:
    """The bank sent money back whose receipt was entered before: reverse the entry, and let the claim be paid again.

    `reference` is the bank's return line, the evidence; receipt, entry and award stay as they are. The same line again
    changes nothing. Raises ReturnDiffers, RecoveryStands, MoveNotAllowed, InvalidInput.
    """
    claim, disbursement, payment = _locked_payment(payment_id)
    by.require(DISBURSE)
    require_department(by, disbursement.organization)
    wanted = reference.strip()
    if payment.reversal_id and payment.return_reference == wanted:
        return payment
    if payment.reversal_id:
        raise ReturnDiffers(reference=payment.return_reference)
    PAYMENT.check(payment, "bounce")
    require_stranger(by, claim.firm_id)
    _require_return_line(wanted, reason)
    _require_no_recovery(claim)
    assert payment.entry is not None, "what was paid is posted"
    payment.reversal = ledger.reverse(entry=payment.entry, at=at, memo=claim.number)
    payment.return_reference, payment.reason, payment.returned_at = wanted, reason.strip()[:300], at
    changed = ["return_reference", "reason", "returned_at", "reversal"]
    PAYMENT.move(payment, "bounce", by=by, at=at, reason=payment.reason, update_fields=changed)
    detail = {"claim": claim.number, "amount_fen": payment.amount_fen, "receipt": payment.reference,
              "reference": wanted, "reason": payment.reason, "reversal": str(payment.reversal_id)}  # fmt: skip
    record(by=by, at=at, action="rewards.reverse_receipt", subject=payment, detail=detail)
    if claim.state == ClaimState.DISBURSED:
        CLAIM.move(claim, "pay_again", by=by, at=at, reason=f"{disbursement.number}：{payment.reason}")
    tell(PaymentReturned(at=at, claim_id=claim.pk, firm_id=claim.firm_id, by=by))
    return payment


def _require_return_line(wanted: str, reason: str) -> None:
    if not wanted or len(wanted) > 80:
        raise InvalidInput(field="reference", reason=_("请填写银行退回流水号（不超过 80 个字）。"))
    if not reason.strip():
        raise InvalidInput(field="reason", reason=_("请写明银行退回的原因。"))
    if Payment.objects.filter(reference=wanted, entry__isnull=False).exists():
        raise InvalidInput(field="reference", reason=_("这是拨付的回单号；请填写银行退回这笔款项的流水号。"))
    if Payment.objects.filter(return_reference=wanted).exists():
        raise InvalidInput(field="reference", reason=_("该退回流水号已登记在另一笔拨付上。"))


def _require_no_recovery(claim: Claim) -> None:
    """Nothing of the claim's money is asked back, proposed to be, or paid back: the same money would count twice."""
    standing = funds.standing_of(claim)
    cases = RecoveryCase.objects.filter(claim=claim).exclude(state=RecoveryState.WITHDRAWN).order_by("-pk")
    latest = cases.first()
    is_opened = cases.filter(state=RecoveryState.OPENED).exists()
    if latest is not None and (is_opened or standing.outstanding_fen or standing.returned_fen):
        raise RecoveryStands(number=latest.number)


def _settle(disbursement: Disbursement, *, by: Actor, at: datetime) -> None:
    if not disbursement.payments.filter(state=PaymentState.WAITING).exists():
        DISBURSEMENT.move(disbursement, "settle", by=by, at=at)


def _told(disbursement: Disbursement) -> dict[str, object]:
    return {
        "number": disbursement.number,
        "total_fen": disbursement.total_fen,
        "file_sha256": disbursement.file_sha256,
    }
