"""Pages of annotation quality: a project's board, its gold, people, adjudication and plan; a worker's own figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.labelstudio.kinds import RELATION
from annotation.labelstudio.rules import parse_config
from annotation.labelstudio.showing import answers_of, pieces_of, shapes_of, texts_of
from annotation.projects.models import Item, Project
from annotation.projects.pages import frame, viewer_of
from annotation.quality import services
from annotation.quality.answers import Result
from annotation.quality.forecast import BurnUp, burn_up
from annotation.quality.forms import (
    AdjudicateForm,
    AnswerForm,
    CorrectForm,
    GoldForm,
    GoldImportForm,
    PlanForm,
    ReasonForm,
    TakeForm,
)
from annotation.quality.models import Consensus, Measurement, Qualification
from annotation.quality.scoring import WHOLE
from annotation.quality.selectors import (
    Checked,
    accuracy_of,
    answers_behind,
    consensus_visible_to,
    gold_of_item,
    gold_visible_to,
    latest_measurement,
    may_keep,
    may_see_gold,
    my_checked,
    my_outcome,
    my_outcomes,
    my_standings,
    open_contests,
    people_of,
    plan_of,
    qualifications_visible_to,
    quality_project,
    to_adjudicate,
)
from annotation.quality.skill import SPEED_NOTE, Decision
from annotation.quality.states import QUALIFICATION
from annotation.work.permissions import LABEL
from annotation.work.rules import cumulative, task_fields
from annotation.work.selectors import Progress, progress_of
from documents import objects
from kernel import clock
from kernel.errors import NotFound, Refusal
from organizations.permissions import Actor
from web import charts
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Kpi, Link

SHOWN_PAIRS = 8
LEAD_MOVES = ("stop", "uphold", "reinstate", "readmit")


def percent(value: float | None) -> str:
    """0.934 → 93.4%; `--` of nothing."""
    return "--" if value is None else f"{int(value * 1000 + 1e-6) / 10:g}%"


def shown(item: Item, project: Project, result: Result) -> dict[str, Any]:
    """An item with a result over it, as `quality/shown.html` shows it."""
    config = parse_config(project.labeling_config)
    is_image = not item.text and item.media_type.startswith("image/")
    texts = texts_of(config, task_fields(config, item))
    regions = [dict(region) for region in result]
    return {
        "item": item,
        "image_url": objects.signed_link(
            item.object_key, file_name=item.name, media_type=item.media_type, inline=True
        )
        if is_image
        else "",
        "texts": texts,
        "pieces": pieces_of(config, item.text, regions) if item.text and not texts else [],
        "shapes": shapes_of(config, regions),
        "answers": answers_of(config, regions),
    }


def _frame(viewer: Actor, project: Project, current: str) -> dict[str, Any]:
    shared = frame(viewer, project, "quality")
    keeps, sees = may_keep(viewer, project), may_see_gold(viewer, project)
    sections = [
        ("quality", _("质量看板"), True),
        ("quality_people", _("资格与能力"), True),
        ("quality_gold", _("标准答案"), sees),
        ("quality_adjudication", _("裁定"), True),
        ("quality_plan", _("质检题方案"), sees),
    ]
    return {
        **shared,
        "keeps": keeps,
        "sections": [
            Link(label, reverse(f"projects:{name}", args=[project.pk]), is_current=name == current)
            for name, label, is_open in sections
            if is_open
        ],
    }


# --- the board ----------------------------------------------------------------------------------------


@require_GET
@login_required
def board(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """质量看板: how far people agree, who is right how often, what is confused, whether it will be done in time."""
    viewer = viewer_of(request)
    project = quality_project(viewer, project_id)
    found = latest_measurement(project.pk)
    progress = progress_of(project)
    today = clock.business_date(clock.now())
    waiting = to_adjudicate(project.pk).count()
    context = {
        **_frame(viewer, project, "quality"),
        **_forecast(project, progress, today),
        "measurement": found,
        "waiting": waiting,
        "kpis": _kpis(found, waiting),
        "controls": [_control(each, _names(found)) for each in found.facts["controls"]] if found else [],
        "drifting": _drifting(found) if found else [],
        "contest_count": open_contests(project.pk).count() if may_see_gold(viewer, project) else 0,
        "speed_note": SPEED_NOTE,
        "lines": _lines(found)[:12] if found else [],
    }
    return render(request, "quality/board.html", context)


def _names(found: Measurement | None) -> list[str]:
    if found is None:
        return []
    people = people_of(found.facts["workers"])
    return [str(people[one]) if one in people else "--" for one in found.facts["workers"]]


def _main(found: Measurement) -> Mapping[str, Any]:
    controls = found.facts["controls"]
    return next((each for each in controls if each["value"] is not None), controls[0] if controls else {})


def _kpis(found: Measurement | None, waiting: int) -> list[Kpi]:
    if found is None:
        return []
    main, people = _main(found), found.facts["people"]
    right, asked = sum(row["gold_right"] for row in people), sum(row["gold_count"] for row in people)
    value = main.get("value")
    drifting = sum(row["drift_at"] is not None for row in people)
    name = _("一致率 α") if main.get("measure") == "alpha" else _("一致率 F1")
    between = _("95%% 区间 %(low)s–%(high)s") % {
        "low": _figure(main.get("low")),
        "high": _figure(main.get("high")),
    }
    return [
        Kpi(name, _figure(value), hint=between if value is not None else _("还没有多人标注的条目")),
        Kpi(
            _("质检题通过"),
            percent(right / asked if asked else None),
            hint=_("%(right)s / %(asked)s 次") % {"right": right, "asked": asked},
        ),
        Kpi(
            _("多人标注"),
            f"{found.facts['items']:,}",
            hint=_("%(count)s 份结果") % {"count": f"{found.facts['judgements']:,}"},
        ),
        Kpi(_("待裁定"), f"{waiting:,}", tone="warn" if waiting else "", hint=_("把握不足，由人确定")),
        Kpi(_("能力下降"), drifting, tone="warn" if drifting else "", hint=_("CUSUM 预警，供查看")),
    ]


def _figure(value: float | None) -> str:
    return "--" if value is None else f"{value:.2f}"


def _control(told: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """One question's heat map, labels, confused pairs and course, ready to be shown."""
    shown_names = list(names[:SHOWN_PAIRS])
    is_alpha = told["measure"] == "alpha"
    hundredths = [
        [None if value is None else max(int(value * 100 + 1e-6), 0) for value in row[:SHOWN_PAIRS]]
        for row in told["pairs"][:SHOWN_PAIRS]
    ]
    said = "；".join(
        f"{shown_names[one]} × {shown_names[other]} {_figure(told['pairs'][one][other])}"
        for one in range(len(shown_names))
        for other in range(one)
    )
    bars = [
        charts.Bar(
            f"{pair['first']} → {pair['second']}", round(pair["count"] * 10), percent(pair["share"]), "amber"
        )
        for pair in told["confused"]
    ]
    return {
        **told,
        "title": told["title"] if told["kind"] != RELATION else _("关系"),
        "is_alpha": is_alpha,
        "figure": _figure(told["value"]),
        "low": _figure(told["low"]),
        "high": _figure(told["high"]),
        "fleiss": _figure(told["fleiss"]),
        "map": charts.heatmap(
            shown_names,
            hundredths,
            title=_("两两一致率"),
            description=said,
            none_label=_("没有共同条目"),
            low=40,
            width=300,
            label_width=84,
        )
        if len(shown_names) > 1
        else "",
        "confused": charts.distribution(
            bars,
            title=_("混淆最多的标签"),
            show=lambda tenths: f"{tenths / 10:g}",
            width=320,
            label_width=120,
        )
        if bars
        else "",
        "label_lines": [
            {
                "label": each["label"] or _("（未选）"),
                "figure": _figure(each["value"]),
                "count": each["count"],
            }
            for each in told["labels"]
        ],
        "course": [
            {"day": date(1970, 1, 1) + timedelta(days=int(each["day"])), "figure": _figure(each["value"])}
            for each in told["over_time"]
        ],
    }


