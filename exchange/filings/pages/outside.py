"""对外报送: the queue to the outside exchange, retrying by hand, reconciled days."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from exchange.filings import outside as outside_exchange
from exchange.filings import services, wording
from exchange.filings.forms import DayForm
from exchange.filings.pages.sections import sections
from exchange.filings.permissions import MANAGE_OUTSIDE
from exchange.filings.selectors import (
    outside_counts,
    outside_filings,
    reconciliations,
    visible_reconciliation,
)
from exchange.filings.states import FilingState, OutsideState
from gateway.api import actor
from kernel import clock
from kernel.errors import Refusal
from kernel.states import MoveNotAllowed
from web.answers import redirect_once, wants_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Kpi, Link


def _shown(request: HttpRequest, form: DayForm, *, status: int = 200) -> HttpResponse:
    viewer, state = actor(request), request.GET.get("state", "")
    counts = outside_counts(viewer)
    links = [Link(_("全部状态"), "?", is_current=state not in OutsideState.values)]
    links += [
        Link(label, f"?state={value}", counts[value], is_current=state == value)
        for value, label in OutsideState.choices
    ]
    context = {
        "page": paginate(outside_filings(viewer, state=state), request.GET),
        "states": links,
        "kpis": [Kpi(label, f"{counts[value]:,}") for value, label in OutsideState.choices],
        "is_configured": outside_exchange.is_configured(),
        "may_manage": viewer.can(MANAGE_OUTSIDE),
        "form": form,
        "reconciliations": list(reconciliations(viewer).order_by("-pk")[:10]),
        "tabs": sections(viewer, "outside"),
    }
    page = "filings/outside_rows.html" if wants_fragment(request) else "filings/outside.html"
    return render(request, page, context, status=status)


@require_GET
@login_required
def queue(request: HttpRequest) -> HttpResponse:
    """Every issue on its way, how it stands, what the other side said."""
    yesterday = clock.business_date(clock.now()).toordinal() - 1
    day = clock.business_date(clock.now()).fromordinal(yesterday)
    return _shown(request, DayForm(initial={"day": day}))


@require_POST
@login_required
def retry(request: HttpRequest, row_id: UUID) -> HttpResponse:
    """Send one again now."""
    viewer = actor(request)
    viewer.require(MANAGE_OUTSIDE)
    address = reverse("filings:outside")

    def work() -> str:
        services.retry(by=viewer, at=clock.now(), row_id=row_id)
        messages.success(request, _("已排入报送队列。"))
        return address

    try:
        return redirect_once(request, work)
    except MoveNotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect(address)


@require_POST
@login_required
def reconcile(request: HttpRequest) -> HttpResponse:
    """Have a day laid beside the other side's list."""
    viewer = actor(request)
    viewer.require(MANAGE_OUTSIDE)
    form = DayForm(request.POST)
    if not form.is_valid():
        return _shown(request, form, status=422)

    def work() -> str:
        job = services.queue_reconciliation(by=viewer, at=clock.now(), day=form.cleaned_data["day"])
        return reverse("jobs:detail", args=[job.pk])

    try:
        return redirect_once(request, work)
    except Refusal as refusal:
        show_refusal(form, refusal)
        return _shown(request, form, status=refusal.status)


@require_GET
@login_required
def reconciliation(request: HttpRequest, reconciliation_id: UUID) -> HttpResponse:
    """One reconciled day: what stands alike, and every difference with its reason."""
    found = visible_reconciliation(actor(request), reconciliation_id)
    names = dict(FilingState.choices)
    rows = [
        {
            **each,
            "reason": wording.DIFFERENCES.get(each["kind"], each["kind"]),
            "our_state": names.get(each["our_state"], each["our_state"]),
            "their_state": names.get(each["their_state"], each["their_state"]),
        }
        for each in found.differences
    ]
    context = {
        "reconciliation": found,
        "rows": rows,
        "facts": [
            Fact(_("本方笔数"), f"{found.our_count:,}"),
            Fact(_("对方笔数"), f"{found.their_count:,}"),
            Fact(_("一致笔数"), f"{found.matched_count:,}"),
            Fact(_("差异"), f"{len(rows):,}"),
        ],
    }
    return render(request, "filings/reconciliation.html", context)
