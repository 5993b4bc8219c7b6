"""Reading payments: who sees which, what is left to refund, what an annotator earned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from annotation.work.selectors import PayUnderWay, pay_under_way
from exchange.trading.models import Order
from exchange.trading.selectors import visible_order
from kernel.errors import NotAllowed, NotFound
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from organizations.states import Role
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Entry, Purpose
from settlement.payments import rules
from settlement.payments.models import PaymentIntent, Payout, Refund, Release
from settlement.payments.permissions import (
    PAY,
    REFUND_ANY,
    REFUND_SALES,
    VIEW_ALL_PAYMENTS,
    VIEW_EARNINGS,
    VIEW_PAYMENTS,
)
from settlement.payments.states import IntentState
from web.desk import Figure
from web.finding import Hit


@dataclass(frozen=True, slots=True)
class RefundScope:
    """What a refund of an order can reach: what was released, what went back, what is left."""

    order: Order
    release: Release
    refunded: Money

    @property
    def left(self) -> Money:
        return Money(self.release.gross_fen) - self.refunded


@dataclass(frozen=True, slots=True)
class Earnings:
    """An annotator's pay by where it stands: held (in review), earned (accepted), payable, paid.

    `balance` is payable now; `earned` is everything that ever became payable, over `task_count` tasks.
    """

    balance: Money
    earned: Money
    task_count: int
    under_way: PayUnderWay

    @property
    def paid(self) -> Money:
        """What left the balance with pay runs, tax withheld included."""
        return self.earned - self.balance


def _own(viewer: Actor, prefix: str = "order__") -> Q:
    return Q(**{f"{prefix}buyer_id": viewer.organization_id}) | Q(
        **{f"{prefix}supplier_id": viewer.organization_id}
    )


def require_view(viewer: Actor) -> None:
    """Raise NotAllowed unless the viewer may look at payments."""
    if not viewer.can(VIEW_ALL_PAYMENTS):
        viewer.require(VIEW_PAYMENTS)


def intents_visible_to(viewer: Actor) -> QuerySet[PaymentIntent]:
    """All for operator and auditor; else those of orders that the viewer's organization buys or sells."""
    rows = PaymentIntent.objects.select_related("order__buyer", "order__supplier", "release", "escrow_return")
    if viewer.can(VIEW_ALL_PAYMENTS):
        return rows
    if viewer.organization_id is None or not viewer.can(VIEW_PAYMENTS):
        return rows.none()
    return rows.filter(_own(viewer))


def refunds_visible_to(viewer: Actor) -> QuerySet[Refund]:
    """The same for refunds."""
    rows = Refund.objects.select_related("order__buyer", "order__supplier")
    if viewer.can(VIEW_ALL_PAYMENTS):
        return rows
    if viewer.organization_id is None or not viewer.can(VIEW_PAYMENTS):
        return rows.none()
    return rows.filter(_own(viewer))


def intent_visible_to(viewer: Actor, order_id: UUID) -> PaymentIntent:
    """The payment of one order; NotFound when there is none for this viewer."""
    found = intents_visible_to(viewer).select_related("order__product").filter(order_id=order_id).first()
    if found is None:
        raise NotFound
    return found


def order_to_pay(viewer: Actor, order_id: UUID) -> tuple[Order, PaymentIntent | None]:
    """An order for its buyer to pay; 404 when not visible, 403 for anyone who may not pay it."""
    order = visible_order(viewer, order_id)
    if not viewer.belongs_to(order.buyer_id):
        raise NotAllowed(permission=PAY.label, organization=str(viewer.organization or "—"))
    viewer.require(PAY)
    return order, PaymentIntent.objects.filter(order=order).first()


@dataclass(frozen=True, slots=True)
class Transfer:
    """How a buyer pays an order from its bank: holder, bank, account, what to write, how much."""

    holder: str
    bank_name: str
    account: str
    remark: str
    amount: Money


def account_of(order: Order) -> str:
    """The account number of the order's own, when the custody bank gives such."""
    return rules.virtual_account(str(settings.BANK_VIRTUAL_PREFIX), order.number)


def transfer_of(order: Order) -> Transfer | None:
    """Where the order's price is transferred to: its own account, else the custody account; None when neither is set."""
    account = account_of(order) or str(settings.PAYMENTS_CUSTODY_ACCOUNT)
    if not account:
        return None
    return Transfer(
        str(settings.PAYMENTS_CUSTODY_HOLDER), str(settings.PAYMENTS_BANK_NAME), account, order.number,
        Money(order.amount_fen),
    )  # fmt: skip


def may_refund(viewer: Actor, order: Order) -> bool:
    """Whether the viewer may give money of this order back."""
    return viewer.can(REFUND_ANY) or (viewer.belongs_to(order.supplier_id) and viewer.can(REFUND_SALES))


