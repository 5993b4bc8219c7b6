"""报酬发放: pay runs of a firm, approval by a second person; an annotator's slips and account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.reauthentication import require_recent_authentication
from audit.services import record
from documents import objects
from gateway.api import actor
from kernel import clock
from kernel.errors import NotAllowed, NotFound, Refusal
from kernel.money import Money
from organizations.permissions import Permission
from settlement.payruns import selectors, services
from settlement.payruns.forms import AccountForm, MonthForm, ReasonForm
from settlement.payruns.models import PayItem
from settlement.payruns.permissions import MAKE_RUNS, RETURN_PAY, VIEW_SLIPS
from settlement.payruns.states import RunState
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Kpi


@require_http_methods(["GET", "POST"])
@login_required
def runs(request: HttpRequest) -> HttpResponse:
    """The firm's runs, and the form for another month (POST)."""
    viewer, status = actor(request), 200
    rows, form = selectors.runs_visible_to(viewer), MonthForm()
    if request.method == "POST":
        viewer.require(MAKE_RUNS)
        form, status = MonthForm(request.POST), 422
        if form.is_valid():
            try:
                run = services.draw_up(by=viewer, at=clock.now(), month=form.cleaned_data["month"])
                return redirect("payruns:run", run.pk)
            except NotAllowed:
                raise
            except Refusal as refusal:
                show_refusal(form, refusal)
    context = {"page": paginate(rows, request.GET), "form": form, "may_make": viewer.can(MAKE_RUNS)}
    return render(request, "payruns/runs.html", context, status=status)


@require_GET
@login_required
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """One run: everyone's pay, and what may be done."""
    viewer = actor(request)
    found = selectors.run_visible_to(viewer, run_id)
    is_ours = viewer.can(MAKE_RUNS) and viewer.belongs_to(found.firm_id)
    is_second = is_ours and viewer.user_id != found.made_by_id
    context = {
        "run": found,
        "items": selectors.items_of(found),
        "kpis": [
            Kpi(_("应发"), Money(found.gross_fen)),
            Kpi(_("代扣个人所得税"), Money(found.tax_fen)),
            Kpi(_("实发"), Money(found.net_fen)),
            Kpi(_("人数"), found.item_count),
        ],
        "transitions": selectors.transitions_of(found),
        "may_submit": is_ours and found.state == RunState.DRAFTED,
        "may_approve": is_second and found.state == RunState.SUBMITTED,
        "must_wait": is_ours and not is_second and found.state == RunState.SUBMITTED,
        "may_cancel": is_ours and found.state in (RunState.DRAFTED, RunState.SUBMITTED, RunState.APPROVED),
        "may_return": viewer.can(RETURN_PAY) and found.state == RunState.PAID,
        "may_load": is_ours and found.state == RunState.PAID,
    }
    return render(request, "payruns/run.html", context)


def _acted(
    request: HttpRequest,
    shown_id: UUID,
    act: Callable[..., Any],
    *,
    wanted: Permission = MAKE_RUNS,
    **told: Any,
) -> HttpResponse:
    viewer, address = actor(request), reverse("payruns:run", args=[shown_id])
    selectors.run_visible_to(viewer, shown_id)
    viewer.require(wanted)

    def work() -> str:
        act(by=viewer, at=clock.now(), **told)
        return address

    try:
        return redirect_once(request, work)
    except (NotAllowed, NotFound, services.SamePerson):
        raise
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect(address)


def _reason(request: HttpRequest) -> str:
    form = ReasonForm(request.POST)
    return str(form.cleaned_data["reason"]) if form.is_valid() else ""


