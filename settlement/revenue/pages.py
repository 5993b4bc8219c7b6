"""Pages of actual revenue: a firm's year, one line's whole chain, the export."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound
from kernel.money import Money
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.revenue import history, selectors
from settlement.revenue.forms import DayForm, YuanForm
from settlement.revenue.models import RECEIPT, AnnualRevenue, RevenueLine
from settlement.revenue.permissions import RULE_ON_TRADES, SEE_ALL_REVENUE, SEE_OWN_REVENUE
from settlement.revenue.states import Code
from web import charts
from web.answers import page_or_fragment
from web.paging import paginate
from web.parts import Kpi, Link

FIRST_YEAR = 2024


@dataclass(frozen=True, slots=True)
class ExclusionRow:
    """One reason of a year with its lines' sum, and what can be done about it."""

    label: str
    explanation: str
    line_count: int
    net_fen: int
    url: str


def _year_of(request: HttpRequest) -> int:
    present = clock.business_year(clock.now())
    asked = request.GET.get("year", "")
    return int(asked) if asked.isdigit() and FIRST_YEAR <= int(asked) <= present else present


def _firm_of(request: HttpRequest, viewer: Actor) -> Organization | None:
    """The firm asked for, else the viewer's own; None for those who see all and have not chosen."""
    asked = request.GET.get("firm", "")
    if not asked:
        return None if viewer.can(SEE_ALL_REVENUE) else selectors.firm_for(viewer, None)
    try:
        return selectors.firm_for(viewer, UUID(asked))
    except ValueError as error:
        raise NotFound from error


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """A firm's year against the threshold, by month, with its lines and what does not count."""
    viewer = actor(request)
    if not viewer.can(SEE_ALL_REVENUE):
        viewer.require(SEE_OWN_REVENUE)
    firm, year = _firm_of(request, viewer), _year_of(request)
    if firm is None:
        return _all_firms(request, year)
    kept = selectors.annual(firm.pk, year)
    lines = _chosen_lines(selectors.lines_visible_to(viewer).filter(firm=firm, year=year), request)
    query = f"firm={firm.pk}&" if viewer.can(SEE_ALL_REVENUE) else ""
    as_of = DayForm(request.GET if "as_of" in request.GET else None)
    day = as_of.cleaned_data["as_of"] if as_of.is_valid() else None
    today = clock.business_date(clock.now())
    context = {
        "as_of": as_of,
        "standing": history.standing(firm.pk, year, min(day, today)) if day else None,
        "forecast": history.forecast(firm.pk, today) if year == today.year else None,
        "firm": firm,
        "year": year,
        "annual": kept,
        "is_own": viewer.belongs_to(firm.pk),
        "years": _years(query, year),
        "kpis": _kpis(kept),
        "chart": _year_chart(selectors.annuals(firm.pk), year),
        "months": _month_chart(selectors.months(firm.pk, year), year),
        "exclusions": _exclusion_rows(firm.pk, year, query),
        "page": paginate(lines, request.GET),
        "chips": _chips(request, query, year),
        "yuan": YuanForm(),
        "export_url": f"{reverse('revenue:export')}?{query}year={year}",
        "query": query,
    }
    return page_or_fragment(request, "revenue/index.html", "revenue/lines.html", context)


def _all_firms(request: HttpRequest, year: int) -> HttpResponse:
    rows = paginate(selectors.firms_with_revenue(year), request.GET, order=("-counted_fen", "id"))
    context = {"page": rows, "year": year, "years": _years("", year), "goal_fen": selectors.goal_of(year)}
    return page_or_fragment(request, "revenue/firms.html", "revenue/firms_list.html", context)


def _chosen_lines(lines: QuerySet[RevenueLine], request: HttpRequest) -> QuerySet[RevenueLine]:
    shown = request.GET.get("show", "")
    if shown == "excluded":
        return lines.filter(exclusions__len__gt=0)
    if shown == "refunds":
        return lines.exclude(RECEIPT)
    if shown in Code.values:
        return lines.filter(exclusions__contains=[shown])
    return lines


def _years(query: str, year: int) -> list[Link]:
    present = clock.business_year(clock.now())
    return [
        Link(str(each), f"?{query}year={each}", is_current=each == year)
        for each in range(FIRST_YEAR, present + 1)
    ]


def _chips(request: HttpRequest, query: str, year: int) -> list[Link]:
    shown = request.GET.get("show", "")
    labels = {"": _("全部"), "excluded": _("不计入"), "refunds": _("退款与红字发票")}
    if shown in Code.values:
        labels[shown] = str(Code(shown).label)
    return [
        Link(label, f"?{query}year={year}" + (f"&show={key}" if key else ""), is_current=key == shown)
        for key, label in labels.items()
    ]


