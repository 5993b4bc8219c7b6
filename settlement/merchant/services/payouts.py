"""Money to the bank: asked for, approved by two people above the day's limit, settled by the operator's finance.

Balance → payouts under way when asked for; → bank when paid; back to the balance when it fails, comes back or is
canceled.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from audit.services import record
from kernel.errors import InvalidInput, NotFound
from kernel.money import Money
from kernel.records import new_id
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.merchant import rules, shapes
from settlement.merchant.models import BankAccount, Payout, PayoutApproval
from settlement.merchant.permissions import APPROVE_PAYOUTS, PAY_OUT, SETTLE_PAYOUTS
from settlement.merchant.refusals import (
    ApprovedBefore,
    BalanceTooLow,
    BankAccountMissing,
    OwnPayout,
    PayoutAtBank,
    PersonNeeded,
)
from settlement.merchant.selectors import is_paid_at_bank
from settlement.merchant.services.limits import locked_day
from settlement.merchant.services.locking import locked_payout, merged, organization_of
from settlement.merchant.services.news import tell
from settlement.merchant.states import PAYOUT

APPROVALS = 2


@transaction.atomic
def use_bank_account(*, by: Actor, at: datetime, holder: str, bank_name: str, number: str) -> BankAccount:
    """Name the bank account that payouts go to from now on; by a person only. Payouts under way keep theirs."""
    organization = organization_of(by)
    by.require(PAY_OUT)
    if by.scopes is not None:
        raise PersonNeeded
    digits = re.sub(r"[\s-]", "", number)
    if not re.fullmatch(r"\d{8,32}", digits):
        raise InvalidInput(field="number", reason=_("银行账号应为 8 至 32 位数字。"))
    if not holder.strip() or not bank_name.strip():
        raise InvalidInput(field="holder", reason=_("请填写户名和开户行。"))
    former = BankAccount.objects.select_for_update(of=("self",)).filter(organization=organization)
    known = former.filter(retired_at__isnull=True).order_by("pk").first()
    told = (holder.strip(), bank_name.strip(), digits)
    if known is not None and (known.holder, known.bank_name, known.number) == told:
        return known
    if known is not None:
        known.retired_at = at
        known.save(update_fields=["retired_at"])
    made = BankAccount(
        organization=organization, holder=told[0], bank_name=told[1], number=told[2], added_at=at
    )
    made.save(force_insert=True)
    record(by=by, at=at, action="merchant.use_bank_account", subject=made, detail={"last4": made.last4})
    return made


@transaction.atomic
def create_payout(
    *,
    by: Actor,
    at: datetime,
    amount: Money,
    destination_id: UUID | None = None,
    description: str = "",
    statement_descriptor: str = "",
    metadata: Any = None,
) -> Payout:
    """Take an amount out of the balance, for the bank account in use.

    What goes beyond the organization's limit of the day (`limits`) waits for two approvals, however small it is.
    """
    organization = organization_of(by)
    left_today = locked_day(organization.pk, at)
    by.require(PAY_OUT)
    account = BankAccount.objects.filter(organization=organization, retired_at__isnull=True).first()
    if account is None or (destination_id and destination_id != account.pk):
        raise BankAccountMissing(field="destination")
    if not 0 < amount.fen <= rules.LARGEST_AMOUNT:
        raise InvalidInput(field="amount", reason=_("提现金额应大于零。"))
    payout = Payout(
        id=new_id(), organization=organization, bank_account=account, amount_fen=amount.fen, created_at=at,
        description=description, statement_descriptor=statement_descriptor, metadata=merged({}, metadata),
        requested_by=by.user_id,
        approvals_needed=APPROVALS if amount > left_today else 0,
    )  # fmt: skip
    payout.entry = _post(payout, "payout", at)
    payout.save(force_insert=True)
    record(
        by=by, at=at, action="merchant.create_payout", subject=payout,
        detail={"amount_fen": amount.fen, "entry": str(payout.entry_id), "account": str(account.pk)},
    )  # fmt: skip
    tell(organization.pk, "payout.created", shapes.payout(payout), at=at)
    if not payout.approvals_needed:
        _send(payout, by=by, at=at)
    return payout


def _post(payout: Payout, kind: str, at: datetime) -> Entry:
    """One entry of a payout's life, under a key of its own."""
    wallet = ledger.Address(Purpose.WALLET, payout.organization_id)
    under_way = ledger.Address(Purpose.PAYOUTS, payout.organization_id)
    bank = ledger.Address.of_platform(Purpose.BANK, payout.pk)
    way = {
        "payout": (wallet, under_way),
        "payout_paid": (under_way, bank),
        "payout_cancel": (under_way, wallet),
        "payout_failure": (bank if payout.paid_entry_id else under_way, wallet),
    }[kind]
    found, amount = ledger.accounts(way), Money(payout.amount_fen)
    balance = Money(found[way[0]].available_fen)
    try:
        return ledger.post(
            key=f"{kind.replace('_', '-')}:{payout.pk}",
            kind=kind,
            fact=payout,
            transfers=[ledger.Transfer(found[way[0]], found[way[1]], amount)],
            at=at,
            memo=payout.description[:200],
        )
    except ledger.InsufficientBalance as short:
        raise BalanceTooLow(field="amount", balance=balance, needed=amount) from short


