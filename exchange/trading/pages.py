"""Orders: the list of each side, placing, one timeline with the next step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.reauthentication import confirmation_of, is_recently_confirmed
from documents import objects
from exchange.catalogue.rules import LICENCE_TERMS
from exchange.catalogue.selectors import contacts_of, plan_on_sale
from exchange.trading import policies, printing, rules, services, supplements
from exchange.trading.forms import CancelForm, EndForm, PlaceForm, SupplementForm
from exchange.trading.models import ContractDocument, Order, Supplement
from exchange.trading.permissions import (
    ACCEPT_ORDERS,
    CANCEL_ORDERS,
    PLACE_ORDERS,
    SIGN_AS_BUYER,
    SIGN_AS_SUPPLIER,
    VIEW_ALL_ORDERS,
)
from exchange.trading.referrals import referral_of
from exchange.trading.selectors import (
    access_ends_at,
    count_by_state,
    listed_orders,
    supplements_of,
    visible_order,
    visible_supplement,
)
from exchange.trading.states import OrderState, Party, SupplementKind, SupplementState
from exchange.trading.timeline import moments_of
from gateway.api import actor
from gateway.services import answer_once, fingerprint
from kernel import clock
from kernel.errors import Refusal
from kernel.money import Money
from kernel.wording import listed
from organizations.permissions import Actor
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Link, Stage

STAGES = (
    (OrderState.PLACED, "placed_at"),
    (OrderState.CONTRACTED, "contracted_at"),
    (OrderState.PAID, "paid_at"),
    (OrderState.DELIVERED, "delivered_at"),
    (OrderState.ACCEPTED, "accepted_at"),
    (OrderState.COMPLETED, "completed_at"),
)
STAGE_LABELS = {
    OrderState.CONTRACTED: gettext_lazy("签约"),
    OrderState.PAID: gettext_lazy("付款"),
    OrderState.DELIVERED: gettext_lazy("交付"),
    OrderState.ACCEPTED: gettext_lazy("验收"),
    OrderState.COMPLETED: gettext_lazy("完成"),
}


@require_GET
@login_required
def orders(request: HttpRequest) -> HttpResponse:
    """订单: bought and sold, by state."""
    viewer = actor(request)
    sees_all = viewer.can(VIEW_ALL_ORDERS)
    side = request.GET.get("side", "")
    state = request.GET.get("state", "")
    rows = listed_orders(viewer, side=side, state=state)
    counts = count_by_state(viewer, side=side)
    kept = f"&side={side}" if side in ("bought", "sold") else ""
    chips = [Link(_("全部"), f"?{kept[1:]}" if kept else "?", sum(counts.values()), is_current=not state)] + [
        Link(label, f"?state={value}{kept}", counts[value], is_current=state == value)
        for value, label in OrderState.choices
        if value in counts
    ]
    sides = [
        Link(_("全部"), "?", is_current=not kept),
        Link(_("我方采购"), "?side=bought", is_current=side == "bought"),
        Link(_("我方销售"), "?side=sold", is_current=side == "sold"),
    ]
    context = {
        "page": paginate(rows, request.GET, order=("-placed_at", "-id")),
        "chips": chips,
        "sides": [] if sees_all else sides,
        "sees_all": sees_all,
    }
    return page_or_fragment(request, "trading/orders.html", "trading/order_rows.html", context)


@require_GET
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """The buy card's way in: `?plan=` chooses what is ordered."""
    try:
        return redirect("trading:place", UUID(request.GET.get("plan", "")))
    except ValueError:
        return redirect("catalogue:list")


