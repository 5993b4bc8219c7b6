"""Pages of imports and of models: begin, gather, dry run, decide, watch; label beforehand."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms as django_forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.intake import services
from annotation.intake.forms import BeginForm, DecisionForm, FilesForm, PredictorForm, StorageForm
from annotation.intake.models import Intake
from annotation.intake.permissions import CONNECT
from annotation.intake.selectors import (
    inside,
    intake_for,
    intakes_of,
    losses_of,
    outlook_of,
    pairs_of,
    predictor_for,
    predictors_of,
    storages_visible_to,
    versions_of,
)
from annotation.intake.states import INTAKE, FindingKind, IntakeState, PredictorState
from annotation.projects.pages import frame, viewer_of
from annotation.projects.permissions import RUN
from annotation.projects.services import FEEDABLE
from jobs.models import Job
from jobs.pages import face
from kernel import clock
from kernel.errors import Refusal
from kernel.models import Transition
from organizations.permissions import Actor
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Kpi, Stage


def _add_all(by: Actor, intake_id: UUID, uploads: list[Any]) -> None:
    for one in uploads:
        services.add_file(by=by, at=clock.now(), intake_id=intake_id, path=one.name, chunks=one.chunks())


def _begin_check(request: HttpRequest, by: Actor, made: Intake, uploads: list[Any]) -> None:
    """Take the files and start the dry run; a file that is refused leaves the import gathering, with the reason."""
    try:
        _add_all(by, made.pk, uploads)
        if uploads or made.storage_id:
            services.start_check(by=by, at=clock.now(), intake_id=made.pk)
    except Refusal as refusal:
        messages.error(request, str(refusal))


def _refused(form: django_forms.Form, refusal: Refusal) -> None:
    """Show a refusal on the form; who may not do it at all gets the error page."""
    if refusal.status in (403, 404):
        raise refusal
    show_refusal(form, refusal)


@require_http_methods(["GET", "POST"])
@login_required
def intakes(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """批量导入: what was imported, and a form to begin."""
    viewer = viewer_of(request)
    project = inside(viewer, project_id)
    form = BeginForm(request.POST or None, request.FILES or None, viewer=viewer)
    if request.method == "POST":
        viewer.require(RUN)
        if form.is_valid():
            try:
                made = services.begin(by=viewer, at=clock.now(), project_id=project_id, **form.terms())
            except Refusal as refusal:
                _refused(form, refusal)
            else:
                _begin_check(request, viewer, made, form.cleaned_data["uploads"])
                return redirect("projects:intake", made.pk)
    context = {
        **frame(viewer, project, "intakes"),
        "form": form,
        "page": paginate(intakes_of(project), request.GET),
        "may_connect": viewer.can(CONNECT),
    }
    context["may_import"] = context["may_run"] and project.state in FEEDABLE
    return render(request, "intake/list.html", context, status=422 if form.is_bound else 200)


def _stages(intake: Intake) -> list[Stage]:
    """Where an import stands on its way."""
    way = [
        (IntakeState.GATHERING, _("文件")),
        (IntakeState.CHECKING, _("试运行")),
        (IntakeState.CHECKED, _("决定")),
        (IntakeState.IMPORTING, _("导入")),
        (IntakeState.IMPORTED, _("完成")),
    ]
    names = [state for state, _label in way]
    at = names.index(IntakeState(intake.state)) if intake.state in names else -1
    is_over = intake.state == IntakeState.IMPORTED
    return [
        Stage(label, "", "done" if n < at or is_over else "current" if n == at else "ahead")
        for n, (_state, label) in enumerate(way)
    ]


def _figures(intake: Intake) -> list[Kpi]:
    found, outlook = intake.found, outlook_of(intake)
    return [
        Kpi(_("读到"), found["rows"], "", _("已有 %(known)s · 重复 %(repeats)s") % found),
        Kpi(_("新数据"), found["fresh"], "", _("带标注 %(labelled)s") % found),
        Kpi(_("近似"), found["near"], tone="warn" if found["near"] else ""),
        Kpi(_("含个人信息"), found["personal_rows"], tone="warn" if found["personal_rows"] else ""),
        Kpi(
            _("标注报酬"),
            outlook.cost.total,
            hint=_("不含近似 %(total)s") % {"total": outlook.without_near.total},
        ),
    ]


@require_GET
@login_required
def intake(request: HttpRequest, intake_id: UUID) -> HttpResponse:
    """One import: its files, the result of its dry run, the decision, its progress."""
    viewer = viewer_of(request)
    found = intake_for(viewer, intake_id)
    return render(request, "intake/detail.html", _detail(viewer, found))


def _detail(viewer: Actor, found: Intake, **forms: django_forms.Form) -> dict[str, Any]:
    told = found.found
    context = {
        **frame(viewer, found.project, "intakes"),
        "intake": found,
        "stages": _stages(found),
        "form_title": found.title,
        "files": list(found.files.order_by("path")[:200]),
        "face": face(found.job) if found.job else None,
        "history": Transition.objects.filter(subject_id=found.pk).order_by("at", "pk"),
        "files_form": FilesForm(),
    }
    context["may_act"] = context["may_run"]
    context["is_cancellable"] = bool([move for move in INTAKE.allowed(found.state) if move.name == "cancel"])
    if "rows" in told:
        context |= {
            "kpis": _figures(found),
            "outlook": outlook_of(found),
            "faults": told["faults"],
            "losses": losses_of(found),
            "pairs": pairs_of(found) if told["near"] else [],
            "personal": [{**each, "label": FindingKind(each["kind"]).label} for each in told["personal"]],
            "decision": _decision(found),
        }
    return {**context, **forms}


def _decision(found: Intake, posted: Any = None) -> DecisionForm:
    told = found.found
    return DecisionForm(
        posted,
        has_faults=bool(told.get("fault_count")),
        has_personal=bool(told.get("personal_rows")),
        has_near=bool(told.get("near")),
    )


@require_POST
@login_required
def add_files(request: HttpRequest, intake_id: UUID) -> HttpResponse:
    """More files for an import that gathers."""
    viewer = viewer_of(request)
    found = intake_for(viewer, intake_id)
    viewer.require(RUN)
    form = FilesForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            _add_all(viewer, intake_id, form.cleaned_data["uploads"])
        except Refusal as refusal:
            _refused(form, refusal)
        else:
            return redirect("projects:intake", intake_id)
    return render(request, "intake/detail.html", _detail(viewer, found, files_form=form), status=422)


@require_POST
@login_required
def check(request: HttpRequest, intake_id: UUID) -> HttpResponse:
    """Start the dry run."""
    services.start_check(by=viewer_of(request), at=clock.now(), intake_id=intake_id)
    messages.success(request, _("试运行已开始，可以离开本页；完成后会通知您。"))
    return redirect("projects:intake", intake_id)


@require_POST
@login_required
def decide(request: HttpRequest, intake_id: UUID) -> HttpResponse:
    """Decide, and start the import."""
    viewer = viewer_of(request)
    found = intake_for(viewer, intake_id)
    viewer.require(RUN)
    form = _decision(found, request.POST)
    if form.is_valid():
        try:
            services.decide(by=viewer, at=clock.now(), intake_id=intake_id, **form.terms())
        except Refusal as refusal:
            _refused(form, refusal)
        else:
            messages.success(request, _("正在导入，可以离开本页；完成后会通知您。"))
            return redirect("projects:intake", intake_id)
    return render(request, "intake/detail.html", _detail(viewer, found, decision=form), status=422)


@require_POST
@login_required
def gather_again(request: HttpRequest, intake_id: UUID) -> HttpResponse:
    """Back to the files."""
    services.gather_again(by=viewer_of(request), at=clock.now(), intake_id=intake_id)
    return redirect("projects:intake", intake_id)


@require_POST
@login_required
def cancel(request: HttpRequest, intake_id: UUID) -> HttpResponse:
    """Give an import up."""
    given_up = services.cancel(by=viewer_of(request), at=clock.now(), intake_id=intake_id)
    messages.success(request, _("已放弃这次导入，上传的文件已删除。"))
    return redirect("projects:intakes", given_up.project_id)


# --- buckets ----------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@login_required
def storages(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """对象存储: the firm's buckets, and a form to connect another."""
    viewer = viewer_of(request)
    project = inside(viewer, project_id)
    viewer.require(CONNECT)
    form = StorageForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.connect(by=viewer, at=clock.now(), **form.cleaned_data)
        except Refusal as refusal:
            _refused(form, refusal)
        else:
            messages.success(request, _("已连接，可以在导入时选择它。"))
            return redirect("projects:storages", project_id)
    context = {**frame(viewer, project, "intakes"), "form": form, "storages": storages_visible_to(viewer)}
    return render(request, "intake/storages.html", context, status=422 if form.is_bound else 200)


