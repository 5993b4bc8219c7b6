"""收付款: payments, the buyer's payment, refunds by supplier and operator, annotators' earnings."""

from __future__ import annotations

import uuid
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from accounts.reauthentication import require_recent_authentication
from exchange.trading.models import Order
from kernel import clock
from kernel.errors import Refusal
from kernel.money import Money
from organizations.permissions import Actor
from settlement.payments import selectors, services
from settlement.payments.forms import PayForm, RefundForm
from settlement.payments.models import EscrowReturn, PaymentIntent, Refund, Release
from settlement.payments.permissions import VIEW_EARNINGS
from settlement.payments.states import IntentState
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Kpi, Link


def _viewer(request: HttpRequest) -> Actor:
    viewer: Actor = request.actor  # type: ignore[attr-defined]
    return viewer


def _tabs(here: str) -> list[Link]:
    return [
        Link(_("付款与放款"), reverse("payments:list"), is_current=here == "list"),
        Link(_("退款"), reverse("payments:refunds"), is_current=here == "refunds"),
    ]


@require_GET
@login_required
def payments(request: HttpRequest) -> HttpResponse:
    """Payments of the viewer's orders, or all for operator and auditor, narrowed by state."""
    viewer = _viewer(request)
    selectors.require_view(viewer)
    rows, state = selectors.intents_visible_to(viewer), request.GET.get("state", "")
    if state in IntentState.values:
        rows = rows.filter(state=state)
    chips = [Link(_("全部"), request.path, is_current=state not in IntentState.values)]
    chips += [
        Link(each.label, f"{request.path}?state={each}", is_current=state == each)
        for each in (IntentState.REQUIRES_PAYMENT_METHOD, IntentState.REQUIRES_CAPTURE, IntentState.SUCCEEDED,
                     IntentState.CANCELED)
    ]  # fmt: skip
    context = {"page": paginate(rows, request.GET), "chips": chips, "tabs": _tabs("list")}
    return page_or_fragment(request, "payments/list.html", "payments/list_rows.html", context)


@require_GET
@login_required
def refunds(request: HttpRequest) -> HttpResponse:
    """Refunds, the newest first."""
    viewer = _viewer(request)
    selectors.require_view(viewer)
    context = {"page": paginate(selectors.refunds_visible_to(viewer), request.GET), "tabs": _tabs("refunds")}
    return page_or_fragment(request, "payments/refunds.html", "payments/refunds_rows.html", context)