@require_http_methods(["GET", "POST"])
@login_required
def place(request: HttpRequest, plan_id: UUID) -> HttpResponse:
    """申请购买: what is bought, for what use; a second click leads to the same order."""
    viewer = actor(request)
    plan = plan_on_sale(viewer, plan_id, clock.now())
    code = request.POST.get("match_code", "") or request.GET.get("match", "")
    referral = referral_of(viewer, plan, code, clock.now())
    form = PlaceForm(request.POST or None, initial={"match_code": code})
    if request.method == "POST" and form.is_valid():
        try:
            order_id = _placed_once(request, viewer, plan_id, form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            return redirect("trading:order", order_id)
    gross = Money(plan.price_fen)
    context = {
        "form": form,
        "plan": plan,
        "product": plan.product,
        "tax": rules.tax_within(gross, plan.tax_rate_bp),
        "terms": LICENCE_TERMS[plan.product.licence],
        "inspection_days": rules.INSPECTION_DAYS,
        "may_place": viewer.can(PLACE_ORDERS),
        "request_url": _plan_address("requests:new", plan.pk),
        "referral": referral,
    }
    return render(request, "trading/place.html", context, status=422 if form.errors else 200)


def _placed_once(request: HttpRequest, viewer: Actor, plan_id: UUID, told: Mapping[str, Any]) -> UUID:
    """Place the order under the form's key, so that the same form sent again gives the same order."""
    viewer.require(PLACE_ORDERS)
    assert viewer.organization_id is not None

    def work() -> tuple[int, str, str]:
        made = services.place_order(
            by=viewer, at=clock.now(), plan_id=plan_id, use_statement=told["use_statement"],
            referral=told["match_code"], commission=Money(told["commission_fen"] or 0),
        )  # fmt: skip
        return 200, "text/plain", str(made.pk)

    (_status, _type, body), _replayed = answer_once(
        caller=viewer.organization_id,
        key=request.POST.get("idempotency_key", ""),
        fingerprint=fingerprint("POST", request.path, repr(sorted(told.items())).encode()),
        work=work,
    )
    return UUID(body)


def _stages(order: Order) -> list[Stage]:
    reached = [state for state, _column in STAGES]
    position = reached.index(OrderState(order.state)) if order.state in reached else -1
    shown = []
    for index, (state, column) in enumerate(STAGES[1:], 1):
        at = getattr(order, column)
        detail = f"{at.astimezone(clock.SHANGHAI):%m-%d %H:%M}" if at else ""
        standing = "done" if at else "current" if index == position + 1 else "ahead"
        shown.append(Stage(STAGE_LABELS[state], detail, standing))
    return shown


def _plan_address(name: str, plan_id: UUID) -> str:
    """Another app's page about this plan, or nothing when this installation does not have it."""
    try:
        return reverse(name, args=[plan_id])
    except NoReverseMatch:
        return ""


def _address(name: str, order: Order) -> str:
    """Another domain's page about this order, or nothing when this installation does not have it."""
    try:
        return reverse(name, args=[order.pk])
    except NoReverseMatch:
        return ""


def _next_steps(order: Order, viewer: Actor) -> dict[str, bool]:
    """Which of the page's own actions the viewer may take now."""
    is_buyer, is_supplier = (
        viewer.organization_id == order.buyer_id,
        viewer.organization_id == order.supplier_id,
    )
    return {
        "may_sign": _may_sign(order, viewer),
        "may_pay": is_buyer and order.state == OrderState.CONTRACTED,
        "may_deliver": is_supplier and order.state == OrderState.PAID,
        "may_download": is_buyer
        and order.delivered_at is not None
        and order.state != OrderState.REFUNDED
        and not _is_over(order),
        "may_accept": is_buyer and order.state == OrderState.DELIVERED and viewer.can(ACCEPT_ORDERS),
        "may_cancel": (is_buyer or is_supplier)
        and order.state in (OrderState.PLACED, OrderState.CONTRACTED)
        and viewer.can(CANCEL_ORDERS),
    }


def _may_judge(order: Order, viewer: Actor) -> bool:
    """Whether the viewer bought what this order has brought to its end."""
    is_buyer = viewer.organization_id == order.buyer_id
    return is_buyer and order.state == OrderState.COMPLETED and viewer.can(ACCEPT_ORDERS)


def _is_over(order: Order) -> bool:
    """Whether the buyer's access has ended."""
    ending = access_ends_at(order)
    return ending is not None and clock.now() >= ending


def _signs_for(order: Order, viewer: Actor) -> Party | None:
    """The side for which the viewer may sign, if any."""
    if viewer.organization_id == order.buyer_id and viewer.can(SIGN_AS_BUYER):
        return Party.BUYER
    if viewer.organization_id == order.supplier_id and viewer.can(SIGN_AS_SUPPLIER):
        return Party.SUPPLIER
    return None


def _may_sign(order: Order, viewer: Actor) -> bool:
    party = _signs_for(order, viewer)
    if party is None or order.state != OrderState.PLACED:
        return False
    return (order.buyer_signed_at if party is Party.BUYER else order.supplier_signed_at) is None


def _waiting_for(order: Order) -> str:
    """One sentence: whose turn it is."""
    if order.state == OrderState.PLACED:
        missing = [
            label
            for label, at in ((_("需方"), order.buyer_signed_at), (_("供方"), order.supplier_signed_at))
            if at is None
        ]
        return _("等待%(parties)s签署合同。") % {"parties": listed(missing)}
    return {
        OrderState.CONTRACTED: _("等待需方付款到托管。"),
        OrderState.PAID: _("等待供方交付。"),
        OrderState.DELIVERED: _("验收期内，请需方下载核对后验收；期满未提出异议视为验收通过。"),
        OrderState.ACCEPTED: _("已验收，等待结算。"),
        OrderState.COMPLETED: _("交易已完成。"),
        OrderState.CANCELLED: _("订单已取消。"),
        OrderState.DISPUTED: _("争议处理中，款项仍在托管。"),
        OrderState.REFUNDED: _("款项已全额退回需方。"),
    }[OrderState(order.state)]


@require_GET
@login_required
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """订单详情: where it stands, the next step, the contract, one timeline."""
    viewer = actor(request)
    found = visible_order(viewer, order_id)
    return render(request, "trading/order.html", _order_context(found, viewer, CancelForm()))


def _order_context(order: Order, viewer: Actor, cancel_form: CancelForm) -> dict[str, object]:
    gross = Money(order.amount_fen)
    return {
        "order": order,
        "stages": _stages(order),
        "history": moments_of(viewer, order),
        "waiting_for": _waiting_for(order),
        "cancel_form": cancel_form,
        "pay_url": _address("payments:pay", order),
        "contacts": contacts_of(order.product) if order.state != OrderState.CANCELLED else [],
        "delivery_url": _address("delivery:delivery", order),
        "deliver_url": _address("delivery:deliver", order),
        "inspection_url": _address("acceptance:inspection", order) if order.delivered_at else "",
        "voucher_url": _address("filings:of_order", order),
        "review_url": _address("reviews:write", order) if _may_judge(order, viewer) else "",
        "supplements": supplements_of(order),
        "may_supplement": order.contracted_at is not None
        and order.state not in services.ENDED
        and _signs_for(order, viewer) is not None,
        "facts": [
            Fact(_("方案"), order.plan.name),
            Fact(_("供方"), str(order.supplier)),
            Fact(_("需方"), str(order.buyer)),
            Fact(_("数据版本"), str(order.version)),
            Fact(_("登记证书"), order.certificate.number),
            Fact(_("含税金额"), str(gross)),
            Fact(_("其中税额"), str(Money(order.tax_fen))),
            *_licence_facts(order),
        ],
        **_next_steps(order, viewer),
    }


def _licence_facts(order: Order) -> list[Fact]:
    """How long the data may be used, and whether nobody else may."""
    facts = []
    if order.term_days is not None:
        facts.append(Fact(_("许可期限"), _("自交付起 %(days)s 天") % {"days": order.term_days}))
    if order.is_exclusive:
        facts.append(Fact(_("许可方式"), _("独占许可")))
    ending = access_ends_at(order)
    if ending is not None:
        facts.append(Fact(_("使用截止"), f"{ending.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"))
    return facts


@require_GET
@login_required
def contract(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """合同: the text, its licence rule by rule, signing after confirming who one is, the signatures, the PDF."""
    viewer = actor(request)
    found = visible_order(viewer, order_id)
    may_sign = _may_sign(found, viewer)
    here = reverse("trading:contract", args=[found.pk])
    context = {
        "order": found,
        "contract": found.contract,
        "signatures": list(found.contract.signatures.order_by("signed_at", "pk")),
        "rules": policies.in_words(json.loads(found.contract.policy)),
        "supplements": supplements_of(found),
        "document": ContractDocument.objects.filter(contract=found.contract).first(),
        "may_print": found.contracted_at is not None
        and viewer.organization_id in (found.buyer_id, found.supplier_id),
        "may_sign": may_sign,
        "confirm_url": ""
        if not may_sign or is_recently_confirmed(request)
        else confirmation_of(request, back=here).url,
    }
    return render(request, "trading/contract.html", context)


@require_GET
@login_required
def policy(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The contract's ODRL policy, byte for byte as it was hashed and signed."""
    found = visible_order(actor(request), order_id)
    answer = HttpResponse(found.contract.policy, content_type="application/ld+json")
    answer["Content-Disposition"] = f'attachment; filename="{found.contract.number}.odrl.jsonld"'
    return answer


@require_http_methods(["GET", "POST"])
@login_required
def document(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The signed contract as PDF: POST makes it once, GET shows it."""
    viewer = actor(request)
    found = visible_order(viewer, order_id)
    if request.method == "POST":
        printing.issue_document(by=viewer, at=clock.now(), order_id=order_id)
        return redirect("trading:document", order_id)
    made = ContractDocument.objects.filter(contract=found.contract).first()
    if made is None:
        return redirect("trading:contract", order_id)
    answer = HttpResponse(objects.get(made.object_key), content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="{found.contract.number}.pdf"'
    return answer


@require_POST
@login_required
def sign(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Sign for the viewer's side, who has just confirmed who it is."""
    viewer = actor(request)
    services.require_signer(visible_order(viewer, order_id), viewer)
    if not is_recently_confirmed(request):
        return confirmation_of(request, back=reverse("trading:contract", args=[order_id]))
    services.sign_contract(
        by=viewer,
        at=clock.now(),
        order_id=order_id,
        text_sha256=request.POST.get("text_sha256", ""),
    )
    messages.success(request, _("已签署。"))
    return redirect("trading:order", order_id)


# --- supplements --------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@login_required
def new_supplement(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """补充合同: what is to change or end, and why; the text is drawn up for both to sign."""
    viewer = actor(request)
    found = visible_order(viewer, order_id)
    services.require_signer(found, viewer)
    form = SupplementForm(request.POST or None)
    if request.method == "POST" and form.is_valid():

        def work() -> str:
            made = supplements.propose_supplement(
                by=viewer, at=clock.now(), order_id=order_id, **form.cleaned_data
            )
            return reverse("trading:supplement", args=[made.pk])

        try:
            return redirect_once(request, work)
        except Refusal as refusal:
            show_refusal(form, refusal)
    context = {
        "order": found,
        "form": form,
        "facts": [
            Fact(_("订单状态"), found.get_state_display()),
            Fact(_("验收期"), _("自交付起 %(days)s 天") % {"days": found.inspection_days}),
            *(_licence_facts(found) or [Fact(_("许可期限"), _("不设期限"))]),
        ],
    }
    return render(request, "trading/new_supplement.html", context, status=422 if form.errors else 200)


@require_GET
@login_required
def supplement(request: HttpRequest, supplement_id: UUID) -> HttpResponse:
    """One supplement: its text, who has signed, and the viewer's next step."""
    viewer = actor(request)
    found = visible_supplement(viewer, supplement_id)
    return render(request, "trading/supplement.html", _supplement_context(request, viewer, found, EndForm()))


def _supplement_context(
    request: HttpRequest, viewer: Actor, found: Supplement, end_form: EndForm
) -> dict[str, object]:
    order = found.contract.order
    party, signatures = _signs_for(order, viewer), list(found.signatures.order_by("signed_at", "pk"))
    is_open = found.state == SupplementState.PROPOSED and party is not None
    may_sign = is_open and party not in {each.party for each in signatures}
    here = reverse("trading:supplement", args=[found.pk])
    return {
        "supplement": found,
        "order": order,
        "signatures": signatures,
        "is_termination": found.kind == SupplementKind.TERMINATION,
        "may_sign": may_sign,
        "confirm_url": ""
        if not may_sign or is_recently_confirmed(request)
        else confirmation_of(request, back=here).url,
        "may_withdraw": is_open and party == found.proposed_party,
        "may_decline": is_open and party != found.proposed_party,
        "end_form": end_form,
        "payments_url": _address("payments:detail", order),
    }


@require_POST
@login_required
def sign_supplement(request: HttpRequest, supplement_id: UUID) -> HttpResponse:
    """Sign a supplement for the viewer's side, who has just confirmed who it is."""
    viewer = actor(request)
    services.require_signer(visible_supplement(viewer, supplement_id).contract.order, viewer)
    here = reverse("trading:supplement", args=[supplement_id])
    if not is_recently_confirmed(request):
        return confirmation_of(request, back=here)
    signed = supplements.sign_supplement(
        by=viewer,
        at=clock.now(),
        supplement_id=supplement_id,
        text_sha256=request.POST.get("text_sha256", ""),
    )
    is_in_force = signed.state == SupplementState.IN_FORCE
    messages.success(request, _("补充合同已生效。") if is_in_force else _("已签署，等待对方签署。"))
    return redirect(here)


@require_POST
@login_required
def end_supplement(request: HttpRequest, supplement_id: UUID) -> HttpResponse:
    """Withdraw one's own proposal or decline the other side's, with the reason."""
    viewer, form = actor(request), EndForm(request.POST)
    found = visible_supplement(viewer, supplement_id)
    services.require_signer(found.contract.order, viewer)
    if not form.is_valid():
        context = _supplement_context(request, viewer, found, form)
        return render(request, "trading/supplement.html", context, status=422)
    supplements.end_supplement(
        by=viewer,
        at=clock.now(),
        supplement_id=supplement_id,
        move="withdraw" if request.POST.get("move") == "withdraw" else "decline",
        reason=form.cleaned_data["reason"],
    )
    messages.success(request, _("已告知对方，原合同不变。"))
    return redirect("trading:supplement", supplement_id)


@require_POST
@login_required
def accept(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Accept the delivery; the money goes to the supplier."""
    services.accept_order(by=actor(request), at=clock.now(), order_id=order_id)
    messages.success(request, _("已验收，款项划付供方。"))
    return redirect("trading:order", order_id)


@require_POST
@login_required
def cancel(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Cancel before payment, with the reason for the other side."""
    viewer, form = actor(request), CancelForm(request.POST)
    if not form.is_valid():
        found = visible_order(viewer, order_id)
        return render(request, "trading/order.html", _order_context(found, viewer, form), status=422)
    services.cancel_order(by=viewer, at=clock.now(), order_id=order_id, reason=form.cleaned_data["reason"])
    messages.success(request, _("订单已取消。"))
    return redirect("trading:order", order_id)
