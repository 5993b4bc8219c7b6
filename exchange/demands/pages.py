"""需求大厅: the public list, a demand's page, the buyer's and the firm's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from exchange.demands import services
from exchange.demands.forms import FIELD_OF, AnswerForm, DemandForm, MessageForm, ReasonForm
from exchange.demands.models import Answer, Demand
from exchange.demands.permissions import ANSWER_DEMANDS, MODERATE_DEMANDS, POST_DEMANDS
from exchange.demands.selectors import (
    FACETS,
    answers_to,
    demands_for,
    facets,
    invited_to,
    messages_of,
    own_answers,
    own_demands,
    products_for,
    read_wanted,
    search_demands,
    sees_contact,
    visible_answer,
    visible_demand,
)
from exchange.demands.states import LIVE_ANSWER, OPEN_DEMAND, AnswerState, DemandState, Side
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound, Refusal
from kernel.models import Transition
from kernel.money import Money
from organizations.permissions import Actor
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Link


@require_GET
def hall(request: HttpRequest) -> HttpResponse:
    """需求大厅: open demands with facets; for a firm what suits its products."""
    viewer, asked = actor(request), request.GET
    wanted = read_wanted(asked.get("q", ""), {name: asked.getlist(name) for name in FACETS})
    groups, total = facets(wanted, viewer)
    context = {
        "wanted": wanted,
        "facets": groups,
        "total": total,
        "page": paginate(search_demands(wanted, viewer), asked, order=("-published_at", "-id")),
        "suggested": [] if wanted.is_narrowed else demands_for(viewer),
        "may_post": viewer.can(POST_DEMANDS),
        "may_answer": viewer.can(ANSWER_DEMANDS),
    }
    return page_or_fragment(request, "demands/list.html", "demands/list_found.html", context)


def _refused(form: DemandForm | AnswerForm, refusal: Refusal) -> None:
    refusal.field = FIELD_OF.get(refusal.field, refusal.field)
    show_refusal(form, refusal)


@require_http_methods(["GET", "POST"])
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """发布需求: one form, saved as a draft."""
    viewer = actor(request)
    viewer.require(POST_DEMANDS)
    form = DemandForm(request.POST or None, viewer=viewer)
    if request.method == "POST" and form.is_valid():

        def work() -> str:
            made = services.draft_demand(by=viewer, at=clock.now(), **form.told())
            return reverse("demands:demand", args=[made.number])

        try:
            return redirect_once(request, work)
        except Refusal as refusal:
            _refused(form, refusal)
    context = {"form": form, "demand": None, "back_url": reverse("demands:mine")}
    return render(request, "demands/form.html", context, status=422 if form.errors else 200)


def _own(viewer: Actor, number: str) -> Demand:
    demand = visible_demand(viewer, number)
    if not viewer.belongs_to(demand.buyer_id):
        raise NotFound
    viewer.require(POST_DEMANDS)
    return demand


@require_http_methods(["GET", "POST"])
@login_required
def edit(request: HttpRequest, number: str) -> HttpResponse:
    """Change a draft."""
    viewer = actor(request)
    demand = _own(viewer, number)
    form = DemandForm(request.POST or None, viewer=viewer, initial=DemandForm.initial_of(demand))
    if request.method == "POST" and form.is_valid():
        try:
            services.edit_demand(by=viewer, at=clock.now(), demand_id=demand.pk, **form.told())
        except Refusal as refusal:
            _refused(form, refusal)
        else:
            return redirect("demands:demand", number)
    context = {"form": form, "demand": demand, "back_url": reverse("demands:demand", args=[number])}
    return render(request, "demands/form.html", context, status=422 if form.errors else 200)


def budget_of(demand: Demand) -> str:
    """The budget in words."""
    if demand.budget_most_fen is None:
        return _("面议")
    most = Money(demand.budget_most_fen)
    if demand.budget_least_fen:
        return f"{Money(demand.budget_least_fen)} – {most}"
    return _("不超过 %(most)s") % {"most": most}


def _facts(demand: Demand, *, with_contact: bool) -> list[Fact]:
    anything = _("不限")
    facts = [
        Fact(_("需方"), str(demand.buyer)),
        Fact(_("行业"), demand.get_industry_display()),
        Fact(_("产品类型"), demand.get_kind_display() or anything),
        Fact(_("数据形态"), demand.get_modality_display() or anything),
        Fact(_("任务类型"), demand.get_task_display() or anything),
        Fact(_("数量（条）"), anything if demand.quantity is None else f"{demand.quantity:,}"),
        Fact(
            _("质量要求"),
            _("不低于 %(percent)s") % {"percent": demand.quality_percent} if demand.quality_bp else anything,
        ),
        Fact(_("预算"), budget_of(demand)),
        Fact(_("可见范围"), demand.get_visibility_display()),
    ]
    if with_contact:
        reached = " · ".join(filter(None, [demand.contact_name, demand.contact_phone, demand.contact_email]))
        facts.append(Fact(_("联系人"), reached))
    return facts


@require_GET
def demand(request: HttpRequest, number: str) -> HttpResponse:
    """需求详情: what is asked, what the viewer may do, for the buyer the answers, suggestions with reasons."""
    viewer, at = actor(request), clock.now()
    found = visible_demand(viewer, number)
    is_buyer = viewer.organization_id == found.buyer_id
    answers = answers_to(viewer, found) if viewer.organization_id else []
    is_taking = found.state in OPEN_DEMAND and at < found.deadline and found.hidden_at is None
    is_open = found.state in OPEN_DEMAND
    may_answer = viewer.can(ANSWER_DEMANDS) and not is_buyer
    suggested = []
    if is_open and (is_buyer and viewer.can(POST_DEMANDS)):
        suggested = products_for(viewer, found)
    elif is_open and may_answer:
        suggested = products_for(viewer, found, own_only=True)
    context = {
        "demand": found,
        "facts": _facts(found, with_contact=sees_contact(viewer, found)),
        "is_buyer": is_buyer and viewer.can(POST_DEMANDS),
        "is_open": is_open,
        "is_taking": is_taking,
        "answers": answers,
        "own_answer": None if is_buyer or not answers else answers[0],
        "may_answer": may_answer and is_taking,
        "may_moderate": viewer.can(MODERATE_DEMANDS),
        "reason_form": ReasonForm(),
        "suggested": suggested,
        "invited": invited_to(found) if is_buyer else [],
        "history": list(Transition.objects.filter(subject_id=found.pk).order_by("at", "pk"))
        if is_buyer
        else [],
        "sign_in_first": not viewer.is_signed_in and is_taking,
    }
    return render(request, "demands/demand.html", context)


MOVES: dict[str, Callable[..., Demand]] = {
    "publish": services.publish_demand,
    "close": services.close_demand,
    "withdraw": services.withdraw_demand,
}


@require_POST
@login_required
def move(request: HttpRequest, number: str) -> HttpResponse:
    """The buyer publishes, closes or withdraws a demand."""
    viewer = actor(request)
    found = visible_demand(viewer, number)
    act = MOVES.get(request.POST.get("move", ""))
    if not viewer.belongs_to(found.buyer_id):
        raise services.NotTheirTurn(side=Side.BUYER.label)
    viewer.require(POST_DEMANDS)
    if act is None:
        return redirect("demands:demand", number)
    try:
        done = act(by=viewer, at=clock.now(), demand_id=found.pk)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("需求现为“%(state)s”。") % {"state": done.get_state_display()})
    return redirect("demands:demand", number)


@require_POST
@login_required
def moderate(request: HttpRequest, number: str) -> HttpResponse:
    """The operator hides a demand with a reason, or shows it again."""
    viewer = actor(request)
    found = visible_demand(viewer, number)
    viewer.require(MODERATE_DEMANDS)
    try:
        if request.POST.get("move") == "show":
            services.show_demand(by=viewer, at=clock.now(), demand_id=found.pk)
        else:
            services.hide_demand(
                by=viewer, at=clock.now(), demand_id=found.pk, reason=request.POST.get("reason", "")
            )
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("demands:demand", number)


@require_GET
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """我的需求: the organization's demands in every state."""
    rows = own_demands(actor(request))
    state = request.GET.get("state", "")
    if state in DemandState.values:
        rows = rows.filter(state=state)
    chips = [Link(_("全部"), "?", is_current=not state)] + [
        Link(label, f"?state={value}", is_current=state == value) for value, label in DemandState.choices
    ]
    context = {"page": paginate(rows, request.GET), "chips": chips}
    return page_or_fragment(request, "demands/mine.html", "demands/mine_rows.html", context)


