"""Pages of lot inspection: a project's plan and lots, one lot with its sample, one drawn item, the report."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.inspection import printing, services
from annotation.inspection.forms import (
    DeclineForm,
    FindingForm,
    ProposalForm,
    ResumeForm,
    SubmitForm,
    ValueForm,
    VerdictForm,
    initial_of,
)
from annotation.inspection.models import InspectionPlan, Lot, SampleItem
from annotation.inspection.permissions import AGREE, INSPECT
from annotation.inspection.rules import Scheme, Terms, curve_of, passes_with, scheme_of, telling_share
from annotation.inspection.selectors import (
    IN_WORK,
    commitment_of,
    course_of,
    inspection_state,
    lot_for,
    lots_of_project,
    lots_visible_to,
    may_answer,
    may_inspect,
    may_propose,
    may_submit,
    next_to_inspect,
    plan_in_force,
    plan_waiting,
    plans_of,
    sample_item_for,
    sample_of,
    step_in_force,
    steps_of,
    worked_on,
)
from annotation.inspection.states import FROZEN, Basis, LotState, Strictness
from annotation.labelstudio.rules import parse_config
from annotation.labelstudio.showing import answers_of
from annotation.projects.models import Project
from annotation.projects.pages import frame, viewer_of
from annotation.projects.permissions import RUN, VIEW
from annotation.projects.selectors import project_for, projects_visible_to, review_firms_of
from annotation.quality.pages import shown
from annotation.quality.sampling import quality_at
from kernel import clock
from kernel.errors import Refusal
from organizations.permissions import Actor
from web import charts
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Kpi

STEPS_SHOWN = 20


def percent(share: float) -> str:
    """0.058 → 5.8%; a share rounded to a tenth of a per cent."""
    return f"{round(share * 1000) / 10:g}%"


def whole_percent(share: float) -> str:
    """0.583 → 58%."""
    return f"{round(share * 100)}%"


# --- a plan and its curve ---------------------------------------------------------------------------


def plan_facts(plan: InspectionPlan) -> list[Fact]:
    """What a plan says, line by line."""
    found = [Fact(_("依据"), plan.get_basis_display())]
    if plan.basis == Basis.AQL:
        found += [
            Fact("AQL", f"{plan.aql}%"),
            Fact(_("检验水平"), plan.get_level_display()),
            Fact(_("开始时的严格度"), plan.get_initial_display()),
            Fact(_("放宽检验"), _("允许") if plan.is_reduction_allowed else _("不用")),
        ]
    else:
        good = _("未约定") if plan.good_quality is None else percent(plan.good_quality / 10_000)
        found += [
            Fact(_("极限质量"), percent(plan.limiting_quality / 10_000)),
            Fact(_("期望质量"), good),
        ]
    size = f"{plan.lot_size:,}" if plan.lot_size else _("每次提交一批")
    finished = _("检完") if plan.is_sample_finished else _("达到 Re 即可判定")
    return [
        *found,
        Fact(_("每批条数"), size),
        Fact(_("样本"), finished),
        Fact(_("再次提交"), _("加严检验") if plan.is_again_tightened else _("不低于正常检验")),
        Fact(_("抽检方"), plan.inspector or _("委托方（自用项目为本单位）")),
    ]


def told(terms: Terms, scheme: Scheme) -> dict[str, Any]:
    """The operating curve of a scheme with what it means in plain words."""
    is_isolated = terms.basis == Basis.LQ
    bad = telling_share(terms)
    chance = passes_with(scheme, bad, is_isolated=is_isolated)
    words = {
        "lot": f"{scheme.lot_size:,}",
        "n": f"{scheme.sample_size:,}",
        "ac": scheme.accept,
        "re": scheme.reject,
        "share": percent(bad),
        "chance": whole_percent(chance),
    }
    lines = [_("每批 %(lot)s 条，抽 %(n)s 条；不合格不超过 %(ac)s 条接收，达到 %(re)s 条不接收。") % words]
    marks = [charts.Mark(round(bad * 10_000), round(chance * 10_000), whole_percent(chance))]
    if scheme.is_full:
        lines.append(_("样本量达到批量，逐条检验：结论就是这一批的实际情况。"))
    elif is_isolated:
        lines.append(_("不合格率达到 %(share)s 的一批，仍有 %(chance)s 的可能被接收。") % words)
    else:
        lines.append(
            _("请注意：有 %(share)s 不合格的一批，仍有 %(chance)s 的可能被接收。AQL 不是每一批的质量保证。")
            % words
        )
        ten = quality_at(scheme.sample_size, scheme.accept, 0.10)
        lines.append(_("要到不合格率 %(share)s，被接收的可能才降到 10%%。") % {"share": percent(ten)})
        marks.append(charts.Mark(round(ten * 10_000), 1_000, "10%"))
    points = curve_of(scheme, terms)

    def draw(width: int, height: int) -> charts.Drawing:
        return charts.operating_curve(
            points,
            [mark for mark in marks if mark.share <= points[-1][0]],
            title=_("抽检特性曲线（OC）"),
            across=_("一批的实际不合格率"),
            upward=_("接收的可能"),
            description=" ".join(lines),
            width=width,
            height=height,
        )

    return {"lines": lines, "curve": charts.for_both(draw), "small": draw(290, 210)}


def _nominal(project: Project, plan: InspectionPlan) -> int:
    """The lot size by which a plan is shown before there are lots."""
    return plan.lot_size or max(project.items.count(), 2)


def _told_of(project: Project, plan: InspectionPlan, severity: str = "") -> dict[str, Any]:
    kept = severity if severity and severity != Strictness.DISCONTINUED else plan.initial
    return told(plan.terms, scheme_of(plan.terms, _nominal(project, plan), kept))


# --- the project's tab ------------------------------------------------------------------------------


@require_GET
@login_required
def board(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """抽检: the agreed plan with its curve, lots, and how strictly they are inspected."""
    viewer = viewer_of(request)
    return _board(request, viewer, project_for(viewer, project_id))


def _board(
    request: HttpRequest, viewer: Actor, project: Project, status: int = 200, **forms: Any
) -> HttpResponse:
    plan, waiting_plan = plan_in_force(project.pk), plan_waiting(project.pk)
    step = step_in_force(plan) if plan else None
    state = inspection_state(project.pk)
    inspects = may_inspect(viewer, project, plan)
    context = {
        **frame(viewer, project, "inspection"),
        "plan": plan,
        "facts": plan_facts(plan) if plan else [],
        "told": _told_of(project, plan, step.severity if step else "") if plan else None,
        "waiting_plan": waiting_plan,
        "waiting_facts": plan_facts(waiting_plan) if waiting_plan else [],
        "waiting_told": _told_of(project, waiting_plan) if waiting_plan else None,
        "declined": _declined(project, waiting_plan),
        "step": step,
        "kpis": _kpis(state.lots, state.accepted_items, step.get_severity_display() if step else ""),
        "lots": paginate(
            lots_of_project(viewer, project.pk), request.GET, order=("-ordinal", "-version", "-id")
        ),
        "steps": list(steps_of(project)[:STEPS_SHOWN]),
        "commitment": commitment_of(project.pk),
        "may_propose": may_propose(viewer, project) and waiting_plan is None,
        "may_answer": may_answer(viewer, project, waiting_plan),
        "may_submit": may_submit(viewer, project) and plan is not None and not state.is_discontinued,
        "may_commit": inspects and plan is not None and project.state in IN_WORK,
        "may_resume": inspects and state.is_discontinued,
        "is_discontinued": state.is_discontinued,
        "decline_form": DeclineForm(),
        "submit_form": None if plan and plan.lot_size else SubmitForm(),
        "value_form": ValueForm(),
        "resume_form": ResumeForm(),
    }
    return render(request, "inspection/board.html", context | forms, status=status)


def _declined(project: Project, waiting_plan: InspectionPlan | None) -> InspectionPlan | None:
    """The newest plan, if it was declined."""
    newest = None if waiting_plan else plans_of(project).first()
    return newest if newest is not None and not newest.answer.is_agreed else None


def _kpis(lots: dict[str, int], items: int, severity: str) -> list[Kpi]:
    first, judged = lots.get("accepted_first", 0), lots.get("judged_first", 0)
    return [
        Kpi(_("严格度"), severity or "--"),
        Kpi(_("待判定的批"), sum(lots.get(state, 0) for state in FROZEN)),
        Kpi(
            _("已接收的批"),
            lots.get(LotState.ACCEPTED, 0),
            hint=_("数据 %(count)s 条") % {"count": f"{items:,}"},
        ),
        Kpi(
            _("一次接收"),
            f"{first}/{judged}" if judged else "--",
            share=100 * first // judged if judged else None,
        ),
    ]


@require_http_methods(["GET", "POST"])
@login_required
def propose(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """提出抽检方案; with `preview` its curve is shown and nothing is written."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    if request.method == "POST":
        viewer.require(AGREE)
    newest = plans_of(project).first()
    form = ProposalForm(
        request.POST or None, firms=review_firms_of(project.firm_id), initial=initial_of(newest)
    )
    preview, is_preview = None, "preview" in request.POST
    if request.method == "POST" and form.is_valid():
        try:
            if is_preview:
                plan = services.checked_plan(InspectionPlan(project=project, **form.terms()), project)
                preview = _told_of(project, plan)
            else:
                services.propose_plan(by=viewer, at=clock.now(), project_id=project_id, **form.terms())
                messages.success(request, _("抽检方案已提出，等待对方答复。"))
                return redirect("projects:inspection", project.pk)
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            field = {"limiting_quality": "limiting_percent", "good_quality": "good_percent"}
            refusal.field = field.get(refusal.field, refusal.field)
            show_refusal(form, refusal)
    context = {**frame(viewer, project, "inspection"), "form": form, "preview": preview}
    context["may_propose"] = may_propose(viewer, project)
    status = 200 if not form.is_bound or preview else 422
    return render(request, "inspection/plan.html", context, status=status)


