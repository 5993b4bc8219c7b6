"""Every read of requests that takes a viewer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _

from exchange.requests.models import Offer, PurchaseRequest
from exchange.requests.permissions import ANSWER, ASK, VIEW_ALL_REQUESTS, VIEW_REQUESTS
from exchange.requests.states import RequestState
from exchange.trading.models import Order
from exchange.trading.states import Party
from kernel.errors import NotFound
from kernel.models import Transition
from organizations.permissions import Actor
from web import desk, finding
from web.parts import Moment


def requests_visible_to(viewer: Actor) -> QuerySet[PurchaseRequest]:
    """Requests of which the viewer's organization is a side; all for operator, department and auditor."""
    if viewer.is_system or viewer.can(VIEW_ALL_REQUESTS):
        return PurchaseRequest.objects.all()
    if viewer.organization_id is None or not viewer.can(VIEW_REQUESTS):
        return PurchaseRequest.objects.none()
    own = viewer.organization_id
    return PurchaseRequest.objects.filter(Q(buyer_id=own) | Q(supplier_id=own))


def listed_requests(viewer: Actor, *, side: str = "", state: str = "") -> QuerySet[PurchaseRequest]:
    """What the list shows, narrowed by side (asked, received) and state; NotAllowed without the right."""
    if not viewer.can(VIEW_ALL_REQUESTS):
        viewer.require(VIEW_REQUESTS)
    rows = requests_visible_to(viewer)
    if side == "asked":
        rows = rows.filter(buyer_id=viewer.organization_id)
    elif side == "received":
        rows = rows.filter(supplier_id=viewer.organization_id)
    if state in RequestState.values:
        rows = rows.filter(state=state)
    return rows.select_related("product", "plan", "supplier", "buyer").defer(
        "product__search", "use_statement"
    )


def count_by_state(viewer: Actor, *, side: str = "") -> Mapping[str, int]:
    """How many of the viewer's requests stand in each state."""
    rows = listed_requests(viewer, side=side).select_related(None).defer(None).order_by()
    return dict(rows.values_list("state").annotate(Count("pk")))


def visible_request(viewer: Actor, request_id: UUID) -> PurchaseRequest:
    """One request with all that its page shows; NotFound when the viewer may not see it."""
    rows = requests_visible_to(viewer).select_related(
        "product", "plan", "supplier", "buyer", "order", "previous", "following"
    )
    found = rows.defer("product__search").filter(pk=request_id).first()
    if found is None:
        raise NotFound
    return found


def offers_of(request: PurchaseRequest) -> list[Offer]:
    """Every version of the terms, the oldest first."""
    return list(Offer.objects.filter(request=request).select_related("plan").order_by("version"))


def may_ask_again(viewer: Actor, request_id: UUID) -> PurchaseRequest:
    """An ended request of the viewer's organization that has no following one; NotFound otherwise."""
    ended = (RequestState.REFUSED, RequestState.EXPIRED, RequestState.WITHDRAWN)
    rows = requests_visible_to(viewer).filter(buyer_id=viewer.organization_id, state__in=ended)
    found = rows.filter(pk=request_id, following=None).first()
    if found is None:
        raise NotFound
    return found


def holds_approval(buyer_id: UUID, product_id: UUID, at: datetime) -> bool:
    """Whether the supplier's agreement to a use of the product by that organization holds now."""
    rows = PurchaseRequest.objects.filter(buyer=buyer_id, product=product_id, state=RequestState.APPROVED)
    return rows.filter(approval_until__gt=at).exists()


def lapsed_request_ids(at: datetime) -> list[UUID]:
    """Approved requests whose approval no longer holds, the oldest first."""
    rows = PurchaseRequest.objects.filter(state=RequestState.APPROVED, approval_until__lte=at)
    return list(rows.order_by("approval_until", "pk").values_list("pk", flat=True))


