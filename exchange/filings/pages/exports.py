"""登记簿导出: what was exported, and asking for some days."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange.filings import services
from exchange.filings.forms import PeriodForm
from exchange.filings.pages.sections import sections
from exchange.filings.permissions import EXPORT_FILINGS
from exchange.filings.selectors import exports_visible_to, require_export
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput
from web.answers import redirect_once
from web.forms import show_refusal
from web.paging import paginate


def _shown(request: HttpRequest, form: PeriodForm, *, status: int = 200) -> HttpResponse:
    viewer = actor(request)
    rows = exports_visible_to(viewer).prefetch_related("files")
    context = {
        "page": paginate(rows, request.GET),
        "form": form,
        "tabs": sections(viewer, "exports"),
        "is_whole": viewer.can(EXPORT_FILINGS),
    }
    return render(request, "filings/exports.html", context, status=status)


@require_GET
@login_required
def exports(request: HttpRequest) -> HttpResponse:
    """Daily exports and those on demand, newest first."""
    require_export(actor(request))
    today = clock.business_date(clock.now())
    return _shown(request, PeriodForm(initial={"first": today.replace(day=1), "final": today}))


@require_http_methods(["POST"])
@login_required
def make(request: HttpRequest) -> HttpResponse:
    """Have the issues of some days written; the job's page shows how far it is."""
    viewer = actor(request)
    require_export(viewer)
    form = PeriodForm(request.POST)
    if not form.is_valid():
        return _shown(request, form, status=422)

    def work() -> str:
        job = services.queue_export(by=viewer, at=clock.now(), **form.cleaned_data)
        return reverse("jobs:detail", args=[job.pk])

    try:
        return redirect_once(request, work)
    except InvalidInput as refusal:
        show_refusal(form, refusal)
        return _shown(request, form, status=422)


@require_POST
@login_required
def download(request: HttpRequest, export_id: UUID, code: str) -> HttpResponse:
    """A recorded download by a short-lived link."""
    _file, link = services.hand_out_export(
        by=actor(request), at=clock.now(), export_id=export_id, format_=code
    )
    return HttpResponseRedirect(link)
