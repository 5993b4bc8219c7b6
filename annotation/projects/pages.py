"""Pages of annotation projects: list, set-up, guideline, import, and the buttons of their life."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.labelstudio.library import IMAGE_SIZE, SENTIMENT, TEMPLATES, Template
from annotation.labelstudio.rules import LabelingConfig
from annotation.labelstudio.showing import answers_of, pieces_of, shapes_of, texts_of
from annotation.projects import guidelines, plans, services
from annotation.projects.contents import task_fields
from annotation.projects.forms import (
    AnswerQuestionForm,
    GuidelineForm,
    ImportForm,
    PlanForm,
    ProjectForm,
    ReasonForm,
    initial_of,
    plan_initial,
)
from annotation.projects.models import GuidelineExample, Project, QualityPlan
from annotation.projects.permissions import RUN
from annotation.projects.rules import config_for
from annotation.projects.selectors import (
    batches_of,
    examples_of,
    guidelines_of,
    may_accept,
    may_run,
    plan_in_force,
    project_for,
    projects_visible_to,
    questions_of,
    review_firms_of,
    sees_inside,
    with_counts,
)
from annotation.projects.states import Modality, ProjectState
from documents import objects
from kernel import clock
from kernel.errors import NotFound, Refusal
from kernel.money import Money
from organizations.permissions import Actor
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Link


def viewer_of(request: HttpRequest) -> Actor:
    """Who looks."""
    viewer: Actor = request.actor  # type: ignore[attr-defined]
    return viewer


def frame(viewer: Actor, project: Project, current: str) -> dict[str, Any]:
    """What every tab of a project shares: tabs, remarks under the title, what the viewer may do."""
    is_inside = sees_inside(viewer, project)
    tabs: list[tuple[str, Any, bool]] = [
        ("detail", _("概况"), True),
        ("tasks", _("任务"), True),
        ("members", _("成员"), is_inside),
        ("quality", _("质量"), is_inside),
        ("guideline", _("标注规范"), True),
        ("plan", _("质量方案"), True),
        ("items", _("原始数据"), is_inside),
        ("intakes", _("批量导入"), is_inside),
        ("predictors", _("预标注"), is_inside),
        ("inspection", _("抽检"), True),
        ("delivery", _("交付与验收"), True),
    ]
    remarks: list[object] = [project.number, project.get_modality_display()]
    if project.client_id and is_inside:
        remarks.append(_("委托方 %(name)s") % {"name": project.client})
    if not viewer.belongs_to(project.firm_id):
        remarks.append(_("标注方 %(name)s") % {"name": project.firm})
    if is_inside:
        remarks.append(_("单条报酬 %(price)s") % {"price": Money(project.task_price_fen)})
    if project.due_on:
        remarks.append(_("约定交付 %(day)s") % {"day": project.due_on.isoformat()})
    return {
        "project": project,
        "current": current,
        "meta": remarks,
        "is_inside": is_inside,
        "may_run": may_run(viewer, project),
        "may_accept": may_accept(viewer, project),
        "tabs": [
            Link(label, reverse(f"projects:{name}", args=[project.pk]), is_current=name == current)
            for name, label, is_open in tabs
            if is_open
        ],
    }


@require_GET
@login_required
def project_list(request: HttpRequest) -> HttpResponse:
    """标注项目: what the viewer's organization runs or has commissioned."""
    viewer = viewer_of(request)
    state = request.GET.get("state", "")
    rows = with_counts(projects_visible_to(viewer))
    words = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    if state in ProjectState.values:
        rows = rows.filter(state=state)
    if words:
        rows = rows.filter(title__icontains=words)
    context = {
        "page": paginate(rows, request.GET),
        "state": state,
        "words": words,
        "states": ProjectState.choices,
        "may_create": viewer.can(RUN),
    }
    return page_or_fragment(request, "projects/list.html", "projects/list_rows.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """新建标注项目."""
    viewer = viewer_of(request)
    viewer.require(RUN)
    chosen = TEMPLATES.get(request.GET.get("example", ""), SENTIMENT)
    initial = {"labeling_config": chosen.xml, "modality": chosen.modality}
    form = ProjectForm(request.POST or None, viewer=viewer, initial=initial)
    asks_plan = "overlap" in request.POST
    plan = PlanForm(request.POST if asks_plan else None, firms=review_firms_of(viewer.organization_id))
    if request.method == "POST" and form.is_valid() and (plan.is_valid() or not asks_plan):
        try:
            project = plans.create_planned_project(
                by=viewer, at=clock.now(), plan=plan.terms() if asks_plan else None, **form.terms()
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("项目已建立。接着发布标注规范、导入原始数据。"))
            return redirect("projects:detail", project.pk)
    context = {"form": form, "plan": plan, "shelves": _shelves(chosen), "example": _example(chosen)}
    return render(request, "projects/form.html", context, status=422 if form.is_bound else 200)


def _shelves(chosen: Template) -> list[tuple[str, list[Link]]]:
    """The library by what the data is, each entry a link that fills the form."""
    return [
        (
            str(modality.label),
            [
                Link(each.title, f"?example={each.code}", is_current=each is chosen)
                for each in TEMPLATES.values()
                if each.modality == modality
            ],
        )
        for modality in Modality
    ]


def _example(chosen: Template) -> dict[str, Any]:
    """A template's example as its annotators and readers would see it."""
    config, result = chosen.config, chosen.result
    shown = config.objects[0]
    texts = texts_of(config, chosen.task)
    is_text = shown.kind == Modality.TEXT and not texts
    return {
        "template": chosen,
        "texts": texts,
        "pieces": pieces_of(config, chosen.task[shown.field], result) if is_text else [],
        "shapes": shapes_of(config, result),
        "size": IMAGE_SIZE if chosen.modality == Modality.IMAGE else None,
        "answers": answers_of(config, result),
    }


@require_http_methods(["GET", "POST"])
@login_required
def edit(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Change a draft."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    viewer.require(RUN)
    if project.state != ProjectState.DRAFT:
        raise services.NotEditable
    form = ProjectForm(request.POST or None, viewer=viewer, project=project, initial=initial_of(project))
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_project(by=viewer, at=clock.now(), project_id=project_id, **form.terms())
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已保存。"))
            return redirect("projects:detail", project.pk)
    context = {"form": form, "project": project}
    return render(request, "projects/form.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@login_required
def guideline(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """标注规范: every version, and a form for the next."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    versions = list(guidelines_of(project))
    asked = list(questions_of(project))
    config = config_for(project.modality, project.labeling_config)
    form = GuidelineForm(
        request.POST or None,
        initial={"body": versions[0].body if versions else ""},
        project=project,
        labels=list(config.labels),
        questions=[one for one in asked if one.answered_at and one.included_in_id is None],
    )
    if request.method == "POST" and form.is_valid():
        body, change = form.cleaned_data["body"], form.change()
        try:
            published = services.publish_guideline(
                by=viewer, at=clock.now(), project_id=project_id, body=body, **change
            )
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            show_refusal(form, refusal)
        else:
            messages.success(request, _("标注规范第 %(version)s 版已发布。") % {"version": published.version})
            is_rework = bool(published.rework_payer)
            return redirect("projects:rework" if is_rework else "projects:guideline", project.pk)
    context = {**frame(viewer, project, "guideline"), "versions": versions, "form": form}
    context["examples"] = shown_examples(config, examples_of(versions[0] if versions else None))
    context["questions"] = asked if context["is_inside"] else [one for one in asked if one.answered_at]
    context["may_publish"] = context["may_run"] and project.state in services.FEEDABLE
    return render(request, "projects/guideline.html", context, status=422 if form.is_bound else 200)


def shown_examples(config: LabelingConfig, examples: Sequence[GuidelineExample]) -> list[dict[str, Any]]:
    """Examples as people see them: the item with the result drawn on it."""
    return [_shown_example(config, example) for example in examples]


def _shown_example(config: LabelingConfig, example: GuidelineExample) -> dict[str, Any]:
    item = example.item
    texts = texts_of(config, task_fields(config, item))
    is_text = bool(item.text) and not texts
    address = ""
    if not item.text:
        address = objects.signed_link(
            item.object_key, file_name=item.name, media_type=item.media_type, inline=True
        )
    return {
        "example": example,
        "image_url": address,
        "texts": texts,
        "pieces": pieces_of(config, item.text, example.result) if is_text else [],
        "shapes": shapes_of(config, example.result),
        "answers": answers_of(config, example.result),
    }


@require_POST
@login_required
def answer(request: HttpRequest, project_id: UUID, question_id: UUID) -> HttpResponse:
    """答复标注员的问题."""
    form = AnswerQuestionForm(request.POST)
    given = form.cleaned_data["answer"] if form.is_valid() else ""
    guidelines.answer_question(
        by=viewer_of(request), at=clock.now(), project_id=project_id, question_id=question_id, answer=given
    )
    messages.success(request, _("已答复，参与项目的标注员都能看到。"))
    return redirect("projects:guideline", project_id)


@require_http_methods(["GET", "POST"])
@login_required
def plan(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """质量方案: what is in force, and a form for the next version."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    current = plan_in_force(project)
    firms = review_firms_of(project.firm_id)
    form = PlanForm(request.POST or None, firms=firms, initial=plan_initial(current))
    if request.method == "POST" and form.is_valid():
        try:
            decided = plans.decide_quality_plan(
                by=viewer, at=clock.now(), project_id=project_id, **form.terms()
            )
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            show_refusal(form, refusal)
        else:
            messages.success(request, _("质量方案第 %(version)s 版已生效。") % {"version": decided.version})
            return redirect("projects:plan", project.pk)
    context = {**frame(viewer, project, "plan"), "form": form, "facts": _plan_facts(current), "plan": current}
    context["may_decide"] = context["may_run"] and project.state in services.FEEDABLE
    return render(request, "projects/plan.html", context, status=422 if form.is_bound else 200)


def _plan_facts(plan: QualityPlan | None) -> list[Fact]:
    if plan is None:
        return []
    share = f"{plan.review_share_bp // 100}.{plan.review_share_bp % 100:02d}%"
    return [
        Fact(_("每条标注份数"), plan.overlap),
        Fact(_("领取时限（分钟）"), plan.lease_minutes),
        Fact(_("质检比例"), share),
        Fact(_("二级质检"), _("需要") if plan.has_second_review else _("不需要")),
        Fact(_("质检单位"), plan.review_firm or _("本单位")),
        Fact(_("返工次数上限"), plan.attempt_limit),
        Fact(_("空闲截断（分钟）"), plan.idle_minutes),
    ]


@require_http_methods(["GET", "POST"])
@login_required
def items(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """原始数据: batches with their sources, and a form to import more."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    if not sees_inside(viewer, project):
        raise NotFound
    form = ImportForm(request.POST or None, request.FILES or None, modality=project.modality)
    if request.method == "POST":
        viewer.require(RUN)
        if form.is_valid():
            files = ((one.name, one.read()) for one in form.cleaned_data["uploads"])
            given = {name: form.cleaned_data[name] for name in ("source", "licence")}
            try:
                outcome = services.import_files(
                    by=viewer, at=clock.now(), project_id=project_id, files=files, **given
                )
            except services.UploadsRefused as refusal:
                for reason in refusal.reasons:
                    form.add_error("uploads", reason)
            except Refusal as refusal:
                show_refusal(form, refusal)
            else:
                words = _("导入 %(added)s 条，跳过已有的 %(skipped)s 条。")
                counts = {"added": outcome.added_count, "skipped": outcome.skipped_count}
                messages.success(request, words % counts)
                return redirect("projects:items", project.pk)
    context = {
        **frame(viewer, project, "items"),
        "form": form,
        "batches": list(batches_of(project)),
        "page": paginate(project.items.all(), request.GET, order=("ordinal",)),
    }
    context["may_import"] = context["may_run"] and project.state in services.FEEDABLE
    return render(request, "projects/items.html", context, status=422 if form.is_bound else 200)


@require_POST
@login_required
def open_(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Publish a draft."""
    reason = request.POST.get("pay_reason", "")[:2_000].replace("\x00", "")
    try:
        services.open_project(by=viewer_of(request), at=clock.now(), project_id=project_id, pay_reason=reason)
    except Refusal as refusal:
        if refusal.field != "pay_reason":
            raise
        messages.error(request, str(refusal))
        return redirect("projects:detail", project_id)
    messages.success(request, _("项目已发布，每条数据都有了任务，可以分配了。"))
    return redirect("projects:members", project_id)


@require_POST
@login_required
def deliver(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Hand the work over."""
    services.deliver_project(by=viewer_of(request), at=clock.now(), project_id=project_id)
    messages.success(request, _("已交付，等待验收。"))
    return redirect("projects:delivery", project_id)


@require_POST
@login_required
def accept(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Accept a delivered project."""
    services.accept_project(by=viewer_of(request), at=clock.now(), project_id=project_id)
    messages.success(request, _("已验收，标注员报酬进入结算。"))
    return redirect("projects:delivery", project_id)


@require_POST
@login_required
def close(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """File an accepted project away."""
    services.close_project(by=viewer_of(request), at=clock.now(), project_id=project_id)
    messages.success(request, _("项目已结项。"))
    return redirect("projects:detail", project_id)


@require_http_methods(["GET", "POST"])
@login_required
def cancel(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Give a project up, with the reason."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    viewer.require(RUN)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data["reason"]
        services.cancel_project(by=viewer, at=clock.now(), project_id=project_id, reason=given)
        messages.success(request, _("项目已取消。"))
        return redirect("projects:detail", project_id)
    context = {"form": form, "project": project}
    return render(request, "projects/cancel.html", context, status=422 if form.is_bound else 200)
