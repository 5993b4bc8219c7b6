"""Customers, how they pay, and the money that they send to their virtual account."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from audit.services import record
from kernel.errors import InvalidInput, NotFound
from kernel.money import Money
from kernel.records import new_id
from organizations.permissions import Actor
from settlement.ledger import services as ledger
from settlement.ledger.models import Purpose
from settlement.merchant import rules, shapes
from settlement.merchant.models import CashMove, Customer, PaymentMethod, VirtualAccount
from settlement.merchant.permissions import COLLECT, SETTLE_PAYOUTS
from settlement.merchant.refusals import ReferenceReused, TestOnly
from settlement.merchant.services.intents import apply_cash
from settlement.merchant.services.locking import (
    locked,
    locked_customer,
    merged,
    organization_of,
    paying_customer,
)
from settlement.merchant.services.news import tell
from settlement.merchant.states import CashKind
from settlement.merchant.ways import WAYS, way_of

_TOLD = ("name", "email", "phone", "description")


@transaction.atomic
def create_customer(*, by: Actor, at: datetime, metadata: Any = None, **told: str) -> Customer:
    """A new customer of the actor's organization."""
    organization = organization_of(by)
    by.require(COLLECT)
    customer = Customer(organization=organization, created_at=at, metadata=merged({}, metadata))
    for name in _TOLD:
        setattr(customer, name, told.get(name, ""))
    customer.save(force_insert=True)
    record(by=by, at=at, action="merchant.create_customer", subject=customer)
    tell(organization.pk, "customer.created", shapes.customer(customer), at=at)
    return customer


@transaction.atomic
def update_customer(
    *, by: Actor, at: datetime, customer_id: UUID, metadata: Any = None, **told: str
) -> Customer:
    """Change what is known of a customer; only the given fields."""
    customer = locked_customer(by, customer_id)
    by.require(COLLECT)
    before = shapes.customer(customer)
    customer.metadata = merged(customer.metadata, metadata)
    for name, value in told.items():
        assert name in _TOLD, name
        setattr(customer, name, value)
    customer.save(update_fields=["metadata", *told])
    record(by=by, at=at, action="merchant.update_customer", subject=customer)
    after = shapes.customer(customer)
    changed = {name: before[name] for name in before if before[name] != after[name]}
    tell(customer.organization_id, "customer.updated", after, at=at, previous=changed)
    return customer


@transaction.atomic
def delete_customer(*, by: Actor, at: datetime, customer_id: UUID) -> Customer:
    """Forget a customer's name and ways to pay; payments made stay. Refused while unused money lies there.

    Intents that wait for the customer's transfer go on; what is not confirmed yet can only be cancelled.
    """
    customer = locked_customer(by, customer_id)
    by.require(COLLECT)
    if customer.cash_fen:
        raise InvalidInput(field="customer", reason=_("该客户还有未使用的转账余额，不能删除。请先用于付款。"))
    last = shapes.customer(customer)
    customer.deleted_at = at
    customer.name = customer.email = customer.phone = customer.description = ""
    customer.save(update_fields=["deleted_at", *_TOLD])
    detached = list(
        PaymentMethod.objects.select_for_update(of=("self",)).filter(customer=customer).order_by("pk")
    )
    for method in detached:
        method.customer = None
        method.save(update_fields=["customer"])
        tell(customer.organization_id, "payment_method.detached", shapes.payment_method(method), at=at)
    record(by=by, at=at, action="merchant.delete_customer", subject=customer)
    tell(customer.organization_id, "customer.deleted", {**last, "deleted": True}, at=at)
    return customer


# --- ways to pay -------------------------------------------------------------------------------


@transaction.atomic
def create_method(
    *, by: Actor, at: datetime, kind: str, token: str = "", metadata: Any = None
) -> PaymentMethod:
    """A way to pay: a test card by its token, or the customer's bank transfer. Card numbers are not taken."""
    organization = organization_of(by)
    by.require(COLLECT)
    if kind not in WAYS:
        raise InvalidInput(field="type", reason=_("type 应为 card 或 customer_balance。"))
    method = PaymentMethod(organization=organization, kind=kind, created_at=at, metadata=merged({}, metadata))
    way_of(method).make(method, token)
    method.save(force_insert=True)
    return method


