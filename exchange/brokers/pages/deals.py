"""Matches and deals: the answer, the order, the commission, the records, the rating, the board."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from documents.services import store_upload
from exchange.brokers import rules, selectors, services
from exchange.brokers.forms import DealForm, DeclineForm, RatingForm, ReasonForm, RecordForm
from exchange.brokers.models import Deal, Match
from exchange.brokers.pages.mandates import _tabs, form_page
from exchange.brokers.permissions import CONFIRM, ENTRUST, RATE, VIEW, VIEW_ALL, WORK
from exchange.brokers.states import DealState, FactKind, MatchState
from exchange.catalogue.selectors import plans_on_sale_to
from exchange.pilots.permissions import MANAGE
from exchange.pilots.selectors import pilot_for
from exchange.trading.selectors import orders_visible_to
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, Refusal
from kernel.money import Money
from kernel.wording import listed
from organizations.permissions import Actor
from web.answers import page_or_fragment
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact

# --- matches ----------------------------------------------------------------------------------------


def _is_broker(viewer: Actor, broker_id: UUID) -> bool:
    return viewer.can(WORK) and viewer.organization_id == broker_id


def _match_context(match: Match, viewer: Actor, form: DealForm | None = None) -> dict[str, object]:
    is_broker = _is_broker(viewer, match.mandate.broker_id)
    orders = selectors.orders_under(match) if is_broker and match.state == MatchState.ACCEPTED else []
    choices = [
        (each.number, f"{each.number} · {Money(each.amount_fen)} · {each.get_state_display()}")
        for each in orders
    ]
    is_principal = viewer.can(ENTRUST) and viewer.organization_id == match.mandate.principal_id
    is_side = viewer.organization_id in (match.mandate.principal_id, match.mandate.broker_id)
    may_order = viewer.organization_id == match.buyer_id and match.state == MatchState.ACCEPTED
    found = match.demand
    wanted = []
    if found is not None:
        wanted = [Fact(_("数据需求"), found.title, url=reverse("demands:demand", args=[found.number])),
                  Fact(_("需求方"), str(found.buyer))]  # fmt: skip
    sees_mandate = is_side or viewer.can(VIEW_ALL)
    return {
        "match": match,
        "facts": [
            Fact(_("委托人"), str(match.mandate.principal)),
            Fact(_("数据经纪人"), str(match.mandate.broker)),
            Fact(
                _("委托"),
                match.mandate.number,
                url=reverse("brokers:mandate", args=[match.mandate_id]) if sees_mandate else "",
            ),
            *wanted,
            Fact(_("供方"), str(match.product.supplier)),
            Fact(_("匹配得分"), _("%(score)s / 100") % {"score": match.score}),
        ],
        "parts": [(rules.REASON_LABELS[part["key"]], part["points"], part["most"]) for part in match.trace],
        "deals": list(match.deals.order_by("pk")),
        "history": selectors.history_of(match.pk),
        "may_answer": is_principal and match.state == MatchState.RECORDED,
        "deal_form": form or (DealForm(orders=choices) if choices else None),
        "is_waiting_for_order": is_broker and match.state == MatchState.ACCEPTED and not choices,
        "may_order": may_order,
        "plans": list(plans_on_sale_to(viewer, match.product, clock.now())) if may_order else [],
        "meta": [match.number],
    }


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def match(request: HttpRequest, match_id: UUID) -> HttpResponse:
    """A proposal: product, score, reasons, the answer; the broker names the order here."""
    viewer = actor(request)
    found = selectors.match_for(viewer, match_id)
    if request.method != "POST":
        return render(request, "brokers/match.html", _match_context(found, viewer))
    if not _is_broker(viewer, found.mandate.broker_id):
        raise NotAllowed(permission=WORK.label, organization=str(viewer.organization or "—"))
    number = request.POST.get("order_number", "")
    form = DealForm(request.POST, orders=[(number, number)])
    if form.is_valid():
        try:
            deal = services.propose_deal(by=viewer, at=clock.now(), match_id=match_id, order_number=number)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已登记，等待双方确认佣金。"))
            return redirect("brokers:deal", deal.pk)
    return render(request, "brokers/match.html", _match_context(found, viewer, form), status=422)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def decline(request: HttpRequest, match_id: UUID) -> HttpResponse:
    """The principal does not want the product, and says why."""
    viewer = actor(request)
    found = selectors.match_for(viewer, match_id)
    if not (viewer.can(ENTRUST) and viewer.organization_id == found.mandate.principal_id):
        raise NotAllowed(permission=ENTRUST.label, organization=str(viewer.organization or "—"))
    form = DeclineForm(request.POST or None)
    words = (_("谢绝推荐"), found.product.display_title, _("确认谢绝"))

    def deed() -> object:
        return services.answer_match(
            by=viewer,
            at=clock.now(),
            match_id=match_id,
            is_accepted=False,
            answer=form.cleaned_data["answer"],
        )

    return form_page(request, form, words, (found.number, reverse("brokers:match", args=[found.pk])), deed)


# --- deals ------------------------------------------------------------------------------------------


@login_required
@require_safe
def deals(request: HttpRequest) -> HttpResponse:
    """成交: what came about through brokers, with the commission and how many records there are."""
    viewer = actor(request)
    if not viewer.can(VIEW_ALL):
        viewer.require(VIEW)
    context = {
        "page": paginate(selectors.listed_deals(viewer), request.GET),
        "required": len(rules.REQUIRED_RECORDS),
        "tabs": _tabs("deals"),
    }
    return page_or_fragment(request, "brokers/deals.html", "brokers/deal_rows.html", context)


def _deal_context(deal: Deal, viewer: Actor) -> dict[str, object]:
    order, lines = deal.order, selectors.record_lines(deal)
    is_broker = _is_broker(viewer, deal.broker_id)
    column = {order.supplier_id: "supplier_confirmed_at", order.buyer_id: "buyer_confirmed_at"}.get(
        viewer.organization_id or deal.broker_id
    )
    missing = [line.label for line in lines if line.record is None]
    by_hand = [line.kind for line in lines if line.record is None and line.kind in rules.BY_HAND]
    price = Money(order.amount_fen)
    is_seen = orders_visible_to(viewer).filter(pk=order.pk).exists()
    order_url = reverse("trading:order", args=[order.pk]) if is_seen else ""
    return {
        "deal": deal,
        "facts": [
            Fact(_("数据经纪人"), str(deal.broker)),
            Fact(_("订单"), order.number, url=order_url),
            Fact(_("数据产品"), order.product.display_title),
            Fact(_("供方"), str(order.supplier)),
            Fact(_("需方"), str(order.buyer)),
            Fact(_("含税金额"), str(price)),
        ],
        "commissions": list(deal.commissions.select_related("mandate").defer("mandate__text").order_by("pk")),
        "lines": lines,
        "missing": listed(missing),
        "history": selectors.history_of(deal.pk),
        "may_confirm": deal.state == DealState.PROPOSED
        and column is not None
        and viewer.can(CONFIRM)
        and getattr(deal, column) is None,
        "may_keep": is_broker and bool(by_hand),
        "may_rate": viewer.can(RATE)
        and viewer.organization_id == order.buyer_id
        and deal.state == DealState.COMPLETED
        and not hasattr(deal, "rating"),
        "rating": getattr(deal, "rating", None),
        "meta": [deal.number],
    }


@login_required
@require_safe
def deal(request: HttpRequest, deal_id: UUID) -> HttpResponse:
    """A deal: the commission that both sides see, every record that the law wants, what is missing."""
    viewer = actor(request)
    return render(request, "brokers/deal.html", _deal_context(selectors.deal_for(viewer, deal_id), viewer))


@login_required
@require_POST
def confirm(request: HttpRequest, deal_id: UUID) -> HttpResponse:
    """Confirm the deal and the commission that the page showed."""
    shown = request.POST.get("commission_fen", "")
    if not (shown.isascii() and shown.isdigit() and len(shown) < 18):
        raise InvalidInput(field="commission_fen", reason=_("请刷新页面核对佣金后再确认。"))
    services.confirm_deal(by=actor(request), at=clock.now(), deal_id=deal_id, commission=Money(int(shown)))
    messages.success(request, _("已确认。"))
    return redirect("brokers:deal", deal_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def decline_deal(request: HttpRequest, deal_id: UUID) -> HttpResponse:
    """Do not confirm, with the reason for the broker."""
    viewer = actor(request)
    found = selectors.deal_for(viewer, deal_id)
    if viewer.organization_id not in (found.order.supplier_id, found.order.buyer_id):
        raise services.WrongSide
    viewer.require(CONFIRM)
    form = ReasonForm(request.POST or None)
    words = (_("不予确认"), _("订单照常进行，不付佣金。"), _("确认"))

    def deed() -> object:
        return services.decline_deal(
            by=viewer, at=clock.now(), deal_id=deal_id, reason=form.cleaned_data["reason"]
        )

    back = (found.number, reverse("brokers:deal", args=[found.pk]))
    return form_page(request, form, words, back, deed, is_danger=True)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def keep(request: HttpRequest, deal_id: UUID) -> HttpResponse:
    """The broker adds a record that is missing."""
    viewer = actor(request)
    found = selectors.deal_for(viewer, deal_id)
    if not _is_broker(viewer, found.broker_id):
        raise NotAllowed(permission=WORK.label, organization=str(viewer.organization or "—"))
    kept = set(found.records.values_list("kind", flat=True))
    form = RecordForm(
        request.POST or None,
        request.FILES or None,
        kinds=[kind for kind in rules.BY_HAND if kind not in kept],
        initial={"kind": request.GET.get("kind", "")},
    )
    words = (_("补充记录"), _("记录保存后不能改动，至少保存三年。"), _("保存记录"))

    def deed() -> object:
        told, at = form.cleaned_data, clock.now()
        document_id = None
        if told["fact"] == FactKind.DOCUMENT:
            if not told["file"]:
                raise InvalidInput(field="file", reason=_("请添加文件。"))
            stored = store_upload(
                by=viewer, at=at, purpose="evidence", name=told["file"].name, file=told["file"]
            )
            document_id = stored.pk
        return services.keep_record(
            by=viewer, at=at, deal_id=deal_id, kind=told["kind"], statement=told["statement"], fact=told["fact"],
            document_id=document_id,
        )  # fmt: skip

    back = (found.number, reverse("brokers:deal", args=[found.pk]))
    return form_page(request, form, words, back, deed)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rate(request: HttpRequest, deal_id: UUID) -> HttpResponse:
    """The buyer's word on the broker."""
    viewer = actor(request)
    found = selectors.deal_for(viewer, deal_id)
    if viewer.organization_id != found.order.buyer_id:
        raise services.WrongSide
    viewer.require(RATE)
    form = RatingForm(request.POST or None)
    lead = _("评价计入经纪人的年度考核，提交后不能修改。")

    def deed() -> object:
        return services.rate_deal(by=viewer, at=clock.now(), deal_id=deal_id, **form.cleaned_data)

    back = (found.number, reverse("brokers:deal", args=[found.pk]))
    return form_page(request, form, (_("评价经纪服务"), lead, _("提交评价")), back, deed)


