"""分批托管: the buyer pays one lot or all lots of an annotation contract into escrow."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.reauthentication import require_recent_authentication
from exchange.tenders.models import Engagement, Milestone
from exchange.tenders.selectors import milestone_for, milestones_of, visible_engagement
from exchange.tenders.states import EngagementState, MilestoneState
from gateway.api import actor
from kernel import clock
from kernel.errors import Refusal
from kernel.money import Money
from settlement.milestones import services
from settlement.milestones.forms import FundForm
from web.forms import show_refusal


@require_http_methods(["GET", "POST"])
@login_required
def fund(request: HttpRequest, milestone_id: UUID) -> HttpResponse:
    """Pay one lot."""
    viewer = actor(request)
    lot = milestone_for(viewer, milestone_id)
    services.require_payer(lot.engagement, viewer)

    def pay(method: str) -> object:
        return services.fund_lot(by=viewer, at=clock.now(), milestone_id=lot.pk, method=method)

    return _page(request, lot.engagement, [lot], pay)


@require_http_methods(["GET", "POST"])
@login_required
def fund_all(request: HttpRequest, number: str) -> HttpResponse:
    """Pay every lot that is not paid yet."""
    viewer = actor(request)
    found = visible_engagement(viewer, number)
    services.require_payer(found, viewer)
    lots = [lot for lot in milestones_of(found) if lot.state == MilestoneState.PLANNED]

    def pay(method: str) -> object:
        return services.fund_all(by=viewer, at=clock.now(), engagement_id=found.pk, method=method)

    return _page(request, found, lots, pay)


def _page(
    request: HttpRequest, found: Engagement, lots: list[Milestone], pay: Callable[[str], object]
) -> HttpResponse:
    form, status = FundForm(request.POST or None), 200
    if request.method == "POST":
        require_recent_authentication(request, back=request.path)
        status = 422
        if form.is_valid():
            try:
                pay(form.cleaned_data["method"])
            except Refusal as refusal:
                show_refusal(form, refusal)
                status = refusal.status
            else:
                messages.success(request, _("款项已进入托管，服务商可以交付了。"))
                return redirect("tenders:engagement", found.number)
    context = {
        "engagement": found,
        "lots": lots,
        "total": Money(sum(lot.amount_fen for lot in lots)),
        "form": form,
        "is_payable": found.state == EngagementState.ACTIVE
        and any(lot.state == MilestoneState.PLANNED for lot in lots),
        "is_live": settings.PAYMENTS_LIVE,
    }
    return render(request, "milestones/fund.html", context, status=status)