@require_GET
@login_required
def answers(request: HttpRequest) -> HttpResponse:
    """我的应答: what the organization offered."""
    context = {"page": paginate(own_answers(actor(request)), request.GET)}
    return page_or_fragment(request, "demands/answers.html", "demands/answer_rows.html", context)


@require_http_methods(["GET", "POST"])
@login_required
def respond(request: HttpRequest, number: str) -> HttpResponse:
    """应答需求: a product of one's own, or an offer in words; again to change it until the deadline."""
    viewer = actor(request)
    found = visible_demand(viewer, number)
    viewer.require(ANSWER_DEMANDS)
    known = next(iter(answers_to(viewer, found)), None) if not viewer.belongs_to(found.buyer_id) else None
    initial: dict[str, Any] = {"product": request.GET.get("product", "")}
    if known is not None:
        initial = {
            "product": known.product.number if known.product else "", "words": known.words,
            "price": known.price_fen, "delivery_days": known.delivery_days,
        }  # fmt: skip
    form = AnswerForm(request.POST or None, viewer=viewer, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data

        def work() -> str:
            made = services.submit_answer(
                by=viewer, at=clock.now(), demand_id=found.pk, product_number=given["product"],
                words=given["words"], price=given["price"], delivery_days=given["delivery_days"],
            )  # fmt: skip
            return reverse("demands:answer", args=[made.pk])

        try:
            return redirect_once(request, work)
        except Refusal as refusal:
            _refused(form, refusal)
    context = {"form": form, "demand": found, "known": known, "budget": budget_of(found)}
    return render(request, "demands/respond.html", context, status=422 if form.errors else 200)


@require_GET
@login_required
def answer(request: HttpRequest, answer_id: UUID) -> HttpResponse:
    """One answer with the talk about it; the two sides only."""
    viewer = actor(request)
    return render(request, "demands/answer.html", _answer_context(viewer, visible_answer(viewer, answer_id)))


def _answer_context(viewer: Actor, found: Answer, form: MessageForm | None = None) -> dict[str, Any]:
    is_buyer = viewer.belongs_to(found.demand.buyer_id)
    is_live = found.state in LIVE_ANSWER
    before_deadline = clock.now() < found.demand.deadline and found.demand.state in OPEN_DEMAND
    return {
        "answer": found,
        "demand": found.demand,
        "facts": [
            Fact(_("应答方"), str(found.firm)),
            Fact(
                _("含税报价"),
                str(Money(found.price_fen)) if found.price_fen is not None else _("以产品页价格为准"),
            ),
            Fact(
                _("交付时间"),
                _("%(days)s 天") % {"days": found.delivery_days} if found.delivery_days else "--",
            ),
            Fact(_("提交时间"), f"{found.submitted_at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}"),
        ],
        "talk": messages_of(found),
        "is_buyer": is_buyer,
        "may_shortlist": is_buyer and found.state == AnswerState.SUBMITTED,
        "may_choose": is_buyer and is_live and found.demand.state == DemandState.ANSWERED,
        "may_edit": not is_buyer and before_deadline and (is_live or found.state == AnswerState.WITHDRAWN),
        "may_withdraw": not is_buyer and is_live and before_deadline,
        "may_write": is_live or found.state == AnswerState.CHOSEN,
        "form": form or MessageForm(),
    }


@require_POST
@login_required
def act(request: HttpRequest, answer_id: UUID) -> HttpResponse:
    """A step about an answer: shortlist, choose (buyer), withdraw (firm), or a word to the other side."""
    viewer, at = actor(request), clock.now()
    found = visible_answer(viewer, answer_id)
    step = request.POST.get("step", "")
    if step == "message":
        form = MessageForm(request.POST)
        if not form.is_valid():
            return render(request, "demands/answer.html", _answer_context(viewer, found, form), status=422)

        def work() -> str:
            services.send_message(by=viewer, at=at, answer_id=answer_id, text=form.cleaned_data["text"])
            return reverse("demands:answer", args=[answer_id])

        return redirect_once(request, work)
    try:
        if step == "shortlist":
            services.shortlist_answer(by=viewer, at=at, answer_id=answer_id)
        elif step == "choose":
            services.award_answer(by=viewer, at=at, answer_id=answer_id)
            messages.success(request, _("已选定，其他应答方会收到通知。"))
        elif step == "withdraw":
            services.withdraw_answer(by=viewer, at=at, answer_id=answer_id)
            messages.success(request, _("应答已撤回，截止前可以重新提交。"))
    except services.NotTheirTurn:
        raise
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("demands:answer", answer_id)