@require_GET
@login_required
def detail(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """One order's money: payment, release, refunds, and the entries behind them."""
    viewer = _viewer(request)
    selectors.require_view(viewer)
    intent = selectors.intent_visible_to(viewer, order_id)
    given_back = selectors.refunds_of(intent.order)
    release: Release | None = getattr(intent, "release", None)
    refunded = Money.sum(Money(each.amount_fen) for each in given_back)
    context = {
        "intent": intent,
        "release": release,
        "facts": _facts(intent, release, given_back),
        "refunds": given_back,
        "transitions": selectors.transitions_of(intent),
        "entries": selectors.entries_of(viewer, intent, given_back),
        "may_refund": release is not None
        and refunded < Money(release.gross_fen)
        and selectors.may_refund(viewer, intent.order),
    }
    return render(request, "payments/detail.html", context)


def _facts(intent: PaymentIntent, release: Release | None, given_back: list[Refund]) -> list[Fact]:
    order = intent.order
    facts = [
        Fact(_("订单"), order.number, url=reverse("trading:order", args=[order.pk])),
        Fact(_("产品"), order.product.title),
        Fact(_("买方"), order.buyer),
        Fact(_("供方"), order.supplier),
        Fact(
            _("含税金额"),
            Money(intent.amount_fen),
            hint=_("其中税额 %(tax)s") % {"tax": Money(order.tax_fen)},
        ),
    ]
    returned: EscrowReturn | None = getattr(intent, "escrow_return", None)
    if returned is not None:
        facts.append(
            Fact(
                _("验收前从托管退回"),
                Money(returned.amount_fen),
                hint=_("其中税额 %(tax)s") % {"tax": Money(returned.tax_fen)},
            )
        )
    if release is not None:
        rate = f"{release.fee_bp // 100}.{release.fee_bp % 100:02d}%"
        facts += [
            Fact(
                _("交易服务费"),
                Money(release.fee_fen),
                hint=_("费率 %(rate)s，不足一分舍去") % {"rate": rate},
            ),
            Fact(_("供方所得"), Money(release.seller_fen)),
        ]
    if given_back:
        facts.append(Fact(_("已退款"), Money.sum(Money(each.amount_fen) for each in given_back)))
    return facts


@require_http_methods(["GET", "POST"])
@login_required
def pay(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The buyer pays an order's price into escrow."""
    viewer = _viewer(request)
    order, intent = selectors.order_to_pay(viewer, order_id)
    form = PayForm(request.POST or None)
    status = 200
    if request.method == "POST":
        require_recent_authentication(request, back=request.path)
        if form.is_valid():
            try:
                services.pay_order(
                    by=viewer, at=clock.now(), order_id=order_id, method=form.cleaned_data["method"]
                )
            except services.AlreadyPaid:
                return redirect("payments:detail", order_id)
            except Refusal as refusal:
                show_refusal(form, refusal)
                status = refusal.status
                order, intent = selectors.order_to_pay(viewer, order_id)
            else:
                messages.success(request, _("款项已进入托管，供方可以交付了。"))
                return redirect("trading:order", order_id)
        else:
            status = 422
    facts = [
        Fact(_("产品"), order.product.title),
        Fact(_("方案"), order.plan.name),
        Fact(_("供方"), order.supplier),
    ]
    context = {
        "order": order,
        "intent": intent,
        "form": form,
        "facts": facts,
        "kpis": [
            Kpi(_("应付金额（含税）"), Money(order.amount_fen)),
            Kpi(_("其中税额"), Money(order.tax_fen)),
        ],
        "is_payable": order.state == "contracted",
        "is_live": settings.PAYMENTS_LIVE,
        "transfer": _transfer_facts(order),
    }
    return render(request, "payments/pay.html", context, status=status)


def _transfer_facts(order: Order) -> list[Fact]:
    """What the buyer tells its bank; nothing where no account is set."""
    told = selectors.transfer_of(order)
    if told is None:
        return []
    return [
        Fact(_("收款户名"), told.holder),
        Fact(_("开户银行"), told.bank_name),
        Fact(_("收款账号"), told.account),
        Fact(_("金额"), told.amount),
        Fact(_("附言"), told.remark, hint=_("请原样填写，平台据此对上您的订单")),
    ]


@require_http_methods(["GET", "POST"])
@login_required
def refund(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The supplier's finance or the operator gives money of a released order back."""
    viewer = _viewer(request)
    scope = selectors.refund_scope(viewer, order_id)
    form, status = RefundForm(request.POST or None, initial={"idempotency_key": uuid.uuid4()}), 200
    if request.method == "POST":
        require_recent_authentication(request, back=request.path)
        if form.is_valid() and (done := _refunded(form, viewer, order_id)):
            amount = {"amount": Money(done.amount_fen)}
            messages.success(request, _("已退款 %(amount)s，并通知备案与收入核算。") % amount)
            return redirect("payments:detail", order_id)
        status = 422
    order, release = scope.order, scope.release
    kpis = [
        Kpi(_("已放款"), Money(release.gross_fen)),
        Kpi(_("已退款"), scope.refunded),
        Kpi(_("还可退"), scope.left),
    ]
    context = {"order": order, "scope": scope, "form": form, "kpis": kpis}
    return render(request, "payments/refund.html", context, status=status)


def _refunded(form: forms.Form, viewer: Actor, order_id: UUID) -> Refund | None:
    try:
        return services.refund_order(
            by=viewer,
            at=clock.now(),
            order_id=order_id,
            amount=form.cleaned_data["amount"],
            reason=form.cleaned_data["reason"],
            key=form.cleaned_data["idempotency_key"],
        )
    except Refusal as refusal:
        show_refusal(form, refusal)
        return None


@require_GET
@login_required
def earnings(request: HttpRequest) -> HttpResponse:
    """我的收入: what an annotator is owed and earned, project by project."""
    viewer = _viewer(request)
    viewer.require(VIEW_EARNINGS)
    sums = selectors.earnings_of(viewer)
    context = {
        "page": paginate(selectors.payouts_of(viewer), request.GET),
        "kpis": [
            Kpi(
                _("待质检"),
                Money(sums.under_way.held_fen),
                hint=_("%(count)s 条已提交") % {"count": f"{sums.under_way.held_count:,}"},
            ),
            Kpi(
                _("已通过，待验收"),
                Money(sums.under_way.earned_fen),
                hint=_("%(count)s 条已通过") % {"count": f"{sums.under_way.earned_count:,}"},
            ),
            Kpi(_("应付报酬余额"), sums.balance, hint=_("项目验收后入账")),
            Kpi(_("已付报酬"), sums.paid),
            Kpi(_("累计报酬"), sums.earned),
            Kpi(_("累计通过任务"), sums.task_count, unit=_("条")),
        ],
    }
    return page_or_fragment(request, "payments/earnings.html", "payments/earnings_rows.html", context)
