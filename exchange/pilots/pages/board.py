"""The operator's side: calls, appointments, the matrix of scores, results, objections."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from exchange.pilots import rules, selectors, services
from exchange.pilots.forms import AnswerForm, AppointForm, ReasonForm, RoundForm, ScaleForm
from exchange.pilots.models import Application, Round, Seat
from exchange.pilots.pages.shown import points_of, round_facts
from exchange.pilots.permissions import MANAGE, VIEW_ALL
from exchange.pilots.states import ObjectionState, RoundState, SeatState
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound, Refusal
from organizations.permissions import Actor
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate


def _require_board(viewer: Actor) -> None:
    if not viewer.can(MANAGE):
        viewer.require(VIEW_ALL)


@login_required
@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """经纪人试点: every call with how many applied, every pilot."""
    viewer = actor(request)
    _require_board(viewer)
    rows = selectors.board_rounds()
    if not viewer.can(MANAGE):
        rows = rows.filter(state__in=selectors.PUBLIC_ROUNDS)
    context = {
        "page": paginate(rows, request.GET),
        "pilots": selectors.pilots_visible_to(viewer).order_by("-pk")[:20],
        "objections": selectors.objections_visible_to(viewer)
        .filter(state=ObjectionState.FILED)
        .order_by("pk")[:20],
        "may_manage": viewer.can(MANAGE),
    }
    return page_or_fragment(request, "pilots/board.html", "pilots/board_rows.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A new call, with the parameters of the day."""
    viewer = actor(request)
    viewer.require(MANAGE)
    parameters = rules.parameters_on(clock.business_date(clock.now()))
    initial = {
        "places_technology": 1,
        "places_data": 1,
        "places_rights": 1,
        "scorers_count": parameters.least_scorers,
        "outlier_points": parameters.outlier_points,
        "notice_working_days": parameters.notice_working_days,
        "term_years": parameters.term_years,
    }
    form = RoundForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():

        def work() -> str:
            made = services.draft_round(by=viewer, at=clock.now(), **form.cleaned_data)
            return reverse("pilots:board_round", args=[made.number])

        try:
            return redirect_once(request, work)
        except Refusal as refusal:
            show_refusal(form, refusal)
    return render(request, "pilots/edit.html", {"form": form}, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, call_number: str) -> HttpResponse:
    """Change a draft."""
    viewer = actor(request)
    viewer.require(MANAGE)
    call = selectors.round_for(viewer, call_number)
    form = RoundForm(request.POST or None, initial=RoundForm.initial_of(call))
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_round(by=viewer, at=clock.now(), round_id=call.pk, **form.cleaned_data)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已保存。"))
            return redirect("pilots:board_round", call_number)
    context = {"form": form, "call": call}
    return render(request, "pilots/edit.html", context, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def scale(request: HttpRequest, call_number: str) -> HttpResponse:
    """The scale of a draft."""
    viewer = actor(request)
    viewer.require(MANAGE)
    call = selectors.round_for(viewer, call_number)
    form = ScaleForm(request.POST or None, criteria=rules.scale_of(call.scale))
    if request.method == "POST" and form.is_valid():
        try:
            services.set_scale(by=viewer, at=clock.now(), round_id=call.pk, rows=form.criteria())
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已保存。"))
            return redirect("pilots:board_round", call_number)
    rows = [
        [form[f"{part}_{index}"] for part in ("label", "weight", "guidance")] for index in range(form.rows)
    ]
    context = {"form": form, "call": call, "rows": rows}
    return render(request, "pilots/scale.html", context, status=422 if form.is_bound else 200)


@dataclass(frozen=True, slots=True)
class ShownCell:
    """A seat as the board shows it; the total is hidden from a scorer who has not scored yet."""

    seat: Seat
    total: str
    is_outlier: bool
    may_relieve: bool


@dataclass(frozen=True, slots=True)
class ShownRow:
    """An application as the board shows it."""

    application: Application
    cells: list[ShownCell]
    mean: str
    progress: str
    is_ready: bool


def _shown_rows(call: Round, viewer: Actor) -> list[ShownRow]:
    may_manage = viewer.can(MANAGE) and call.state == RoundState.CLOSED
    shown = []
    for row in selectors.matrix_of(call):
        is_hidden = any(
            cell.seat.scorer_id == viewer.user_id
            and cell.seat.state in (SeatState.APPOINTED, SeatState.CLEARED)
            for cell in row.cells
        )
        cells = [
            ShownCell(
                cell.seat,
                "" if is_hidden or cell.sheet is None else points_of(cell.sheet.total_centi),
                cell.is_outlier and not is_hidden,
                may_manage and cell.seat.state in (SeatState.APPOINTED, SeatState.CLEARED),
            )
            for cell in row.cells
        ]
        shown.append(
            ShownRow(
                row.application,
                cells,
                "" if is_hidden or row.mean_centi is None else points_of(row.mean_centi),
                f"{row.scored_count}/{max(row.sitting_count, call.scorers_count)}",
                row.is_ready,
            )
        )
    return shown


@login_required
@require_safe
def round_board(request: HttpRequest, call_number: str) -> HttpResponse:
    """One call on the board: the applications with the matrix of scores, and the next step."""
    viewer = actor(request)
    _require_board(viewer)
    call = selectors.round_for(viewer, call_number)
    rows = _shown_rows(call, viewer)
    ends = clock.end_of(call.notice_until) if call.notice_until else None
    context = {
        "call": call,
        "facts": round_facts(call),
        "criteria": call.criteria,
        "rows": rows,
        "objections": call.objections.select_related("application__applicant").order_by("-pk"),
        "history": selectors.history_of(call.pk),
        "may_manage": viewer.can(MANAGE),
        "is_ready": all(row.is_ready for row in rows if row.application.state == "applied"),
        "may_close": call.state == RoundState.PUBLISHED and clock.now() >= call.closes_at,
        "notice_over": ends is not None and clock.now() >= ends,
        "waiting_objections": call.objections.filter(state=ObjectionState.FILED).count(),
    }
    return render(request, "pilots/board_round.html", context)


def _step(request: HttpRequest, call_number: str, deed: Callable[..., Round], done: str) -> HttpResponse:
    """Take one step of a call and go back to its board."""
    viewer = actor(request)
    viewer.require(MANAGE)
    call = selectors.round_for(viewer, call_number)
    deed(by=viewer, at=clock.now(), round_id=call.pk)
    messages.success(request, done)
    return redirect("pilots:board_round", call_number)


@login_required
@require_POST
def publish(request: HttpRequest, call_number: str) -> HttpResponse:
    """Publish the call; it stands as it is from now on."""
    return _step(request, call_number, services.publish_round, _("批次已发布。"))


@login_required
@require_POST
def close(request: HttpRequest, call_number: str) -> HttpResponse:
    """Close a call whose end has come (the clock does so by itself, too)."""
    return _step(request, call_number, services.close_round, _("批次已截止，可以指派评审人。"))


@login_required
@require_POST
def announcing(request: HttpRequest, call_number: str) -> HttpResponse:
    """Rank the applications and begin the notice."""
    return _step(request, call_number, services.announce_result, _("结果已公示。"))


@login_required
@require_POST
def conclude(request: HttpRequest, call_number: str) -> HttpResponse:
    """The notice has ended: agreements are drawn up with the selected."""
    return _step(request, call_number, services.conclude_result, _("结果已确定，试点协议等待签署。"))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def appoint(request: HttpRequest, bid_id: UUID) -> HttpResponse:
    """Appoint a scorer for one application."""
    viewer = actor(request)
    application = selectors.application_for(viewer, bid_id)
    viewer.require(MANAGE)
    vacant = application.seats.filter(
        state__in=[SeatState.EXCLUDED, SeatState.RELIEVED], replaced_by=None
    ).select_related("scorer")
    form = AppointForm(
        request.POST or None, members=selectors.possible_scorers(application)[:200], vacant=vacant
    )
    if request.method == "POST" and form.is_valid():
        replaces = form.cleaned_data["replaces"]
        try:
            services.appoint(
                by=viewer,
                at=clock.now(),
                application_id=bid_id,
                membership_id=UUID(form.cleaned_data["member"]),
                replaces_id=UUID(replaces) if replaces else None,
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已指派评审人。"))
            return redirect("pilots:board_round", application.round.number)
    context = {"form": form, "application": application, "call": application.round}
    return render(request, "pilots/appoint.html", context, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def relieve(request: HttpRequest, seat_id: UUID) -> HttpResponse:
    """End a seat that was not scored, with a reason."""
    viewer = actor(request)
    viewer.require(MANAGE)
    seat = Seat.objects.select_related("application__round", "scorer").filter(pk=seat_id).first()
    if seat is None:
        raise NotFound
    form = ReasonForm(request.POST or None)
    number = seat.application.round.number
    if request.method == "POST" and form.is_valid():
        try:
            services.relieve(by=viewer, at=clock.now(), seat_id=seat_id, reason=form.cleaned_data["reason"])
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已解除，请另行指派。"))
            return redirect("pilots:board_round", number)
    context = {"form": form, "seat": seat, "call": seat.application.round}
    return render(request, "pilots/relieve.html", context, status=422 if form.is_bound else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def objection(request: HttpRequest, dissent_id: UUID) -> HttpResponse:
    """An objection with its answer: for the objector to read, for the operator to answer."""
    viewer = actor(request)
    found = selectors.objections_visible_to(viewer).filter(pk=dissent_id).first()
    if found is None:
        raise NotFound
    may_answer = viewer.can(MANAGE) and found.state == ObjectionState.FILED
    form = AnswerForm(request.POST or None)
    if request.method == "POST":
        viewer.require(MANAGE)
        if form.is_valid():
            try:
                services.answer_objection(
                    by=viewer,
                    at=clock.now(),
                    objection_id=dissent_id,
                    is_upheld=form.cleaned_data["verdict"] == "uphold",
                    answer=form.cleaned_data["answer"],
                )
            except Refusal as refusal:
                show_refusal(form, refusal)
            else:
                messages.success(request, _("已答复。"))
                return redirect("pilots:objection", dissent_id)
    context = {"objection": found, "form": form, "may_answer": may_answer}
    return render(request, "pilots/objection.html", context, status=422 if form.is_bound else 200)