def history_of(request: PurchaseRequest) -> list[Moment]:
    """What happened to the request: asked, answered, each offer, the end; oldest first."""
    moments = [Moment(_("提交使用申请"), request.requested_at, str(request.buyer), request.change_note)]
    moments += _offer_moments(request)
    rows = Transition.objects.filter(subject_id=request.pk).order_by("at", "pk")
    moments += [Moment(row.move_label, row.at, row.actor_label, row.reason) for row in rows]
    return sorted(moments, key=lambda moment: moment.at or request.requested_at)


def _offer_moments(request: PurchaseRequest) -> list[Moment]:
    rows = Offer.objects.filter(request=request).order_by("version")
    return [
        Moment(
            _("%(party)s提出第 %(version)s 版条件")
            % {"party": each.get_party_display(), "version": each.version},
            each.made_at,
            each.maker_label,
            each.note,
        )
        for each in rows
    ]


def moments_of_order(viewer: Actor, order: Order) -> list[Moment]:
    """What went before an order: the request and its negotiation (for the order's timeline)."""
    found = requests_visible_to(viewer).select_related("buyer").filter(order=order).first()
    return history_of(found) if found is not None else []


# --- desk, search ------------------------------------------------------------------------------


def _waiting(viewer: Actor) -> QuerySet[PurchaseRequest]:
    """Requests in which the next word belongs to the viewer."""
    own, wanted = viewer.organization_id, Q(pk__in=[])
    latest = Offer.objects.filter(request=OuterRef("pk")).order_by("-version").values("party")[:1]
    none, by_buyer, by_supplier = (
        Q(latest_party=None),
        Q(latest_party=Party.BUYER),
        Q(latest_party=Party.SUPPLIER),
    )
    if viewer.can(ANSWER):
        asked = Q(state=RequestState.REQUESTED) & (none | by_buyer)
        wanted |= Q(supplier_id=own) & (asked | (Q(state=RequestState.APPROVED) & by_buyer))
    if viewer.can(ASK):
        offered = Q(state=RequestState.REQUESTED) & by_supplier
        wanted |= Q(buyer_id=own) & (offered | (Q(state=RequestState.APPROVED) & (none | by_supplier)))
    return PurchaseRequest.objects.annotate(latest_party=Subquery(latest)).filter(wanted)


def todos(viewer: Actor) -> list[desk.Todo]:
    """Requests that wait for the viewer's answer, order or reply to an offer; one query."""
    if viewer.organization_id is None or viewer.is_system:
        return []
    rows = _waiting(viewer).select_related("product", "buyer", "supplier").defer("product__search")
    shown = []
    for each in rows.order_by("approval_until", "pk")[:20]:
        facts: Any = each
        if each.supplier_id == viewer.organization_id:
            step = _("答复使用申请") if facts.latest_party is None else _("答复对方的条件")
        else:
            step = _("按同意的用途下单") if facts.latest_party is None else _("答复对方的条件")
        other = each.buyer if each.supplier_id == viewer.organization_id else each.supplier
        shown.append(
            desk.Todo(
                title=_("%(step)s：%(title)s") % {"step": step, "title": each.product.display_title},
                url=reverse("requests:request", args=[each.pk]),
                detail=f"{each.number} · {other}",
                due_at=each.approval_until,
                icon="messages-square",
            )
        )
    return shown


def waiting(viewer: Actor) -> list[QuerySet[Any]]:
    """The requests that wait for the viewer's word (for the side navigation)."""
    return [_waiting(viewer)] if viewer.organization_id else []


def find_requests(viewer: Actor, text: str) -> list[finding.Hit]:
    """Requests the viewer may see, by number or product title."""
    by_text = Q(number__iexact=text) | Q(product__title__icontains=text)
    rows = requests_visible_to(viewer).filter(by_text).select_related("product", "buyer")
    return [
        finding.Hit(
            title=each.product.display_title,
            url=reverse("requests:request", args=[each.pk]),
            detail=f"{each.get_state_display()} · {each.buyer}",
            number=each.number,
            is_exact=text.lower() == each.number.lower(),
        )
        for each in rows.defer("product__search").order_by("-pk")[:10]
    ]
