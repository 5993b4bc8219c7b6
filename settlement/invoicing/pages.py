"""发票: invoices of a firm, an order's invoices, issue, credit, void, and the buyer's wish."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from documents import services as documents
from exchange.trading.models import Order
from exchange.trading.rules import tax_within
from exchange.trading.services import WrongSide
from gateway.api import actor
from kernel import clock
from kernel.errors import NotAllowed, NotFound, Refusal
from kernel.money import Money
from organizations.permissions import Actor
from settlement.invoicing import selectors, services
from settlement.invoicing.forms import CreditForm, InvoiceForm, ReasonForm, SheetForm, WishForm
from settlement.invoicing.models import Invoice
from settlement.invoicing.permissions import ISSUE_INVOICES
from settlement.invoicing.states import InvoiceState, TaxRate, WishState
from settlement.payments.models import EscrowReturn, Refund
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Kpi, Link

PURPOSE = "invoice"


def tabs_of(here: str) -> list[Link]:
    """The lists of invoices."""
    return [
        Link(_("发票"), reverse("invoicing:list"), is_current=here == "list"),
        Link(_("开票申请"), reverse("invoicing:wishes"), is_current=here == "wishes"),
        Link(_("交易服务费"), reverse("invoicing:fees"), is_current=here == "fees"),
    ]


@require_GET
@login_required
def invoices(request: HttpRequest) -> HttpResponse:
    """Invoices issued or received, narrowed to invoices, credit invoices, void ones."""
    viewer = actor(request)
    selectors.require_view(viewer)
    rows, kind = selectors.invoices_visible_to(viewer), request.GET.get("show", "")
    narrowed = {
        "blue": rows.filter(credits=None, state=InvoiceState.ISSUED),
        "red": rows.filter(credits__isnull=False, state=InvoiceState.ISSUED),
        "voided": rows.filter(state=InvoiceState.VOIDED),
    }
    words = {"blue": _("蓝字发票"), "red": _("红字发票"), "voided": _("已作废")}
    chips = [Link(_("全部"), request.path, is_current=kind not in narrowed)]
    chips += [Link(words[each], f"{request.path}?show={each}", is_current=kind == each) for each in narrowed]
    context = {
        "page": paginate(narrowed.get(kind, rows), request.GET),
        "chips": chips,
        "tabs": tabs_of("list"),
    }
    return page_or_fragment(request, "invoicing/list.html", "invoicing/list_rows.html", context)


@require_GET
@login_required
def wishes(request: HttpRequest) -> HttpResponse:
    """What buyers ask for, the open ones by default."""
    viewer = actor(request)
    selectors.require_view(viewer)
    state = request.GET.get("state", "")
    state = state if state in WishState.values else WishState.OPEN
    rows = selectors.wishes_visible_to(viewer).filter(state=state)
    chips = [Link(each.label, f"{request.path}?state={each}", is_current=state == each) for each in WishState]
    context = {"page": paginate(rows, request.GET), "chips": chips, "tabs": tabs_of("wishes")}
    return page_or_fragment(request, "invoicing/wishes.html", "invoicing/wishes_rows.html", context)


@require_GET
@login_required
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """An order's invoices: how much stands invoiced, what is left, the buyer's wish."""
    viewer = actor(request)
    selectors.require_view(viewer)
    return _order_page(request, selectors.order_visible_to(viewer, order_id), WishForm())


def _order_page(request: HttpRequest, found: Order, form: WishForm, *, status: int = 200) -> HttpResponse:
    viewer, stands = actor(request), selectors.standing(found)
    wish = selectors.open_wish_of(found)
    context = {
        "order": found,
        "invoices": selectors.invoices_of(found),
        "stands": stands,
        "wish": wish,
        "form": form,
        "kpis": [
            Kpi(_("应开票金额"), Money(stands.keeps), hint=_("付款减去退回和退款")),
            Kpi(_("已开票"), Money(stands.stands), hint=_("已减去红字发票")),
            Kpi(_("还可开"), Money(stands.to_invoice)),
            Kpi(_("待红冲"), Money(stands.to_credit), tone="warn" if stands.to_credit else ""),
        ],
        "may_issue": selectors.may_issue(viewer, found) and stands.to_invoice > 0,
        "may_wish": selectors.may_wish(viewer, found) and stands.to_invoice > 0 and wish is None,
        "may_withdraw": wish is not None and selectors.may_wish(viewer, found),
    }
    return render(request, "invoicing/order.html", context, status=status)


@require_POST
@login_required
def wish(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The buyer asks for an invoice."""
    viewer = actor(request)
    found = selectors.order_visible_to(viewer, order_id)
    form = WishForm(request.POST)
    if form.is_valid():
        try:
            services.wish_invoice(by=viewer, at=clock.now(), order_id=order_id, **form.cleaned_data)
        except (NotAllowed, NotFound, WrongSide):
            raise
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已通知供方开票。"))
            return redirect("invoicing:order", order_id)
    return _order_page(request, found, form, status=422)


