"""交易备案: the register, one voucher with its issues, the register as CSV."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from documents.printing import qr_svg
from exchange.filings import rules, services, spreadsheets
from exchange.filings.invoices import invoices_of
from exchange.filings.pages.sections import sections
from exchange.filings.permissions import EXPORT_FILINGS
from exchange.filings.selectors import (
    Issue,
    filings_visible_to,
    issue_of,
    issues_of,
    past_total_of,
    past_trades,
    total_of,
    visible_filing,
    voucher_url,
)
from exchange.filings.selectors import register as register_rows
from exchange.filings.states import FilingState
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound
from kernel.models import Transition
from kernel.money import Money
from web.answers import page_or_fragment
from web.paging import paginate
from web.parts import Fact, Link

SOURCES = (rules.FILED, rules.IMPORTED, "all")


def _year(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) == 4 else None


def _sequence(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _filters(year: int | None, state: str, source: str) -> dict[str, list[Link]]:
    """The rows of chips; each keeps the choice of the others."""
    this_year = clock.business_year(clock.now())

    def link(label: Any, *, is_current: bool, **chosen: Any) -> Link:
        kept = {"year": year, "state": state, "source": source, **chosen}
        kept["source"] = "" if kept["source"] == rules.FILED else kept["source"]
        query = "&".join(f"{name}={value}" for name, value in kept.items() if value)
        return Link(label, f"?{query}", is_current=is_current)

    words = {rules.FILED: _("平台备案"), rules.IMPORTED: _("历史导入"), "all": _("合并查看")}
    found = {
        "years": [link(_("全部年份"), year=None, is_current=year is None)]
        + [
            link(str(each), year=each, is_current=year == each)
            for each in range(this_year, this_year - (3 if source == rules.FILED else 6), -1)
        ],
        "sources": [link(words[each], source=each, state="", is_current=source == each) for each in SOURCES],
        "states": [],
    }
    if source == rules.FILED:
        found["states"] = [link(_("全部状态"), state="", is_current=not state)] + [
            link(label, state=value, is_current=state == value) for value, label in FilingState.choices
        ]
    return found


@require_GET
@login_required
def register(request: HttpRequest) -> HttpResponse:
    """交易备案登记簿: own trades for the sides, the whole register for operator, department and auditor.

    Imported past trades are a source of their own; they are added up with the filed ones only when asked for.
    """
    viewer, year, state = actor(request), _year(request.GET.get("year", "")), request.GET.get("state", "")
    source = request.GET.get("source", "")
    source = source if source in SOURCES else rules.FILED
    state = state if state in FilingState.values and source == rules.FILED else ""
    context: dict[str, Any] = {
        **_filters(year, state, source),
        "source": source,
        "year": year or "",
        "state": state,
        "tabs": sections(viewer, "register"),
        "may_export": viewer.can(EXPORT_FILINGS) and source == rules.FILED,
    }
    if source != rules.IMPORTED:
        rows = register_rows(viewer, year=year, state=state)
        context["number"], context["amount"] = total_of(rows)
        context["page"] = paginate(rows, request.GET)
    if source != rules.FILED:
        past = past_trades(viewer, year=year)
        context["past_number"], context["past_amount"] = past_total_of(past)
        # When both are shown, the cursor belongs to the filed ones; the past ones have their own list.
        asked = request.GET if source == rules.IMPORTED else {}
        context["past"] = paginate(past, asked, order=("-traded_on", "-id"))
    if source == "all":
        context["all_number"] = context["number"] + context["past_number"]
        context["all_amount"] = context["amount"] + context["past_amount"]
    return page_or_fragment(request, "filings/register.html", "filings/register_rows.html", context)


@require_POST
@login_required
def export(request: HttpRequest) -> HttpResponseBase:
    """The register as it stands, as CSV; who took it is written down."""
    viewer, year, state = actor(request), _year(request.POST.get("year", "")), request.POST.get("state", "")
    viewer.require(EXPORT_FILINGS)
    rows = register_rows(viewer, year=year, state=state).exclude(state=FilingState.PENDING)
    at = clock.now()
    services.note_export(by=viewer, at=at, row_count=rows.count(), year=year, state=state)
    found = rows.select_related(None).defer(None).only("claims", "filed_at").order_by("filed_at", "pk")
    told = (rules.register_row(filing.claims) for filing in found.iterator(chunk_size=1_000))
    answer = StreamingHttpResponse(spreadsheets.csv_lines(told), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="filings-{clock.business_date(at):%Y%m%d}.csv"'
    return answer


@require_GET
@login_required
def of_order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """From an order to its voucher."""
    found = filings_visible_to(actor(request)).filter(order_id=order_id).first()
    if found is None:
        raise NotFound
    return redirect("filings:voucher", found.pk)


def _changes(issues: list[Issue]) -> list[dict[str, Any]]:
    """Every issue with what it took away, the newest first."""
    found = []
    for issue in issues:
        row = rules.register_row(issue.claims)
        found.append(
            {"issue": issue, "change": Money(int(row["change_fen"] or 0)), "status": issue.claims["status"]}
        )
    return found[::-1]


def _proofs(claims: dict[str, Any]) -> list[Fact]:
    """Delivery, acceptance, money, invoice: what proves that the trade was done."""
    delivery, receipt = claims["delivery"], claims.get("receipt")
    is_by_buyer = claims["acceptance"]["by"] == rules.BY_BUYER
    accessed = _("%(files)s 个文件，验收前访问 %(count)s 次") % {
        "files": f"{delivery['file_count']:,}",
        "count": f"{delivery['access_count']:,}",
    }
    return [
        Fact(_("交付"), accessed),
        Fact(
            _("验收"),
            claims["acceptance"]["acceptor"] if is_by_buyer else _("验收期届满未提出异议，视为验收通过"),
        ),
        Fact(
            _("收款"),
            receipt["payment"] if receipt else "--",
            _("自托管账户放款 %(amount)s") % {"amount": Money(receipt["released_fen"])} if receipt else "",
        ),
        Fact(_("发票"), rules.invoice_numbers(claims) or _("备案时未开具")),
    ]


@require_GET
@login_required
def voucher(request: HttpRequest, filing_id: UUID) -> HttpResponse:
    """交易凭证: what was filed, signed; `?sequence=` shows a former issue. Printable."""
    viewer = actor(request)
    filing = visible_filing(viewer, filing_id)
    if filing.state == FilingState.PENDING:
        raise NotFound
    issue = issue_of(filing, _sequence(request.GET.get("sequence", "")))
    claims = issue.claims
    url = voucher_url(claims, issue.token)
    context = {
        "filing": filing,
        "order": filing.order,
        "issue": issue,
        "is_present": issue.replaced_at is None,
        "present_number": filing.sequence,
        "claims": claims,
        "claims_text": json.dumps(claims, ensure_ascii=False, indent=2, sort_keys=True),
        "changes": _changes(issues_of(filing)),
        "transitions": list(Transition.objects.filter(subject_id=filing.pk).order_by("at", "pk")),
        "sides": [
            Fact(_("供方"), claims["supplier"]["name"], claims["supplier"]["uscc"]),
            Fact(_("需方"), claims["buyer"]["name"], claims["buyer"]["uscc"]),
        ],
        "facts": [
            Fact(_("订单编号"), claims["sub"]),
            Fact(_("产品"), claims["product"]["title"], claims["product"]["number"]),
            Fact(_("数据版本"), f"{claims['product']['dataset']} v{claims['product']['version']}"),
            Fact(_("登记证书"), claims["certificate"]),
            Fact(_("合同"), claims["contract"]["number"]),
            Fact(_("交易场所"), claims["venue"]),
        ],
        "proofs": _proofs(claims),
        "invoices": invoices_of(viewer, filing.order_id),
        "root_hash": claims["product"]["root_hash"],
        "contract_hash": claims["contract"]["sha256"],
        "tax": Money(claims["tax_fen"]),
        "gross": Money(claims["amount_fen"]),
        "reduced": Money(claims.get("reduced", {}).get("amount_fen", 0)),
        "refunded": Money(claims["refunded_fen"]),
        "filed": Money(claims["filed_fen"]),
        "qr": mark_safe(qr_svg(url)),
        "url": url,
    }
    return render(request, "filings/voucher.html", context)


@require_POST
@login_required
def document(request: HttpRequest, filing_id: UUID) -> HttpResponse:
    """The PDF of an issue by a short-lived link; made when it is first asked for, recorded each time."""
    _document, link = services.hand_out_document(
        by=actor(request),
        at=clock.now(),
        filing_id=filing_id,
        sequence=_sequence(request.POST.get("sequence", "")),
    )
    return HttpResponseRedirect(link)


@require_GET
@login_required
def token(request: HttpRequest, filing_id: UUID) -> HttpResponse:
    """The signed text of an issue as a file."""
    filing = visible_filing(actor(request), filing_id)
    if filing.state == FilingState.PENDING:
        raise NotFound
    issue = issue_of(filing, _sequence(request.GET.get("sequence", "")))
    answer = HttpResponse(issue.token, content_type="application/jwt")
    name = f"{filing.voucher_number}-{issue.sequence}.jwt"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
