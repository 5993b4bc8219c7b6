"""Pages by which a lead steers the work: rework after a changed guideline, work statements, examples, questions."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from annotation.labelstudio.rules import parse_config
from annotation.projects import guidelines
from annotation.projects.pages import frame, shown_examples, viewer_of
from annotation.projects.selectors import (
    answers_of_project,
    examples_of,
    latest_guideline,
    may_run,
    project_for,
)
from annotation.projects.states import ProjectState, ReworkPayer
from annotation.work import printing, services
from annotation.work.forms import AskForm, ExampleForm, WageFloorForm
from annotation.work.models import Task
from annotation.work.pages import floor_facts, floor_where
from annotation.work.permissions import FLOOR_OWN, FLOOR_PLACE, FLOOR_VIEW, STATEMENT
from annotation.work.selectors import (
    PILOT_LEAST,
    FloorRow,
    floor_for,
    floors_visible_to,
    latest_change,
    latest_submission,
    statement_of,
    submissions_visible_to,
    task_for,
    touched_tasks,
)
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.money import Money
from organizations.permissions import Actor
from organizations.rules import place_choices
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact

# --- rework after a changed guideline -----------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@login_required
def rework(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """规范修改的影响: accepted results under older versions, what doing them again costs and who pays."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    if request.method == "POST":
        tasks = services.reopen_touched(by=viewer, at=clock.now(), project_id=project_id)
        messages.success(request, _("已重开 %(count)s 条，退回给原标注员。") % {"count": len(tasks)})
        return redirect("projects:rework", project_id)
    shared = frame(viewer, project, "guideline")
    if not shared["is_inside"]:
        raise NotFound
    change, touched = latest_change(project), touched_tasks(project)
    rows = Task.objects.filter(pk__in=touched).select_related("item", "annotator")
    again = 0 if change is None or change.rework_payer == ReworkPayer.NONE else project.task_price_fen
    page = paginate(rows, request.GET, order=("id",))
    context = {
        **shared,
        "change": change,
        "page": page,
        "lines": [(task, touched[task.pk]) for task in page.items],
        "count": len(touched),
        "facts": [
            Fact(_("受影响的已通过结果"), _("%(count)s 条") % {"count": f"{len(touched):,}"}),
            Fact(_("返工报酬"), change.get_rework_payer_display() if change else "--"),
            Fact(_("返工报酬合计"), Money(again * len(touched))),
        ],
    }
    context["may_reopen"] = bool(touched) and shared["may_run"] and project.state == ProjectState.IN_PROGRESS
    return render(request, "work/rework.html", context)