@require_POST
@login_required
def withdraw_wish(request: HttpRequest, wish_id: UUID) -> HttpResponse:
    """The buyer no longer asks."""
    made = services.withdraw_wish(by=actor(request), at=clock.now(), wish_id=wish_id)
    return redirect("invoicing:order", made.order_id)


def _require_issuer(viewer: Actor, found: Order) -> None:
    if not selectors.may_issue(viewer, found):
        raise NotAllowed(permission=ISSUE_INVOICES.label, organization=str(viewer.organization or "—"))


def sheet_of(request: HttpRequest, form: SheetForm, rate_bp: int) -> services.Sheet:
    """What a sound form says; its file is stored."""
    cleaned, file = form.cleaned_data, form.cleaned_data.get("file")
    document_id = None
    if file is not None:
        document_id = documents.store_upload(
            by=actor(request), at=clock.now(), purpose=PURPOSE, name=file.name or "", file=file
        ).pk
    return services.Sheet(
        code=cleaned["code"].strip(),
        invoice_number=cleaned["invoice_number"].strip(),
        rate_bp=rate_bp,
        net=cleaned["gross"] - cleaned["tax"],
        tax=cleaned["tax"],
        issued_on=cleaned["issued_on"],
        document_id=document_id,
    )


@require_http_methods(["GET", "POST"])
@login_required
def issue(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """The supplier records an invoice."""
    viewer, status = actor(request), 200
    found = selectors.order_visible_to(viewer, order_id)
    _require_issuer(viewer, found)
    stands, asked = selectors.standing(found), selectors.open_wish_of(found)
    left = Money(stands.to_invoice)
    initial = {
        "kind": asked.kind if asked else "special",
        "gross": left,
        "tax": tax_within(left, TaxRate.R6),
        "issued_on": clock.business_date(clock.now()),
    }
    form = InvoiceForm(request.POST or None, request.FILES or None, initial=initial)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = services.issue_invoice(
                    by=viewer,
                    at=clock.now(),
                    order_id=order_id,
                    kind=form.cleaned_data["kind"],
                    sheet=sheet_of(request, form, form.cleaned_data["rate"]),
                )
            except Refusal as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("发票已登记，购买方可以查看。"))
                return redirect("invoicing:invoice", made.pk)
    context = {"order": found, "form": form, "left": left, "wish": asked}
    return render(request, "invoicing/issue.html", context, status=status)


