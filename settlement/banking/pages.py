"""对账: orders with what does not match first; bank statements, their lines, matching."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.reauthentication import require_recent_authentication
from gateway.api import actor
from kernel import clock
from kernel.errors import NotAllowed, NotFound, Refusal
from kernel.money import Money
from organizations.permissions import Actor
from settlement.banking import reading, selectors, services, spreadsheets, wording
from settlement.banking.forms import EndForm, MatchForm, StatementForm
from settlement.banking.models import BankLine
from settlement.banking.permissions import (
    BOOK_RECEIPTS,
    IMPORT_STATEMENTS,
    MATCH_LINES,
    VIEW_ALL_RECONCILIATION,
    VIEW_BANK_LINES,
)
from settlement.banking.selectors import Row
from settlement.banking.states import Gap, ImportState, Standing
from settlement.invoicing.selectors import fee_standing_of
from settlement.payments import services as payments
from settlement.payments.selectors import account_of
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import CursorPage, paginate
from web.parts import Fact, Kpi, Link, Stage

MOST_SHOWN = 200


def _tabs(viewer: Actor, here: str) -> list[Link]:
    found = [Link(_("订单对账"), reverse("banking:orders"), is_current=here == "orders")]
    if viewer.can(VIEW_BANK_LINES):
        found += [
            Link(_("银行流水"), reverse("banking:lines"), is_current=here == "lines"),
            Link(_("报酬批次"), reverse("banking:pay_runs"), is_current=here == "pay_runs"),
            Link(_("流水导入"), reverse("banking:imports"), is_current=here == "imports"),
        ]
    return found


def _told(row: Row) -> dict[str, Any]:
    gaps = [
        {"label": gap.label, "fen": fen, "remedy": wording.REMEDIES[gap][0], "who": wording.REMEDIES[gap][1]}
        for gap, fen in row.gaps
    ]
    tones = {Standing.UNMATCHED: "amber", Standing.WAITING: "blue", Standing.MATCHED: "green"}
    back = row.facts.returned + row.facts.refunded
    return {
        "row": row,
        "order": row.order,
        "facts": row.facts,
        "gaps": gaps,
        "tone": tones[row.standing],
        "back": back,
    }


@require_GET
@login_required
def orders(request: HttpRequest) -> HttpResponse:
    """Every order of the viewer: what does not match first, with reason and remedy."""
    viewer = actor(request)
    selectors.require_view(viewer)
    wanted = {name: request.GET.get(name, "") for name in ("standing", "gap", "text", "year")}
    every = selectors.narrowed(
        selectors.orders_visible_to(viewer), gap=wanted["gap"], text=wanted["text"], year=wanted["year"]
    )
    rows = selectors.narrowed(every, standing=wanted["standing"])
    page: CursorPage[Any] = paginate(rows, request.GET, order=("-rank", "-id"))
    counts = selectors.counts(every)
    kept = {name: value for name, value in wanted.items() if value and name != "standing"}
    chips = [
        Link(
            _("全部"), f"?{urlencode(kept)}", sum(counts.values()), wanted["standing"] not in Standing.values
        )
    ]
    chips += [
        Link(
            each.label, f"?{urlencode({**kept, 'standing': each})}", counts[each], wanted["standing"] == each
        )
        for each in Standing
    ]
    context = {
        "page": page,
        "rows": [_told(selectors.row_of(order)) for order in page],
        "chips": chips,
        "tabs": _tabs(viewer, "orders"),
        "wanted": wanted,
        "gaps": Gap.choices,
        "query": urlencode({name: value for name, value in wanted.items() if value}),
    }
    return page_or_fragment(request, "banking/orders.html", "banking/orders_rows.html", context)


@require_GET
@login_required
def export(request: HttpRequest) -> StreamingHttpResponse:
    """The same list, all of it, as CSV."""
    viewer = actor(request)
    selectors.require_view(viewer)
    wanted = {name: request.GET.get(name, "") for name in ("standing", "gap", "text", "year")}
    rows = selectors.narrowed(selectors.orders_visible_to(viewer), **wanted)
    lines = spreadsheets.csv_lines(selectors.export_rows(rows))
    answer = StreamingHttpResponse((line.encode() for line in lines), content_type=spreadsheets.CSV_TYPE)
    answer["Content-Disposition"] = 'attachment; filename="reconciliation.csv"'
    return answer


def _stages(row: Row) -> list[Stage]:
    f, order = row.facts, row.order
    done = [
        (_("合同"), True, order.contract.number),
        (_("付款"), f.booked > 0, str(Money(f.booked)) if f.booked else ""),
        (_("银行到账"), f.received >= f.booked > 0, str(Money(f.received)) if f.received else ""),
        (
            _("交付"),
            f.is_delivered,
            f"{clock.business_date(order.delivered_at)}" if order.delivered_at else "",
        ),
        (_("验收"), f.is_accepted, f"{clock.business_date(order.accepted_at)}" if order.accepted_at else ""),
        (_("发票"), f.stands == f.keeps > 0, str(Money(f.stands)) if f.stands else ""),
    ]
    return [Stage(label, detail, "done" if is_done else "ahead") for label, is_done, detail in done]


@require_GET
@login_required
def order(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """One order from contract to bank: every step, every figure, what does not match and what to do."""
    viewer = actor(request)
    selectors.require_view(viewer)
    row = selectors.order_visible_to(viewer, order_id)
    f = row.facts
    figures = [
        Fact(
            _("付款到托管"),
            Money(f.booked),
            url=reverse("payments:detail", args=[order_id]) if f.booked else "",
        ),
        Fact(_("银行到账"), Money(f.received)),
        Fact(_("托管退回"), Money(f.returned)),
        Fact(_("放款"), Money(f.released)),
        Fact(_("退款"), Money(f.refunded)),
        Fact(_("银行付出"), Money(f.paid_back)),
        Fact(_("已开票"), Money(f.invoiced), url=reverse("invoicing:order", args=[order_id])),
        Fact(_("红冲"), Money(f.credited)),
    ]
    fee = fee_standing_of(order_id)
    if fee.booked and (viewer.can(VIEW_ALL_RECONCILIATION) or viewer.belongs_to(row.order.supplier_id)):
        url = reverse("invoicing:fee_order", args=[order_id])
        figures.append(Fact(_("交易服务费"), Money(fee.keeps), hint=_("交易机构向供方收取"), url=url))
        figures.append(Fact(_("服务费已开票"), Money(fee.stands), hint=wording.fee_gap(fee)))
    if account := account_of(row.order):
        figures.insert(0, Fact(_("专属收款账号"), account))
    context = {
        **_told(row),
        "stages": _stages(row),
        "figures": figures,
        "matches": selectors.matches_of(row.order),
        "sees_lines": viewer.can(VIEW_BANK_LINES),
        "booking": _booking(viewer, row),
    }
    return render(request, "banking/order.html", context)


def _booking(viewer: Actor, row: Row) -> dict[str, Any] | None:
    """What booking the buyer's transfer would do now, or why it cannot be; for who books, while nothing is booked."""
    if not viewer.can(BOOK_RECEIPTS) or row.facts.booked or not row.facts.received:
        return None
    receipt, order = selectors.receipt_of(row.order), row.order
    try:
        payments.require_unpaid(order)
        services.require_bookable(viewer, receipt, order.buyer.name)
    except Refusal as refusal:
        return {"fault": str(refusal)}
    facts = [
        Fact(_("银行到账"), receipt.received),
        Fact(_("登记为付款到托管"), receipt.price),
        Fact(_("多付，待退回买方"), receipt.surplus),
    ]
    return {"facts": facts, "lines": receipt.lines}


