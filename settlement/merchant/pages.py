"""商户收付款 and 开发者: balance, payments, payouts with two approvals; endpoints, events and their deliveries."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.reauthentication import require_recent_authentication
from gateway.api import actor
from kernel import clock
from kernel.errors import Refusal
from kernel.models import Transition
from kernel.money import Money
from kernel.wording import listed
from organizations.permissions import MANAGE_KEYS, Actor
from settlement.merchant import selectors, services
from settlement.merchant.forms import BankAccountForm, EndpointForm, FailureForm, PayoutForm
from settlement.merchant.models import Payout
from settlement.merchant.permissions import (
    APPROVE_PAYOUTS,
    DEVELOP,
    PAY_OUT,
    SETTLE_PAYOUTS,
    VIEW_MERCHANT,
)
from settlement.merchant.rules import public_id
from settlement.merchant.states import PAYOUT, IntentState, PayoutState
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Kpi, Link

SHOWN_EVENTS = 30


def _tabs(here: str) -> list[Link]:
    return [
        Link(_("收款"), reverse("merchant:payments"), is_current=here == "payments"),
        Link(_("提现"), reverse("merchant:payouts"), is_current=here == "payouts"),
    ]


def _kpis(viewer: Actor) -> list[Kpi]:
    if not viewer.can(VIEW_MERCHANT):
        return []
    account = selectors.bank_account_in_use(viewer)
    return [
        Kpi(_("可用余额"), selectors.balance_of(viewer), url=reverse("ledger:index")),
        Kpi(_("提现账户"), str(account) if account else "--"),
    ]


@require_GET
@login_required
def payments(request: HttpRequest) -> HttpResponse:
    """Free-standing payments, the newest first, narrowed by state."""
    viewer = actor(request)
    if not viewer.can(SETTLE_PAYOUTS):
        selectors.require_view(viewer)
    rows, state = selectors.intents_visible_to(viewer), request.GET.get("state", "")
    if state in IntentState.values:
        rows = rows.filter(state=state)
    chips = [Link(_("全部"), request.path, is_current=state not in IntentState.values)]
    chips += [
        Link(each.label, f"{request.path}?state={each}", is_current=state == each)
        for each in (
            IntentState.REQUIRES_PAYMENT_METHOD,
            IntentState.REQUIRES_ACTION,
            IntentState.REQUIRES_CAPTURE,
            IntentState.SUCCEEDED,
            IntentState.CANCELED,
        )
    ]
    context = {
        "page": paginate(rows, request.GET), "chips": chips, "tabs": _tabs("payments"), "kpis": _kpis(viewer),
    }  # fmt: skip
    return page_or_fragment(request, "merchant/payments.html", "merchant/payments_rows.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def payouts(request: HttpRequest) -> HttpResponse:
    """Payouts, the newest first, and the form for the next."""
    viewer = actor(request)
    if not viewer.can(SETTLE_PAYOUTS):
        selectors.require_view(viewer)
    account = selectors.bank_account_in_use(viewer)
    form = PayoutForm(request.POST or None) if viewer.can(PAY_OUT) and account else None
    if request.method == "POST":
        viewer.require(PAY_OUT)
        require_recent_authentication(request, back=request.path)
        if form is not None and form.is_valid():
            asked = form

            def work() -> str:
                made = services.create_payout(by=viewer, at=clock.now(), **asked.cleaned_data)
                return reverse("merchant:payout", args=[made.pk])

            try:
                return redirect_once(request, work)
            except Refusal as refusal:
                show_refusal(form, refusal)
    context = {
        "page": paginate(selectors.payouts_visible_to(viewer), request.GET), "tabs": _tabs("payouts"),
        "kpis": _kpis(viewer), "form": form, "account": account, "may_pay_out": viewer.can(PAY_OUT),
        "is_operator": viewer.can(SETTLE_PAYOUTS),
    }  # fmt: skip
    status = 422 if request.method == "POST" else 200
    return page_or_fragment(
        request, "merchant/payouts.html", "merchant/payouts_rows.html", context, status=status
    )


@require_http_methods(["GET", "POST"])
@login_required
def bank_account(request: HttpRequest) -> HttpResponse:
    """Name the bank account that payouts go to; asks again who it is."""
    viewer = actor(request)
    viewer.require(PAY_OUT)
    form = BankAccountForm(request.POST or None)
    if request.method == "POST":
        require_recent_authentication(request, back=request.path)
    if request.method == "POST" and form.is_valid():
        try:
            services.use_bank_account(by=viewer, at=clock.now(), **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("提现账户已更新，之后的提现都转入这个账户。"))
            return redirect("merchant:payouts")
    context = {"form": form, "account": selectors.bank_account_in_use(viewer)}
    return render(request, "merchant/bank_account.html", context, status=422 if form.errors else 200)


def _code(text: str) -> SafeString:
    """A long public id that may break anywhere."""
    return format_html('<code class="mono wrap-anywhere">{}</code>', text)


def _facts(row: Payout) -> list[Fact]:
    facts = [
        Fact(_("编号"), _code(public_id("po", row.pk))),
        Fact(_("单位"), row.organization),
        Fact(_("金额"), Money(row.amount_fen)),
        Fact(_("转入账户"), f"{row.bank_account.holder} · {row.bank_account}"),
    ]
    if row.description:
        facts.append(Fact(_("用途说明"), row.description))
    if row.failure_message:
        facts.append(Fact(_("失败原因"), row.failure_message))
    return facts


@require_GET
@login_required
def payout(request: HttpRequest, payout_id: UUID) -> HttpResponse:
    """One payout: where it stands, who approved, and what the viewer may do."""
    return _show_payout(request, selectors.payout_visible_to(actor(request), payout_id))


def _show_payout(
    request: HttpRequest, row: Payout, form: FailureForm | None = None, status: int = 200
) -> HttpResponse:
    viewer = actor(request)
    approvals = list(row.approvals.select_related("user").order_by("at", "pk"))
    moves = {move.name for move in PAYOUT.allowed(row.state)}
    is_own = viewer.belongs_to(row.organization_id)
    given = {each.user_id for each in approvals}
    context: dict[str, Any] = {
        "payout": row,
        "facts": _facts(row),
        "approvals": approvals,
        "transitions": list(Transition.objects.filter(subject_id=row.pk).order_by("at", "pk")),
        "is_requester": row.requested_by == viewer.user_id,
        "may_approve": is_own
        and "send" in moves
        and viewer.can(APPROVE_PAYOUTS)
        and viewer.user_id not in {row.requested_by, *given},
        "may_cancel": is_own and "cancel" in moves and viewer.can(PAY_OUT),
        "may_settle": "settle" in moves and viewer.can(SETTLE_PAYOUTS),
        "may_fail": "fail" in moves and viewer.can(SETTLE_PAYOUTS),
        "form": form or FailureForm(),
    }
    return render(request, "merchant/payout.html", context, status=status)


@require_POST
@login_required
def approve(request: HttpRequest, payout_id: UUID) -> HttpResponse:
    """One person's yes; asks again who it is."""
    viewer = actor(request)
    selectors.payout_visible_to(viewer, payout_id)
    viewer.require(APPROVE_PAYOUTS)
    back = reverse("merchant:payout", args=[payout_id])
    require_recent_authentication(request, back=back)
    row = services.approve_payout(by=viewer, at=clock.now(), payout_id=payout_id)
    messages.success(
        request,
        _("已批准，还需要一位同事批准。")
        if row.state == PayoutState.PENDING
        else _("已批准，提现已交银行处理。"),
    )
    return redirect(back)


