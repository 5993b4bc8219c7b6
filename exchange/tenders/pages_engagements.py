"""标注服务合同: the list, one engagement with its lots, the contract's text and signing, inspection, rating."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.reauthentication import confirmation_of, is_recently_confirmed
from exchange.tenders import rules, services
from exchange.tenders.forms import InspectionForm, RatingForm, ReasonForm, ReplyForm
from exchange.tenders.models import Engagement, Milestone
from exchange.tenders.permissions import DELIVER_LOTS, INSPECT_LOTS, POST_TENDERS
from exchange.tenders.selectors import (
    engagements_for,
    may_sign,
    milestone_for,
    milestones_of,
    party_of,
    visible_engagement,
)
from exchange.tenders.states import EngagementState, MilestoneState
from exchange.trading.permissions import SIGN_AS_BUYER, SIGN_AS_SUPPLIER
from exchange.trading.states import Party
from gateway.api import actor
from kernel import clock
from kernel.errors import Refusal
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact


@require_GET
@login_required
def engagements(request: HttpRequest) -> HttpResponse:
    """标注服务合同: the organization's, on either side."""
    context = {"page": paginate(engagements_for(actor(request)), request.GET)}
    return page_or_fragment(request, "tenders/engagements.html", "tenders/engagement_rows.html", context)


@dataclass(frozen=True, slots=True)
class ShownLot:
    """A lot with its sampling plan and the viewer's next step."""

    lot: Milestone
    plan: rules.InspectionPlan
    may_deliver: bool
    may_inspect: bool


def _shown(found: Engagement, lots: list[Milestone], viewer: Actor) -> list[ShownLot]:
    party, tender = party_of(found, viewer), found.tender
    return [
        ShownLot(
            lot,
            rules.inspection_plan(lot.item_count, tender.aql_percent, tender.limiting_percent),
            party is Party.SUPPLIER and viewer.can(DELIVER_LOTS) and lot.state == MilestoneState.FUNDED,
            party is Party.BUYER and viewer.can(INSPECT_LOTS) and lot.state == MilestoneState.DELIVERED,
        )
        for lot in lots
    ]


def _facts(found: Engagement) -> list[Fact]:
    bid = found.bid
    return [
        Fact(_("需方"), str(found.buyer)),
        Fact(_("服务商"), str(found.firm), url=reverse("providers:firm", args=[found.firm.uscc])),
        Fact(
            _("含税金额"), Money(found.amount_fen), hint=_("其中税额 %(tax)s") % {"tax": Money(found.tax_fen)}
        ),
        Fact(_("计价"), f"{bid.get_unit_display()} {Money(bid.unit_price_fen)} × {bid.quantity:,}"),
        Fact(
            _("人员与工期"), _("%(people)s 人，%(days)s 天") % {"people": bid.people_count, "days": bid.days}
        ),
    ]


def _held(lots: list[Milestone]) -> list[Fact]:
    def total(*states: MilestoneState) -> Money:
        return Money(sum(lot.amount_fen for lot in lots if lot.state in states))

    return [
        Fact(_("待托管"), total(MilestoneState.PLANNED)),
        Fact(_("托管中"), total(MilestoneState.FUNDED, MilestoneState.DELIVERED)),
        Fact(_("已验收"), total(MilestoneState.ACCEPTED)),
        Fact(_("已退回"), total(MilestoneState.RETURNED)),
    ]


@require_GET
@login_required
def engagement(request: HttpRequest, number: str) -> HttpResponse:
    """合同履约: lots with their money and days, the next step, ending, rating."""
    viewer = actor(request)
    return render(request, "tenders/engagement.html", _context(viewer, visible_engagement(viewer, number)))


def _context(viewer: Actor, found: Engagement) -> dict[str, Any]:
    lots, party = milestones_of(found), party_of(found, viewer)
    is_active = found.state == EngagementState.ACTIVE
    signs = viewer.can(SIGN_AS_BUYER if party is Party.BUYER else SIGN_AS_SUPPLIER) and party is not None
    asked = found.termination_asked_by
    today = clock.business_date(clock.now())
    rating = getattr(found, "rating", None)
    is_ended = found.state in (EngagementState.COMPLETED, EngagementState.TERMINATED)
    return {
        "engagement": found,
        "tender": found.tender,
        "facts": _facts(found),
        "held": _held(lots),
        "lots": _shown(found, lots, viewer),
        "is_buyer": party is Party.BUYER,
        "is_firm": party is Party.SUPPLIER,
        "may_sign": may_sign(found, viewer),
        "pays_all": is_active
        and party is Party.BUYER
        and any(lot.state == MilestoneState.PLANNED for lot in lots),
        "may_cancel": found.state == EngagementState.SIGNING and signs,
        "may_ask": is_active and signs,
        "may_agree": is_active and signs and bool(asked) and asked != party,
        "may_end": is_active
        and party is Party.BUYER
        and viewer.can(POST_TENDERS)
        and any(
            lot.state == MilestoneState.FUNDED and rules.may_end_alone(lot.due_on, today) for lot in lots
        ),
        "reason_form": ReasonForm(),
        "inspection_form": InspectionForm(),
        "rating": rating,
        "reply": getattr(rating, "reply", None),
        "rating_form": RatingForm()
        if rating is None
        and is_ended
        and party is Party.BUYER
        and any(lot.state == MilestoneState.ACCEPTED for lot in lots)
        else None,
        "reply_form": ReplyForm()
        if rating and party is Party.SUPPLIER and not hasattr(rating, "reply")
        else None,
        "project_url": reverse("projects:detail", args=[found.project_id])
        if found.project_id and party
        else "",
        "history": list(Transition.objects.filter(subject_id=found.pk).order_by("at", "pk")),
    }


