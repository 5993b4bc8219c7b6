"""Progress of a space: milestones, results, landed projects, their evidence."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from documents.services import link_to
from exchange.dataspace import rules, selectors, services
from exchange.dataspace.forms import DecisionForm, LandingForm, MilestoneForm, ReportForm, ResultForm
from exchange.dataspace.models import Space
from exchange.dataspace.pages.shown import back_to, form_page, head, stored
from exchange.dataspace.permissions import DECIDE, LEAD, VIEW_ALL
from exchange.dataspace.states import LandingState, MilestoneState, SpaceState
from gateway.api import actor
from kernel import clock
from kernel.errors import NotAllowed
from kernel.money import Money
from organizations.permissions import Actor
from web.parts import Fact


def _require_leader(space: Space, viewer: Actor) -> None:
    if not selectors.leads(viewer, space):
        raise NotAllowed(permission=LEAD.label, organization=str(viewer.organization or "—"))


@login_required
@require_safe
def progress(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """进展: milestones with what is late, landed projects, results."""
    viewer, today = actor(request), clock.business_date(clock.now())
    found = selectors.space_for(viewer, space_id)
    leader = selectors.leads(viewer, found)
    milestones = list(selectors.milestones_visible_to(viewer, found))
    landings = selectors.landings_visible_to(viewer, found)
    is_running = found.state == SpaceState.ACTIVE
    context = {
        **head(found, viewer, "progress"),
        "milestones": [(each, rules.is_late(each.state, each.due_on, today)) for each in milestones],
        "landings": list(landings),
        "landed": selectors.landed_amount(landings),
        "results": list(selectors.results_visible_to(viewer, found)),
        "may_plan": leader and found.state in ("applied", "returned", "active"),
        "may_report": leader and is_running,
        "may_decide": viewer.can(DECIDE) and not viewer.belongs_to(found.leader_id),
        "sees_evidence": leader or viewer.can(VIEW_ALL),
    }
    return render(request, "dataspace/progress.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """The leader sets a milestone."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    _require_leader(found, viewer)
    form = MilestoneForm(request.POST or None)
    words = (
        _("登记里程碑"),
        _("批准申请至少需要一个里程碑；登记后不能修改，只能由服务基地取消。"),
        _("登记"),
    )

    def deed() -> object:
        return services.plan_milestone(by=viewer, at=clock.now(), space_id=space_id, **form.cleaned_data)

    return form_page(request, form, words, back_to(found, "progress"), deed)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, milestone_id: UUID) -> HttpResponse:
    """The leader reports a milestone as reached."""
    viewer = actor(request)
    found = selectors.milestone_for(viewer, milestone_id)
    _require_leader(found.space, viewer)
    form = ReportForm(request.POST or None, request.FILES or None)

    def deed() -> object:
        return services.report_milestone(
            by=viewer, at=clock.now(), milestone_id=milestone_id, report=form.cleaned_data["report"],
            document_id=stored(request, form),
        )  # fmt: skip

    words = (_("报告完成"), f"{found.title}：{found.target}", _("提交核验"))
    return form_page(request, form, words, back_to(found.space, "progress"), deed)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def decide_milestone(request: HttpRequest, milestone_id: UUID) -> HttpResponse:
    """The operator confirms, sends back or drops a milestone."""
    viewer = actor(request)
    found = selectors.milestone_for(viewer, milestone_id)
    viewer.require(DECIDE)
    verdicts = [("drop", _("取消"))]
    if found.state == MilestoneState.REPORTED:
        verdicts = [("confirm", _("核验通过")), ("send_back", _("退回")), *verdicts]
    form = DecisionForm(request.POST or None, verdicts=verdicts)

    def deed() -> object:
        told = form.cleaned_data
        return services.decide_milestone(
            by=viewer, at=clock.now(), milestone_id=milestone_id, move=told["verdict"], reason=told["reason"]
        )

    lead = f"{found.title}：{found.target}"
    if found.report:
        lead += " " + _("完成情况：%(report)s") % {"report": found.report}
    words = (_("核验里程碑"), lead, _("提交结论"))
    return form_page(request, form, words, back_to(found.space, "progress"), deed)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def result(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """The leader records what came out of the space."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    _require_leader(found, viewer)
    form = ResultForm(request.POST or None, request.FILES or None)

    def deed() -> object:
        told = {name: value for name, value in form.cleaned_data.items() if name != "file"}
        return services.record_result(
            by=viewer, at=clock.now(), space_id=space_id, document_id=stored(request, form), **told
        )

    words = (_("登记成果"), _("登记后不能修改。"), _("登记"))
    return form_page(request, form, words, back_to(found, "progress"), deed)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def landing(request: HttpRequest, space_id: UUID) -> HttpResponse:
    """The leader claims a landed project."""
    viewer = actor(request)
    found = selectors.space_for(viewer, space_id)
    _require_leader(found, viewer)
    form = LandingForm(request.POST or None, request.FILES or None)

    def deed() -> object:
        told = {name: value for name, value in form.cleaned_data.items() if name != "file"}
        return services.claim_landing(
            by=viewer, at=clock.now(), space_id=space_id, document_id=stored(request, form), **told
        )

    words = (_("登记重大项目落地"), _("由服务基地凭证明材料核验，核验后计入试点总览。"), _("提交核验"))
    return form_page(request, form, words, back_to(found, "progress"), deed)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def decide_landing(request: HttpRequest, landing_id: UUID) -> HttpResponse:
    """The operator verifies a landed project against its evidence."""
    viewer = actor(request)
    found = selectors.landing_for(viewer, landing_id)
    viewer.require(DECIDE)
    form = DecisionForm(
        request.POST or None, verdicts=[("verify", _("核验通过")), ("refuse", _("核验不通过"))]
    )
    if request.method == "POST" and form.is_valid():

        def deed() -> object:
            told = form.cleaned_data
            return services.decide_landing(
                by=viewer, at=clock.now(), landing_id=landing_id, is_verified=told["verdict"] == "verify",
                opinion=told["reason"],
            )  # fmt: skip

        return form_page(
            request,
            form,
            (_("核验落地项目"), found.title, _("提交结论")),
            back_to(found.space, "progress"),
            deed,
        )
    context = {
        "space": found.space,
        "landing": found,
        "form": form,
        "is_open": found.state == LandingState.CLAIMED,
        "facts": [
            Fact(_("落地单位"), found.firm),
            Fact(_("落地地点"), found.get_place_display()),
            Fact(_("落地金额"), str(Money(found.amount_fen))),
            Fact(_("落地日期"), found.landed_on.isoformat()),
            Fact(_("项目内容与空间的作用"), found.statement),
        ],
    }
    return render(request, "dataspace/landing.html", context, status=422 if form.is_bound else 200)


@login_required
@require_POST
def evidence(request: HttpRequest, space_id: UUID, evidence_id: UUID) -> HttpResponse:
    """A short-lived link to a file on which the space's progress rests; recorded."""
    viewer = actor(request)
    found = selectors.evidence_for(viewer, space_id, evidence_id)
    return redirect(link_to(by=viewer, at=clock.now(), document=found))