@require_POST
@login_required
def cancel(request: HttpRequest, payout_id: UUID) -> HttpResponse:
    """Take back a payout that was not sent yet."""
    viewer = actor(request)
    selectors.payout_visible_to(viewer, payout_id)
    services.cancel_payout(by=viewer, at=clock.now(), payout_id=payout_id)
    messages.success(request, _("提现已取消，款项已退回可用余额。"))
    return redirect("merchant:payout", payout_id)


@require_POST
@login_required
def settle(request: HttpRequest, payout_id: UUID) -> HttpResponse:
    """The bank has paid it."""
    viewer = actor(request)
    selectors.payout_visible_to(viewer, payout_id)
    services.settle_payout(by=viewer, at=clock.now(), payout_id=payout_id)
    messages.success(request, _("已登记到账。"))
    return redirect("merchant:payout", payout_id)


@require_POST
@login_required
def fail(request: HttpRequest, payout_id: UUID) -> HttpResponse:
    """The bank refused it or sent it back."""
    viewer = actor(request)
    row = selectors.payout_visible_to(viewer, payout_id)
    viewer.require(SETTLE_PAYOUTS)
    form = FailureForm(request.POST)
    if form.is_valid():
        try:
            services.fail_payout(by=viewer, at=clock.now(), payout_id=payout_id, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已登记失败，款项已退回该单位的可用余额。"))
            return redirect("merchant:payout", payout_id)
    return _show_payout(request, row, form, 422)


# --- developers ---------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@login_required
def developers(request: HttpRequest) -> HttpResponse:
    """Keys, endpoints, the newest events; a new endpoint's secret is shown in the answer to its making."""
    viewer = actor(request)
    viewer.require(DEVELOP)
    form, made, secret = EndpointForm(request.POST or None), None, ""
    if request.method == "POST" and form.is_valid():
        try:
            made, secret = services.create_endpoint(by=viewer, at=clock.now(), **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            form = EndpointForm()
    context = {
        "form": form,
        "made": made,
        "secret": secret,
        "endpoints": selectors.endpoints_with_waiting(viewer).order_by("-pk"),
        "events": selectors.newest_events(viewer, SHOWN_EVENTS),
        "may_manage_keys": viewer.can(MANAGE_KEYS),
        "base": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "merchant/developers.html", context, status=422 if form.errors else 200)


@require_GET
@login_required
def endpoint(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """One endpoint and its deliveries, the newest first."""
    return _show_endpoint(request, endpoint_id)


def _show_endpoint(request: HttpRequest, endpoint_id: UUID, secret: str = "") -> HttpResponse:
    row = selectors.endpoint_visible_to(actor(request), endpoint_id)
    facts = [
        Fact(_("编号"), _code(public_id("we", row.pk))),
        Fact(_("事件类型"), listed(row.enabled_events) if row.enabled_events != ["*"] else _("全部事件")),
        Fact(_("说明"), row.description or "--"),
    ]
    page = paginate(selectors.deliveries_of(row), request.GET)
    context = {"endpoint": row, "facts": facts, "page": page, "secret": secret}
    return page_or_fragment(request, "merchant/endpoint.html", "merchant/endpoint_rows.html", context)


@require_POST
@login_required
def roll(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """A new secret, shown in this answer only."""
    viewer = actor(request)
    selectors.endpoint_visible_to(viewer, endpoint_id)
    _row, secret = services.roll_secret(by=viewer, at=clock.now(), endpoint_id=endpoint_id)
    return _show_endpoint(request, endpoint_id, secret)


@require_POST
@login_required
def switch(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Enable or disable an endpoint, as the button said."""
    viewer = actor(request)
    selectors.endpoint_visible_to(viewer, endpoint_id)
    enables = request.POST.get("enable") == "1"
    services.update_endpoint(by=viewer, at=clock.now(), endpoint_id=endpoint_id, is_enabled=enables)
    messages.success(request, _("端点已启用。") if enables else _("端点已停用，之后的事件不再为它登记。"))
    return redirect("merchant:endpoint", endpoint_id)


@require_POST
@login_required
def delete(request: HttpRequest, endpoint_id: UUID) -> HttpResponse:
    """Delete an endpoint for good."""
    viewer = actor(request)
    selectors.endpoint_visible_to(viewer, endpoint_id)
    services.delete_endpoint(by=viewer, at=clock.now(), endpoint_id=endpoint_id)
    messages.success(request, _("端点已删除。"))
    return redirect("merchant:developers")


@require_POST
@login_required
def replay(request: HttpRequest, endpoint_id: UUID, event_id: UUID) -> HttpResponse:
    """Send one event again."""
    viewer = actor(request)
    selectors.endpoint_visible_to(viewer, endpoint_id)
    services.replay(by=viewer, at=clock.now(), event_id=event_id, endpoint_id=endpoint_id)
    messages.success(request, _("事件已重新排队推送。"))
    return redirect("merchant:endpoint", endpoint_id)