def _lines(found: Measurement) -> list[dict[str, Any]]:
    """Everybody's accuracy as an interval, never a bare rank; names in alphabetical order of the alphabet."""
    rows = found.facts["people"]
    people = people_of([row["worker"] for row in rows])
    notes = {Decision.REJECT: _("低于要求"), Decision.ACCEPT: _("达到要求"), Decision.CONTINUE: _("尚难判断")}
    lines = [
        {
            **row,
            "user": people.get(row["worker"]),
            "accuracy": percent(row["mean"]),
            "between": f"{percent(row['low'])}–{percent(row['high'])}" if row["low"] is not None else "--",
            "gold": f"{row['gold_right']} / {row['gold_count']}",
            "agreed": _figure(row["agreement"]),
            "verdict": notes[Decision(row["decision"])],
            "tone": {"reject": "red", "accept": "green"}.get(row["decision"], "neutral"),
            "pace": "--" if row["speed"] is None else f"{row['speed']:+.1f}",
            "is_drifting": row["drift_at"] is not None,
        }
        for row in rows
    ]
    return sorted(lines, key=lambda line: str(line["user"]))


def _drifting(found: Measurement) -> list[dict[str, Any]]:
    return [line for line in _lines(found) if line["is_drifting"]]


def _forecast(project: Project, progress: Progress, today: date) -> dict[str, Any]:
    """The burn-up with the forecast of independent days, and what it says of the agreed day."""
    if project.opened_at is None or not progress.total:
        return {}
    first = min([clock.business_date(project.opened_at), *progress.accepted_per_day])
    today = max(today, first)
    actual = cumulative(progress.accepted_per_day, first, today)
    due = project.due_on
    foreseen: BurnUp | None = None
    if len(actual) > 1 and progress.accepted < progress.total:
        done = [after[1] - before[1] for before, after in zip([(0, 0), *actual], actual, strict=False)]
        foreseen = burn_up(done, total=progress.total, due_in=max((due - today).days, 0) if due else 0)
    ends = (
        [
            today + timedelta(days=days)
            for days in (foreseen.days_early, foreseen.days_late)
            if days is not None
        ]
        if foreseen
        else []
    )
    middle = today + timedelta(days=foreseen.days) if foreseen and foreseen.days is not None else None
    last = max([today, *filter(None, [due, middle])])
    length = max((last - first).days, 1)
    marks = sorted({length * quarter // 4 for quarter in range(5)})
    chart = charts.burn_up(
        charts.Burn(
            plan=[(0, 0), ((due - first).days, progress.total)] if due and due > first else [],
            actual=actual,
            forecast=[actual[-1], ((middle - first).days, progress.total)] if middle else [],
        ),
        progress.total,
        title=_("完成量与预测"),
        days=[(mark, f"{first + timedelta(days=mark):%m-%d}") for mark in marks],
        today=_("今天 %(count)s") % {"count": f"{progress.accepted:,}"},
        deadline=((due - first).days, _("约定交付 %(day)s") % {"day": f"{due:%m-%d}"})
        if due and due > first
        else None,
        description=_("已通过 %(done)s / %(total)s 条")
        % {"done": progress.accepted, "total": progress.total},
    )
    return {
        "chart": chart,
        "foreseen": foreseen,
        "likely": f"{ends[0]:%m-%d}–{ends[1]:%m-%d}" if len(ends) == 2 else "",
        "on_time": percent(foreseen.on_time) if foreseen and due else "",
        "is_late": bool(foreseen and due and foreseen.on_time < 0.5),
    }


@require_POST
@login_required
def measure(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Queue a measurement."""
    job = services.queue_measuring(by=viewer_of(request), at=clock.now(), project_id=project_id)
    messages.success(request, _("正在计算，完成后在消息中告知。"))
    return redirect("jobs:detail", job.pk)


# --- gold ---------------------------------------------------------------------------------------------


def _gold_page(
    request: HttpRequest,
    project_id: UUID,
    *,
    take: TakeForm | None = None,
    upload: GoldImportForm | None = None,
) -> HttpResponse:
    viewer = viewer_of(request)
    project = quality_project(viewer, project_id)
    if not may_see_gold(viewer, project):
        raise NotFound
    context = {
        **_frame(viewer, project, "quality_gold"),
        "page": paginate(gold_visible_to(viewer, project), request.GET),
        "contests": [
            {"contest": each, **shown(each.outcome.gold.item, project, each.outcome.gold.result),
             "theirs": answers_of(parse_config(project.labeling_config), each.outcome.submission.result)}
            for each in open_contests(project.pk)[:20]
        ],
        "answer_form": AnswerForm(auto_id=False),
        "take_form": take or TakeForm(),
        "import_form": upload or GoldImportForm(auto_id="import_%s"),
    }  # fmt: skip
    status = 422 if take is not None or upload is not None else 200
    return render(request, "quality/gold.html", context, status=status)


@require_GET
@login_required
def gold(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """标准答案: what is gold, how often it was answered right, and what is contested."""
    return _gold_page(request, project_id)


@require_POST
@login_required
def take(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Make gold of accepted results."""
    form = TakeForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = services.take_accepted(
                by=viewer_of(request),
                at=clock.now(),
                project_id=project_id,
                role=given["role"],
                count=given["count"],
            )
        except services.NothingToTake as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已确定 %(count)s 条标准答案。") % {"count": len(made)})
            return redirect("projects:quality_gold", project_id)
    return _gold_page(request, project_id, take=form)


@require_POST
@login_required
def import_(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Make gold of labels in a file."""
    form = GoldImportForm(request.POST, request.FILES, auto_id="import_%s")
    if form.is_valid():
        try:
            made, same = services.import_gold(
                by=viewer_of(request), at=clock.now(), project_id=project_id,
                rows=form.cleaned_data["upload"], role=form.cleaned_data["role"],
            )  # fmt: skip
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            form.add_error("upload", str(refusal))
        else:
            words = _("导入 %(made)s 条标准答案，%(same)s 条已有。")
            messages.success(request, words % {"made": made, "same": same})
            return redirect("projects:quality_gold", project_id)
    return _gold_page(request, project_id, upload=form)


def _item_named(project: Project, written: str) -> Item:
    number = int(written) if written.isascii() and written.isdigit() and len(written) < 10 else 0
    return get_object_or_404(Item, project=project, ordinal=number)


@require_http_methods(["GET", "POST"])
@login_required
def new_gold(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """Write the gold answer of one item, found by its number."""
    viewer = viewer_of(request)
    project = quality_project(viewer, project_id)
    if not may_keep(viewer, project):
        raise NotFound
    item = _item_named(project, request.GET.get("item", ""))
    form = GoldForm(request.POST or None, config=parse_config(project.labeling_config))
    if request.method == "POST" and form.is_valid():
        try:
            services.make_gold(
                by=viewer, at=clock.now(), project_id=project_id, item_id=item.pk, result=form.result(),
                role=form.cleaned_data["role"], note=form.cleaned_data["note"],
            )  # fmt: skip
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("第 %(number)s 条的标准答案已确定。") % {"number": item.ordinal})
            return redirect("projects:quality_gold", project_id)
    context = {**_frame(viewer, project, "quality_gold"), **shown(item, project, []), "form": form}
    return render(request, "quality/gold_form.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@login_required
def gold_item(request: HttpRequest, project_id: UUID, item_id: UUID) -> HttpResponse:
    """One gold answer with its versions, and the form that corrects it."""
    viewer = viewer_of(request)
    project = quality_project(viewer, project_id)
    found = gold_of_item(item_id)
    if not may_see_gold(viewer, project) or found is None or found.project_id != project.pk:
        raise NotFound
    config = parse_config(project.labeling_config)
    form = CorrectForm(request.POST or None, config=config, result=found.result)
    if request.method == "POST" and form.is_valid():
        try:
            services.correct_gold(
                by=viewer,
                at=clock.now(),
                item_id=item_id,
                result=form.result(),
                note=form.cleaned_data["note"],
            )
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            show_refusal(form, refusal)
        else:
            messages.success(request, _("标准答案已更正，所有人的得分已重新计算。"))
            return redirect("projects:quality_gold_item", project_id, item_id)
    context = {
        **_frame(viewer, project, "quality_gold"),
        **shown(found.item, project, found.result),
        "gold": found,
        "form": form,
        "retire_form": ReasonForm(auto_id="retire_%s"),
        "versions": found.item.gold_answers.select_related("made_by").order_by("-version"),
    }
    return render(request, "quality/gold_item.html", context, status=422 if form.is_bound else 200)


@require_POST
@login_required
def retire(request: HttpRequest, project_id: UUID, item_id: UUID) -> HttpResponse:
    """Use a gold answer no more."""
    services.retire_gold(
        by=viewer_of(request), at=clock.now(), item_id=item_id, note=request.POST.get("reason", "")
    )
    messages.success(request, _("这条标准答案已停用，不再计入任何人的得分。"))
    return redirect("projects:quality_gold", project_id)


@require_POST
@login_required
def decide(request: HttpRequest, project_id: UUID, contest_id: UUID, move: str) -> HttpResponse:
    """Uphold a contested gold answer, or correct it by what the worker said."""
    decided: dict[str, Callable[..., Any]] = {
        "uphold": services.uphold_contested,
        "correct": services.correct_contested,
    }
    if move not in decided:
        raise NotFound
    decided[move](
        by=viewer_of(request), at=clock.now(), contest_id=contest_id, answer=request.POST.get("answer", "")
    )
    messages.success(request, _("质疑已处理，标注员会收到答复。"))
    return redirect("projects:quality_gold", project_id)


@require_http_methods(["GET", "POST"])
@login_required
def plan(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """质检题方案: shares, pass marks, how results are merged."""
    viewer = viewer_of(request)
    project = quality_project(viewer, project_id)
    if not may_see_gold(viewer, project):
        raise NotFound
    current = plan_of(project.pk)
    form = PlanForm(request.POST or None, plan=current)
    if request.method == "POST" and form.is_valid():
        try:
            services.set_plan(by=viewer, at=clock.now(), project_id=project_id, **form.terms())
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            show_refusal(form, refusal)
        else:
            messages.success(request, _("方案已生效，对之后的派发和提交起作用。"))
            return redirect("projects:quality_plan", project_id)
    context = {**_frame(viewer, project, "quality_plan"), "form": form, "plan": current}
    return render(request, "quality/plan.html", context, status=422 if form.is_bound else 200)


# --- people -------------------------------------------------------------------------------------------


@require_GET
@login_required
def people(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """资格与能力: everybody's interval of accuracy, standing, and what the lead may do."""
    viewer = viewer_of(request)
    project = quality_project(viewer, project_id)
    found = latest_measurement(project.pk)
    rows = qualifications_visible_to(viewer).filter(project=project).order_by("worker__name", "pk")
    keeps = may_keep(viewer, project)
    context = {
        **_frame(viewer, project, "quality_people"),
        "standings": [
            {
                "standing": row,
                "moves": [
                    Link(
                        move.label, reverse("projects:quality_standing", args=[project.pk, row.pk, move.name])
                    )
                    for move in QUALIFICATION.allowed(row.state)
                    if move.name in LEAD_MOVES and keeps and row.worker_id != viewer.user_id
                ],
            }
            for row in rows
        ],
        "lines": _lines(found) if found else [],
        "measurement": found,
        "speed_note": SPEED_NOTE,
    }
    return render(request, "quality/people.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def standing(request: HttpRequest, project_id: UUID, qualification_id: UUID, move: str) -> HttpResponse:
    """Stop, uphold, reinstate or readmit a worker, with the reason."""
    viewer = viewer_of(request)
    project = quality_project(viewer, project_id)
    found = qualifications_visible_to(viewer).filter(pk=qualification_id, project=project).first()
    if found is None or move not in LEAD_MOVES:
        raise NotFound
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given: dict[str, Any] = {"reason": form.cleaned_data["reason"], "qualification_id": qualification_id}
        try:
            getattr(services, move)(by=viewer, at=clock.now(), **given)
        except services.NoScreeningLeft as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已记录，标注员会收到通知。"))
            return redirect("projects:quality_people", project_id)
    context = {
        **_frame(viewer, project, "quality_people"),
        "standing": found,
        "move": QUALIFICATION.moves[move],
        "form": form,
    }
    return render(request, "quality/standing.html", context, status=422 if form.is_bound else 200)


# --- adjudication -------------------------------------------------------------------------------------


@require_GET
@login_required
def adjudication(request: HttpRequest, project_id: UUID) -> HttpResponse:
    """裁定: merged results that are too unsure, and those in force."""
    viewer = viewer_of(request)
    project = quality_project(viewer, project_id)
    show = request.GET.get("show", "")
    rows = consensus_visible_to(viewer, project)
    if show != "all":
        rows = rows.filter(is_settled=False)
    chips = [
        Link(_("待裁定"), request.path, is_current=show != "all"),
        Link(_("全部共识"), "?show=all", is_current=show == "all"),
    ]
    context = {
        **_frame(viewer, project, "quality_adjudication"),
        "page": paginate(rows, request.GET, order=("confidence", "id")),
        "chips": chips,
        "show": show,
    }
    return render(request, "quality/adjudication.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def adjudicate(request: HttpRequest, project_id: UUID, item_id: UUID) -> HttpResponse:
    """One item with everybody's answers, by letters, and the decision."""
    viewer = viewer_of(request)
    project = quality_project(viewer, project_id)
    found = consensus_visible_to(viewer, project).filter(item=item_id).first()
    if found is None:
        raise NotFound
    config = parse_config(project.labeling_config)
    answers = answers_behind(found)
    results = {each.letter: each.submission.result for each in answers} | {"merged": found.result}
    offered = [(each.letter, _("答案 %(letter)s") % {"letter": each.letter}) for each in answers]
    form = AdjudicateForm(request.POST or None, offered=[*offered, ("merged", _("合并结果"))])
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            services.adjudicate(
                by=viewer,
                at=clock.now(),
                item_id=item_id,
                result=results[given["chosen"]],
                reason=given["reason"],
            )
        except Refusal as refusal:
            if refusal.status in (403, 404):
                raise
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已裁定第 %(number)s 条。") % {"number": found.item.ordinal})
            following = to_adjudicate(project.pk).first()
            if following is None:
                return redirect("projects:quality_adjudication", project_id)
            return redirect("projects:quality_adjudicate", project_id, following.item_id)
    context = {
        **_frame(viewer, project, "quality_adjudication"),
        **shown(found.item, project, found.result),
        "consensus": found,
        "facts": _consensus_facts(found),
        "offers": [
            {"letter": each.letter, "facts": answers_of(config, each.submission.result)} for each in answers
        ],
        "form": form,
    }
    return render(request, "quality/adjudicate.html", context, status=422 if form.is_bound else 200)


def _consensus_facts(found: Consensus) -> list[Fact]:
    weights = [
        Fact(_("标签的概率"), "；".join(f"{label or '--'} {percent(p)}" for label, p in ranked), hint=name)
        for name, told in found.posterior.items()
        if (ranked := sorted(told.items(), key=lambda pair: -pair[1]))
    ]
    return [
        Fact(_("来由"), found.get_origin_display(), hint=found.get_method_display()),
        Fact(_("把握"), percent(found.confidence / WHOLE)),
        *weights,
        Fact(_("版本"), found.version, hint=found.result_sha256[:16]),
    ]


# --- a worker's own figures -----------------------------------------------------------------------------


@require_GET
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """我的质量: own standing, own accuracy as an interval, and the gold that one may know of."""
    viewer = viewer_of(request)
    viewer.require(LABEL)
    checked = my_checked(viewer)
    lines = [_own_line(row, checked.get(row.project_id)) for row in my_standings(viewer)[:20]]
    context = {
        "lines": lines,
        "page": paginate(my_outcomes(viewer), request.GET, order=("-id",)),
        "speed_note": SPEED_NOTE,
    }
    return render(request, "quality/mine.html", context)


def _own_line(row: Qualification, checked: Checked | None) -> dict[str, Any]:
    known = accuracy_of(checked) if checked else None
    return {
        "standing": row,
        "accuracy": percent(float(known.mean[0])) if known else "--",
        "between": f"{percent(float(known.low[0]))}–{percent(float(known.high[0]))}" if known else "--",
        "count": checked.count if checked else 0,
    }


@require_http_methods(["GET", "POST"])
@login_required
def outcome(request: HttpRequest, outcome_id: UUID) -> HttpResponse:
    """One of one's own outcomes: the gold answer beside one's own, and the way to contest it."""
    viewer = viewer_of(request)
    found = my_outcome(viewer, outcome_id)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.contest_gold(
                by=viewer, at=clock.now(), outcome_id=outcome_id, reason=form.cleaned_data["reason"]
            )
        except services.AlreadyContested as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("质疑已提交，项目经理会答复。"))
            return redirect("quality:outcome", outcome_id)
    config = parse_config(found.project.labeling_config)
    context = {
        **shown(found.gold.item, found.project, found.gold.result),
        "outcome": found,
        "contest": getattr(found, "contest", None),
        "score": percent(found.score / WHOLE),
        "theirs": answers_of(config, found.submission.result),
        "form": form,
    }
    return render(request, "quality/outcome.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@login_required
def appeal(request: HttpRequest, qualification_id: UUID) -> HttpResponse:
    """Ask the lead to look at a stopped hand-out again."""
    viewer = viewer_of(request)
    found = my_standings(viewer).filter(pk=qualification_id).first()
    if found is None:
        raise NotFound
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.appeal(
            by=viewer, at=clock.now(), qualification_id=qualification_id, reason=form.cleaned_data["reason"]
        )
        messages.success(request, _("申诉已提交，项目经理会答复。"))
        return redirect("quality:mine")
    context = {"standing": found, "form": form}
    return render(request, "quality/appeal.html", context, status=422 if form.is_bound else 200)