@require_POST
@login_required
def book(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """A second person books the buyer's transfer into escrow."""
    viewer, address = actor(request), reverse("banking:order", args=[order_id])
    selectors.require_view(viewer)
    selectors.order_visible_to(viewer, order_id)
    viewer.require(BOOK_RECEIPTS)
    require_recent_authentication(request, back=address)

    def work() -> str:
        services.book_receipt(by=viewer, at=clock.now(), order_id=order_id)
        messages.success(request, _("买方付款已登记进入托管，供方可以交付了。"))
        return address

    try:
        return redirect_once(request, work)
    except (NotAllowed, NotFound):
        raise
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return redirect(address)


# --- bank lines --------------------------------------------------------------------------------


@require_GET
@login_required
def lines(request: HttpRequest) -> HttpResponse:
    """Bank lines, those without a payment by default."""
    viewer, show = actor(request), request.GET.get("show", "open")
    rows = selectors.lines_visible_to(viewer)
    narrowed = {"open": rows.filter(Q(left_fen__gt=0)), "done": rows.filter(Q(left_fen=0)), "all": rows}
    show = show if show in narrowed else "open"
    words = {"open": _("待匹配"), "done": _("已匹配"), "all": _("全部")}
    chips = [Link(words[each], f"{request.path}?show={each}", is_current=show == each) for each in narrowed]
    page: CursorPage[Any] = paginate(narrowed[show], request.GET, order=("-booked_on", "-id"))
    context = {"page": page, "chips": chips, "tabs": _tabs(viewer, "lines")}
    return page_or_fragment(request, "banking/lines.html", "banking/lines_rows.html", context)


@require_GET
@login_required
def line(request: HttpRequest, bank_line_id: UUID) -> HttpResponse:
    """One bank line: what it tells, what it may be, what it was matched to."""
    return _line_page(request, selectors.line_visible_to(actor(request), bank_line_id))


def _line_page(
    request: HttpRequest, found: BankLine, *, form: MatchForm | None = None, status: int = 200
) -> HttpResponse:
    may_match, left = actor(request).can(MATCH_LINES), selectors.left_of(found)
    facts = [
        Fact(_("银行流水号"), found.reference),
        Fact(_("记账日期"), found.booked_on.isoformat()),
        Fact(_("对方户名"), found.party_name or "--"),
        Fact(_("对方账号"), found.party_account or "--"),
        Fact(_("收款虚拟账号"), found.virtual_account or "--"),
        Fact(_("附言"), found.text or "--"),
        Fact(_("来源文件"), found.source.file_name, url=reverse("banking:import", args=[found.source_id])),
    ]
    suggestions = [
        {
            "each": each,
            "kind": each.expected.kind.label,
            "reasons": [wording.REASONS[code] for code in each.reasons],
        }
        for each in (selectors.suggestions_for(found) if may_match else [])
    ]
    context = {
        "line": found,
        "facts": facts,
        "kpis": [
            Kpi(_("收入") if found.amount_fen > 0 else _("支出"), Money(abs(found.amount_fen))),
            Kpi(_("已匹配"), Money(abs(found.amount_fen)) - left),
            Kpi(_("待匹配"), left, tone="warn" if left else ""),
        ],
        "suggestions": suggestions,
        "matches": selectors.all_matches_of(found),
        "form": form or MatchForm(initial={"amount": left}),
        "may_match": may_match and left.fen > 0,
        "may_end": may_match,
    }
    return render(request, "banking/line.html", context, status=status)


@require_POST
@login_required
def match(request: HttpRequest, bank_line_id: UUID) -> HttpResponse:
    """A person confirms a suggestion, or names the payment."""
    viewer = actor(request)
    found = selectors.line_visible_to(viewer, bank_line_id)
    viewer.require(MATCH_LINES)
    address = reverse("banking:line", args=[bank_line_id])
    form = MatchForm(request.POST)
    is_suggested = "target" in request.POST
    if not is_suggested and not form.is_valid():
        return _line_page(request, found, form=form, status=422)

    def work() -> str:
        if is_suggested:
            try:
                target, amount = UUID(request.POST["target"]), None
            except ValueError as wrong:
                raise NotFound from wrong
            kind = request.POST.get("kind", "")
        else:
            kind, target = services.target_named(found, form.cleaned_data["number"])
            amount = form.cleaned_data["amount"]
        services.match_line(
            by=viewer, at=clock.now(), line_id=bank_line_id, kind=kind, target_id=target, amount=amount
        )
        return address

    try:
        return redirect_once(request, work)
    except (NotAllowed, NotFound):
        raise
    except Refusal as refusal:
        if is_suggested:
            messages.error(request, str(refusal))
            return redirect(address)
        show_refusal(form, refusal)
        return _line_page(request, found, form=form, status=422)


@require_POST
@login_required
def end_match(request: HttpRequest, bank_match_id: UUID) -> HttpResponse:
    """A person takes a match back."""
    form = EndForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    viewer = actor(request)
    selectors.lines_visible_to(viewer)
    try:
        ended = services.end_match(by=viewer, at=clock.now(), match_id=bank_match_id, reason=reason)
    except (NotAllowed, NotFound):
        raise
    except Refusal as refusal:
        messages.error(request, str(refusal))
        back = (
            selectors.lines_visible_to(viewer)
            .filter(matches=bank_match_id)
            .values_list("pk", flat=True)
            .first()
        )
        return redirect("banking:line", back)
    messages.success(request, _("匹配已撤销。"))
    return redirect("banking:line", ended.match.line_id)


# --- pay runs ----------------------------------------------------------------------------------


@require_GET
@login_required
def pay_runs(request: HttpRequest) -> HttpResponse:
    """Paid pay runs and how many people of each have their bank lines."""
    viewer = actor(request)
    rows = selectors.pay_runs_visible_to(viewer).select_related("firm")
    context = {
        "page": paginate(rows, request.GET, order=("-paid_at", "-id")),
        "tabs": _tabs(viewer, "pay_runs"),
        "may_match": viewer.can(MATCH_LINES),
    }
    return page_or_fragment(request, "banking/pay_runs.html", "banking/pay_runs_rows.html", context)


@require_POST
@login_required
def match_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Match a whole pay run with the bank's lines."""
    viewer = actor(request)
    if not selectors.pay_runs_visible_to(viewer).filter(pk=run_id).exists():
        raise NotFound
    try:
        found = services.match_run(by=viewer, at=clock.now(), run_id=run_id)
    except services.NoLinesYet as refusal:
        messages.error(request, str(refusal))
    else:
        told = ngettext("已匹配 %(count)s 人的报酬。", "已匹配 %(count)s 人的报酬。", len(found))
        messages.success(request, told % {"count": len(found)})
    return redirect("banking:pay_runs")


# --- imports -----------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@login_required
def imports(request: HttpRequest) -> HttpResponse:
    """Statements so far, and the form for another one (POST: look at it)."""
    viewer, status = actor(request), 200
    rows = selectors.imports_visible_to(viewer).defer("faults")
    form = StatementForm()
    if request.method == "POST":
        viewer.require(IMPORT_STATEMENTS)
        form, status = StatementForm(request.POST, request.FILES), 422
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                made = services.check_file(
                    by=viewer,
                    at=clock.now(),
                    file_name=file.name or "",
                    body=file.read(reading.LARGEST_FILE + 1),
                    form=form.cleaned_data["format"],
                    account=form.cleaned_data["account"],
                )
                return redirect("banking:import", made.pk)
            except Refusal as refusal:
                show_refusal(form, refusal)
    context = {
        "page": paginate(rows, request.GET),
        "form": form,
        "may_import": viewer.can(IMPORT_STATEMENTS),
        "tabs": _tabs(viewer, "imports"),
    }
    return render(request, "banking/imports.html", context, status=status)


@require_GET
@login_required
def template(request: HttpRequest, code: str) -> HttpResponse:
    """The empty table to fill in, as workbook or CSV."""
    actor(request).require(VIEW_BANK_LINES)
    makers = {
        "xlsx": (spreadsheets.template_excel, spreadsheets.EXCEL_TYPE),
        "csv": (spreadsheets.template_csv, spreadsheets.CSV_TYPE),
    }
    if code not in makers:
        raise NotFound
    make, media_type = makers[code]
    answer = HttpResponse(make(), content_type=media_type)
    answer["Content-Disposition"] = f'attachment; filename="bank-statement.{code}"'
    return answer


@require_GET
@login_required
def dry_run(request: HttpRequest, bank_import_id: UUID) -> HttpResponse:
    """What a statement holds: counts, and every bad cell with its row, column and reason."""
    viewer = actor(request)
    found = selectors.import_visible_to(viewer, bank_import_id)
    is_open = found.state == ImportState.CHECKED
    faults = [
        {**each, "label": wording.COLUMNS[each["column"]], "reason": wording.FAULTS[each["code"]]}
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
        "may_confirm": is_open and not found.faulty_count and viewer.can(IMPORT_STATEMENTS),
        "is_open": is_open,
    }
    return render(request, "banking/dry_run.html", context)


@require_POST
@login_required
def confirm(request: HttpRequest, bank_import_id: UUID) -> HttpResponse:
    """Import the whole statement."""
    viewer, address = actor(request), reverse("banking:import", args=[bank_import_id])
    selectors.import_visible_to(viewer, bank_import_id)
    viewer.require(IMPORT_STATEMENTS)

    def work() -> str:
        services.confirm(by=viewer, at=clock.now(), import_id=bank_import_id)
        return address

    try:
        return redirect_once(request, work)
    except (services.StatementFaulty, services.StatementAltered) as refusal:
        messages.error(request, str(refusal))
        return redirect(address)
