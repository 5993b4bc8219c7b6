"""Rows under lock, of the actor's own organization; NotFound for anything else. Always: customer, intent, charge."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _

from kernel.errors import InvalidInput, NotFound
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.merchant import rules
from settlement.merchant.models import Charge, Customer, Intent, Payout
from settlement.merchant.refusals import CustomerDeleted

M = TypeVar("M", bound=Model)


def organization_of(by: Actor) -> Organization:
    """For whom the actor acts."""
    if by.organization is None:
        raise NotFound
    return by.organization


def locked(rows: QuerySet[M], by: Actor, key: UUID) -> M:
    """One own row under lock."""
    found = rows.select_for_update(of=("self",), no_key=True).filter(pk=key)
    if not by.is_system:
        found = found.filter(organization=organization_of(by))
    row = found.order_by("pk").first()
    if row is None:
        raise NotFound
    return row


def locked_customer(by: Actor, key: UUID) -> Customer:
    """A customer that was not deleted."""
    return locked(Customer.objects.filter(deleted_at__isnull=True), by, key)


def paying_customer(by: Actor, key: UUID) -> Customer:
    """A customer for a new payment, under lock. Raises CustomerDeleted, NotFound naming the field."""
    try:
        found = locked(Customer.objects.all(), by, key)
    except NotFound as missing:
        raise NotFound(field="customer") from missing
    require_customer(found)
    return found


def require_customer(customer: Customer | None) -> None:
    """The customer of a payment, if it has one, was not deleted."""
    if customer is not None and customer.deleted_at is not None:
        raise CustomerDeleted(field="customer", number=rules.public_id("cus", customer.pk))


def locked_intent(by: Actor, key: UUID) -> Intent:
    """An intent, after its customer."""
    customer_id = Intent.objects.filter(pk=key).values_list("customer_id", flat=True).first()
    if customer_id is not None:
        Customer.objects.select_for_update(of=("self",), no_key=True).filter(pk=customer_id).first()
    rows = Intent.objects.select_related("organization", "customer__virtual_account", "method")
    return locked(rows, by, key)


def locked_charge(by: Actor, key: UUID) -> Charge:
    """A charge, after its intent."""
    intent_id = Charge.objects.filter(pk=key).values_list("intent_id", flat=True).first()
    if intent_id is None:
        raise NotFound
    intent = locked_intent(by, intent_id)
    charge = locked(Charge.objects.select_related("method", "hold"), by, key)
    charge.intent = intent
    return charge


def locked_payout(by: Actor, key: UUID) -> Payout:
    """A payout of the own organization; of any, for who settles them."""
    return locked(Payout.objects.select_related("bank_account", "organization"), by, key)


def merged(present: dict[str, str], given: Any) -> dict[str, str]:
    """Metadata after an update. Raises InvalidInput."""
    try:
        return rules.merged_metadata(present, given)
    except ValueError as error:
        raise InvalidInput(
            field="metadata",
            reason=_("metadata 应为一组键值：最多 50 个键，键不超过 40、值不超过 500 个字符。"),
        ) from error