@require_POST
@login_required
def answer(request: HttpRequest, project_id: UUID, plan_id: UUID, answer: str) -> HttpResponse:
    """Agree to the plan that waits, or decline it with a reason."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    viewer.require(AGREE)
    form = DeclineForm(request.POST)
    is_agreed = answer == "agree"
    if form.is_valid():
        given = "" if is_agreed else form.cleaned_data["reason"]
        try:
            services.answer_plan(
                by=viewer, at=clock.now(), plan_id=plan_id, is_agreed=is_agreed, reason=given
            )
        except Refusal as refusal:
            if refusal.status != 422:
                raise
            show_refusal(form, refusal)
        else:
            messages.success(request, _("方案已生效。") if is_agreed else _("已答复不同意。"))
            return redirect("projects:inspection", project.pk)
    return _board(request, viewer, project, 422, decline_form=form)


@require_POST
@login_required
def submit(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Freeze what is finished as lots."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    viewer.require(RUN)
    form = SubmitForm(request.POST)
    if form.is_valid():
        try:
            made = services.submit_lots(
                by=viewer, at=clock.now(), project_id=project_id, size=form.cleaned_data["size"]
            )
        except services.NothingForLots as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已提交 %(count)s 批，等待抽检。") % {"count": len(made)})
            return redirect("projects:inspection", project.pk)
    return _board(request, viewer, project, 422, submit_form=form)


@require_POST
@login_required
def commit(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """The inspecting side's own value for the next draw."""
    told = _("取值已密封，此后冻结的批按它抽样。")
    return _inspectors_step(
        request, project_id, "value_form", ValueForm(request.POST), services.commit_value, told
    )


