"""Every read of trading that takes a viewer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from exchange.trading import rules
from exchange.trading.models import Order, Supplement
from exchange.trading.permissions import (
    ACCEPT_ORDERS,
    PLACE_ORDERS,
    SIGN_AS_BUYER,
    SIGN_AS_SUPPLIER,
    VIEW_ALL_ORDERS,
    VIEW_ORDERS,
)
from exchange.trading.states import OrderState, Party, SupplementState
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from web import desk, finding

SIDES = ("bought", "sold")
UNFINISHED = (
    OrderState.PLACED,
    OrderState.CONTRACTED,
    OrderState.PAID,
    OrderState.DELIVERED,
    OrderState.ACCEPTED,
)


def orders_visible_to(viewer: Actor) -> QuerySet[Order]:
    """Orders of which the viewer's organization is a side; all for operator, department and auditor."""
    if viewer.can(VIEW_ALL_ORDERS):
        return Order.objects.all()
    if viewer.organization_id is None or not viewer.can(VIEW_ORDERS):
        return Order.objects.none()
    return Order.objects.filter(Q(buyer_id=viewer.organization_id) | Q(supplier_id=viewer.organization_id))


def listed_orders(viewer: Actor, *, side: str = "", state: str = "") -> QuerySet[Order]:
    """What the order list shows, narrowed by side (bought, sold) and state; NotAllowed without the right."""
    if not viewer.can(VIEW_ALL_ORDERS):
        viewer.require(VIEW_ORDERS)
    rows = orders_visible_to(viewer)
    if side == "bought":
        rows = rows.filter(buyer_id=viewer.organization_id)
    elif side == "sold":
        rows = rows.filter(supplier_id=viewer.organization_id)
    if state in OrderState.values:
        rows = rows.filter(state=state)
    return rows.select_related("product", "plan", "supplier", "buyer").defer(
        "product__search", "use_statement"
    )


def count_by_state(viewer: Actor, *, side: str = "") -> Mapping[str, int]:
    """How many of the viewer's orders stand in each state."""
    rows = listed_orders(viewer, side=side).select_related(None).defer(None).order_by()
    return dict(rows.values_list("state").annotate(Count("pk")))


def visible_order(viewer: Actor, order_id: UUID) -> Order:
    """One order with all that its page shows; NotFound when the viewer may not see it."""
    rows = orders_visible_to(viewer).select_related(
        "product", "plan", "supplier", "buyer", "certificate", "version__dataset", "contract"
    )
    found = rows.defer("product__search").filter(pk=order_id).first()
    if found is None:
        raise NotFound
    return found


def transitions_of(order: Order) -> list[Transition]:
    """The order's moves, oldest first."""
    return list(Transition.objects.filter(subject_id=order.pk).order_by("at", "pk"))


def access_ends_at(order: Order) -> datetime | None:
    """From when the buyer's access is over: the end of the licence's term or an agreed termination; None: no end."""
    return rules.access_end(order.delivered_at, order.term_days, order.terminated_at)


def is_kept_from(buyer_id: UUID, version_id: UUID, at: datetime) -> bool:
    """Whether another buyer holds a version under an exclusive licence whose term is not over."""
    live = Order.objects.filter(version_id=version_id, is_exclusive=True).exclude(buyer=buyer_id)
    for order in live.exclude(state__in=(OrderState.CANCELLED, OrderState.REFUNDED)):
        ending = access_ends_at(order)
        if ending is None or at < ending:
            return True
    return False


def supplements_visible_to(viewer: Actor) -> QuerySet[Supplement]:
    """The supplements of the orders that the viewer may see."""
    return Supplement.objects.filter(contract__order__in=orders_visible_to(viewer))


def supplements_of(order: Order) -> list[Supplement]:
    """The supplements of an order's contract with their signatures, oldest first."""
    rows = Supplement.objects.filter(contract=order.contract).defer("text").order_by("ordinal")
    found = list(rows.prefetch_related("signatures"))
    for supplement in found:
        supplement.contract = order.contract
    return found


def visible_supplement(viewer: Actor, supplement_id: UUID) -> Supplement:
    """One supplement with contract and order; NotFound when the viewer may not see it."""
    rows = supplements_visible_to(viewer).select_related(
        "contract__order__product", "contract__order__supplier", "contract__order__buyer"
    )
    found = rows.defer("contract__order__product__search").filter(pk=supplement_id).first()
    if found is None:
        raise NotFound
    return found


def overdue_order_ids(at: datetime) -> list[UUID]:
    """Delivered orders whose inspection period has ended, the oldest first."""
    rows = Order.objects.filter(state=OrderState.DELIVERED, inspection_until__lte=at)
    return list(rows.order_by("inspection_until", "pk").values_list("pk", flat=True))


# --- desk, search ------------------------------------------------------------------------------