@require_GET
@login_required
def invoice(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """One invoice with its credit invoices."""
    viewer = actor(request)
    selectors.require_view(viewer)
    return _invoice_page(request, selectors.invoice_visible_to(viewer, invoice_id), ReasonForm())


def _facts(found: Invoice) -> list[Fact]:
    cause: Refund | EscrowReturn | None = found.refund or found.escrow_return
    facts = [
        Fact(_("发票号码"), found.invoice_number),
        Fact(_("发票代码"), found.code or "--"),
        Fact(_("种类"), found.get_kind_display()),
        Fact(_("销售方"), found.issuer_name, hint=found.issuer_uscc),
        Fact(_("购买方"), found.recipient_name, hint=found.recipient_uscc),
        Fact(_("订单"), found.order.number, url=reverse("invoicing:order", args=[found.order_id])),
        Fact(_("开票日期"), found.issued_on.isoformat()),
        Fact(_("登记人"), found.issued_by),
    ]
    if found.credits is not None:
        facts.append(
            Fact(
                _("对应蓝字发票"),
                found.credits.invoice_number,
                url=reverse("invoicing:invoice", args=[found.credits_id]),
            )
        )
        facts.append(Fact(_("红冲原因"), found.reason))
        if cause is not None:
            facts.append(Fact(_("对应退款"), Money(cause.amount_fen)))
    return facts


def _invoice_page(
    request: HttpRequest, found: Invoice, form: ReasonForm, *, status: int = 200
) -> HttpResponse:
    left, _tax = selectors.left_of(found)
    may_issue = selectors.may_issue(actor(request), found.order)
    today = clock.business_date(clock.now())
    context = {
        "invoice": found,
        "facts": _facts(found),
        "kpis": [
            Kpi(_("不含税金额"), Money(found.sign * int(found.net_fen))),
            Kpi(_("税额"), Money(found.signed_tax_fen), hint=found.get_rate_bp_display()),
            Kpi(_("价税合计"), Money(found.signed_gross_fen)),
        ],
        "credits": selectors.credit_invoices_of(found),
        "transitions": selectors.transitions_of(found),
        "may_credit": may_issue and left.fen > 0,
        "may_void": may_issue
        and found.state == InvoiceState.ISSUED
        and (today.year, today.month) == (found.issued_on.year, found.issued_on.month),
        "form": form,
    }
    return render(request, "invoicing/invoice.html", context, status=status)


@require_POST
@login_required
def file(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """A short-lived link to the invoice's file."""
    viewer = actor(request)
    found = selectors.invoice_visible_to(viewer, invoice_id)
    if found.document is None:
        raise NotFound
    return HttpResponseRedirect(documents.link_to(by=viewer, at=clock.now(), document=found.document))


def _cause_label(cause: Refund | EscrowReturn) -> str:
    at = cause.refunded_at if isinstance(cause, Refund) else cause.returned_at
    return f"{clock.business_date(at)} · {Money(cause.amount_fen)} · {cause.reason}"


@require_http_methods(["GET", "POST"])
@login_required
def credit(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """The supplier records a credit invoice."""
    viewer, status = actor(request), 200
    found = selectors.invoice_visible_to(viewer, invoice_id)
    _require_issuer(viewer, found.order)
    left, tax = selectors.left_of(found)
    stands = selectors.standing_of(found.order_id)
    gross = Money(min(left.fen, stands.to_credit)) if stands.to_credit else left
    causes = selectors.causes_of(found.order)
    initial = {
        "gross": gross,
        "tax": tax if gross == left else tax_within(gross, found.rate_bp),
        "issued_on": clock.business_date(clock.now()),
        "cause": str(causes[-1].pk) if causes else "",
        "reason": causes[-1].reason if causes else "",
    }
    choices = [(str(each.pk), _cause_label(each)) for each in causes]
    form = CreditForm(request.POST or None, request.FILES or None, initial=initial, causes=choices)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            made = _credited(request, form, found)
            if made is not None:
                messages.success(request, _("红字发票已登记。"))
                return redirect("invoicing:invoice", made.pk)
    context = {"invoice": found, "form": form, "left": left}
    return render(request, "invoicing/credit.html", context, status=status)


def _credited(request: HttpRequest, form: forms.Form, found: Invoice) -> Invoice | None:
    assert isinstance(form, CreditForm)
    try:
        return services.issue_credit(
            by=actor(request),
            at=clock.now(),
            invoice_id=found.pk,
            sheet=sheet_of(request, form, found.rate_bp),
            reason=form.cleaned_data["reason"],
            cause_id=UUID(form.cleaned_data["cause"]) if form.cleaned_data["cause"] else None,
        )
    except Refusal as refusal:
        show_refusal(form, refusal)
        return None


@require_POST
@login_required
def void(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """The supplier declares an invoice void."""
    viewer, form = actor(request), ReasonForm(request.POST)
    found = selectors.invoice_visible_to(viewer, invoice_id)
    _require_issuer(viewer, found.order)
    if form.is_valid():
        try:
            services.void_invoice(by=viewer, at=clock.now(), invoice_id=invoice_id, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("发票已作废。"))
            return redirect("invoicing:invoice", invoice_id)
    return _invoice_page(request, found, form, status=422)