@require_POST
@login_required
def submit(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Hand the run to a second person."""
    return _acted(request, run_id, services.submit, run_id=run_id)


@require_POST
@login_required
def approve(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The second person agrees, who has just confirmed who it is."""
    viewer = actor(request)
    selectors.run_visible_to(viewer, run_id)
    viewer.require(MAKE_RUNS)
    require_recent_authentication(request, back=reverse("payruns:run", args=[run_id]))
    return _acted(request, run_id, services.approve, run_id=run_id)


@require_POST
@login_required
def send_back(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The second person does not agree."""
    return _acted(request, run_id, services.send_back, run_id=run_id, reason=_reason(request))


@require_POST
@login_required
def cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Give the run up."""
    return _acted(request, run_id, services.cancel, run_id=run_id, reason=_reason(request))


@require_POST
@login_required
def return_item(request: HttpRequest, run_id: UUID, item_id: UUID) -> HttpResponse:
    """The bank gave one person's pay back."""
    if not PayItem.objects.filter(pk=item_id, run=run_id).exists():
        selectors.run_visible_to(actor(request), run_id)
        raise NotFound
    reason = _reason(request)
    return _acted(request, run_id, services.return_item, wanted=RETURN_PAY, item_id=item_id, reason=reason)


@require_POST
@login_required
def file(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """The file for the bank; every download is recorded."""
    viewer = actor(request)
    found = selectors.run_visible_to(viewer, run_id)
    viewer.require(MAKE_RUNS)
    if not found.object_key:
        raise NotFound
    record(
        by=viewer,
        at=clock.now(),
        action="payruns.hand_out_file",
        subject=found,
        detail={"sha256": found.sha256},
    )
    answer = HttpResponse(objects.get(found.object_key), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{found.number}.csv"'
    return answer


# --- annotators --------------------------------------------------------------------------------


@require_GET
@login_required
def slips(request: HttpRequest) -> HttpResponse:
    """An annotator's slips, the newest first."""
    viewer = actor(request)
    rows = selectors.slips_of(viewer)
    context = {
        "page": paginate(rows, request.GET),
        "account": selectors.account_of(viewer.user) if viewer.user else None,
    }
    return page_or_fragment(request, "payruns/slips.html", "payruns/slips_rows.html", context)


@require_GET
@login_required
def slip(request: HttpRequest, slip_id: UUID) -> HttpResponse:
    """One slip: the earnings, and how the tax was worked out."""
    found = selectors.slip_visible_to(actor(request), slip_id)
    facts = [
        Fact(_("单位"), found.run.firm),
        Fact(_("批次"), found.run.number),
        Fact(_("月份"), f"{found.run.month:%Y-%m}"),
        Fact(_("收款账户"), found.account.masked),
        Fact(_("当月收入"), Money(found.income_fen), hint=_("本单位当月支付的合计")),
        Fact(_("减除费用"), Money(found.deduction_fen)),
        Fact(
            _("预扣率"),
            f"{found.rate_bp // 100}%",
            hint=_("按劳务报酬预扣，自 %(day)s 起的预扣率表") % {"day": found.table_from},
        ),
        Fact(_("速算扣除数"), Money(found.quick_deduction_fen)),
    ]
    context = {
        "slip": found,
        "facts": facts,
        "kpis": [
            Kpi(_("应发"), Money(found.gross_fen)),
            Kpi(_("代扣个人所得税"), Money(found.tax_fen)),
            Kpi(_("实发"), Money(found.net_fen)),
        ],
        "lines": found.lines.select_related("payout__project").order_by("payout__earned_at", "pk"),
    }
    return render(request, "payruns/slip.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Where an annotator wants to be paid."""
    viewer, status = actor(request), 200
    viewer.require(VIEW_SLIPS)
    known = selectors.account_of(viewer.user) if viewer.user else None
    initial = {"holder_name": known.holder_name, "bank_name": known.bank_name} if known else {}
    form = AccountForm(request.POST or None, initial=initial)
    if request.method == "POST":
        require_recent_authentication(request, back=request.path)
        status = 422
        if form.is_valid():
            try:
                services.set_account(by=viewer, at=clock.now(), **form.cleaned_data)
            except Refusal as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("收款账户已保存，下次发放时使用。"))
                return redirect("payruns:slips")
    return render(request, "payruns/account.html", {"form": form, "known": known}, status=status)
