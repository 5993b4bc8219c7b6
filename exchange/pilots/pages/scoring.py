"""The scorer's side: own applications only; a declaration first, then points."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from documents.services import link_to
from exchange.pilots import selectors, services
from exchange.pilots.forms import DeclareForm, ScoreForm
from exchange.pilots.models import Seat
from exchange.pilots.pages.shown import answers_of, points_of
from exchange.pilots.states import RoundState, SeatState
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound, Refusal
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate

_READING = (SeatState.CLEARED, SeatState.SCORED)


@login_required
@require_safe
def scoring(request: HttpRequest) -> HttpResponse:
    """我的评审: the applications the viewer is to score or has scored."""
    context = {"page": paginate(selectors.own_seats(actor(request)), request.GET)}
    return page_or_fragment(request, "pilots/scoring.html", "pilots/scoring_rows.html", context)


@login_required
@require_safe
def seat_page(request: HttpRequest, seat_id: UUID) -> HttpResponse:
    """One application to score: the declaration first; its content only for those without a conflict."""
    return _page(request, selectors.own_seat(actor(request), seat_id))


def _page(
    request: HttpRequest,
    seat: Seat,
    *,
    declaring: DeclareForm | None = None,
    scoring_form: ScoreForm | None = None,
) -> HttpResponse:
    application, call = seat.application, seat.application.round
    former = selectors.valid_sheet(seat)
    is_open, may_read = call.state == RoundState.CLOSED, seat.state in _READING
    if scoring_form is None:
        initial = {**former.points, "opinion": former.opinion} if former else {}
        scoring_form = ScoreForm(criteria=call.criteria, is_correction=former is not None, initial=initial)
    context = {
        "seat": seat,
        "application": application,
        "call": call,
        "answers": answers_of(application) if may_read else [],
        "attachments": application.attachments.select_related("document").order_by("pk") if may_read else [],
        "declaring": declaring or DeclareForm(),
        "scoring_form": scoring_form,
        "sheets": [(sheet, points_of(sheet.total_centi)) for sheet in seat.sheets.all()],
        "is_declaring": is_open and seat.state == SeatState.APPOINTED,
        "is_scoring": is_open and may_read,
        "is_correction": former is not None,
        "meta": [application.number, application.get_type_display(), call.title],
    }
    is_wrong = (declaring is not None and declaring.is_bound) or scoring_form.is_bound
    return render(request, "pilots/seat.html", context, status=422 if is_wrong else 200)


@login_required
@require_POST
def declare(request: HttpRequest, seat_id: UUID) -> HttpResponse:
    """Declare a conflict of interest, or none."""
    viewer = actor(request)
    seat = selectors.own_seat(viewer, seat_id)
    form = DeclareForm(request.POST)
    if form.is_valid():
        has_conflict = form.cleaned_data["answer"] == "conflict"
        try:
            services.declare(
                by=viewer,
                at=clock.now(),
                seat_id=seat_id,
                has_conflict=has_conflict,
                statement=form.cleaned_data["statement"],
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            done = _("已回避，感谢声明。") if has_conflict else _("已声明，请按标准打分。")
            messages.success(request, done)
            return redirect("pilots:seat", seat_id)
    return _page(request, seat, declaring=form)


@login_required
@require_POST
def score(request: HttpRequest, seat_id: UUID) -> HttpResponse:
    """Hand in points."""
    viewer = actor(request)
    seat = selectors.own_seat(viewer, seat_id)
    is_correction = selectors.valid_sheet(seat) is not None
    form = ScoreForm(request.POST, criteria=seat.application.round.criteria, is_correction=is_correction)
    if form.is_valid():
        try:
            services.score(
                by=viewer,
                at=clock.now(),
                seat_id=seat_id,
                points=form.points(),
                opinion=form.cleaned_data["opinion"],
                reason=form.cleaned_data.get("reason", ""),
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("评分已提交。"))
            return redirect("pilots:seat", seat_id)
    return _page(request, seat, scoring_form=form)


@login_required
@require_POST
def open_file(request: HttpRequest, seat_id: UUID, attachment_id: UUID) -> HttpResponse:
    """A short-lived link to a file of an application the viewer scores; recorded."""
    viewer = actor(request)
    seat = selectors.own_seat(viewer, seat_id)
    rows = seat.application.attachments.filter(pk=attachment_id).select_related("document")
    found = rows.first() if seat.state in _READING else None
    if found is None:
        raise NotFound
    return redirect(link_to(by=viewer, at=clock.now(), document=found.document))