# --- the guideline beside the work --------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@login_required
def guideline(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """规范、示例与问答 for who works on a task, and a form to ask."""
    viewer = viewer_of(request)
    task = task_for(viewer, task_id)
    form = AskForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.ask(by=viewer, at=clock.now(), task_id=task_id, question=form.cleaned_data["question"])
        except InvalidInput as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("问题已提交，项目经理答复后所有标注员都能看到。"))
            return redirect("work:guideline", task_id)
    newest = latest_guideline(task.project)
    context = {
        "task": task,
        "guideline": newest,
        "examples": shown_examples(parse_config(task.project.labeling_config), examples_of(newest)),
        "questions": answers_of_project(task.project),
        "form": form,
    }
    return render(request, "work/guideline.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@login_required
def example(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """用作规范示例: the result that counts of a task becomes a right or wrong example."""
    viewer = viewer_of(request)
    task = task_for(viewer, task_id)
    if not may_run(viewer, task.project):
        raise NotFound
    submission = latest_submission(task)
    if submission is None or not submissions_visible_to(viewer, task).filter(pk=submission.pk).exists():
        raise NotFound
    form = ExampleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given: dict[str, Any] = form.cleaned_data
        try:
            guidelines.add_example(
                by=viewer, at=clock.now(), project_id=task.project_id, item_id=task.item_id,
                kind=given["kind"], result=submission.result, note=given["note"],
            )  # fmt: skip
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已加入现行规范的示例。"))
            return redirect("projects:guideline", task.project_id)
    context = {"task": task, "form": form}
    return render(request, "work/example.html", context, status=422 if form.is_bound else 200)


# --- work statement -----------------------------------------------------------------------------------


def _month(written: str) -> date:
    """The first day of a month written as 2026-03; of the present one when it is none."""
    try:
        first = date.fromisoformat(f"{written}-01")
    except ValueError:
        first = date.min
    is_sound = 2000 < first.year < 2099
    return first if is_sound else clock.business_date(clock.now()).replace(day=1)


@require_GET
@login_required
def statement(request: HttpRequest) -> HttpResponse:
    """作业结算单: who did what in a month, for the whole firm; as a page, PDF or CSV."""
    viewer = viewer_of(request)
    viewer.require(STATEMENT)
    first = _month(request.GET.get("month", ""))
    until = (first + timedelta(days=31)).replace(day=1)
    lines = statement_of(viewer, first, until)
    if request.GET.get("format") == "csv":
        return _statement_csv(lines, first)
    if request.GET.get("format") == "pdf" and viewer.organization is not None:
        today = clock.business_date(clock.now())
        sheet = printing.statement_pdf(viewer.organization, lines, first, until, today=today)
        answer = HttpResponse(sheet, content_type="application/pdf")
        answer["Content-Disposition"] = f'inline; filename="work-statement-{first:%Y-%m}.pdf"'
        return answer
    context = {
        "lines": lines,
        "month": f"{first:%Y-%m}",
        "before": f"{first - timedelta(days=1):%Y-%m}",
        "after": f"{until:%Y-%m}",
        "facts": [
            Fact(_("通过任务"), _("%(count)s 条") % {"count": f"{sum(line.task_count for line in lines):,}"}),
            Fact(_("报酬合计"), Money(sum(line.amount_fen for line in lines))),
            Fact(_("其中返工报酬，标注企业承担"), Money(sum(line.rework_firm_fen for line in lines))),
            Fact(_("其中返工报酬，委托方承担"), Money(sum(line.rework_client_fen for line in lines))),
        ],
        "csv_url": f"{reverse('work:statement')}?month={first:%Y-%m}&format=csv",
        "pdf_url": f"{reverse('work:statement')}?month={first:%Y-%m}&format=pdf",
    }
    return render(request, "work/statement.html", context)


def _statement_csv(lines: Any, first: date) -> HttpResponse:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(
        [
            _("标注员"), _("项目编号"), _("项目名称"), _("通过条数"), _("小时"), _("报酬（元）"),
            _("返工报酬，标注企业承担（元）"), _("返工报酬，委托方承担（元）"),
        ]
    )  # fmt: skip
    for line in lines:
        writer.writerow(
            [
                _plain(line.annotator), line.project_number, _plain(line.project_title), line.task_count,
                line.hours, Money(line.amount_fen).yuan, Money(line.rework_firm_fen).yuan,
                Money(line.rework_client_fen).yuan,
            ]
        )  # fmt: skip
    answer = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="work-statement-{first:%Y-%m}.csv"'
    return answer


def _plain(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


# --- wage floors --------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@login_required
def wage_floors(request: HttpRequest) -> HttpResponse:
    """小时工资下限: what an hour should earn at least, where and since when, on what it rests, and who set it."""
    viewer = viewer_of(request)
    viewer.require(FLOOR_VIEW)
    form = WageFloorForm(
        request.POST if request.method == "POST" else None,
        places=place_choices() if viewer.can(FLOOR_PLACE) else [],
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.set_wage_floor(by=viewer, at=clock.now(), **form.cleaned_data)
        except InvalidInput as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已设定。之后发布的项目按它核对。"))
            return redirect("work:wage_floors")
    context = {
        "form": form,
        "may_set": viewer.can(FLOOR_PLACE) or viewer.can(FLOOR_OWN),
        "sets_places": viewer.can(FLOOR_PLACE),
        "floors": [_floor_line(row) for row in floors_visible_to(viewer)],
        "least": PILOT_LEAST,
        **_floor_in_force(viewer),
    }
    return render(request, "work/wage_floors.html", context, status=422 if form.is_bound else 200)


def _floor_line(row: FloorRow) -> dict[str, Any]:
    return {"floor": row.floor, "setting": row.setting, "where": floor_where(row.floor)}


def _floor_in_force(viewer: Actor) -> dict[str, Any]:
    """What counts today for the firm that the viewer acts for; nothing for others."""
    if viewer.organization is None or not viewer.can(STATEMENT):
        return {}
    floor = floor_for(viewer.organization, clock.business_date(clock.now()))
    return {"present": floor, "present_facts": floor_facts(floor)}
