"""Money of a charge goes back: from the balance to the payer's card, or to the customer's unused transfers."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from audit.services import record
from kernel.errors import InvalidInput
from kernel.money import Money
from kernel.records import new_id
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Purpose
from settlement.merchant import shapes
from settlement.merchant.models import CashMove, Charge, Refund
from settlement.merchant.permissions import REFUND_CHARGES
from settlement.merchant.refusals import BalanceTooLow, ChargeAlreadyRefunded, ChargeNotCaptured
from settlement.merchant.services.locking import locked, locked_charge, merged
from settlement.merchant.services.news import tell
from settlement.merchant.states import CashKind, RefundReason
from settlement.merchant.ways import way_of


@transaction.atomic
def refund_charge(
    *,
    by: Actor,
    at: datetime,
    charge_id: UUID,
    amount: Money | None = None,
    reason: str = "",
    metadata: Any = None,
) -> Refund:
    """Give back a part or (None) all that is left of a captured charge.

    Raises ChargeNotCaptured, ChargeAlreadyRefunded, BalanceTooLow; the database refuses more than was captured.
    """
    charge = locked_charge(by, charge_id)
    by.require(REFUND_CHARGES)
    if reason and reason not in RefundReason.values:
        raise InvalidInput(
            field="reason", reason=_("reason 应为 duplicate、fraudulent 或 requested_by_customer。")
        )
    if not charge.captured_fen:
        raise ChargeNotCaptured(field="charge")
    left = Money(charge.captured_fen - charge.refunded_fen)
    wanted = left if amount is None else amount
    if not left or wanted > left:
        raise ChargeAlreadyRefunded(field="amount", left=left)
    if wanted.fen <= 0:
        raise InvalidInput(field="amount", reason=_("退款金额应大于零。"))
    refund = Refund(
        id=new_id(), organization_id=charge.organization_id, charge=charge, amount_fen=wanted.fen,
        reason=reason, metadata=merged({}, metadata), created_at=at,
    )  # fmt: skip
    _post(refund, charge, wanted, at)
    refund.save(force_insert=True)
    if way_of(charge.method).waits:
        _to_cash(refund, charge, at)
    record(
        by=by, at=at, action="merchant.refund", subject=refund,
        detail={"charge": str(charge.pk), "amount_fen": wanted.fen, "entry": str(refund.entry_id)},
    )  # fmt: skip
    charge.refresh_from_db(fields=["refunded_fen"])
    tell(charge.organization_id, "refund.created", shapes.refund(refund), at=at)
    tell(charge.organization_id, "charge.refunded", shapes.charge(charge), at=at)
    return refund


def _post(refund: Refund, charge: Charge, amount: Money, at: datetime) -> None:
    wallet = ledger.Address(Purpose.WALLET, charge.organization_id)
    target = way_of(charge.method).counterpart(charge.organization_id, charge.pk)
    found = ledger.accounts([wallet, target])
    balance = Money(found[wallet].available_fen)
    try:
        refund.entry = ledger.post(
            key=f"charge-refund:{refund.pk}",
            kind="charge_refund",
            fact=refund,
            transfers=[ledger.Transfer(found[wallet], found[target], amount)],
            at=at,
            memo=charge.intent.description[:200],
        )
    except ledger.InsufficientBalance as short:
        raise BalanceTooLow(field="amount", balance=balance, needed=amount) from short


def _to_cash(refund: Refund, charge: Charge, at: datetime) -> None:
    """Into the customer's unused transfers; other intents do not take it by themselves."""
    assert charge.intent.customer_id is not None, "a transfer comes from a customer"
    move = CashMove(
        customer_id=charge.intent.customer_id, kind=CashKind.REFUNDED, amount_fen=refund.amount_fen, at=at,
        intent=charge.intent, entry=refund.entry,
    )  # fmt: skip
    move.save(force_insert=True)
    told = shapes.cash_move(move)
    tell(charge.organization_id, "customer_cash_balance_transaction.created", told, at=at)


@transaction.atomic
def update_refund(*, by: Actor, at: datetime, refund_id: UUID, metadata: Any) -> Refund:
    """Change a refund's notes, nothing else."""
    refund = locked(Refund.objects.select_related("charge"), by, refund_id)
    by.require(REFUND_CHARGES)
    refund.metadata = merged(refund.metadata, metadata)
    refund.save(update_fields=["metadata"])
    tell(refund.organization_id, "refund.updated", shapes.refund(refund), at=at)
    return refund
