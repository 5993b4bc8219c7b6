"""标注服务商目录: public, with figures counted from what was delivered here."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from exchange.catalogue.states import TaskType
from exchange.tenders import directory
from exchange.tenders.permissions import POST_TENDERS
from gateway.api import actor
from organizations.models import Organization
from web.answers import page_or_fragment
from web.paging import paginate
from web.parts import Fact, Kpi


@require_GET
def firms(request: HttpRequest) -> HttpResponse:
    """The directory: search, kind of work, order."""
    asked = request.GET
    task = asked.get("task", "")
    sort = asked.get("sort", "items")
    sort = sort if sort in directory.SORTS else "items"
    rows = directory.search(asked.get("q", ""), task if task in TaskType.values else "")
    page = paginate(rows, asked, order=directory.SORTS[sort][1])
    done = directory.tasks_of([firm.pk for firm in page.items])
    context = {
        "page": page,
        "rows": [(firm, done.get(firm.pk, [])) for firm in page.items],
        "text": asked.get("q", ""),
        "task": task,
        "sort": sort,
        "tasks": TaskType.choices,
        "sorts": [(code, label) for code, (label, _order) in directory.SORTS.items()],
        "may_post": actor(request).can(POST_TENDERS),
    }
    return page_or_fragment(request, "tenders/providers.html", "tenders/provider_rows.html", context)


def percent(basis_points: int | None) -> str:
    """A share for people: 97.5%, or dashes where nothing was counted."""
    return "--" if basis_points is None else f"{basis_points / 100:g}%"


def _kpis(firm: Organization) -> list[Kpi]:
    figures = firm.__dict__
    mark = figures["mark"]
    return [
        Kpi(
            _("已验收数量"),
            f"{figures['item_count']:,}",
            unit=_("条"),
            hint=_("%(lots)s 批") % {"lots": figures["lot_count"]},
        ),
        Kpi(
            _("验收通过率"),
            percent(figures["pass_bp"]),
            hint=_("%(count)s 次抽样验收") % {"count": figures["inspection_count"]},
        ),
        Kpi(_("准时率"), percent(figures["on_time_bp"]), hint=_("按约定日期交付的批次")),
        Kpi(
            _("买方评分"),
            "--" if mark is None else f"{mark / 100:.1f}",
            hint=_("%(count)s 份评价") % {"count": figures["rating_count"]},
        ),
        Kpi(_("争议与解除"), figures["dispute_count"], hint=_("异议和提前解除的合同")),
        Kpi(_("标注人数"), f"{figures['people_count']:,}"),
    ]


@require_GET
def firm(request: HttpRequest, uscc: str) -> HttpResponse:
    """One firm: its figures, kinds of work, ratings with answers."""
    found = directory.firm_of(uscc)
    since = found.__dict__["since"]
    context = {
        "firm": found,
        "kpis": _kpis(found),
        "tasks": directory.tasks_of([found.pk]).get(found.pk, []),
        "facts": [
            Fact(_("统一社会信用代码"), found.uscc),
            Fact(_("认证日期"), f"{found.verified_at:%Y-%m-%d}" if found.verified_at else "--"),
            Fact(_("首个标注合同"), f"{since:%Y-%m-%d}" if since else "--"),
        ],
        "ratings": directory.ratings_of(found),
        "may_post": actor(request).can(POST_TENDERS),
    }
    return render(request, "tenders/provider.html", context)
