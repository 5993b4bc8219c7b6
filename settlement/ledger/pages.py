"""账务: balances and statements for a firm, trial balance and proof for operator and auditor."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from jobs import services as jobs
from kernel import clock
from kernel.errors import NotFound
from kernel.money import Money
from kernel.periods import Period
from organizations.permissions import Actor
from settlement.ledger import journals, selectors
from settlement.ledger.models import Purpose
from settlement.ledger.permissions import VIEW_ALL_BOOKS, VIEW_BOOKS
from settlement.ledger.tasks import PROVE_KIND
from web.answers import page_or_fragment
from web.paging import paginate
from web.parts import Fact, Kpi, Link
from web.templatetags.ui import short_hash

MOST_HOLDS = 20


def _viewer(request: HttpRequest) -> Actor:
    viewer: Actor = request.actor  # type: ignore[attr-defined]
    return viewer


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    """A firm's balances, or the trial balance for who sees all books."""
    viewer = _viewer(request)
    if viewer.can(VIEW_ALL_BOOKS):
        return _trial_balance(request)
    viewer.require(VIEW_BOOKS)
    accounts = selectors.accounts_visible_to(viewer).filter(organization=viewer.organization)
    held = selectors.balances(viewer)
    kpis = [
        Kpi(_("可用余额"), held.get(Purpose.WALLET, Money(0)), hint=_("已放款，可提现")),
        Kpi(_("我方托管中"), held.get(Purpose.ESCROW, Money(0)), hint=_("已付款，待验收放款")),
    ]
    if Purpose.LABOUR_COST in held:
        kpis.append(Kpi(_("累计标注人工成本"), -held[Purpose.LABOUR_COST], hint=_("已计提给标注员")))
    return render(
        request, "ledger/index.html", {"accounts": accounts.order_by("purpose", "stripe"), "kpis": kpis}
    )


def _trial_balance(request: HttpRequest) -> HttpResponse:
    on = _day(request.GET.get("on", ""))
    found = selectors.trial_balance(before=clock.end_of(on) if on else None)
    context = {
        "trial": found,
        "on": on,
        "proof": selectors.latest_proof(),
        "newest": selectors.newest_effect(),
    }
    return render(request, "ledger/trial_balance.html", context)


@require_GET
@login_required
def accounts(request: HttpRequest) -> HttpResponse:
    """Every account with its owner, for who sees all books."""
    _viewer(request).require(VIEW_ALL_BOOKS)
    text, purpose = request.GET.get("q", "").strip(), request.GET.get("purpose", "")
    rows = selectors.owners(text, purpose if purpose in Purpose.values else "")
    context = {
        "page": paginate(rows, request.GET, order=("-id",)),
        "text": text,
        "purpose": purpose,
        "purposes": Purpose.choices,
    }
    return page_or_fragment(request, "ledger/accounts.html", "ledger/accounts_list.html", context)


@require_GET
@login_required
def statement(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """对账单: an account's lines with the balance after each, whole or for one business year."""
    viewer = _viewer(request)
    account = selectors.account_visible_to(viewer, account_id)
    years = selectors.years_of(account)
    wanted = request.GET.get("year", "")
    year = int(wanted) if wanted.isascii() and wanted.isdigit() and int(wanted) in years else None
    told = selectors.statement(account, period=Period.of_year(year) if year else None, parameters=request.GET)
    context = {
        "account": account,
        "statement": told,
        "page": told.page,
        "chips": [
            Link(_("全部"), request.path, is_current=year is None),
            *(Link(str(each), f"{request.path}?year={each}", is_current=each == year) for each in years),
        ],
        "kpis": [
            Kpi(_("期初余额"), Money(told.opening_fen)),
            Kpi(_("收入合计"), Money(told.credit_fen)),
            Kpi(_("支出合计"), Money(told.debit_fen)),
            Kpi(_("期末余额"), Money(told.closing_fen)),
        ],
        "sees_all": viewer.can(VIEW_ALL_BOOKS),
        "holds": selectors.pending_holds(account)[:MOST_HOLDS],
    }
    return page_or_fragment(request, "ledger/statement.html", "ledger/statement_lines.html", context)


@require_GET
@login_required
def entry(request: HttpRequest, entry_id: UUID) -> HttpResponse:
    """记账凭证: the fact behind an entry and its legs, as far as the viewer may see them."""
    viewer = _viewer(request)
    found, legs, hidden_count = selectors.entry_visible_to(viewer, entry_id)
    is_open = selectors.accounts_open_to(viewer, legs)
    facts = [
        Fact(_("摘要"), found.memo or "--"),
        Fact(_("业务对象"), format_html("{} {}", found.fact_type, short_hash(str(found.fact_id)))),
        Fact(_("生效时间"), f"{found.effective_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"),
        Fact(_("记录时间"), f"{found.recorded_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}"),
        Fact(_("幂等键"), short_hash(found.key)),
        Fact(_("内容指纹"), short_hash(found.fingerprint)),
    ]
    context = {
        "entry": found,
        "legs": [{"leg": leg, "is_open": leg.account_id in is_open} for leg in legs],
        "hidden_count": hidden_count,
        "facts": facts,
        "reversal": getattr(found, "reversed_by", None),
    }
    return render(request, "ledger/entry.html", context)


@require_POST
@login_required
def prove(request: HttpRequest) -> HttpResponse:
    """Prove all books now: a job, because it reads every row."""
    viewer = _viewer(request)
    viewer.require(VIEW_ALL_BOOKS)
    job = jobs.queue(by=viewer, at=clock.now(), kind=PROVE_KIND, title=_("账实核对"))
    return redirect("jobs:detail", job.pk)


@require_GET
@login_required
def closes(request: HttpRequest) -> HttpResponse:
    """日结: the chain of signed digests; with the day's balances for who sees all books."""
    sees_all = _viewer(request).can(VIEW_ALL_BOOKS)
    page = paginate(selectors.closes(), request.GET, order=("-ordinal",))
    rows = [
        {
            "close": close,
            "balances": [(Purpose(purpose).label, fen) for purpose, fen in close.balances.items()]
            if sees_all
            else [],
        }
        for close in page
    ]
    return render(request, "ledger/closes.html", {"page": page, "rows": rows, "sees_all": sees_all})


@require_GET
@login_required
def journal(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """The books as a journal for beancount or hledger."""
    _viewer(request).require(VIEW_ALL_BOOKS)
    if form not in journals.FORMATS:
        raise NotFound
    lines = (line.encode() for line in journals.lines(form, until=_day(request.GET.get("until", ""))))
    answer = StreamingHttpResponse(lines, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="qingshu.{form}"'
    return answer


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if selectors.is_tellable(day) else None
