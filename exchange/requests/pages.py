"""Requests: the form, the list of each side, and one page on which a deal is settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange.catalogue.models import Plan
from exchange.catalogue.rules import LICENCE_TERMS
from exchange.catalogue.selectors import plan_on_sale
from exchange.catalogue.states import Licence
from exchange.requests import selectors, services
from exchange.requests.forms import ApproveForm, AskAgainForm, AskForm, OfferForm, RefuseForm, WithdrawForm
from exchange.requests.models import Offer, PurchaseRequest
from exchange.requests.permissions import ANSWER, ASK, VIEW_ALL_REQUESTS
from exchange.requests.rules import is_over
from exchange.requests.services import Proposal, Stated
from exchange.requests.states import OPEN, RequestState
from exchange.trading.permissions import PLACE_ORDERS
from exchange.trading.rules import INSPECTION_DAYS
from exchange.trading.states import Clause, ContractTemplate, Party, Territory
from gateway.api import actor
from kernel import clock
from kernel.errors import Refusal
from kernel.money import Money
from kernel.wording import listed
from organizations.permissions import Actor
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Link

SHOWN_VERSIONS = 3
LABELS: dict[str, str | Promise] = {
    "plan": gettext_lazy("方案"),
    "price_fen": gettext_lazy("含税价"),
    "licence": gettext_lazy("使用许可"),
    "template": gettext_lazy("合同范本"),
    "territory": gettext_lazy("使用地域"),
    "term_days": gettext_lazy("许可期限"),
    "user_count": gettext_lazy("使用人数上限"),
    "inspection_days": gettext_lazy("验收期"),
    "is_exclusive": gettext_lazy("许可方式"),
    "clauses": gettext_lazy("附加约定"),
}


def _days(count: int) -> str:
    return ngettext("%(count)s 天", "%(count)s 天", count) % {"count": count}


_WORDS: dict[str, Callable[[Any], object]] = {
    "price_fen": Money,
    "inspection_days": _days,
    "term_days": lambda days: _("不设期限") if days is None else _days(days),
    "user_count": lambda count: _("不限") if count is None else f"{count:,}",
    "is_exclusive": lambda is_so: _("独占许可") if is_so else _("普通许可"),
    "clauses": lambda codes: listed(Clause(code).label for code in codes) or _("无"),
    "licence": lambda code: Licence(code).label,
    "template": lambda code: ContractTemplate(code).label,
    "territory": lambda code: Territory(code).label,
}


def worded(name: str, value: Any) -> str:
    """One term's value for people."""
    return str(_WORDS.get(name, str)(value))


