"""A pilot's own pages: agreement and signing, assessments, decisions, demands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exchange.pilots import selectors, services
from exchange.pilots.forms import DecideForm, ReasonForm, ReportForm
from exchange.pilots.models import Demand, Pilot
from exchange.pilots.pages.shown import items_of, points_of, reason_of
from exchange.pilots.permissions import APPLY, MANAGE, SIGN_AS_BROKER, SIGN_AS_OPERATOR
from exchange.pilots.states import IN_FORCE, Party, PilotState
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound, Refusal
from organizations.permissions import Actor
from web.forms import show_refusal
from web.parts import Fact


def _signing_party(pilot: Pilot, viewer: Actor) -> str:
    """The party for which the viewer may sign; empty for none."""
    if viewer.organization_id == pilot.operator_id and viewer.can(SIGN_AS_OPERATOR):
        return Party.OPERATOR.value
    if viewer.organization_id == pilot.organization_id and viewer.can(SIGN_AS_BROKER):
        return Party.BROKER.value
    return ""


def _may_sign(pilot: Pilot, viewer: Actor, signed: set[str]) -> bool:
    party = _signing_party(pilot, viewer)
    return (
        pilot.state == PilotState.UNSIGNED and bool(party) and party not in signed
        and clock.now() < pilot.sign_by
    )  # fmt: skip


def _signed(pilot: Pilot) -> set[str]:
    return set(pilot.agreement.signatures.values_list("party", flat=True))


@login_required
@require_safe
def pilot_page(request: HttpRequest, pilot_id: UUID) -> HttpResponse:
    """A pilot: whose turn it is, the agreement, every assessment with its arithmetic."""
    viewer = actor(request)
    return render(request, "pilots/pilot.html", _context(selectors.pilot_for(viewer, pilot_id), viewer))


def _context(pilot: Pilot, viewer: Actor) -> dict[str, object]:
    signed = _signed(pilot)
    assessments = [
        (each, items_of(each), points_of(each.total_centi), reason_of(each))
        for each in selectors.assessments_of(pilot)
    ]
    may_manage = viewer.can(MANAGE)
    party = _signing_party(pilot, viewer)
    is_over = clock.now() >= pilot.sign_by
    return {
        "pilot": pilot,
        "agreement": pilot.agreement,
        "turn": selectors.pilot_turn(pilot, signed),
        "facts": [
            Fact(_("数据经纪人"), str(pilot.organization)),
            Fact(_("类型"), pilot.get_type_display()),
            Fact(_("等级"), pilot.grade),
            Fact(_("试点期"), _("%(years)s 年") % {"years": pilot.term_years}),
            Fact(_("开始时间"), _shown_day(pilot.began_at)),
            Fact(_("期满时间"), _shown_day(pilot.until)),
            Fact(_("申报"), pilot.application.number,
                 url=reverse("pilots:application", args=[pilot.application_id])),
        ],
        "assessments": assessments,
        "history": selectors.history_of(pilot.pk),
        "may_sign": _may_sign(pilot, viewer, signed),
        "may_decline": pilot.state == PilotState.UNSIGNED
        and (party == Party.BROKER or (party == Party.OPERATOR and is_over)),
        "may_assess": may_manage and pilot.state in ("in_pilot", "extended", "improving"),
        "assess_year": selectors.year_to_assess(pilot, clock.now()),
        "may_decide": may_manage and pilot.state == PilotState.ASSESSED,
        "may_exit": may_manage and pilot.state in IN_FORCE and pilot.state != PilotState.ASSESSED,
        "may_report": viewer.can(APPLY)
        and viewer.organization_id == pilot.organization_id
        and pilot.state == PilotState.IMPROVING,
        "may_confirm": may_manage and pilot.state == PilotState.IMPROVING,
        "is_met": not Demand.objects.filter(decision__assessment__pilot=pilot, met_at=None).exists(),
        "meta": [pilot.number, pilot.get_type_display(), _("等级 %(grade)s") % {"grade": pilot.grade}],
    }  # fmt: skip


def _shown_day(at: object) -> str:
    return str(clock.business_date(at)) if isinstance(at, datetime) else "--"


@login_required
@require_safe
def agreement(request: HttpRequest, pilot_id: UUID) -> HttpResponse:
    """The agreement's text, its hash, the signatures."""
    viewer = actor(request)
    pilot = selectors.pilot_for(viewer, pilot_id)
    context = {
        "pilot": pilot,
        "agreement": pilot.agreement,
        "signatures": list(pilot.agreement.signatures.order_by("signed_at", "pk")),
        "may_sign": _may_sign(pilot, viewer, _signed(pilot)),
        "is_signing": False,
    }
    return render(request, "pilots/agreement.html", context)


