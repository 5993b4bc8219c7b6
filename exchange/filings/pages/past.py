"""历史交易导入: template, dry run, confirmation."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange.filings import reading, services, spreadsheets, wording
from exchange.filings.forms import PastTradesForm
from exchange.filings.pages.sections import sections
from exchange.filings.permissions import IMPORT_PAST_TRADES, VIEW_IMPORTS
from exchange.filings.selectors import imports_visible_to, visible_import
from exchange.filings.states import ExportFormat, ImportState
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound, Refusal
from web.answers import redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Kpi

MOST_SHOWN = 200


@require_http_methods(["GET", "POST"])
@login_required
def imports(request: HttpRequest) -> HttpResponse:
    """Files so far, and the form for another one (POST: look at it)."""
    viewer, status = actor(request), 200
    rows = imports_visible_to(viewer).defer("faults")
    form = PastTradesForm()
    if request.method == "POST":
        viewer.require(IMPORT_PAST_TRADES)
        form, status = PastTradesForm(request.POST, request.FILES), 422
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                made = services.check_file(
                    by=viewer,
                    at=clock.now(),
                    file_name=file.name or "",
                    body=file.read(reading.LARGEST_FILE + 1),
                )
                return redirect("filings:import", made.pk)
            except Refusal as refusal:
                show_refusal(form, refusal)
    context = {
        "page": paginate(rows, request.GET),
        "form": form,
        "may_import": viewer.can(IMPORT_PAST_TRADES),
        "tabs": sections(viewer, "imports"),
    }
    return render(request, "filings/imports.html", context, status=status)


@require_GET
@login_required
def template(request: HttpRequest, code: str) -> HttpResponse:
    """The empty table to fill in, as workbook or CSV."""
    actor(request).require(VIEW_IMPORTS)
    makers = {"xlsx": spreadsheets.template_excel, "csv": spreadsheets.template_csv}
    if code not in makers:
        raise NotFound
    answer = HttpResponse(makers[code](), content_type=spreadsheets.MEDIA_TYPES[ExportFormat(code)])
    answer["Content-Disposition"] = f'attachment; filename="past-trades.{code}"'
    return answer


@require_GET
@login_required
def dry_run(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """What a file holds: counts, and every bad cell with its row, column and reason."""
    viewer = actor(request)
    found = visible_import(viewer, import_id)
    is_open = found.state == ImportState.CHECKED
    faults = [
        {
            **each,
            "label": wording.label_of_column(each["column"]),
            "reason": wording.FAULTS[each["code"]],
        }
        for each in found.faults[:MOST_SHOWN]
    ]
    context = {
        "found": found,
        "faults": faults,
        "more_count": len(found.faults) - len(faults),
        "kpis": [
            Kpi(_("行数"), f"{found.row_count:,}"),
            Kpi(_("可导入"), f"{found.new_count:,}"),
            Kpi(_("已存在，跳过"), f"{found.known_count:,}"),
            Kpi(_("有问题"), f"{found.faulty_count:,}"),
        ],
        "may_confirm": is_open
        and not found.faulty_count
        and found.new_count > 0
        and viewer.can(IMPORT_PAST_TRADES),
        "is_open": is_open,
    }
    return render(request, "filings/dry_run.html", context)


@require_POST
@login_required
def confirm(request: HttpRequest, import_id: UUID) -> HttpResponse:
    """Take the whole file over."""
    viewer, address = actor(request), reverse("filings:import", args=[import_id])
    visible_import(viewer, import_id)
    viewer.require(IMPORT_PAST_TRADES)

    def work() -> str:
        services.confirm(by=viewer, at=clock.now(), import_id=import_id)
        return address

    try:
        return redirect_once(request, work)
    except (services.ImportFaulty, services.ImportAltered) as refusal:
        messages.error(request, str(refusal))
        return redirect(address)