def _kpis(kept: AnnualRevenue) -> list[Kpi]:
    goal = selectors.goal_of(kept.year)
    left = goal - kept.counted_fen if goal else None
    share = min(100, max(0, kept.counted_fen * 100 // goal)) if goal else None
    is_reached = left is not None and left <= 0
    return [
        Kpi(
            _("计入实际收入"),
            Money(kept.counted_fen),
            hint=_("已达到奖励条件") if is_reached else _("不含增值税"),
            share=share,
            tone="up" if is_reached else "",
        ),
        Kpi(
            _("距奖励条件"),
            Money(left) if left is not None and left > 0 else "--",
            hint=_("条件 %(amount)s") % {"amount": Money(goal)} if goal else "",
        ),
        Kpi(_("退款与红字发票"), Money(kept.refunds_fen), hint=_("冲减原到账年度")),
        Kpi(
            _("不计入"),
            Money(kept.excluded_fen),
            hint=_("逐项列明原因"),
            tone="warn" if kept.excluded_fen else "",
        ),
    ]


def _year_chart(annuals: Sequence[AnnualRevenue], year: int) -> charts.Drawing:
    columns = [
        charts.Column(str(each.year), max(each.counted_fen, 0), "now" if each.year == year else "past")
        for each in annuals
    ] or [charts.Column(str(year), 0, "now")]
    goal = selectors.goal_of(year)
    reached = any(each.year == year and goal and each.counted_fen >= goal for each in annuals)
    levels = [charts.Level(goal, _("奖励条件"), "met" if reached else "next")] if goal else []
    title = _("各年度实际收入与奖励条件（万元）")

    def draw(width: int, height: int) -> charts.Drawing:
        return charts.threshold(columns, levels, title=title, unit=_("万元"), width=width, height=height)

    return charts.for_both(draw)


def _month_chart(months: Sequence[int], year: int) -> charts.Drawing:
    bars = [charts.Bar(_("%(month)s 月") % {"month": i}, max(fen, 0)) for i, fen in enumerate(months, 1)]
    title = _("%(year)s 年各月计入收入（万元）") % {"year": year}
    return charts.distribution(bars, title=title, show=charts.wan, label_width=48, width=320)


def _exclusion_rows(firm_id: UUID, year: int, query: str) -> list[ExclusionRow]:
    return [
        ExclusionRow(
            str(total.code.label),
            total.code.explanation,
            total.line_count,
            total.net_fen,
            f"?{query}year={year}&show={total.code.value}#list",
        )
        for total in selectors.exclusion_totals(firm_id, year)
    ]


@require_GET
@login_required
def line(request: HttpRequest, line_id: UUID) -> HttpResponse:
    """One receipt, or what went off it, back to the file it was earned with."""
    viewer = actor(request)
    found = selectors.line_for(viewer, line_id)
    context = {
        "line": found,
        "stations": selectors.chain_of(found),
        "reasons": [Code(code) for code in found.exclusions],
        "rulings": selectors.rulings_of(found),
        "others": selectors.lines_of_order(viewer, found),
        "is_reviewer": viewer.can(RULE_ON_TRADES),
        "index_url": f"{reverse('revenue:index')}?"
        + ("" if viewer.belongs_to(found.firm_id) else f"firm={found.firm_id}&")
        + f"year={found.year}",
    }
    return render(request, "revenue/line.html", context)


@require_GET
@login_required
def yuan(request: HttpRequest) -> HttpResponse:
    """Follow one yuan of a firm's year: leads to the line in which it lies."""
    viewer = actor(request)
    firm, year = selectors.firm_for(viewer, _asked_firm(request)), _year_of(request)
    form = YuanForm(request.GET)
    if form.is_valid():
        found = selectors.line_of_yuan(firm.pk, year, form.cleaned_data["yuan"] * 100)
        if found is not None:
            return redirect("revenue:line", line_id=found.pk)
    messages.info(request, _("该年度没有这一元：请填写不超过计入收入的整数元。"))
    address = f"{reverse('revenue:index')}?year={year}"
    return HttpResponseRedirect(address if viewer.belongs_to(firm.pk) else f"{address}&firm={firm.pk}")


def _asked_firm(request: HttpRequest) -> UUID | None:
    asked = request.GET.get("firm", "")
    try:
        return UUID(asked) if asked else None
    except ValueError as error:
        raise NotFound from error


HEADINGS = (
    "order", "voucher", "certificate", "kind", "received_at", "gross_yuan", "net_yuan", "counts",
    "exclusions", "buyer", "product",
)  # fmt: skip


@require_GET
@login_required
def export(request: HttpRequest) -> HttpResponse:
    """The year's lines as CSV (UTF-8 with a mark, amounts in yuan), safe to open in a spreadsheet."""
    viewer = actor(request)
    firm, year = selectors.firm_for(viewer, _asked_firm(request)), _year_of(request)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADINGS)
    lines = selectors.lines_visible_to(viewer).filter(firm=firm, year=year)
    for each in lines.order_by("pk").iterator():
        writer.writerow([_plain(cell) for cell in _cells(each)])
    response = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="revenue-{year}-{firm.uscc}.csv"'
    return response


def _cells(each: RevenueLine) -> list[str]:
    evidence = each.evidence
    return [
        evidence["order"]["number"],
        (evidence.get("voucher") or {}).get("number") or "",
        evidence["certificate"]["number"],
        each.kind,
        each.received_at.astimezone(clock.SHANGHAI).isoformat(timespec="seconds"),
        Money(each.gross_fen).yuan,
        Money(each.net_fen).yuan,
        "yes" if each.counts else "no",
        " ".join(each.exclusions),
        each.order.buyer.name,
        each.order.product.title,
    ]


def _plain(cell: str) -> str:
    """Text that a spreadsheet does not take for a formula; amounts may begin with a minus."""
    is_amount = cell.startswith("-") and cell[1:].replace(".", "").isdigit()
    return f"'{cell}" if cell[:1] in "=+-@\t\r" and cell and not is_amount else cell