@transaction.atomic
def attach_method(*, by: Actor, at: datetime, method_id: UUID, customer_id: UUID | None) -> PaymentMethod:
    """Give a way to pay to a customer, or (None) take it off."""
    customer = paying_customer(by, customer_id) if customer_id else None
    method = locked(PaymentMethod.objects.all(), by, method_id)
    by.require(COLLECT)
    method.customer = customer
    method.save(update_fields=["customer"])
    kind = "payment_method.attached" if customer else "payment_method.detached"
    tell(method.organization_id, kind, shapes.payment_method(method), at=at)
    return method


# --- bank transfers ----------------------------------------------------------------------------


@transaction.atomic
def open_virtual_account(*, by: Actor, at: datetime, customer_id: UUID) -> VirtualAccount:
    """The number under which a customer's transfers arrive; the same one always."""
    customer = locked_customer(by, customer_id)
    by.require(COLLECT)
    return virtual_account_of(customer, by=by, at=at)


def virtual_account_of(customer: Customer, *, by: Actor, at: datetime) -> VirtualAccount:
    """The account of a customer under lock, opened on first use."""
    known = VirtualAccount.objects.filter(customer=customer).first()
    while known is None:
        number = rules.virtual_account_number(secrets.randbelow(10**12))
        rows = [VirtualAccount(customer=customer, number=number)]
        VirtualAccount.objects.bulk_create(rows, ignore_conflicts=True)
        known = VirtualAccount.objects.filter(customer=customer).first()
        if known is not None:
            record(by=by, at=at, action="merchant.open_account", subject=customer, detail={"number": number})
    return known


@transaction.atomic
def money_arrived(
    *, by: Actor, at: datetime, virtual_account: str, amount: Money, reference: str
) -> CashMove:
    """Book a transfer that arrived at a virtual account, once per bank reference; pays open intents it covers.

    For who reads bank statements (the system, or the operator's finance). The same reference again gives the
    booking that is there. Raises NotFound for an unknown account, ReferenceReused, InvalidInput.
    """
    account = VirtualAccount.objects.filter(number=virtual_account).first()
    if account is None:
        raise NotFound(field="virtual_account")
    customer = Customer.objects.select_for_update(of=("self",), no_key=True).get(pk=account.customer_id)
    by.require(SETTLE_PAYOUTS)
    return _arrived(customer, amount, reference, by=by, at=at)


@transaction.atomic
def fund_for_test(
    *, by: Actor, at: datetime, customer_id: UUID, amount: Money, reference: str = ""
) -> CashMove:
    """Let a transfer arrive that no bank has seen; in a test installation only."""
    if settings.PAYMENTS_LIVE:
        raise TestOnly
    customer = locked_customer(by, customer_id)
    by.require(COLLECT)
    virtual_account_of(customer, by=by, at=at)
    # A caller's own words never take the number of a real bank line, or of another's test.
    reference = f"test:{customer.pk.hex}:{reference}" if reference else f"test:{new_id().hex}"
    return _arrived(customer, amount, reference, by=by, at=at)


def _arrived(customer: Customer, amount: Money, reference: str, *, by: Actor, at: datetime) -> CashMove:
    if not 0 < amount.fen <= rules.LARGEST_AMOUNT:
        raise InvalidInput(field="amount", reason=_("到账金额应大于零。"))
    if not 0 < len(reference) <= 100:
        raise InvalidInput(field="reference", reason=_("请给出不超过 100 个字符的银行流水号。"))
    known = CashMove.objects.filter(reference=reference).first()
    if known is not None:
        if (known.customer_id, known.amount_fen) != (customer.pk, amount.fen):
            raise ReferenceReused(reference=reference)
        return known
    bank = ledger.Address.of_platform(Purpose.BANK, customer.pk)
    cash = ledger.Address(Purpose.CUSTOMER_CASH, customer.organization_id)
    found = ledger.accounts([bank, cash])
    move = CashMove(
        id=new_id(), customer=customer, kind=CashKind.FUNDED, amount_fen=amount.fen, reference=reference, at=at
    )  # fmt: skip
    move.entry = ledger.post(
        key=f"arrival:{reference}",
        kind="cash_in",
        fact=customer,
        transfers=[ledger.Transfer(found[bank], found[cash], amount)],
        at=at,
        memo=reference,
    )
    move.save(force_insert=True)
    record(
        by=by, at=at, action="merchant.money_arrived", subject=customer,
        detail={"amount_fen": amount.fen, "reference": reference, "entry": str(move.entry_id)},
    )  # fmt: skip
    customer.refresh_from_db(fields=["cash_fen"])
    tell(customer.organization_id, "customer_cash_balance_transaction.created", shapes.cash_move(move), at=at)
    apply_cash(customer, by=by, at=at)
    return move
