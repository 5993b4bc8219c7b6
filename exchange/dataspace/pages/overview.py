"""试点总览: the whole pilot for the department and the operator."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from exchange.dataspace.overview import Overview, pilot_overview
from gateway.api import actor
from kernel import clock
from web import charts
from web.parts import Kpi, Portion

MOST_BARS = 8


@login_required
@require_safe
def pilot(request: HttpRequest) -> HttpResponse:
    """The pilot's figures, each leading to the rows behind it."""
    found = pilot_overview(actor(request), clock.now())
    context = {
        "overview": found,
        "kpis": _kpis(found),
        "milestones": [
            Portion(_("已完成"), found.milestones_met, "green"),
            Portion(_("进行中"), found.milestones_open, "blue"),
            Portion(_("逾期"), found.milestones_late, "amber"),
        ],
        "by_month": _by_month(found),
        "by_industry": _by_industry(found),
    }
    return render(request, "dataspace/pilot.html", context)


def _kpis(found: Overview) -> list[Kpi]:
    spaces = found.spaces + found.platforms
    return [
        Kpi(
            _("试点中的经纪人"), found.brokers_in_pilot, _("家"),
            hint=_("结业 %(done)s 家，退出 %(left)s 家") % {"done": found.brokers_graduated, "left": found.brokers_exited},
            url=reverse("pilots:board"),
        ),
        Kpi(
            _("完成的成交"), found.deals, _("笔"), hint=_("扣除退款后 %(amount)s") % {"amount": found.amount},
            url=reverse("brokers:deals"),
        ),
        Kpi(_("成交佣金"), charts.wan(found.commission.fen), _("万元"), hint=str(found.commission)),
        Kpi(
            _("法定记录完整"), "--" if found.records_share is None else found.records_share, "%",
            hint=_("%(count)s 笔成交缺少记录") % {"count": found.incomplete_deals},
            tone="warn" if found.incomplete_deals else "", url=reverse("brokers:board"),
        ),
        Kpi(
            _("运行的空间与平台"), spaces, _("个"),
            hint=_("成员单位 %(members)s 家，共享产品 %(products)s 个") % {"members": found.member_organizations, "products": found.products},
            url=reverse("dataspace:spaces"),
        ),
        Kpi(
            _("已核验落地金额"), charts.wan(found.landed.fen), _("万元"),
            hint=_("%(count)s 个项目，待核验 %(waiting)s 个") % {"count": found.landings, "waiting": found.landings_waiting},
        ),
    ]  # fmt: skip


def _by_month(found: Overview) -> charts.Drawing:
    now = clock.business_date(clock.now()).month
    columns = [
        charts.Column(str(month), number, "now" if month == now else "past")
        for month, number in enumerate(found.deals_by_month, 1)
    ]
    title = _("%(year)s 年各月完成的成交") % {"year": found.year}

    def draw(width: int, height: int) -> charts.Drawing:
        return charts.threshold(columns, [], title=title, show=charts.grouped, width=width, height=height)

    return charts.for_both(draw, wide=(640, 220), narrow=(340, 200))


def _by_industry(found: Overview) -> charts.Drawing:
    landed = [row for row in found.industries if row.landed][:MOST_BARS]
    bars = [charts.Bar(row.label, row.landed.fen, str(row.landings), "teal") for row in landed]
    title = _("各行业已核验落地金额（万元）")

    def draw(width: int, _height: int) -> charts.Drawing:
        return charts.distribution(bars, title=title, show=charts.wan, width=width)

    return charts.for_both(draw, wide=(460, 0), narrow=(330, 0))