@dataclass(frozen=True, slots=True)
class Cell:
    """One value in the table of versions, and whether it changed from the version before."""

    text: str
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One term across the versions that are shown."""

    label: str | Promise
    cells: tuple[Cell, ...]


def _rows(offers: list[Offer]) -> list[Row]:
    """The versions side by side, the newest first, term by term."""
    changed = [{change["name"] for change in offer.changes} for offer in offers]
    return [
        Row(
            label,
            tuple(
                Cell(worded(name, offer.plan.name if name == "plan" else getattr(offer, name)), name in names)
                for offer, names in zip(offers, changed, strict=True)
            ),
        )
        for name, label in LABELS.items()
    ]


# --- lists and the form -------------------------------------------------------------------------


@require_GET
@login_required
def requests(request: HttpRequest) -> HttpResponse:
    """使用申请: asked and received, by state."""
    viewer = actor(request)
    side, state = request.GET.get("side", ""), request.GET.get("state", "")
    rows = selectors.listed_requests(viewer, side=side, state=state)
    counts = selectors.count_by_state(viewer, side=side)
    kept = f"&side={side}" if side in ("asked", "received") else ""
    chips = [Link(_("全部"), f"?{kept[1:]}" if kept else "?", sum(counts.values()), is_current=not state)] + [
        Link(label, f"?state={value}{kept}", counts[value], is_current=state == value)
        for value, label in RequestState.choices
        if value in counts
    ]
    sides = [
        Link(_("全部"), "?", is_current=not kept),
        Link(_("我方提出"), "?side=asked", is_current=side == "asked"),
        Link(_("向我方提出"), "?side=received", is_current=side == "received"),
    ]
    sees_all = viewer.can(VIEW_ALL_REQUESTS)
    context = {"page": paginate(rows, request.GET), "chips": chips, "sides": [] if sees_all else sides}
    return page_or_fragment(request, "requests/requests.html", "requests/request_rows.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def new(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """提交使用申请: what the data are for; `?again=` follows an ended request."""
    viewer = actor(request)
    plan = plan_on_sale(viewer, plan_id, clock.now())
    again = request.GET.get("again", "")
    previous = selectors.may_ask_again(viewer, _as_id(again)) if again else None
    form_class = AskAgainForm if previous is not None else AskForm
    form = form_class(request.POST or None, initial=_stated_before(previous))
    if request.method == "POST" and form.is_valid():

        def work() -> str:
            values = dict(form.cleaned_data)
            note = values.pop("change_note", "")
            made = services.ask(
                by=viewer, at=clock.now(), plan_id=plan_id, stated=Stated(**values),
                previous_id=previous.pk if previous is not None else None, change_note=note,
            )  # fmt: skip
            return reverse("requests:request", args=[made.pk])

        try:
            return redirect_once(request, work)
        except Refusal as refusal:
            show_refusal(form, refusal)
    context = {
        "form": form,
        "plan": plan,
        "product": plan.product,
        "previous": previous,
        "terms": LICENCE_TERMS[plan.product.licence],
        "may_ask": viewer.can(ASK),
    }
    return render(request, "requests/new.html", context, status=422 if form.errors else 200)


def _as_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def _stated_before(previous: PurchaseRequest | None) -> dict[str, Any]:
    if previous is None:
        return {}
    kept = ("purpose", "use_statement", "place", "place_note", "term_days", "people_count")
    answers = {name: "yes" if getattr(previous, name) else "no" for name in ("is_training", "is_abroad")}
    return {**{name: getattr(previous, name) for name in kept}, **answers}


# --- one request --------------------------------------------------------------------------------


def _party(found: PurchaseRequest, viewer: Actor) -> Party | None:
    """The side for which the viewer may speak, if any."""
    if viewer.organization_id == found.supplier_id and viewer.can(ANSWER):
        return Party.SUPPLIER
    return Party.BUYER if viewer.organization_id == found.buyer_id and viewer.can(ASK) else None


def _first_offer(found: PurchaseRequest) -> dict[str, Any]:
    """What the form of the first version starts with: the listing, and what the buyer stated."""
    return {
        "plan": str(found.plan_id),
        "price": Money(found.plan.price_fen),
        "template": ContractTemplate.PROVISION.value,
        "licence": found.product.licence,
        "territory": (Territory.ASSESSED if found.is_abroad else Territory.MAINLAND).value,
        "term_days": found.term_days,
        "user_count": found.people_count,
        "inspection_days": INSPECTION_DAYS,
        "after_version": 0,
    }


def _next_offer(offer: Offer) -> dict[str, Any]:
    kept = ("template", "licence", "territory", "term_days", "user_count", "inspection_days", "is_exclusive",
            "clauses")  # fmt: skip
    return {
        **{name: getattr(offer, name) for name in kept},
        "plan": str(offer.plan_id),
        "price": Money(offer.price_fen),
        "after_version": offer.version,
    }


def _offer_form(found: PurchaseRequest, latest: Offer | None, data: Any = None) -> OfferForm:
    plans = Plan.objects.filter(product_id=found.product_id, withdrawn_at=None).order_by("ordinal", "pk")
    initial = _next_offer(latest) if latest is not None else _first_offer(found)
    return OfferForm(data, initial=initial, plans=list(plans))


def _waiting_for(found: PurchaseRequest, latest: Offer | None) -> str:
    """One sentence: whose turn it is."""
    if found.state in OPEN and latest is not None:
        other = _("供方") if latest.party == Party.BUYER else _("需方")
        return _("等待%(party)s答复第 %(version)s 版条件：接受，或提出新的一版。") % {
            "party": other,
            "version": latest.version,
        }
    return {
        RequestState.REQUESTED: _("等待供方答复：同意、不同意，或提出条件。"),
        RequestState.APPROVED: _("供方已同意，请需方在有效期内下单，或提出条件。"),
        RequestState.ORDERED: _("已下单，后续在订单中办理。"),
        RequestState.REFUSED: _("供方未同意，可以按建议修改后再申请。"),
        RequestState.EXPIRED: _("同意的有效期已过，可以再次申请。"),
        RequestState.WITHDRAWN: _("需方已撤回申请。"),
    }[RequestState(found.state)]


def _steps(found: PurchaseRequest, viewer: Actor, latest: Offer | None) -> dict[str, object]:
    """Which of the page's actions the viewer may take now."""
    party, now = _party(found, viewer), clock.now()
    is_alive = found.state in OPEN and not is_over(found.approval_until, now)
    theirs = latest is not None and party is not None and latest.party != party
    orders = party is not Party.BUYER or viewer.can(PLACE_ORDERS)
    return {
        "is_buyer": party is Party.BUYER,
        "is_supplier": party is Party.SUPPLIER,
        "may_answer": party is Party.SUPPLIER and found.state == RequestState.REQUESTED,
        "may_offer": party is not None and is_alive,
        "may_accept": theirs
        and is_alive
        and orders
        and latest is not None
        and not is_over(latest.valid_until, now),
        "may_order": party is Party.BUYER
        and found.state == RequestState.APPROVED
        and is_alive
        and viewer.can(PLACE_ORDERS),
        "may_withdraw": party is Party.BUYER and found.state in OPEN,
        "may_ask_again": party is Party.BUYER
        and found.state in (RequestState.REFUSED, RequestState.EXPIRED, RequestState.WITHDRAWN)
        and not hasattr(found, "following"),
    }