# --- the operator -----------------------------------------------------------------------------------


@login_required
@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """缺少的记录: deals that lack a record, each by name."""
    viewer = actor(request)
    if not viewer.can(VIEW_ALL):
        viewer.require(WORK)
    page = paginate(selectors.incomplete_deals(viewer), request.GET)
    context = {
        "page": page,
        "rows": [(each, listed(selectors.missing_labels(each))) for each in page],
        "pilots": selectors.pilots_to_assess(viewer, clock.now()),
        "year": clock.business_year(clock.now()) - 1,
    }
    return page_or_fragment(request, "brokers/board.html", "brokers/board_rows.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def assess(request: HttpRequest, pilot_id: UUID, year: int) -> HttpResponse:
    """What the deals on record say of a year; the operator assesses the pilot with it."""
    viewer = actor(request)
    pilot = pilot_for(viewer, pilot_id)
    refusal = ""
    if not 2020 <= year <= 2100:
        raise InvalidInput(field="year", reason=_("请填写四位年份。"))
    if request.method == "POST":
        try:
            services.assess_year(by=viewer, at=clock.now(), pilot_id=pilot_id, year=year)
        except NotAllowed:
            raise
        except Refusal as wrong:
            refusal = str(wrong)
        else:
            messages.success(request, _("已按成交记录考核。"))
            return redirect("pilots:pilot", pilot_id)
    told = selectors.facts_of(pilot.organization_id, year)
    context = {
        "pilot": pilot,
        "year": year,
        "facts": [
            Fact(_("完成的成交"), told.deals),
            Fact(_("成交金额（扣除退款）"), str(Money(told.amount_fen))),
            Fact(_("发生争议的订单"), told.disputes),
            Fact(_("完整的记录"), f"{told.complete_records} / {told.required_records}"),
            Fact(_("评价"), _("%(count)s 次，合计 %(sum)s 分") % {"count": told.ratings_count, "sum": told.ratings_sum}),
        ],
        "may_assess": viewer.can(MANAGE),
        "refusal": refusal,
    }  # fmt: skip
    return render(request, "brokers/assess.html", context, status=409 if refusal else 200)
