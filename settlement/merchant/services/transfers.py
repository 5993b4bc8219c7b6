"""Money from one organization's balance to another's, and back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from audit.services import record
from kernel.errors import InvalidInput, NotFound
from kernel.money import Money
from kernel.records import new_id
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Purpose
from settlement.merchant import rules, shapes
from settlement.merchant.models import Transfer, TransferReversal
from settlement.merchant.permissions import TRANSFER
from settlement.merchant.refusals import (
    BalanceTooLow,
    DayLimit,
    RecipientTooLow,
    TransferReversed,
    TransferSettled,
)
from settlement.merchant.services.limits import locked_day
from settlement.merchant.services.locking import locked, merged, organization_of
from settlement.merchant.services.news import tell


@transaction.atomic
def create_transfer(
    *,
    by: Actor,
    at: datetime,
    destination_id: UUID,
    amount: Money,
    description: str = "",
    transfer_group: str = "",
    metadata: Any = None,
) -> Transfer:
    """Move an amount of the own balance to another verified organization, at once, within the day's limit.

    Raises DayLimit, BalanceTooLow, NotFound.
    """
    organization = organization_of(by)
    left_today = locked_day(organization.pk, at)
    by.require(TRANSFER)
    destination = Organization.objects.filter(pk=destination_id).first()
    if destination is None or not destination.is_verified:
        raise NotFound(field="destination")
    if destination.pk == organization.pk:
        raise InvalidInput(field="destination", reason=_("不能转账给本单位自己。"))
    if not 0 < amount.fen <= rules.LARGEST_AMOUNT:
        raise InvalidInput(field="amount", reason=_("转账金额应大于零。"))
    if amount > left_today:
        raise DayLimit(field="amount", limit=Money(int(settings.PAYOUT_APPROVAL_FEN)), left=left_today)
    transfer = Transfer(
        id=new_id(), organization=organization, destination=destination, amount_fen=amount.fen, created_at=at,
        description=description, transfer_group=transfer_group, metadata=merged({}, metadata),
    )  # fmt: skip
    source = ledger.Address(Purpose.WALLET, organization.pk)
    target = ledger.Address(Purpose.WALLET, destination.pk)
    found = ledger.accounts([source, target])
    balance = Money(found[source].available_fen)
    try:
        transfer.entry = ledger.post(
            key=f"transfer:{transfer.pk}",
            kind="transfer",
            fact=transfer,
            transfers=[ledger.Transfer(found[source], found[target], amount)],
            at=at,
            memo=description[:200],
        )
    except ledger.InsufficientBalance as short:
        raise BalanceTooLow(field="amount", balance=balance, needed=amount) from short
    transfer.save(force_insert=True)
    record(
        by=by, at=at, action="merchant.transfer", subject=transfer,
        detail={"destination": str(destination.pk), "amount_fen": amount.fen, "entry": str(transfer.entry_id)},
    )  # fmt: skip
    tell(organization.pk, "transfer.created", shapes.transfer(transfer), at=at)
    return transfer


@transaction.atomic
def update_transfer(
    *, by: Actor, at: datetime, transfer_id: UUID, metadata: Any = None, description: str | None = None
) -> Transfer:
    """Change a transfer's words, nothing else."""
    transfer = locked(Transfer.objects.all(), by, transfer_id)
    by.require(TRANSFER)
    transfer.metadata = merged(transfer.metadata, metadata)
    if description is not None:
        transfer.description = description
    transfer.save(update_fields=["metadata", "description"])
    tell(transfer.organization_id, "transfer.updated", shapes.transfer(transfer), at=at)
    return transfer


def locked_transfer(by: Actor, transfer_id: UUID) -> Transfer:
    """A transfer that the actor's organization made or received, under lock. Raises NotFound."""
    mine = Q(organization=organization_of(by)) | Q(destination=organization_of(by))
    rows = Transfer.objects.select_for_update(of=("self",), no_key=True).filter(mine)
    found = rows.filter(pk=transfer_id).order_by("pk").first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def reverse_transfer(
    *,
    by: Actor,
    at: datetime,
    transfer_id: UUID,
    amount: Money | None = None,
    description: str = "",
    metadata: Any = None,
) -> TransferReversal:
    """Send a transfer, or a part of it, back: by who received it at any time, by who made it while it is fresh.

    `settings.TRANSFER_REVERSAL_HOURS` is how long it is fresh. Raises TransferReversed, TransferSettled, BalanceTooLow.
    """
    transfer = locked_transfer(by, transfer_id)
    by.require(TRANSFER)
    hours = int(settings.TRANSFER_REVERSAL_HOURS)
    if transfer.destination_id != by.organization_id and at >= transfer.created_at + timedelta(hours=hours):
        raise TransferSettled(hours=hours)
    left = Money(transfer.amount_fen - transfer.reversed_fen)
    wanted = left if amount is None else amount
    if not left or wanted > left:
        raise TransferReversed(field="amount", left=left)
    if wanted.fen <= 0:
        raise InvalidInput(field="amount", reason=_("退回金额应大于零。"))
    reversal = TransferReversal(
        id=new_id(), organization=organization_of(by), transfer=transfer, amount_fen=wanted.fen, created_at=at,
        description=description, metadata=merged({}, metadata),
    )  # fmt: skip
    _post_back(reversal, transfer, wanted, at)
    reversal.save(force_insert=True)
    record(
        by=by, at=at, action="merchant.reverse_transfer", subject=transfer,
        detail={"amount_fen": wanted.fen, "entry": str(reversal.entry_id)},
    )  # fmt: skip
    transfer.refresh_from_db(fields=["reversed_fen"])
    tell(transfer.organization_id, "transfer.reversed", shapes.transfer(transfer), at=at)
    return reversal


def _post_back(reversal: TransferReversal, transfer: Transfer, amount: Money, at: datetime) -> None:
    source = ledger.Address(Purpose.WALLET, transfer.destination_id)
    target = ledger.Address(Purpose.WALLET, transfer.organization_id)
    found = ledger.accounts([source, target])
    try:
        reversal.entry = ledger.post(
            key=f"transfer-reversal:{reversal.pk}",
            kind="transfer_reversal",
            fact=reversal,
            transfers=[ledger.Transfer(found[source], found[target], amount)],
            at=at,
            memo=reversal.description[:200],
        )
    except ledger.InsufficientBalance as short:
        is_own = transfer.destination_id == reversal.organization_id
        if is_own:
            raise BalanceTooLow(
                field="amount", balance=Money(found[source].available_fen), needed=amount
            ) from short
        raise RecipientTooLow(field="amount", needed=amount) from short


@transaction.atomic
def update_reversal(*, by: Actor, at: datetime, reversal_id: UUID, metadata: Any) -> TransferReversal:
    """Change a reversal's notes, nothing else."""
    reversal = locked(TransferReversal.objects.select_related("transfer"), by, reversal_id)
    by.require(TRANSFER)
    reversal.metadata = merged(reversal.metadata, metadata)
    reversal.save(update_fields=["metadata"])
    return reversal