@reauthentication_required  # type: ignore[untyped-decorator]
def _confirmed(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _has_confirmed(request: HttpRequest) -> bool:
    """Whether the person has shown in the last minutes who they are (password or second factor)."""
    try:
        _confirmed(request)
    except ReauthenticationRequired:
        return False
    return True


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign(request: HttpRequest, pilot_id: UUID) -> HttpResponse:
    """Sign for the viewer's side, after confirming who one is."""
    viewer = actor(request)
    pilot = selectors.pilot_for(viewer, pilot_id)
    if not _signing_party(pilot, viewer):
        raise services.WrongSide(party=Party.BROKER.label)
    if not _has_confirmed(request):
        return redirect(f"{reverse('account_reauthenticate')}?{urlencode({'next': request.path})}")
    if request.method == "POST":
        services.sign_agreement(
            by=viewer, at=clock.now(), pilot_id=pilot_id, text_sha256=request.POST.get("text_sha256", "")
        )
        messages.success(request, _("已签署。"))
        return redirect("pilots:pilot", pilot_id)
    context = {
        "pilot": pilot,
        "agreement": pilot.agreement,
        "signatures": list(pilot.agreement.signatures.order_by("signed_at", "pk")),
        "may_sign": _may_sign(pilot, viewer, _signed(pilot)),
        "is_signing": True,
    }
    return render(request, "pilots/agreement.html", context)


def _form_page(
    request: HttpRequest,
    pilot: Pilot,
    form: forms.Form,
    words: tuple[str, str, str],
    deed: Callable[[], object],
    extra: dict[str, object] | None = None,
) -> HttpResponse:
    """One form about a pilot: title, lead and button; the deed; back to the pilot."""
    if request.method == "POST" and form.is_valid():
        try:
            deed()
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已办理。"))
            return redirect("pilots:pilot", pilot.pk)
    title, lead, button = words
    context = {"pilot": pilot, "form": form, "title": title, "lead": lead, "button": button, **(extra or {})}
    return render(request, "pilots/pilot_form.html", context, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def decline(request: HttpRequest, pilot_id: UUID) -> HttpResponse:
    """Give up an unsigned pilot."""
    viewer = actor(request)
    pilot = selectors.pilot_for(viewer, pilot_id)
    if not _signing_party(pilot, viewer):
        raise services.WrongSide(party=Party.BROKER.label)
    form = ReasonForm(request.POST or None)
    words = (_("放弃入选"), _("放弃后本次入选作废，可以在以后的批次再申报。"), _("确认放弃"))

    def deed() -> object:
        return services.decline_pilot(
            by=viewer, at=clock.now(), pilot_id=pilot_id, reason=form.cleaned_data["reason"]
        )

    return _form_page(request, pilot, form, words, deed)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, pilot_id: UUID) -> HttpResponse:
    """The operator's verdict, with the proposal beside it."""
    viewer = actor(request)
    pilot = selectors.pilot_for(viewer, pilot_id)
    viewer.require(MANAGE)
    waiting = selectors.open_assessment(pilot)
    if waiting is None:
        raise NotFound
    form = DecideForm(request.POST or None, initial={"verdict": waiting.proposal})
    lead = _("%(year)s 年度总分 %(points)s，建议：%(verdict)s。%(reason)s") % {
        "year": waiting.year,
        "points": points_of(waiting.total_centi),
        "verdict": waiting.get_proposal_display(),
        "reason": reason_of(waiting),
    }

    def deed() -> object:
        told = form.cleaned_data
        return services.decide(
            by=viewer,
            at=clock.now(),
            pilot_id=pilot_id,
            verdict=told["verdict"],
            reasons=told["reasons"],
            demands=told["demands"].splitlines(),
            due_on=told["due_on"],
        )

    return _form_page(request, pilot, form, (_("考核结论"), lead, _("作出结论")), deed)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, pilot_id: UUID) -> HttpResponse:
    """End a running pilot between assessments."""
    viewer = actor(request)
    pilot = selectors.pilot_for(viewer, pilot_id)
    viewer.require(MANAGE)
    form = ReasonForm(request.POST or None)
    words = (_("退出试点"), _("退出后在办委托应当移交或终止，不能恢复。"), _("确认退出"))

    def deed() -> object:
        return services.exit_pilot(
            by=viewer, at=clock.now(), pilot_id=pilot_id, reason=form.cleaned_data["reason"]
        )

    return _form_page(request, pilot, form, words, deed, {"is_danger": True})


@login_required
@require_POST
def accept(request: HttpRequest, pilot_id: UUID) -> HttpResponse:
    """Every demand is met: the pilot goes on."""
    services.accept_improvement(by=actor(request), at=clock.now(), pilot_id=pilot_id)
    messages.success(request, _("整改验收通过，试点继续。"))
    return redirect("pilots:pilot", pilot_id)


def _demand(viewer: Actor, demand_id: UUID) -> tuple[Pilot, Demand]:
    found = Demand.objects.select_related("decision__assessment").filter(pk=demand_id).first()
    if found is None:
        raise NotFound
    return selectors.pilot_for(viewer, found.decision.assessment.pilot_id), found


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, demand_id: UUID) -> HttpResponse:
    """The broker reports how a demand was met."""
    viewer = actor(request)
    pilot, demand = _demand(viewer, demand_id)
    viewer.require(APPLY)
    form = ReportForm(request.POST or None, initial={"report": demand.report})

    def deed() -> object:
        return services.report_demand(
            by=viewer, at=clock.now(), demand_id=demand_id, report=form.cleaned_data["report"]
        )

    return _form_page(request, pilot, form, (_("整改报告"), demand.words, _("提交报告")), deed)


@login_required
@require_POST
def confirm(request: HttpRequest, demand_id: UUID) -> HttpResponse:
    """The operator confirms that a demand is met."""
    viewer = actor(request)
    pilot, _found = _demand(viewer, demand_id)
    services.confirm_demand(by=viewer, at=clock.now(), demand_id=demand_id)
    return redirect("pilots:pilot", pilot.pk)