@require_GET
@login_required
def contract(request: HttpRequest, number: str) -> HttpResponse:
    """合同: the text, the signatures, signing after confirming who one is."""
    viewer = actor(request)
    found = visible_engagement(viewer, number)
    signs = may_sign(found, viewer)
    here = reverse("tenders:contract", args=[number])
    context = {
        "engagement": found,
        "contract": found.contract,
        "signatures": list(found.contract.signatures.order_by("signed_at", "pk")),
        "may_sign": signs,
        "sign_url": reverse("tenders:sign", args=[number]),
        "confirm_url": ""
        if not signs or is_recently_confirmed(request)
        else confirmation_of(request, back=here).url,
    }
    return render(request, "tenders/contract.html", context)


@require_POST
@login_required
def sign(request: HttpRequest, number: str) -> HttpResponse:
    """Sign for the viewer's side, who has just confirmed who it is."""
    viewer = actor(request)
    found = visible_engagement(viewer, number)
    services.require_signer(found, viewer)
    if not is_recently_confirmed(request):
        return confirmation_of(request, back=reverse("tenders:contract", args=[number]))
    try:
        services.sign_contract(
            by=viewer, at=clock.now(), engagement_id=found.pk, text_sha256=request.POST.get("text_sha256", "")
        )
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect("tenders:contract", number)
    messages.success(request, _("已签署。"))
    return redirect("tenders:engagement", number)


@require_POST
@login_required
def step(request: HttpRequest, number: str) -> HttpResponse:
    """End an engagement: before signing, by agreement, or alone when it is long overdue."""
    viewer, at = actor(request), clock.now()
    found = visible_engagement(viewer, number)
    wanted, reason = request.POST.get("step", ""), request.POST.get("reason", "")
    services.require_signer(found, viewer)
    try:
        if wanted == "cancel":
            services.cancel_engagement(by=viewer, at=at, engagement_id=found.pk, reason=reason)
        elif wanted == "ask":
            services.ask_termination(by=viewer, at=at, engagement_id=found.pk, reason=reason)
        elif wanted == "agree":
            services.agree_termination(by=viewer, at=at, engagement_id=found.pk)
        elif wanted == "end":
            services.end_overdue(by=viewer, at=at, engagement_id=found.pk, reason=reason)
    except services.WrongSide:
        raise
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("tenders:engagement", number)


@require_POST
@login_required
def deliver(request: HttpRequest, milestone_id: UUID) -> HttpResponse:
    """The firm hands a lot over."""
    viewer = actor(request)
    lot = milestone_for(viewer, milestone_id)
    try:
        services.deliver_lot(by=viewer, at=clock.now(), milestone_id=lot.pk)
    except services.WrongSide:
        raise
    except Refusal as refusal:
        if refusal.status in (403, 404):
            raise
        messages.error(request, str(refusal))
    return redirect("tenders:engagement", lot.engagement.number)


@require_http_methods(["POST"])
@login_required
def inspect(request: HttpRequest, milestone_id: UUID) -> HttpResponse:
    """The buyer tells what the sample showed; the plan decides."""
    viewer = actor(request)
    lot = milestone_for(viewer, milestone_id)
    form = InspectionForm(request.POST)
    if form.is_valid():
        try:
            found = services.inspect_lot(
                by=viewer, at=clock.now(), milestone_id=lot.pk, defect_count=form.cleaned_data["defect_count"],
                words=form.cleaned_data["words"],
            )  # fmt: skip
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            show_refusal(form, refusal)
        else:
            said = (
                _("已接收，报酬已划付服务商。")
                if found.is_accepted
                else _("未接收，款项留在托管，服务商返工后重新交付。")
            )
            messages.success(request, said)
            return redirect("tenders:engagement", lot.engagement.number)
    context = {**_context(viewer, visible_engagement(viewer, lot.engagement.number)), "inspection_form": form}
    return render(request, "tenders/engagement.html", context, status=422)


@require_POST
@login_required
def rate(request: HttpRequest, number: str) -> HttpResponse:
    """The buyer rates, or the firm answers."""
    viewer, at = actor(request), clock.now()
    found = visible_engagement(viewer, number)
    try:
        if party_of(found, viewer) is Party.SUPPLIER:
            services.answer_rating(
                by=viewer, at=at, engagement_id=found.pk, words=request.POST.get("words", "")
            )
        else:
            form = RatingForm(request.POST)
            if not form.is_valid():
                context = {**_context(viewer, found), "rating_form": form}
                return render(request, "tenders/engagement.html", context, status=422)
            services.rate_firm(by=viewer, at=at, engagement_id=found.pk, **form.cleaned_data)
    except Refusal as refusal:
        if refusal.status in (403, 404):
            raise
        messages.error(request, str(refusal))
    return redirect("tenders:engagement", number)
