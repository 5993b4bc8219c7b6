"""Reading merchants' payments: an account's own things, its balance out of the ledger, events and deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import BigIntegerField, Count, F, Model, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _

from exchange.acceptance.rules import exchange_fee
from kernel.errors import NotFound
from kernel.money import Money
from organizations.permissions import Actor
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Account, Posting, Purpose
from settlement.merchant.models import (
    BankAccount,
    CashMove,
    Charge,
    Customer,
    Event,
    EventDelivery,
    Intent,
    PaymentMethod,
    Payout,
    Refund,
    Transfer,
    TransferReversal,
    VirtualAccount,
    WebhookEndpoint,
)
from settlement.merchant.permissions import (
    APPROVE_PAYOUTS,
    DEVELOP,
    SETTLE_PAYOUTS,
    VIEW_ALL_MERCHANTS,
    VIEW_MERCHANT,
)
from settlement.merchant.rules import public_id
from settlement.merchant.states import DeliveryState, PayoutState
from settlement.payments.models import PaymentIntent as OrderIntent
from settlement.payments.models import Release
from settlement.payments.selectors import intents_visible_to as order_intents_visible_to
from settlement.payments.states import IntentState
from web.desk import Todo

M = TypeVar("M", bound=Model)


BankEvidence = Callable[[Payout], bool]
_bank_evidence: list[BankEvidence] = []


def register_bank_evidence(check: BankEvidence) -> None:
    """Let `check` say whether the bank's statement shows that a payout went out."""
    if check not in _bank_evidence:
        _bank_evidence.append(check)


def is_paid_at_bank(payout: Payout) -> bool:
    """Whether a line of the bank's statement says that the payout went out."""
    return any(check(payout) for check in _bank_evidence)


def require_view(viewer: Actor) -> None:
    """Raise NotAllowed unless the viewer may look at merchants' payments."""
    if not viewer.can(VIEW_ALL_MERCHANTS):
        viewer.require(VIEW_MERCHANT)


def _own(rows: QuerySet[M], viewer: Actor) -> QuerySet[M]:
    if viewer.organization_id is None or not viewer.can(VIEW_MERCHANT):
        return rows.none()
    return rows.filter(organization=viewer.organization_id)


def _own_or_all(rows: QuerySet[M], viewer: Actor) -> QuerySet[M]:
    return rows if viewer.can(VIEW_ALL_MERCHANTS) else _own(rows, viewer)


def intents_visible_to(viewer: Actor) -> QuerySet[Intent]:
    """Free-standing payments with all that their shape needs."""
    rows = Intent.objects.select_related("organization", "customer__virtual_account", "method")
    return _own_or_all(rows.prefetch_related("charges"), viewer)


def order_intents_of(viewer: Actor) -> QuerySet[OrderIntent]:
    """Payments of orders that the viewer's organization buys or sells."""
    if viewer.organization_id is None:
        return OrderIntent.objects.none()
    mine = Q(order__buyer=viewer.organization_id) | Q(order__supplier=viewer.organization_id)
    return order_intents_visible_to(viewer).filter(mine)


def charges_visible_to(viewer: Actor) -> QuerySet[Charge]:
    return _own(Charge.objects.select_related("intent", "method", "hold"), viewer)


def refunds_visible_to(viewer: Actor) -> QuerySet[Refund]:
    return _own_or_all(Refund.objects.select_related("charge"), viewer)


def customers_visible_to(viewer: Actor) -> QuerySet[Customer]:
    return _own(Customer.objects.all(), viewer)


def methods_visible_to(viewer: Actor) -> QuerySet[PaymentMethod]:
    return _own(PaymentMethod.objects.all(), viewer)


def cash_moves_of(viewer: Actor, customer_id: UUID) -> QuerySet[CashMove]:
    """What arrived from one customer and what it was used for."""
    customer = customers_visible_to(viewer).filter(pk=customer_id).first()
    if customer is None:
        raise NotFound
    return CashMove.objects.filter(customer=customer)


def virtual_account_of(viewer: Actor, customer_id: UUID) -> VirtualAccount | None:
    return VirtualAccount.objects.filter(
        customer__in=customers_visible_to(viewer).filter(pk=customer_id)
    ).first()


def transfers_visible_to(viewer: Actor) -> QuerySet[Transfer]:
    """Transfers that the viewer's organization made or received."""
    if viewer.organization_id is None or not viewer.can(VIEW_MERCHANT):
        return Transfer.objects.none()
    mine = Q(organization=viewer.organization_id) | Q(destination=viewer.organization_id)
    return Transfer.objects.filter(mine).prefetch_related(
        Prefetch("reversals", queryset=TransferReversal.objects.order_by("-pk"))
    )


def reversals_visible_to(viewer: Actor, transfer_id: UUID | None = None) -> QuerySet[TransferReversal]:
    """Reversals of transfers that the viewer's organization made or received; of one of them."""
    rows = TransferReversal.objects.filter(transfer__in=transfers_visible_to(viewer).values("pk"))
    return rows if transfer_id is None else rows.filter(transfer=transfer_id)


def bank_accounts_visible_to(viewer: Actor) -> QuerySet[BankAccount]:
    return _own(BankAccount.objects.all(), viewer)


def bank_account_in_use(viewer: Actor) -> BankAccount | None:
    return bank_accounts_visible_to(viewer).filter(retired_at__isnull=True).first()


def payouts_visible_to(viewer: Actor) -> QuerySet[Payout]:
    rows = Payout.objects.select_related("organization", "bank_account")
    if viewer.can(SETTLE_PAYOUTS):
        return rows
    return _own_or_all(rows, viewer)