def _context(
    found: PurchaseRequest, viewer: Actor, *, faulty: forms.Form | None = None, data: Any = None
) -> dict[str, Any]:
    """All that the page shows; `faulty` takes the place of the form that was refused."""
    offers = selectors.offers_of(found)
    latest = offers[-1] if offers else None
    shown = offers[::-1][:SHOWN_VERSIONS]

    def form(kind: Callable[[], forms.Form], of: type[forms.Form]) -> forms.Form:
        return faulty if isinstance(faulty, of) else kind()

    return {
        "found": found,
        "product": found.product,
        "offers": shown,
        "earlier": offers[::-1][SHOWN_VERSIONS:],
        "rows": _rows(shown),
        "latest": latest,
        "waiting_for": _waiting_for(found, latest),
        "history": selectors.history_of(found),
        "facts": _facts(found),
        "approve_form": form(ApproveForm, ApproveForm),
        "refuse_form": form(RefuseForm, RefuseForm),
        "withdraw_form": form(WithdrawForm, WithdrawForm),
        "offer_form": form(lambda: _offer_form(found, latest), OfferForm),
        "is_offering": isinstance(faulty, OfferForm),
        "is_soon": found.state == RequestState.APPROVED
        and found.approval_until is not None
        and found.approval_until - clock.now() < timedelta(days=3),
        **_steps(found, viewer, latest),
    }


def _facts(found: PurchaseRequest) -> list[Fact]:
    place = f"{found.get_place_display()} {found.place_note}".strip()
    return [
        Fact(_("用途类别"), found.get_purpose_display()),
        Fact(_("处理场所"), place),
        Fact(_("使用期限"), worded("term_days", found.term_days)),
        Fact(_("使用人数"), f"{found.people_count:,}"),
        Fact(_("训练模型"), _("是") if found.is_training else _("否")),
        Fact(_("向境外提供"), _("是") if found.is_abroad else _("否")),
    ]


@require_GET
@login_required
def request(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """申请详情: the stated use, the versions side by side, the next step, one timeline."""
    viewer = actor(request)
    found = selectors.visible_request(viewer, request_id)
    return render(request, "requests/request.html", _context(found, viewer))


def _answered(
    request: HttpRequest, request_id: UUID, form: forms.Form, work: Callable[[dict[str, Any]], str]
) -> HttpResponse:
    """Do the form's work and lead where it says; a refusal is shown on the form."""
    viewer = actor(request)
    found = selectors.visible_request(viewer, request_id)
    services.require_negotiator(found, viewer)
    if form.is_valid():
        try:
            return redirect(work(form.cleaned_data))
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            show_refusal(form, refusal)
    context = _context(found, viewer, faulty=form)
    return render(request, "requests/request.html", context, status=422)


@require_POST
@login_required
def approve(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The supplier agrees to the use."""

    def work(values: dict[str, Any]) -> str:
        services.approve(by=actor(request), at=clock.now(), request_id=request_id, **values)
        messages.success(request, _("已同意，需方可以在有效期内下单。"))
        return reverse("requests:request", args=[request_id])

    return _answered(request, request_id, ApproveForm(request.POST), work)


@require_POST
@login_required
def refuse(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The supplier does not agree."""

    def work(values: dict[str, Any]) -> str:
        services.refuse(by=actor(request), at=clock.now(), request_id=request_id, **values)
        messages.success(request, _("已告知需方。"))
        return reverse("requests:request", args=[request_id])

    return _answered(request, request_id, RefuseForm(request.POST), work)


@require_POST
@login_required
def withdraw(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The buyer no longer asks."""

    def work(values: dict[str, Any]) -> str:
        services.withdraw(by=actor(request), at=clock.now(), request_id=request_id, **values)
        messages.success(request, _("已撤回申请。"))
        return reverse("requests:request", args=[request_id])

    return _answered(request, request_id, WithdrawForm(request.POST), work)


@require_POST
@login_required
def offer(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Either side puts a new version of the terms on the table."""
    viewer = actor(request)
    found = selectors.visible_request(viewer, request_id)
    offers = selectors.offers_of(found)
    form = _offer_form(found, offers[-1] if offers else None, request.POST)

    def work(values: dict[str, Any]) -> str:
        after, plan_id = values.pop("after_version"), UUID(values.pop("plan"))
        proposal = Proposal(plan_id=plan_id, **values)
        services.make_offer(
            by=viewer, at=clock.now(), request_id=request_id, proposal=proposal, after_version=after
        )
        messages.success(request, _("已提出，等待对方答复。"))
        return reverse("requests:request", args=[request_id])

    return _answered(request, request_id, form, work)


@require_POST
@login_required
def accept(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Agree to the latest version: the order is placed on exactly these terms."""
    try:
        version = int(request.POST.get("version", "0"))
    except ValueError:
        version = 0
    order = services.accept_offer(by=actor(request), at=clock.now(), request_id=request_id, version=version)
    messages.success(request, _("条件谈定，订单已生成，请双方签署合同。"))
    return redirect("trading:order", order.pk)


@require_POST
@login_required
def order(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """The buyer orders what was approved at the listed price."""
    made = services.order_as_listed(by=actor(request), at=clock.now(), request_id=request_id)
    messages.success(request, _("订单已生成，请双方签署合同。"))
    return redirect("trading:order", made.pk)
