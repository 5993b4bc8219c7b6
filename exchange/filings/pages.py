"""交易备案: the register, one voucher, the export."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from exchange.filings import rules, services
from exchange.filings.models import Filing
from exchange.filings.permissions import EXPORT_FILINGS
from exchange.filings.selectors import filings_visible_to, total_of, visible_filing
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


def _year(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) == 4 else None


@require_GET
@login_required
def register(request: HttpRequest) -> HttpResponse:
    """交易备案登记簿: own trades for the sides, the whole register for operator, department and auditor."""
    viewer, year, state = actor(request), _year(request.GET.get("year", "")), request.GET.get("state", "")
    rows = register_rows(viewer, year=year, state=state)
    number, amount = total_of(rows)
    this_year = clock.business_year(clock.now())
    kept = f"&state={state}" if state in FilingState.values else ""
    chips = [Link(_("全部年份"), f"?{kept[1:]}", is_current=year is None)] + [
        Link(str(each), f"?year={each}{kept}", is_current=year == each)
        for each in range(this_year, this_year - 3, -1)
    ]
    of_year = f"&year={year}" if year else ""
    states = [Link(_("全部状态"), f"?{of_year[1:]}", is_current=not kept)] + [
        Link(label, f"?state={value}{of_year}", is_current=state == value)
        for value, label in FilingState.choices
    ]
    context = {
        "page": paginate(rows, request.GET),
        "number": number,
        "amount": amount,
        "chips": chips,
        "states": states,
        "year": year or "",
        "state": state,
        "may_export": viewer.can(EXPORT_FILINGS),
    }
    return page_or_fragment(request, "filings/register.html", "filings/register_rows.html", context)


HEADINGS = (
    "交易凭证编号", "状态", "交易场所", "备案时间", "订单编号", "合同编号", "合同摘要 SHA-256", "供方",
    "供方统一社会信用代码", "需方", "需方统一社会信用代码", "产品编号", "产品名称", "登记证书编号",
    "交付时间", "验收时间", "合同含税金额（元）", "其中税额（元）", "备案金额（元）",
)  # fmt: skip


def _cells(filing: Filing) -> list[str]:
    order, claims = filing.order, filing.claims
    told = [
        filing.voucher_number, FilingState(filing.state).label, filing.venue, claims["filed_at"],
        order.number, order.contract.number, order.contract.text_sha256, order.supplier.name,
        order.supplier.uscc, order.buyer.name, order.buyer.uscc, order.product.number, order.product.title,
        order.certificate.number, claims["delivered_at"], claims["accepted_at"],
        Money(order.amount_fen).yuan, Money(order.tax_fen).yuan, Money(filing.amount_fen).yuan,
    ]  # fmt: skip
    return [rules.safe_cell(cell) for cell in told]


class _Line:
    """A file for the CSV writer that hands each line back."""

    def write(self, text: str) -> str:
        return text


@require_POST
@login_required
def export(request: HttpRequest) -> HttpResponseBase:
    """The register as CSV (UTF-8 with mark, so that Excel reads it); who took it is written down."""
    viewer, year, state = actor(request), _year(request.POST.get("year", "")), request.POST.get("state", "")
    viewer.require(EXPORT_FILINGS)
    rows = register_rows(viewer, year=year, state=state).order_by("filed_at", "pk")
    at = clock.now()
    services.note_export(by=viewer, at=at, row_count=rows.count(), year=year, state=state)
    writer = csv.writer(_Line())

    def lines() -> Iterator[str]:
        yield "\ufeff" + writer.writerow(HEADINGS)
        for filing in rows.iterator(chunk_size=1_000):
            yield writer.writerow(_cells(filing))

    answer = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
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


@require_GET
@login_required
def voucher(request: HttpRequest, filing_id: UUID) -> HttpResponse:
    """交易凭证: what was filed, signed; printable."""
    found = visible_filing(actor(request), filing_id)
    claims = found.claims
    context = {
        "filing": found,
        "order": found.order,
        "claims": claims,
        "claims_text": json.dumps(claims, ensure_ascii=False, indent=2, sort_keys=True),
        "former": list(found.former_vouchers.all()),
        "transitions": list(Transition.objects.filter(subject_id=found.pk).order_by("at", "pk")),
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
        "root_hash": claims["product"]["root_hash"],
        "contract_hash": claims["contract"]["sha256"],
        "tax": Money(claims["tax_fen"]),
        "gross": Money(claims["amount_fen"]),
        "reduced": Money(claims.get("reduced", {}).get("amount_fen", 0)),
        "refunded": Money(claims["refunded_fen"]),
        "filed": Money(found.amount_fen),
    }
    return render(request, "filings/voucher.html", context)