def payout_visible_to(viewer: Actor, payout_id: UUID) -> Payout:
    """One payout; NotFound when there is none for this viewer."""
    found = payouts_visible_to(viewer).filter(pk=payout_id).first()
    if found is None:
        raise NotFound
    return found


# --- the balance: legs of ledger entries on the wallet ------------------------------------------


def balance_of(viewer: Actor) -> Money:
    """What the viewer's organization may spend."""
    if viewer.organization is None:
        return Money(0)
    return ledger.balance_of(organization=viewer.organization, purpose=Purpose.WALLET)


def pending_of(viewer: Actor) -> Money:
    """What buyers have paid for the organization's orders and acceptance will release, net of the exchange's fee."""
    if viewer.organization_id is None:
        return Money(0)
    held = OrderIntent.objects.filter(
        order__supplier=viewer.organization_id, state=IntentState.REQUIRES_CAPTURE
    )
    left = F("amount_fen") - Coalesce(F("escrow_return__amount_fen"), 0, output_field=BigIntegerField())
    fee_bp = int(settings.EXCHANGE_FEE_BP)
    sums = (Money(fen) for fen in held.annotate(left=left).values_list("left", flat=True))
    return sum((gross - exchange_fee(gross, fee_bp) for gross in sums), Money(0))


def balance_legs(viewer: Actor) -> QuerySet[Posting]:
    """Every change of the own balance; one leg is one balance transaction."""
    if viewer.organization_id is None or not viewer.can(VIEW_MERCHANT):
        return Posting.objects.none()
    wallets = Account.objects.filter(organization=viewer.organization_id, purpose=Purpose.WALLET)
    return Posting.objects.filter(account__in=wallets).select_related("entry")


def fees_of(legs: Sequence[Posting]) -> dict[UUID, int]:
    """What the entries of these legs gave the exchange in fees (negative: gave back), by entry."""
    rows = Posting.objects.filter(
        entry__in=[leg.entry_id for leg in legs], account__purpose=Purpose.FEES
    ).values_list("entry_id")
    return {entry_id: int(fen) for entry_id, fen in rows.annotate(fen=Sum("amount_fen"))}


_SOURCES = {
    "merchant.Charge": "ch",
    "merchant.Refund": "re",
    "merchant.Transfer": "tr",
    "merchant.TransferReversal": "trr",
    "merchant.Payout": "po",
    "payments.Refund": "re",
}


def sources_of(legs: Sequence[Posting]) -> dict[UUID, str]:
    """The public id of what caused each entry, where it has one."""
    released = [leg.entry.fact_id for leg in legs if leg.entry.fact_type == "payments.Release"]
    intents = dict(Release.objects.filter(pk__in=released).values_list("pk", "intent_id"))
    found = {}
    for leg in legs:
        entry = leg.entry
        if entry.fact_type == "payments.Release":
            found[entry.pk] = public_id("ch", intents[entry.fact_id])
        elif entry.fact_type in _SOURCES:
            found[entry.pk] = public_id(_SOURCES[entry.fact_type], entry.fact_id)
    return found


# --- events -------------------------------------------------------------------------------------


def events_visible_to(viewer: Actor) -> QuerySet[Event]:
    """The account's events, with how many endpoints still wait for each."""
    rows = _own(Event.objects.all(), viewer)
    return rows.annotate(waiting=Count("deliveries", filter=Q(deliveries__state=DeliveryState.PENDING)))


def endpoints_visible_to(viewer: Actor) -> QuerySet[WebhookEndpoint]:
    """Endpoints of the account, for who manages them."""
    if viewer.organization_id is None or not viewer.can(DEVELOP):
        return WebhookEndpoint.objects.none()
    return WebhookEndpoint.objects.filter(organization=viewer.organization_id, deleted_at__isnull=True)


def endpoint_visible_to(viewer: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    viewer.require(DEVELOP)
    found = endpoints_visible_to(viewer).filter(pk=endpoint_id).first()
    if found is None:
        raise NotFound
    return found


def deliveries_of(endpoint: WebhookEndpoint) -> QuerySet[EventDelivery]:
    return EventDelivery.objects.filter(endpoint=endpoint).select_related("event")


def endpoints_with_waiting(viewer: Actor) -> QuerySet[WebhookEndpoint]:
    """The same with how many events wait for each."""
    pending = Q(deliveries__state=DeliveryState.PENDING)
    return endpoints_visible_to(viewer).annotate(waiting=Count("deliveries", filter=pending))


def newest_events(viewer: Actor, count: int) -> list[Event]:
    """The newest events with their deliveries."""
    rows = EventDelivery.objects.select_related("endpoint")
    found = events_visible_to(viewer).prefetch_related(Prefetch("deliveries", queryset=rows))
    return list(found.order_by("-pk")[:count])


# --- the desk -----------------------------------------------------------------------------------


def todos(viewer: Actor) -> list[Todo]:
    """Payouts that wait for approvals, for who may give one; payouts at the bank, for who settles them."""
    found = []
    if viewer.organization_id and viewer.can(APPROVE_PAYOUTS):
        waiting = Payout.objects.filter(
            organization=viewer.organization_id, state=PayoutState.PENDING
        ).exclude(requested_by=viewer.user_id)
        found += [(row, _("批准提现 %(amount)s")) for row in waiting.order_by("pk")[:5]]
    if viewer.can(SETTLE_PAYOUTS):
        under_way = Payout.objects.filter(state=PayoutState.IN_TRANSIT).order_by("pk")
        found += [(row, _("登记提现结果 %(amount)s")) for row in under_way[:5]]
    return [
        Todo(
            words % {"amount": Money(row.amount_fen)},
            reverse("merchant:payout", args=[row.pk]),
            icon="landmark",
        )
        for row, words in found
    ]