@require_POST
@login_required
def end_storage(request: HttpRequest, storage_id: UUID) -> HttpResponse:
    """End a bucket's use."""
    services.disconnect(by=viewer_of(request), at=clock.now(), storage_id=storage_id)
    messages.success(request, _("已停用，密钥已删除。"))
    return redirect("projects:list")


# --- models -----------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@login_required
def predictors(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """预标注: the project's models, what they learnt, and a form to add one."""
    viewer = viewer_of(request)
    project = inside(viewer, project_id)
    form = PredictorForm(request.POST or None)
    if request.method == "POST":
        viewer.require(RUN)
        if form.is_valid():
            try:
                services.add_predictor(by=viewer, at=clock.now(), project_id=project_id, **form.cleaned_data)
            except Refusal as refusal:
                _refused(form, refusal)
            else:
                messages.success(request, _("模型已添加，可以运行了。"))
                return redirect("projects:predictors", project_id)
    rows = list(predictors_of(project))
    context = {
        **frame(viewer, project, "predictors"),
        "form": form,
        "predictors": rows,
        "faces": [face(job) for job in _running(rows)],
        "versions": list(versions_of(project)[:50]),
    }
    return render(request, "intake/predictors.html", context, status=422 if form.is_bound else 200)


def _running(rows: list[Any]) -> list[Job]:
    return [row.job for row in rows if row.job is not None and row.state == PredictorState.ACTIVE]


@require_POST
@login_required
def run(request: HttpRequest, predictor_id: UUID) -> HttpResponse:
    """Run a model now."""
    viewer = viewer_of(request)
    predictor = predictor_for(viewer, predictor_id)
    services.start_run(by=viewer, at=clock.now(), predictor_id=predictor_id)
    messages.success(request, _("模型正在运行，可以离开本页。"))
    return redirect("projects:predictors", predictor.project_id)


@require_POST
@login_required
def set_active(request: HttpRequest, predictor_id: UUID) -> HttpResponse:
    """Take a model out of use, or into use again."""
    viewer = viewer_of(request)
    predictor = predictor_for(viewer, predictor_id)
    is_active = request.POST.get("active") == "1"
    services.set_active(by=viewer, at=clock.now(), predictor_id=predictor_id, is_active=is_active)
    return redirect("projects:predictors", predictor.project_id)
