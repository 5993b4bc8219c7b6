"""Pages of annotation work: my tasks, the labelling page, the review queue, and a project's task tabs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.labelstudio.rules import parse_config
from annotation.labelstudio.showing import answers_of, pieces_of, shapes_of, texts_of, tones_of
from annotation.projects import services as project_services
from annotation.projects.forms import ReasonForm
from annotation.projects.models import Item, Project
from annotation.projects.pages import frame, viewer_of
from annotation.projects.selectors import (
    batches_of,
    latest_guideline,
    may_run,
    project_for,
    projects_visible_to,
    sees_inside,
)
from annotation.projects.states import ProjectState
from annotation.work import services
from annotation.work.forms import AnswerForm, AssignForm, ReviewForm
from annotation.work.models import KeptAnswer, Task
from annotation.work.permissions import ASSIGN, FLOOR_VIEW, LABEL, REVIEW
from annotation.work.rules import cumulative, forecast, percent, task_fields
from annotation.work.selectors import (
    FOR_REVIEW,
    IN_HAND,
    WORKABLE,
    Progress,
    annotators_of,
    handbacks_of,
    history_visible_to,
    judges_blind,
    kept_answers_of,
    label_counts,
    lapsed_from,
    members_of,
    my_paces,
    my_tasks,
    next_in_hand,
    offers_for,
    paces_of,
    pilot_of,
    progress_of,
    returned_because,
    review_queue,
    reviewers_of,
    starting_result,
    submissions_visible_to,
    task_for,
    tasks_visible_to,
)
from annotation.work.shown import moment_of, shown_note
from annotation.work.states import TaskState
from annotation.work.wages import WageFloor
from documents import objects
from kernel import clock
from kernel.errors import InvalidInput, NotFound
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from organizations.rules import place_name
from web import charts
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.middleware import allow_styles
from web.paging import paginate
from web.parts import Fact, Kpi, Link, Portion, Stage

EDITOR_STYLES = (
    "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",  # empty, then filled rule by rule
    "sha256-DOu86drLfwUr1Wcsx/wxfqAogK7tFvJGjVmF/300H/M=",  # its watch on the size of the image
)
"""The style blocks that the editor puts into the page (docs/adr/0020)."""

# --- what is shown of an item and a result ------------------------------------------------------------


def _image_address(item: Item) -> str:
    if item.text or not item.media_type.startswith("image/"):
        return ""
    return objects.signed_link(item.object_key, file_name=item.name, media_type=item.media_type, inline=True)


def _shown(task: Task, result: Sequence[dict[str, Any]]) -> dict[str, Any]:
    config = parse_config(task.project.labeling_config)
    return {
        "config": config,
        "image_url": _image_address(task.item),
        "texts": (texts := texts_of(config, task_fields(config, task.item))),
        "pieces": pieces_of(config, task.item.text, result) if task.item.text and not texts else [],
        "shapes": shapes_of(config, result),
        "answers": answers_of(config, result),
        "tones": [(label, tone) for label, tone in tones_of(config).items()],
    }


# --- the annotator ------------------------------------------------------------------------------------


@require_GET
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """我的任务: what is in hand, what came back, what waits, and where more can be claimed."""
    viewer = viewer_of(request)
    viewer.require(LABEL)
    groups: list[tuple[str, str, tuple[str, ...]]] = [
        ("", _("待处理"), IN_HAND),
        ("review", _("待质检"), FOR_REVIEW),
        ("accepted", _("已通过"), (TaskState.ACCEPTED,)),
    ]
    wanted = request.GET.get("show", "")
    states = next((found for key, _label, found in groups if key == wanted), IN_HAND)
    chips = [
        Link(label, f"?show={key}" if key else request.path, is_current=key == wanted)
        for key, label, _states in groups
    ]
    chips.append(Link(_("未计入"), reverse("work:handbacks")))
    page = paginate(my_tasks(viewer).filter(state__in=states), request.GET, order=("-state", "id"))
    context = {
        "page": page,
        "chips": chips,
        "offers": offers_for(viewer),
        "show": wanted,
        "paces": my_paces(viewer),
    }
    return page_or_fragment(request, "work/mine.html", "work/mine_rows.html", context)


@require_POST
@login_required
def claim(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Take the next task of a project, or go on with the one in hand."""
    task = services.claim_task(by=viewer_of(request), at=clock.now(), project_id=project_id)
    return redirect("work:task", task.pk)