def _waiting(viewer: Actor) -> Q:
    """Orders in which the next step belongs to the viewer."""
    own, waiting = viewer.organization_id, Q(pk__in=[])
    if viewer.can(SIGN_AS_BUYER):
        waiting |= Q(buyer_id=own, state=OrderState.PLACED, buyer_signed_at=None)
    if viewer.can(PLACE_ORDERS):
        waiting |= Q(buyer_id=own, state=OrderState.CONTRACTED)
    if viewer.can(ACCEPT_ORDERS):
        waiting |= Q(buyer_id=own, state=OrderState.DELIVERED)
    if viewer.can(SIGN_AS_SUPPLIER):
        waiting |= Q(supplier_id=own, state=OrderState.PLACED, supplier_signed_at=None)
        waiting |= Q(supplier_id=own, state=OrderState.PAID)
    return waiting


_STEPS = {
    OrderState.PLACED: (_("签署合同"), "signature"),
    OrderState.CONTRACTED: (_("付款到托管"), "wallet"),
    OrderState.PAID: (_("交付"), "package"),
    OrderState.DELIVERED: (_("验收"), "clipboard-check"),
}


def _unsigned_supplements(viewer: Actor) -> QuerySet[Supplement]:
    """Open supplements that lack the signature of the viewer's side."""
    wanted = Q(pk__in=[])
    for right, column, party in (
        (SIGN_AS_BUYER, "buyer_id", Party.BUYER),
        (SIGN_AS_SUPPLIER, "supplier_id", Party.SUPPLIER),
    ):
        if viewer.can(right):
            own = Q(**{f"contract__order__{column}": viewer.organization_id})
            wanted |= own & ~Q(signatures__party=party)
    rows = Supplement.objects.filter(wanted, state=SupplementState.PROPOSED).distinct()
    return rows.select_related("contract__order__product").defer("contract__order__product__search")


def todos(viewer: Actor) -> list[desk.Todo]:
    """Orders whose next step is the viewer's: sign, pay, deliver, accept before the period ends; supplements."""
    if viewer.organization_id is None or viewer.is_system:
        return []
    return [*_orders_waiting(viewer), *_supplements_waiting(viewer)]


def _supplements_waiting(viewer: Actor) -> list[desk.Todo]:
    return [
        desk.Todo(
            title=_("签署补充合同：%(title)s") % {"title": each.contract.order.product.display_title},
            url=reverse("trading:supplement", args=[each.pk]),
            detail=f"{each.number} · {each.get_kind_display()}",
            icon="signature",
        )
        for each in _unsigned_supplements(viewer).defer("text").order_by("pk")[:20]
    ]


def _orders_waiting(viewer: Actor) -> list[desk.Todo]:
    rows = Order.objects.filter(_waiting(viewer)).select_related("product").defer("product__search")
    shown = []
    for order in rows.order_by("inspection_until", "pk")[:20]:
        step, icon = _STEPS[OrderState(order.state)]
        shown.append(
            desk.Todo(
                title=_("%(step)s：%(title)s") % {"step": step, "title": order.product.display_title},
                url=reverse("trading:order", args=[order.pk]),
                detail=f"{order.number} · {Money(order.amount_fen)}",
                due_at=order.inspection_until if order.state == OrderState.DELIVERED else None,
                icon=icon,
            )
        )
    return shown


def figures(viewer: Actor) -> list[desk.Figure]:
    """Unfinished orders and the money in them, for each side the viewer stands on; one query."""
    if not (viewer.can(VIEW_ORDERS) or viewer.can(VIEW_ALL_ORDERS)):
        return []
    rows = orders_visible_to(viewer).filter(state__in=UNFINISHED)
    found = rows.aggregate(number=Count("pk"), amount=Sum("amount_fen"))
    hint = str(Money(int(found["amount"] or 0)))
    return [desk.Figure(_("进行中的订单"), found["number"], hint, reverse("trading:orders"))]


def waiting(viewer: Actor) -> list[QuerySet[Any]]:
    """The orders that wait for the viewer's next step (for the side navigation)."""
    return [Order.objects.filter(_waiting(viewer))] if viewer.organization_id else []


def find_orders(viewer: Actor, text: str) -> list[finding.Hit]:
    """Orders the viewer may see, by order number, contract number or product title."""
    by_text = Q(number__iexact=text) | Q(contract__number__iexact=text) | Q(product__title__icontains=text)
    rows = orders_visible_to(viewer).filter(by_text).select_related("product", "buyer", "contract")
    return [
        finding.Hit(
            title=order.product.display_title,
            url=reverse("trading:order", args=[order.pk]),
            detail=f"{order.get_state_display()} · {order.buyer}",
            number=order.number,
            is_exact=text.lower() in (order.number.lower(), order.contract.number.lower()),
        )
        for order in rows.defer("product__search").order_by("-pk")[:10]
    ]
