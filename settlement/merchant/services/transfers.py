"""Money from one organization's balance to another's."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
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
from settlement.merchant.models import Transfer
from settlement.merchant.permissions import TRANSFER
from settlement.merchant.refusals import BalanceTooLow
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
    """Move an amount of the own balance to another verified organization, at once. Raises BalanceTooLow, NotFound."""
    organization = organization_of(by)
    by.require(TRANSFER)
    destination = Organization.objects.filter(pk=destination_id).first()
    if destination is None or not destination.is_verified:
        raise NotFound(field="destination")
    if destination.pk == organization.pk:
        raise InvalidInput(field="destination", reason=_("不能转账给本单位自己。"))
    if not 0 < amount.fen <= rules.LARGEST_AMOUNT:
        raise InvalidInput(field="amount", reason=_("转账金额应大于零。"))
    transfer = Transfer(
        id=new_id(), organization=organization, destination=destination, amount_fen=amount.fen, created_at=at,
        description=description, transfer_group=transfer_group, metadata=merged({}, metadata),
    )  # fmt: skip
    source = ledger.Address(Purpose.WALLET, organization.pk)
    target = ledger.Address(Purpose.WALLET, destination.pk)
    found = ledger.accounts([source, target])
    balance = Money(found[source].posted_fen)
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