def refund_scope(viewer: Actor, order_id: UUID) -> RefundScope:
    """A released order for who may refund it; 404 when not visible or not released, 403 when not allowed."""
    order = visible_order(viewer, order_id)
    if not may_refund(viewer, order):
        raise NotAllowed(permission=REFUND_SALES.label, organization=str(viewer.organization or "—"))
    release = Release.objects.filter(order=order).first()
    if release is None:
        raise NotFound
    return RefundScope(order, release, refunded_of(order.pk))


def refunded_of(order_id: UUID) -> Money:
    """Everything that went back of one order."""
    return Money(int(Refund.objects.filter(order=order_id).aggregate(total=Sum("amount_fen"))["total"] or 0))


def release_facts_of(order_id: UUID) -> tuple[str, int, datetime] | None:
    """Payment number, released fen and moment of one order's release; None before it."""
    rows = Release.objects.filter(order=order_id)
    return rows.values_list("intent__number", "gross_fen", "released_at").first()


def refunds_of(order: Order) -> list[Refund]:
    """An order's refunds, oldest first."""
    return list(Refund.objects.filter(order=order).order_by("refunded_at", "pk"))


def transitions_of(intent: PaymentIntent) -> list[Transition]:
    """The payment's moves, oldest first."""
    return list(Transition.objects.filter(subject_id=intent.pk).order_by("at", "pk"))


def entries_of(viewer: Actor, intent: PaymentIntent, refunds: list[Refund]) -> list[Entry]:
    """The ledger entries of a payment, its release and its refunds that touch the viewer's accounts."""
    moves = [getattr(intent, name, None) for name in ("release", "escrow_return")]
    facts = [intent.pk, *(each.pk for each in moves if each), *(refund.pk for refund in refunds)]
    return list(ledger.entries_about(viewer, facts))


def payouts_of(viewer: Actor) -> QuerySet[Payout]:
    """The viewer's own pay."""
    return Payout.objects.filter(annotator_id=viewer.user_id).select_related("project__firm", "entry")


def earnings_of(viewer: Actor) -> Earnings:
    """The viewer's balance and totals."""
    sums = payouts_of(viewer).aggregate(fen=Sum("amount_fen"), tasks=Sum("task_count"))
    balance = ledger.balance_of(user=viewer.user, purpose=Purpose.EARNINGS) if viewer.user else Money(0)
    under_way = pay_under_way(viewer)
    return Earnings(balance, Money(int(sums["fen"] or 0)), int(sums["tasks"] or 0), under_way)


# --- desk, search ------------------------------------------------------------------------------


def figures(viewer: Actor) -> list[Figure]:
    """For the work desk: what a supplier will be paid from escrow; an annotator's earnings."""
    shown = []
    if viewer.organization_id and viewer.can(VIEW_PAYMENTS) and not viewer.can(VIEW_ALL_PAYMENTS):
        held = PaymentIntent.objects.filter(
            order__supplier_id=viewer.organization_id, state=IntentState.REQUIRES_CAPTURE
        ).aggregate(total=Sum("amount_fen"))["total"]
        if held:
            shown.append(
                Figure(_("待放款"), Money(int(held)), _("买方已付款，验收后入账"), reverse("payments:list"))
            )
    if Role.ANNOTATOR in viewer.roles and viewer.can(VIEW_EARNINGS):
        shown.append(Figure(_("我的报酬"), earnings_of(viewer).balance, "", reverse("payments:earnings")))
    return shown


def find_payments(viewer: Actor, text: str) -> list[Hit]:
    """Payments the viewer may see, by payment or order number."""
    rows = intents_visible_to(viewer).filter(Q(number__iexact=text) | Q(order__number__iexact=text))
    return [
        Hit(
            title=_("支付 %(amount)s") % {"amount": Money(intent.amount_fen)},
            url=reverse("payments:detail", args=[intent.order_id]),
            detail=f"{intent.get_state_display()} · {intent.order.number}",
            number=intent.number,
            is_exact=intent.number.lower() == text.lower(),
        )
        for intent in rows.order_by("-pk")[:10]
    ]


def find_refunds(viewer: Actor, text: str) -> list[Hit]:
    """Refunds the viewer may see, by refund or order number."""
    rows = refunds_visible_to(viewer).filter(Q(number__iexact=text) | Q(order__number__iexact=text))
    return [
        Hit(
            title=_("退款 %(amount)s") % {"amount": Money(refund.amount_fen)},
            url=reverse("payments:detail", args=[refund.order_id]),
            detail=f"{refund.order.number} · {refund.reason}",
            number=refund.number,
            is_exact=refund.number.lower() == text.lower(),
        )
        for refund in rows.order_by("-pk")[:10]
    ]