def _send(payout: Payout, *, by: Actor, at: datetime) -> None:
    PAYOUT.move(payout, "send", by=by, at=at)
    tell(payout.organization_id, "payout.updated", shapes.payout(payout), at=at)


@transaction.atomic
def approve_payout(*, by: Actor, at: datetime, payout_id: UUID) -> Payout:
    """One person's yes; the second sends the payout. Never by who asked for it, never by a key."""
    payout = locked_payout(by, payout_id)
    by.require(APPROVE_PAYOUTS)
    if by.user is None or by.scopes is not None:
        raise PersonNeeded
    if payout.requested_by == by.user_id:
        raise OwnPayout
    PAYOUT.check(payout, "send")
    if payout.approvals.filter(user=by.user).exists():
        raise ApprovedBefore
    PayoutApproval.objects.create(payout=payout, user=by.user, at=at)
    record(by=by, at=at, action="merchant.approve_payout", subject=payout)
    if payout.approvals.count() >= payout.approvals_needed:
        _send(payout, by=by, at=at)
    return payout


@transaction.atomic
def cancel_payout(*, by: Actor, at: datetime, payout_id: UUID) -> Payout:
    """Take back a payout that was not sent yet; the money is in the balance again."""
    payout = locked_payout(by, payout_id)
    if not (by.can(PAY_OUT) or by.can(APPROVE_PAYOUTS)):
        by.require(PAY_OUT)
    PAYOUT.check(payout, "cancel")
    payout.back_entry = _post(payout, "payout_cancel", at)
    PAYOUT.move(payout, "cancel", by=by, at=at, update_fields=["back_entry"])
    record(
        by=by, at=at, action="merchant.cancel_payout", subject=payout,
        detail={"entry": str(payout.back_entry.pk)},
    )  # fmt: skip
    tell(payout.organization_id, "payout.canceled", shapes.payout(payout), at=at)
    return payout


def _to_settle(by: Actor, payout_id: UUID) -> Payout:
    by.require(SETTLE_PAYOUTS)
    rows = Payout.objects.select_related("bank_account").select_for_update(of=("self",), no_key=True)
    payout = rows.filter(pk=payout_id).first()
    if payout is None:
        raise NotFound
    return payout


@transaction.atomic
def settle_payout(*, by: Actor, at: datetime, payout_id: UUID) -> Payout:
    """The bank has paid it; told once by the operator's finance (or by who reads bank statements)."""
    payout = _to_settle(by, payout_id)
    PAYOUT.check(payout, "settle")
    payout.paid_entry, payout.settled_at = _post(payout, "payout_paid", at), at
    PAYOUT.move(payout, "settle", by=by, at=at, update_fields=["paid_entry", "settled_at"])
    record(
        by=by, at=at, action="merchant.settle_payout", subject=payout,
        detail={"entry": str(payout.paid_entry.pk)},
    )  # fmt: skip
    tell(payout.organization_id, "payout.paid", shapes.payout(payout), at=at)
    return payout


@transaction.atomic
def fail_payout(*, by: Actor, at: datetime, payout_id: UUID, reason: str) -> Payout:
    """The bank refused it, or sent it back after paying: the money is in the balance again.

    Not while a line of the bank's statement is matched with the payout. Raises PayoutAtBank.
    """
    payout = _to_settle(by, payout_id)
    PAYOUT.check(payout, "fail")
    if is_paid_at_bank(payout):
        raise PayoutAtBank
    if not 2 <= len(reason.strip()) <= 300:
        raise InvalidInput(field="reason", reason=_("请用 2 到 300 个字写明银行给出的原因。"))
    payout.back_entry, payout.failure_message = _post(payout, "payout_failure", at), reason.strip()
    PAYOUT.move(payout, "fail", by=by, at=at, reason=reason, update_fields=["back_entry", "failure_message"])
    record(
        by=by, at=at, action="merchant.fail_payout", subject=payout,
        detail={"entry": str(payout.back_entry.pk), "reason": reason.strip()},
    )  # fmt: skip
    tell(payout.organization_id, "payout.failed", shapes.payout(payout), at=at)
    return payout


@transaction.atomic
def update_payout(*, by: Actor, at: datetime, payout_id: UUID, metadata: Any) -> Payout:
    """Change a payout's notes, nothing else."""
    payout = locked_payout(by, payout_id)
    by.require(PAY_OUT)
    payout.metadata = merged(payout.metadata, metadata)
    payout.save(update_fields=["metadata"])
    tell(payout.organization_id, "payout.updated", shapes.payout(payout), at=at)
    return payout