@require_http_methods(["GET", "POST"])
@login_required
def task_page(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """One task: the labelling form for who holds it, the result and its reviews for the others."""
    viewer = viewer_of(request)
    if (lapsed := lapsed_from(viewer, task_id)) and lapsed.annotator_id != viewer.user_id:
        return _after_lapse(request, viewer, lapsed)
    task = task_for(viewer, task_id)
    if request.method == "POST" or _may_label(viewer, task):
        return _labelling(request, viewer, task)
    return _reading(request, viewer, task, ReviewForm())


def _after_lapse(request: HttpRequest, viewer: Actor, task: Task) -> HttpResponse:
    """The time for a task was over: an answer that comes now counts if the task is still free, or is kept."""
    if request.method == "POST" and "more" not in request.POST:
        return _labelling(request, viewer, task)
    messages.info(request, _("这条任务的领取时限已过，已放回待领取的任务。"))
    return redirect("work:handbacks")


def _may_label(viewer: Actor, task: Task) -> bool:
    is_theirs = viewer.can(LABEL) and task.annotator_id == viewer.user_id
    return is_theirs and task.state in IN_HAND and task.project.state in WORKABLE


def _may_review(viewer: Actor, task: Task) -> bool:
    return task.state in FOR_REVIEW and review_queue(viewer).filter(pk=task.pk).exists()


def _labelling(request: HttpRequest, viewer: Actor, task: Task) -> HttpResponse:
    config = parse_config(task.project.labeling_config)
    form = AnswerForm(config, task.item)
    start = starting_result(task)
    problems: list[str] = []
    if request.method == "POST":
        form.fill_from_post(request.POST)
        if "more" in request.POST:
            form.add_spare_rows()
        else:
            result = form.result()
            problems = form.problems
            if not problems:
                try:
                    note = moment_of(viewer, task.pk, request.POST.get("shown", ""))
                    services.submit(by=viewer, at=clock.now(), task_id=task.pk, result=result, shown_at=note)
                except services.ResultRefused as refusal:
                    problems = refusal.reasons
                except services.LeaseLost as refusal:
                    messages.error(request, str(refusal))
                    return redirect("work:handbacks")
                else:
                    return _after_submission(request, viewer, task)
            form.add_spare_rows()
    else:
        form.fill_from_result(start.result)
    context = {
        **_shown(task, []),
        "task": task,
        "form": form,
        "start": start,
        "problems": problems,
        "because": returned_because(task),
        "guideline": latest_guideline(task.project),
        "shown": request.POST.get("shown") or shown_note(viewer, task.pk),
        "editor": settings.EDITOR_PATH if settings.HAS_EDITOR else "",
    }
    response = render(request, "work/labelling.html", context, status=422 if problems else 200)
    allow_styles(response, EDITOR_STYLES if settings.HAS_EDITOR else ())
    return response


@require_POST
@login_required
def draft(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """保存草稿: the form as far as it is filled in; JSON for the page's script."""
    viewer = viewer_of(request)
    task = task_for(viewer, task_id)
    form = AnswerForm(parse_config(task.project.labeling_config), task.item)
    form.fill_from_post(request.POST)
    revision = request.POST.get("revision", "")
    if not (revision.isascii() and revision.isdigit() and len(revision) < 10):
        raise InvalidInput(field="revision", reason=_("草稿的版本号无效，请重新打开任务。"))
    is_script = request.headers.get("Accept", "") == "application/json"
    try:
        kept = services.save_draft(
            by=viewer, at=clock.now(), task_id=task_id, result=form.result(), revision=int(revision)
        )
    except services.StaleDraft as refusal:
        if not is_script:
            raise
        newest = refusal.draft.revision if refusal.draft else 0
        return JsonResponse({"detail": str(refusal), "draft": {"revision": newest}}, status=refusal.status)
    if is_script:
        return JsonResponse({"revision": kept.revision, "saved_at": kept.saved_at})
    messages.success(request, _("草稿已保存，可以稍后继续。"))
    return redirect("work:task", task_id)


def _after_submission(request: HttpRequest, viewer: Actor, task: Task) -> HttpResponse:
    messages.success(request, _("已提交第 %(number)s 条，等待质检。") % {"number": task.item.ordinal})
    following = next_in_hand(viewer, task.project_id)
    return redirect("work:task", following.pk) if following else redirect("work:mine")


def _reading(
    request: HttpRequest, viewer: Actor, task: Task, form: ReviewForm, status: int = 200
) -> HttpResponse:
    submissions = list(submissions_visible_to(viewer, task))
    result = submissions[-1].result if submissions else []
    is_mine = task.annotator_id == viewer.user_id
    is_ours = viewer.belongs_to(task.project.firm_id)
    context = {
        **_shown(task, result),
        "task": task,
        "submissions": submissions,
        "history": list(history_visible_to(viewer, task)),
        "form": form,
        "may_review": _may_review(viewer, task),
        "may_take": task.state == TaskState.SUBMITTED and _may_review(viewer, task),
        "has_taken": task.state == TaskState.IN_REVIEW and task.reviewer_id == viewer.user_id,
        "is_blind": judges_blind(viewer, task),
        "may_example": bool(submissions) and may_run(viewer, task.project),
        "may_reassign": task.state == TaskState.RETURNED
        and (is_mine or viewer.can(ASSIGN))
        and is_ours
        and task.project.state in WORKABLE,
        "may_reopen": task.state == TaskState.ACCEPTED
        and task.project.state == ProjectState.IN_PROGRESS
        and viewer.can(REVIEW)
        and is_ours
        and not is_mine,
        "may_release": task.state == TaskState.ASSIGNED and viewer.can(ASSIGN) and is_ours,
        "is_inside": sees_inside(viewer, task.project),
        "sees_project": projects_visible_to(viewer).filter(pk=task.project_id).exists(),
        "guideline": latest_guideline(task.project),
    }
    return render(request, "work/task.html", context, status=status)


def _with_reason(request: HttpRequest, task_id: UUID, service: Any, done: str) -> HttpResponse:
    """Ask why, then do it: one page for skip, dispute and reopen."""
    viewer = viewer_of(request)
    task = task_for(viewer, task_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        service(by=viewer, at=clock.now(), task_id=task_id, reason=form.cleaned_data["reason"])
        messages.success(request, done)
        return redirect("work:mine" if viewer.can(LABEL) else "work:reviews")
    context = {
        "task": task,
        "form": form,
        "what": request.resolver_match.url_name if request.resolver_match else "",
    }
    return render(request, "work/reason.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@login_required
def skip(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """跳过: the task cannot be labelled."""
    return _with_reason(request, task_id, services.skip, _("已跳过，项目经理会处理。"))


@require_http_methods(["GET", "POST"])
@login_required
def dispute(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """申诉: contest a return."""
    return _with_reason(request, task_id, services.dispute, _("已提交申诉，由另一位质检员复核。"))


@require_http_methods(["GET", "POST"])
@login_required
def reopen(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """复检退回: an accepted task was wrong after all."""
    return _with_reason(request, task_id, services.reopen, _("已退回给原标注员。"))


@require_http_methods(["GET", "POST"])
@login_required
def reassign(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """转交他人: somebody else does a returned task anew."""
    return _with_reason(request, task_id, services.reassign, _("已转交，任务回到待领取。"))


@require_GET
@login_required
def handbacks(request: HttpRequest) -> HttpResponse:
    """未计入: tasks that left the viewer's hand, why, and answers that came too late."""
    viewer = viewer_of(request)
    viewer.require(LABEL)
    context = {
        "page": paginate(handbacks_of(viewer), request.GET, order=("-id",)),
        "kept": [(each, _answers_of(each)) for each in kept_answers_of(viewer)[:20]],
    }
    return page_or_fragment(request, "work/handbacks.html", "work/handbacks_rows.html", context)


def _answers_of(kept: KeptAnswer) -> str:
    return json.dumps(kept.result, ensure_ascii=False, indent=1)


@require_POST
@login_required
def release(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """释放: the task goes back among the unassigned ones."""
    task = services.release(by=viewer_of(request), at=clock.now(), task_id=task_id)
    messages.success(request, _("任务已收回，可以重新分配。"))
    return redirect("projects:tasks", task.project_id)


# --- the reviewer -------------------------------------------------------------------------------------


@require_GET
@login_required
def reviews(request: HttpRequest) -> HttpResponse:
    """质检队列: results that wait for the viewer, the oldest first."""
    viewer = viewer_of(request)
    viewer.require(REVIEW)
    page = paginate(review_queue(viewer), request.GET, order=("id",))
    context = {"page": page, "first": page.items[0] if page.items else None}
    return page_or_fragment(request, "work/reviews.html", "work/reviews_rows.html", context)


@require_POST
@login_required
def take_next(request: HttpRequest) -> HttpResponse:
    """领取质检: the oldest result that waits, taken so that nobody else reviews it meanwhile."""
    task = services.take_next(by=viewer_of(request), at=clock.now())
    return redirect("work:task", task.pk)


@require_POST
@login_required
def take(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """领取这一条."""
    task = services.take(by=viewer_of(request), at=clock.now(), task_id=task_id)
    return redirect("work:task", task.pk)


@require_POST
@login_required
def put_back(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """放回质检队列."""
    services.put_back(by=viewer_of(request), at=clock.now(), task_id=task_id)
    messages.success(request, _("已放回质检队列。"))
    return redirect("work:reviews")


@require_POST
@login_required
def review(request: HttpRequest, task_id: UUID) -> HttpResponse:
    """Accept or return; then on to the next result of the same project."""
    viewer = viewer_of(request)
    task = task_for(viewer, task_id)
    form = ReviewForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            services.review(
                by=viewer, at=clock.now(), task_id=task_id, verdict=given["verdict"], comment=given["comment"]
            )
        except InvalidInput as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("第 %(number)s 条的结论已记录。") % {"number": task.item.ordinal})
            return _next_review(viewer, task.project_id)
    return _reading(request, viewer, task, form, status=422)


def _next_review(viewer: Actor, project_id: UUID) -> HttpResponse:
    try:
        following = services.take_next(by=viewer, at=clock.now(), project_id=project_id)
    except services.NothingToReview:
        return redirect("work:reviews")
    return redirect("work:task", following.pk)


# --- the tabs of a project ----------------------------------------------------------------------------


def _progress_kpis(project: Project, progress: Progress, today: date, *, is_inside: bool) -> list[Kpi]:
    total, accepted = progress.total, progress.accepted
    kpis = [
        Kpi(
            _("总进度"),
            percent(accepted, total),
            _("%(done)s / %(total)s 条") % {"done": f"{accepted:,}", "total": f"{total:,}"},
            share=accepted * 100 // total if total else 0,
        ),
        Kpi(
            _("今日通过"),
            f"{progress.accepted_per_day.get(today, 0):,}",
            hint=_("昨日 %(count)s")
            % {"count": f"{progress.accepted_per_day.get(today - timedelta(days=1), 0):,}"},
        ),
        Kpi(
            _("质检合格率"),
            percent(progress.passed, progress.reviewed),
            hint=_("已质检 %(count)s 次") % {"count": f"{progress.reviewed:,}"},
        ),
    ]
    if is_inside:
        price = _("单条 %(price)s") % {"price": Money(project.task_price_fen)}
        kpis.append(Kpi(_("应付报酬"), str(Money(progress.payable_fen)), hint=price))
    return kpis


def _burn_up(project: Project, progress: Progress, today: date) -> dict[str, Any]:
    """The chart of work done against the plan, and the sentence about its end."""
    if project.opened_at is None:
        return {}
    first = min([clock.business_date(project.opened_at), *progress.accepted_per_day])
    is_over = project.state not in WORKABLE
    if is_over and project.delivered_at:
        today = clock.business_date(project.delivered_at)
    today = max(today, first)
    foreseen = forecast(
        progress.accepted_per_day, total=progress.total, first=first, today=today, due_on=project.due_on
    )
    until = max([today, *filter(None, [project.due_on, foreseen.ends_on if foreseen else None])])
    actual = cumulative(progress.accepted_per_day, first, today)
    burn = charts.Burn(
        plan=[(0, 0), ((project.due_on - first).days, progress.total)]
        if project.due_on and project.due_on > first
        else [],
        actual=actual,
        forecast=[actual[-1], ((foreseen.ends_on - first).days, progress.total)]
        if foreseen and not is_over
        else [],
    )
    length = max((until - first).days, 1)
    marks = sorted({length * quarter // 4 for quarter in range(5)})
    due = (project.due_on - first).days if project.due_on else None
    chart = charts.burn_up(
        burn,
        progress.total,
        title=_("完成量与计划"),
        days=[(mark, f"{first + timedelta(days=mark):%m-%d}") for mark in marks],
        today=_("今天 %(count)s") % {"count": f"{progress.accepted:,}"},
        deadline=(due, _("约定交付 %(day)s") % {"day": f"{project.due_on:%m-%d}"})
        if due is not None and due > 0 and project.due_on
        else None,
        description=_("已通过 %(done)s / %(total)s 条")
        % {"done": progress.accepted, "total": progress.total},
    )
    return {"chart": chart, "forecast": foreseen if foreseen and not is_over else None}


def _portions(project: Project, progress: Progress) -> list[Portion]:
    address = reverse("projects:tasks", args=[project.pk])
    rows: list[tuple[str, str, tuple[str, ...]]] = [
        (_("已通过"), "green", (TaskState.ACCEPTED,)),
        (_("待质检"), "blue", FOR_REVIEW),
        (_("返工"), "amber", (TaskState.RETURNED,)),
        (_("标注中"), "light", (TaskState.ASSIGNED,)),
        (_("待分配"), "neutral", (TaskState.READY, TaskState.SKIPPED)),
    ]
    return [
        Portion(label, progress.count(*states), tone, f"{address}?state={states[0]}")
        for label, tone, states in rows
    ]


def _set_up(project: Project) -> list[Stage]:
    """What a draft still needs."""
    steps = [
        (_("标注配置"), True, _("已通过 Label Studio 校验")),
        (_("标注规范"), latest_guideline(project) is not None, _("至少一版")),
        (_("原始数据"), project.items.exists(), _("至少一条")),
        (_("发布项目"), False, _("每条数据生成一条任务")),
    ]
    found, is_reached = [], False
    for label, is_done, detail in steps:
        state = "done" if is_done else ("ahead" if is_reached else "current")
        is_reached = is_reached or not is_done
        found.append(Stage(label, detail, state))
    return found


@require_GET
@login_required
def overview(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """概况: progress, burn-up, where tasks stand, who works, what needs doing."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    today = clock.business_date(clock.now())
    shared = frame(viewer, project, "detail")
    progress = progress_of(project)
    context = {
        **shared,
        **_burn_up(project, progress, today),
        "progress": progress,
        "stages": _set_up(project) if project.state == ProjectState.DRAFT else [],
        **_pay(project, today, is_inside=shared["is_inside"]),
        "kpis": _progress_kpis(project, progress, today, is_inside=shared["is_inside"]),
        "may_see_floors": viewer.can(FLOOR_VIEW),
        "portions": _portions(project, progress),
        "members": _member_lines(project, today)[:5] if shared["is_inside"] else [],
        "review_count": progress.count(*FOR_REVIEW) if viewer.can(REVIEW) and shared["is_inside"] else 0,
        "history": list(Transition.objects.filter(subject_id=project.pk).order_by("at", "pk")),
    }
    return render(request, "work/overview.html", context)


def _pay(project: Project, today: date, *, is_inside: bool) -> dict[str, Any]:
    """What a pilot says of an hour at the project's pay, for its firm while it is set up or worked on."""
    if not is_inside or project.state not in (ProjectState.DRAFT, *WORKABLE):
        return {}
    pilot = pilot_of(project, today)
    if pilot is None:
        return {}
    facts = [
        Fact(_("试标条数"), f"{pilot.task_count:,}"),
        Fact(_("每条中位用时"), _("%(count)s 秒") % {"count": pilot.median_seconds}),
        Fact(_("折合每小时"), Money(pilot.hourly_fen)),
        *floor_facts(pilot.floor),
    ]
    return {"pilot": pilot, "pilot_facts": facts}


def floor_where(floor: WageFloor) -> str:
    """Where a wage floor holds, in words."""
    return place_name(floor.place) if floor.place else _("本单位")


def floor_facts(floor: WageFloor) -> list[Fact]:
    """A wage floor as a parameter: where, how much of what unit, since when, by which document and article."""
    return [
        Fact(_("下限（每小时）"), floor.hourly),
        Fact(_("适用于"), floor_where(floor)),
        Fact(_("起始日"), f"{floor.effective_from:%Y-%m-%d}"),
        Fact(_("依据文件"), floor.source),
        Fact(_("文号或条款"), floor.notice or "--"),
        Fact(_("适用性"), _("待确认") if floor.is_assumption else _("已与公布文件核对")),
    ]


def _member_lines(project: Project, today: date) -> list[dict[str, Any]]:
    paces = paces_of([project.pk])
    return [
        {
            "member": member,
            "pace": paces.get(member.user.pk),
            "rate": percent(member.passed, member.reviewed),
            "spark": charts.sparkline(member.recent, title=_("近 7 日提交")),
        }
        for member in members_of(project, today)
    ]


@require_GET
@login_required
def tasks(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """任务: every task of the project that the viewer may see."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    rows = tasks_visible_to(viewer).filter(project=project)
    state = request.GET.get("state", "")
    if state in TaskState.values:
        rows = rows.filter(state=state)
    context = {
        **frame(viewer, project, "tasks"),
        "page": paginate(rows, request.GET, order=("id",)),
        "state": state,
        "states": TaskState.choices,
    }
    return page_or_fragment(request, "work/project_tasks.html", "work/project_tasks_rows.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def members(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """成员: who did how much and what it pays; hand out tasks."""
    viewer = viewer_of(request)
    project = project_for(viewer, project_id)
    form = AssignForm(request.POST or None, annotators=annotators_of(project.firm_id))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            handed = services.assign_tasks(
                by=viewer,
                at=clock.now(),
                project_id=project_id,
                annotator_id=UUID(given["annotator"]),
                count=given["count"],
            )
        except (InvalidInput, services.NothingReady) as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已分配 %(count)s 条任务。") % {"count": len(handed)})
            return redirect("projects:members", project_id)
    shared = frame(viewer, project, "members")
    if not shared["is_inside"]:
        raise NotFound
    progress = progress_of(project)
    context = {
        **shared,
        "form": form,
        "lines": _member_lines(project, clock.business_date(clock.now())),
        "pace": paces_of([project.pk]).get(None),
        "reviewers": reviewers_of(project),
        "waiting_count": progress.count(TaskState.READY, TaskState.SKIPPED),
        "may_assign": viewer.can(ASSIGN) and viewer.belongs_to(project.firm_id) and project.state in WORKABLE,
    }
    return render(request, "work/members.html", context, status=422 if form.is_bound else 200)


@require_GET
@login_required
def delivery(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """交付与验收: what is handed over, and the verdict on it."""
    return _delivery(request, viewer_of(request), project_id, ReasonForm())


@require_POST
@login_required
def send_back(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """退回返工, with the reason and the items ticked."""
    viewer = viewer_of(request)
    form = ReasonForm(request.POST)
    if form.is_valid():
        try:
            project_services.send_back(
                by=viewer,
                at=clock.now(),
                project_id=project_id,
                reason=form.cleaned_data["reason"],
                item_ids=_ids(request.POST.getlist("item")),
            )
        except InvalidInput as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已退回返工。"))
            return redirect("projects:detail", project_id)
    return _delivery(request, viewer, project_id, form, status=422)


def _ids(written: Sequence[str]) -> list[UUID]:
    try:
        return [UUID(one) for one in written]
    except ValueError as wrong:
        raise InvalidInput(field="item_ids", reason=_("所选数据不属于这个项目。")) from wrong


def _delivery(
    request: HttpRequest, viewer: Actor, project_id: UUID, form: ReasonForm, status: int = 200
) -> HttpResponse:
    project = project_for(viewer, project_id)
    progress = progress_of(project)
    counted = label_counts(project)
    bars = [charts.Bar(label, count) for label, count in counted[:20]]
    results = tasks_visible_to(viewer).filter(project=project, state=TaskState.ACCEPTED)
    context = {
        **frame(viewer, project, "delivery"),
        "progress": progress,
        "facts": [
            Fact(_("通过质检"), _("%(count)s 条") % {"count": f"{progress.accepted:,}"}),
            Fact(_("跳过"), _("%(count)s 条") % {"count": f"{progress.count(TaskState.SKIPPED):,}"}),
            Fact(_("未完成"), _("%(count)s 条") % {"count": f"{progress.unfinished:,}"}),
            Fact(_("质检合格率"), percent(progress.passed, progress.reviewed)),
            Fact(_("原始数据批次"), batches_of(project).count()),
        ],
        "labels": charts.distribution(bars, title=_("标签分布")) if bars else "",
        "results": paginate(results, request.GET, order=("id",), size=10),
        "form": form,
    }
    context["may_deliver"] = context["may_run"] and project.state == ProjectState.IN_PROGRESS
    context["awaits_verdict"] = project.state == ProjectState.DELIVERED
    return render(request, "work/delivery.html", context, status=status)
