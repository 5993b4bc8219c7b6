"""交易服务费发票: the exchange's fee of each order against its invoices; the exchange's finance issues, credits, voids."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from documents import services as documents
from exchange.trading.models import Order
from exchange.trading.rules import tax_within
from gateway.api import actor
from kernel import clock
from kernel.errors import NotAllowed, NotFound, Refusal
from kernel.money import Money
from settlement.invoicing import fees as services
from settlement.invoicing import selectors
from settlement.invoicing.forms import CreditForm, InvoiceForm, ReasonForm
from settlement.invoicing.pages import sheet_of, tabs_of
from settlement.invoicing.permissions import ISSUE_FEE_INVOICES
from settlement.invoicing.states import TaxRate
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import CursorPage, paginate
from web.parts import Kpi, Link


@require_GET
@login_required
def fees(request: HttpRequest) -> HttpResponse:
    """Orders with a fee; those whose invoices are not what the exchange keeps, on demand."""
    viewer = actor(request)
    selectors.require_view(viewer)
    rows, is_due = selectors.fee_orders_visible_to(viewer), request.GET.get("show") == "due"
    page: CursorPage[Any] = paginate(selectors.fee_orders_due(rows) if is_due else rows, request.GET)
    context = {
        "page": page,
        "rows": [{"order": order, "stands": selectors.fee_standing(order)} for order in page],
        "chips": [
            Link(_("全部"), request.path, is_current=not is_due),
            Link(_("待开票或待红冲"), f"{request.path}?show=due", is_current=is_due),
        ],
        "tabs": tabs_of("fees"),
    }
    return page_or_fragment(request, "invoicing/fees.html", "invoicing/fees_rows.html", context)


@require_GET
@login_required
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """One order's fee and its invoices."""
    viewer = actor(request)
    selectors.require_view(viewer)
    return _order_page(request, selectors.fee_order_visible_to(viewer, order_id), ReasonForm())


def _order_page(request: HttpRequest, found: Order, form: ReasonForm, *, status: int = 200) -> HttpResponse:
    stands, may = selectors.fee_standing(found), actor(request).can(ISSUE_FEE_INVOICES)
    today = clock.business_date(clock.now())
    rows = [
        {
            "invoice": each,
            "may_credit": may and left > 0,
            "may_void": may
            and each.voided_at is None
            and (today.year, today.month) == (each.issued_on.year, each.issued_on.month),
        }
        for each, left in selectors.fee_invoices_of(found)
    ]
    context = {
        "order": found,
        "rows": rows,
        "stands": stands,
        "form": form,
        "kpis": [
            Kpi(_("应开票服务费"), Money(stands.keeps), hint=_("放款时收取，减去退款退回的部分")),
            Kpi(_("已开票"), Money(stands.stands), hint=_("已减去红字发票")),
            Kpi(_("还可开"), Money(stands.to_invoice)),
            Kpi(_("待红冲"), Money(stands.to_credit), tone="warn" if stands.to_credit else ""),
        ],
        "may_issue": may and stands.to_invoice > 0,
    }
    return render(request, "invoicing/fee_order.html", context, status=status)


@require_http_methods(["GET", "POST"])
@login_required
def issue(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The exchange's finance records an invoice for its fee."""
    viewer, status = actor(request), 200
    found = selectors.fee_order_visible_to(viewer, order_id)
    viewer.require(ISSUE_FEE_INVOICES)
    left = Money(selectors.fee_standing(found).to_invoice)
    initial = {
        "kind": "special",
        "gross": left,
        "tax": tax_within(left, TaxRate.R6),
        "issued_on": clock.business_date(clock.now()),
    }
    form = InvoiceForm(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.issue_fee_invoice(
                    by=viewer,
                    at=clock.now(),
                    order_id=order_id,
                    kind=form.cleaned_data["kind"],
                    sheet=sheet_of(request, form, form.cleaned_data["rate"]),
                )
            except Refusal as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("服务费发票已登记，供方可以查看。"))
                return redirect("invoicing:fee_order", order_id)
    context = {"order": found, "form": form, "left": left}
    return render(request, "invoicing/issue_fee.html", context, status=status)


@require_http_methods(["GET", "POST"])
@login_required
def credit(request: HttpRequest, fee_invoice_id: UUID) -> HttpResponse:
    """The exchange's finance records a credit invoice."""
    viewer, status = actor(request), 200
    found = selectors.fee_invoice_visible_to(viewer, fee_invoice_id)
    viewer.require(ISSUE_FEE_INVOICES)
    left, tax = selectors.left_of_fee(found)
    due = Money(selectors.fee_standing_of(found.order_id).to_credit)
    gross = min(left, due) if due else left
    initial = {
        "gross": gross,
        "tax": tax if gross == left else tax_within(gross, found.rate_bp),
        "issued_on": clock.business_date(clock.now()),
    }
    form = CreditForm(request.POST or None, request.FILES or None, initial=initial, causes=[])
    del form.fields["cause"]
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                services.credit_fee_invoice(
                    by=viewer,
                    at=clock.now(),
                    invoice_id=found.pk,
                    sheet=sheet_of(request, form, found.rate_bp),
                    reason=form.cleaned_data["reason"],
                )
            except Refusal as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("红字发票已登记。"))
                return redirect("invoicing:fee_order", found.order_id)
    context = {"invoice": found, "form": form, "left": left}
    return render(request, "invoicing/credit_fee.html", context, status=status)


@require_POST
@login_required
def void(request: HttpRequest, fee_invoice_id: UUID) -> HttpResponse:
    """The exchange's finance declares a fee invoice void."""
    viewer, form = actor(request), ReasonForm(request.POST)
    found = selectors.fee_invoice_visible_to(viewer, fee_invoice_id)
    viewer.require(ISSUE_FEE_INVOICES)
    if form.is_valid():
        try:
            services.void_fee_invoice(
                by=viewer, at=clock.now(), invoice_id=fee_invoice_id, **form.cleaned_data
            )
        except (NotAllowed, NotFound):
            raise
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("发票已作废。"))
            return redirect("invoicing:fee_order", found.order_id)
    return _order_page(request, selectors.fee_order_visible_to(viewer, found.order_id), form, status=422)


@require_POST
@login_required
def file(request: HttpRequest, fee_invoice_id: UUID) -> HttpResponse:
    """A short-lived link to the invoice's file."""
    viewer = actor(request)
    found = selectors.fee_invoice_visible_to(viewer, fee_invoice_id)
    if found.document is None:
        raise NotFound
    return HttpResponseRedirect(documents.link_to(by=viewer, at=clock.now(), document=found.document))