@require_POST
@login_required
def resume(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Resume discontinued inspection."""
    told = _("检验已恢复，从加严检验开始。")
    return _inspectors_step(
        request, project_id, "resume_form", ResumeForm(request.POST), services.resume_inspection, told
    )


def _inspectors_step(
    request: HttpRequest, project_id: UUID, name: str, form: Form, step: Callable[..., object], told: str
) -> HttpResponse:
    """One step of who inspects, with what the form says; a wrong form is shown on the board again."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    viewer.require(INSPECT)
    if form.is_valid():
        step(by=viewer, at=clock.now(), project_id=project_id, **form.cleaned_data)
        messages.success(request, told)
        return redirect("projects:inspection", project.pk)
    return _board(request, viewer, project, 422, **{name: form})


# --- one lot ----------------------------------------------------------------------------------------


@require_GET
@login_required
def waiting(request: HttpRequest) -> HttpResponse:
    """抽检: every lot that the viewer may read, of all projects."""
    viewer = viewer_of(request)
    viewer.require(VIEW)
    rows = lots_visible_to(viewer)
    return render(request, "inspection/waiting.html", {"lots": paginate(rows, request.GET)})


@require_GET
@login_required
def lot(request: HttpRequest, lot_id: UUID) -> HttpResponse:
    """One lot: what was frozen, how the sample came about, what was found, the verdict."""
    viewer = viewer_of(request)
    return _lot(request, viewer, lot_for(viewer, lot_id))


def _lot(
    request: HttpRequest, viewer: Actor, found: Lot, form: VerdictForm | None = None, status: int = 200
) -> HttpResponse:
    project, is_drawn = found.project, found.sample_size is not None
    course = course_of(found) if is_drawn else None
    inspects = may_inspect(viewer, project, found.plan) and project.state in IN_WORK
    is_rejected = course is not None and course.nonconforming > (found.accept_number or 0)
    is_certain = course is not None and (
        course.inspected == found.sample_size
        or (course.verdict is False and not found.plan.is_sample_finished)
    )
    is_mine = projects_visible_to(viewer).filter(pk=project.pk).exists()
    context = {
        "lot": found,
        "project": project,
        "meta": [project.number, _("批量 %(count)s") % {"count": f"{found.size:,}"}],
        "back_url": reverse("projects:inspection", args=[project.pk])
        if is_mine
        else reverse("inspection:waiting"),
        "kpis": _lot_kpis(found, course) if course else [],
        "course": course,
        "told": told(found.plan.terms, found.scheme) if is_drawn else None,
        "facts": _lot_facts(found),
        "proof": _proof(found),
        "sample": paginate(sample_of(found), request.GET, order=("place",)) if is_drawn else None,
        "upcoming": next_to_inspect(found, viewer.user_id)
        if inspects and found.state == LotState.DRAWN
        else None,
        "may_draw": inspects and found.state == LotState.SUBMITTED,
        "may_decide": inspects and found.state == LotState.DRAWN and is_certain,
        "may_resubmit": may_submit(viewer, project) and found.state == LotState.REJECTED,
        "following": getattr(found, "following", None),
        "is_rejected": is_rejected,
        "form": form or VerdictForm(is_rejected=is_rejected),
    }
    return render(request, "inspection/lot.html", context, status=status)


def _lot_kpis(found: Lot, course: Any) -> list[Kpi]:
    scheme = found.scheme
    return [
        Kpi(_("严格度"), found.get_severity_display() or _("单独检验")),
        Kpi(
            _("样本量 n"),
            f"{scheme.sample_size:,}",
            "",
            found.letter and _("字码 %(letter)s") % {"letter": found.letter},
        ),
        Kpi("Ac / Re", f"{scheme.accept} / {scheme.reject}"),
        Kpi(
            _("已检验"),
            f"{course.inspected:,}",
            share=100 * course.inspected // max(scheme.sample_size, 1),
        ),
        Kpi(
            _("不合格"),
            course.nonconforming,
            tone="down" if course.nonconforming > scheme.accept else "",
        ),
    ]


def _lot_facts(found: Lot) -> list[Fact]:
    facts = [
        Fact(_("方案"), _("第 %(version)s 版") % {"version": found.plan.version}),
        Fact(_("第几次提交"), found.version),
        Fact(_("提交时间"), _moment(found.submitted_at)),
    ]
    if found.former:
        url = reverse("inspection:lot", args=[found.former_id])
        facts.append(Fact(_("上次提交"), found.former.number, url=url))
    if found.drawn_at:
        facts.append(Fact(_("抽样时间"), _moment(found.drawn_at)))
    if found.decided_at:
        facts.append(Fact(_("判定时间"), _moment(found.decided_at)))
        facts.append(Fact(_("判定人"), found.decided_by or "--"))
    if found.rework_scope:
        facts.append(Fact(_("返工范围"), found.get_rework_scope_display()))
    if found.remark:
        facts.append(Fact(_("说明"), found.remark))
    return facts


def _moment(at: Any) -> str:
    return f"{at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"


def _proof(found: Lot) -> list[Fact]:
    facts = [
        Fact(_("批内容哈希"), found.contents_sha256),
        Fact(_("事先承诺（SHA-256）"), found.commitment.value_sha256),
    ]
    if found.seed:
        facts += [Fact(_("公布的取值"), found.value), Fact(_("种子"), found.seed)]
    return facts


@require_POST
@login_required
def draw(request: HttpRequest, lot_id: UUID) -> HttpResponse:
    """Draw the sample."""
    services.draw_sample(by=viewer_of(request), at=clock.now(), lot_id=lot_id)
    messages.success(request, _("样本已抽出，可以逐条检验。"))
    return redirect("inspection:lot", lot_id)


@require_POST
@login_required
def decide(request: HttpRequest, lot_id: UUID) -> HttpResponse:
    """Judge the lot."""
    viewer = viewer_of(request)
    lot_for(viewer, lot_id)
    viewer.require(INSPECT)
    form = VerdictForm(request.POST)
    if form.is_valid():
        try:
            made = services.decide_lot(by=viewer, at=clock.now(), lot_id=lot_id, **form.cleaned_data)
        except Refusal as refusal:
            if refusal.status != 422:
                raise
            show_refusal(form, refusal)
        else:
            is_accepted = made.state == LotState.ACCEPTED
            messages.success(request, _("本批已接收。") if is_accepted else _("本批不接收，已退回返工。"))
            return redirect("inspection:lot", lot_id)
    return _lot(request, viewer, lot_for(viewer, lot_id), form, 422)


@require_POST
@login_required
def resubmit(request: HttpRequest, lot_id: UUID) -> HttpResponse:
    """Submit a rejected lot again."""
    made = services.resubmit_lot(by=viewer_of(request), at=clock.now(), lot_id=lot_id)
    messages.success(request, _("已再次提交，等待抽检。"))
    return redirect("inspection:lot", made.pk)


@require_http_methods(["GET", "POST"])
@login_required
def inspect(request: HttpRequest, sample_id: UUID) -> HttpResponse:
    """One drawn item as it was frozen, and whether it conforms; then the next."""
    viewer = viewer_of(request)
    found = sample_item_for(viewer, sample_id)
    if request.method == "POST":
        viewer.require(INSPECT)
    form = FindingForm(request.POST or None, initial=_finding(found))
    if request.method == "POST" and form.is_valid():
        try:
            services.inspect_item(by=viewer, at=clock.now(), sample_id=sample_id, **form.finding())
        except Refusal as refusal:
            if refusal.status != 422:
                raise
            show_refusal(form, refusal)
        else:
            following = next_to_inspect(found.lot, viewer.user_id)
            if following is not None:
                return redirect("inspection:inspect", following.pk)
            messages.success(request, _("您能检验的样本已全部检验。"))
            return redirect("inspection:lot", found.lot_id)
    project, content = found.lot.project, found.content
    result = content.consensus.result if content.consensus else content.submission.result
    is_theirs = worked_on(viewer.user_id, content.item_id)
    is_open = may_inspect(viewer, project, found.lot.plan) and found.lot.state == LotState.DRAWN
    context = {
        **shown(content.item, project, result),
        "answers": answers_of(parse_config(project.labeling_config), result),
        "drawn": found,
        "lot": found.lot,
        "project": project,
        "form": form,
        "is_theirs": is_theirs,
        "may_inspect": is_open and not is_theirs,
    }
    return render(request, "inspection/item.html", context, status=422 if form.is_bound else 200)


def _finding(found: SampleItem) -> dict[str, Any]:
    if found.is_conforming is None:
        return {}
    return {
        "is_conforming": "yes" if found.is_conforming else "no",
        "fault": found.fault,
        "reason": found.reason,
    }


# --- papers -----------------------------------------------------------------------------------------


@require_GET
@login_required
def report(request: HttpRequest, lot_id: UUID) -> HttpResponse:
    """抽检报告 as PDF: plan, curve in words, sample, verdict, seed and how to draw again."""
    found = lot_for(viewer_of(request), lot_id)
    sheet_answer = HttpResponse(printing.pdf(found), content_type="application/pdf")
    name = f"{found.project.number}-lot-{found.number}"
    sheet_answer["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return sheet_answer


@require_GET
@login_required
def contents(request: HttpRequest, lot_id: UUID) -> StreamingHttpResponse:
    """Every item of the lot with its hash, its place in the draw and what was found, as CSV."""
    found = lot_for(viewer_of(request), lot_id)
    streamed = StreamingHttpResponse(_lines(found), content_type="text/csv; charset=utf-8")
    name = f"{found.project.number}-lot-{found.number}"
    streamed["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return streamed


def _lines(found: Lot) -> Iterator[str]:
    def line(cells: Sequence[object]) -> str:
        out = io.StringIO(newline="")
        csv.writer(out).writerow(cells)
        return out.getvalue()

    yield "\ufeff" + line(["number", "digest", "place", "conforming", "fault", "reason"])
    rows = found.contents.order_by("number").values_list(
        "number", "digest", "drawn__place", "drawn__is_conforming", "drawn__fault", "drawn__reason"
    )
    for number, digest, place, is_conforming, fault, reason in rows.iterator(2_000):
        verdict = "" if is_conforming is None else "yes" if is_conforming else "no"
        yield line([number, digest, place or "", verdict, fault or "", _plain(reason or "")])


def _plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
