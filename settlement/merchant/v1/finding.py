"""Each kind of thing by its public id, as its own account sees it; with the reasons of `resource_missing`."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from kernel.errors import NotFound
from organizations.permissions import Actor
from settlement.ledger.models import Posting
from settlement.merchant import selectors, shapes
from settlement.merchant.models import PaymentMethod
from settlement.merchant.rules import key_of
from settlement.merchant.services.orders import refunded_fen
from settlement.merchant.shapes import Shape
from settlement.payments import selectors as orders
from settlement.payments.models import PaymentIntent as OrderIntent


def id_of(prefix: str, text: str, field: str = "id") -> UUID:
    """The UUID inside a public id; NotFound otherwise."""
    found = key_of(prefix, text)
    if found is None:
        raise NotFound(field=field)
    return found


def order_intent(viewer: Actor, key: UUID) -> OrderIntent | None:
    """The payment of an order that the viewer's organization has a part in."""
    return selectors.order_intents_of(viewer).filter(pk=key).first()


def intent(viewer: Actor, key: UUID) -> Shape:
    own = selectors.intents_visible_to(viewer).filter(pk=key, organization=viewer.organization_id).first()
    if own is not None:
        return shapes.intent(own)
    of_order = order_intent(viewer, key)
    if of_order is None:
        raise NotFound(field="intent")
    return shapes.order_intent(of_order)


def charge(viewer: Actor, key: UUID) -> Shape:
    own = selectors.charges_visible_to(viewer).filter(pk=key).first()
    if own is not None:
        return shapes.charge(own)
    of_order = selectors.order_intents_of(viewer).filter(pk=key, escrow_entry__isnull=False).first()
    if of_order is None:
        raise NotFound(field="charge")
    return shapes.order_charge(of_order, refunded_fen(of_order.order_id))


def refund(viewer: Actor, key: UUID) -> Shape:
    own = selectors.refunds_visible_to(viewer).filter(pk=key, organization=viewer.organization_id).first()
    if own is not None:
        return shapes.refund(own)
    of_order = orders.refunds_visible_to(viewer).select_related("order__payment").filter(pk=key).first()
    if of_order is None:
        raise NotFound(field="refund")
    return shapes.order_refund(of_order)


def customer(viewer: Actor, key: UUID) -> Shape:
    found = selectors.customers_visible_to(viewer).filter(pk=key).first()
    if found is None:
        raise NotFound(field="customer")
    return shapes.customer(found)


def method_row(viewer: Actor, key: UUID) -> PaymentMethod:
    found = selectors.methods_visible_to(viewer).filter(pk=key).first()
    if found is None:
        raise NotFound(field="payment_method")
    return found


def method(viewer: Actor, key: UUID) -> Shape:
    return shapes.payment_method(method_row(viewer, key))


def account(viewer: Actor, key: UUID) -> Shape:
    """The own account, no other."""
    selectors.require_view(viewer)
    if viewer.organization is None or viewer.organization_id != key:
        raise NotFound(field="account")
    return shapes.account(viewer.organization)


def bank_account(viewer: Actor, key: UUID) -> Shape:
    found = selectors.bank_accounts_visible_to(viewer).filter(pk=key).first()
    if found is None:
        raise NotFound(field="external_account")
    return shapes.bank_account(found)


def transfer(viewer: Actor, key: UUID) -> Shape:
    found = selectors.transfers_visible_to(viewer).filter(pk=key).first()
    if found is None:
        raise NotFound(field="transfer")
    return shapes.transfer(found)


def transfer_reversal(viewer: Actor, key: UUID) -> Shape:
    found = selectors.reversals_visible_to(viewer).filter(pk=key).first()
    if found is None:
        raise NotFound(field="reversal")
    return shapes.transfer_reversal(found)


def payout(viewer: Actor, key: UUID) -> Shape:
    found = selectors.payouts_visible_to(viewer).filter(pk=key, organization=viewer.organization_id).first()
    if found is None:
        raise NotFound(field="payout")
    return shapes.payout(found)


def event(viewer: Actor, key: UUID) -> Shape:
    found = selectors.events_visible_to(viewer).filter(pk=key).first()
    if found is None:
        raise NotFound(field="event")
    return shapes.event(found, pending=found.waiting)  # type: ignore[attr-defined]


def endpoint(viewer: Actor, key: UUID) -> Shape:
    return shapes.webhook_endpoint(selectors.endpoint_visible_to(viewer, key))


def balance_transactions(legs: list[Posting]) -> list[Shape]:
    """Legs as balance transactions, with two questions for all of them."""
    fees, sources = selectors.fees_of(legs), selectors.sources_of(legs)
    return [
        shapes.balance_transaction(leg, fees.get(leg.entry_id, 0), sources.get(leg.entry_id)) for leg in legs
    ]


def balance_transaction(viewer: Actor, key: UUID) -> Shape:
    found = selectors.balance_legs(viewer).filter(entry=key).first()
    if found is None:
        raise NotFound(field="balance_transaction")
    return balance_transactions([found])[0]


FINDERS: dict[str, Callable[[Actor, UUID], Shape]] = {
    "pi": intent,
    "ch": charge,
    "re": refund,
    "cus": customer,
    "pm": method,
    "acct": account,
    "ba": bank_account,
    "tr": transfer,
    "trr": transfer_reversal,
    "po": payout,
    "evt": event,
    "txn": balance_transaction,
}
