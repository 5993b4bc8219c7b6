"""What everybody sees: the calls, their results in notice, the brokers in the pilot."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from exchange.pilots import rules, selectors, services
from exchange.pilots.forms import ObjectionForm
from exchange.pilots.pages.shown import points_of, round_facts
from exchange.pilots.permissions import APPLY
from exchange.pilots.states import BrokerType, RoundState
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound, Refusal
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Link


@require_safe
def rounds(request: HttpRequest) -> HttpResponse:
    """征集批次: every published call, newest first."""
    rows = selectors.rounds_visible_to(actor(request)).filter(state__in=selectors.PUBLIC_ROUNDS)
    context = {"page": paginate(rows, request.GET)}
    return page_or_fragment(request, "pilots/rounds.html", "pilots/rounds_rows.html", context)


@require_safe
def round_page(request: HttpRequest, call_number: str) -> HttpResponse:
    """One call: what is wanted, the scale, the way in; the result once it is announced."""
    viewer, at = actor(request), clock.now()
    call = selectors.round_for(viewer, call_number)
    results = [(row, points_of(row.mean_centi)) for row in selectors.result_rows(call)]
    until = call.notice_until
    context = {
        "call": call,
        "facts": round_facts(call),
        "criteria": call.criteria,
        "documents": [line.strip() for line in call.documents_wanted.splitlines() if line.strip()],
        "results": results,
        "tie_rule": rules.TIE_WORDS,
        "is_open": selectors.is_open(call, at),
        "may_apply": viewer.can(APPLY),
        "may_object": call.state == RoundState.IN_NOTICE and until is not None and at < clock.end_of(until),
    }
    return render(request, "pilots/round.html", context)


@require_safe
def directory(request: HttpRequest) -> HttpResponse:
    """试点名录: brokers in the pilot and those that graduated."""
    wanted = request.GET.get("type", "")
    chips = [Link(_("全部"), "?", is_current=wanted not in BrokerType.values)] + [
        Link(label, f"?type={value}", is_current=value == wanted) for value, label in BrokerType.choices
    ]
    context = {"page": paginate(selectors.directory(broker_type=wanted), request.GET), "chips": chips}
    return page_or_fragment(request, "pilots/directory.html", "pilots/directory_rows.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def objecting(request: HttpRequest, call_number: str) -> HttpResponse:
    """Object to an announced result."""
    viewer = actor(request)
    call = selectors.round_for(viewer, call_number)
    if call.state != RoundState.IN_NOTICE:
        raise NotFound
    form = ObjectionForm(request.POST or None, rows=selectors.result_rows(call))
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["application"]
        try:
            found = services.file_objection(
                by=viewer,
                at=clock.now(),
                round_id=call.pk,
                statement=form.cleaned_data["statement"],
                application_id=UUID(chosen) if chosen else None,
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("异议已提出，服务基地会书面答复。"))
            return redirect("pilots:objection", found.pk)
    status = 422 if form.is_bound else 200
    return render(request, "pilots/objecting.html", {"form": form, "call": call}, status=status)
