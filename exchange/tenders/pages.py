"""标注招标: the hall, a tender's page, the firm's bid with its samples, the buyer's comparison and award."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from annotation.labelstudio.rules import LabelingConfig, parse_config
from annotation.labelstudio.showing import answers_of, pieces_of, shapes_of, texts_of
from annotation.projects.contents import task_fields
from annotation.work.forms import AnswerForm
from documents import objects
from exchange.catalogue.states import TaskType
from exchange.tenders import directory, rules, services
from exchange.tenders.forms import FIELD_OF, AwardForm, BidForm, QuestionForm, ReasonForm, TenderForm
from exchange.tenders.models import Bid, SampleLabel, Tender, TenderItem
from exchange.tenders.permissions import BID, POST_TENDERS
from exchange.tenders.selectors import (
    bids_to,
    invited_to,
    open_tenders,
    own_bid,
    own_bids,
    own_tenders,
    questions_of,
    samples_of,
    sees_samples,
    visible_tender,
)
from exchange.tenders.states import IN_HAND, SHOWN_TO_BUYER, BidState, TenderState
from exchange.trading.states import Party
from gateway.api import actor
from kernel import clock
from kernel.errors import NotFound, Refusal
from kernel.models import Transition
from kernel.money import Money
from organizations.models import Organization
from organizations.permissions import Actor
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact


@require_GET
def hall(request: HttpRequest) -> HttpResponse:
    """标注招标: tenders that take bids now."""
    viewer, text, task = actor(request), request.GET.get("q", ""), request.GET.get("task", "")
    rows = open_tenders(viewer, clock.now(), text, task if task in TaskType.values else "")
    context = {
        "page": paginate(rows, request.GET, order=("-published_at", "-id")),
        "text": text,
        "task": task,
        "tasks": TaskType.choices,
        "may_post": viewer.can(POST_TENDERS),
        "may_bid": viewer.can(BID),
    }
    return page_or_fragment(request, "tenders/list.html", "tenders/list_rows.html", context)


@require_GET
@login_required
def mine(request: HttpRequest) -> HttpResponse:
    """我的招标: the organization's tenders in every state."""
    context = {"page": paginate(own_tenders(actor(request)), request.GET)}
    return page_or_fragment(request, "tenders/mine.html", "tenders/mine_rows.html", context)


@require_GET
@login_required
def bids(request: HttpRequest) -> HttpResponse:
    """我的投标: what the firm bid for."""
    context = {"page": paginate(own_bids(actor(request)), request.GET)}
    return page_or_fragment(request, "tenders/bids.html", "tenders/bid_rows.html", context)


def _refused(form: forms.Form, refusal: Refusal) -> None:
    refusal.field = FIELD_OF.get(refusal.field, refusal.field)
    show_refusal(form, refusal)


@require_http_methods(["GET", "POST"])
@login_required
def new(request: HttpRequest) -> HttpResponse:
    """发布标注招标: one form, saved as a draft."""
    viewer = actor(request)
    viewer.require(POST_TENDERS)
    form = TenderForm(
        request.POST or None, request.FILES or None, viewer=viewer, initial=_asked_by_name(request)
    )
    if request.method == "POST" and form.is_valid():

        def work() -> str:
            made = services.draft_tender(by=viewer, at=clock.now(), **form.told())
            return reverse("tenders:tender", args=[made.number])

        try:
            return redirect_once(request, work)
        except Refusal as refusal:
            _refused(form, refusal)
    context = {"form": form, "tender": None, "back_url": reverse("tenders:mine")}
    return render(request, "tenders/form.html", context, status=422 if form.errors else 200)


def _asked_by_name(request: HttpRequest) -> dict[str, Any]:
    """From a firm's page of the directory: that firm is invited."""
    firm = request.GET.get("firm", "")
    return {"invited": [firm]} if firm else {}


def _own(viewer: Actor, number: str) -> Tender:
    tender = visible_tender(viewer, number)
    if not viewer.belongs_to(tender.buyer_id):
        raise services.NotTheirTurn(side=Party.BUYER.label)
    viewer.require(POST_TENDERS)
    return tender


@require_http_methods(["GET", "POST"])
@login_required
def edit(request: HttpRequest, number: str) -> HttpResponse:
    """Change a draft; files are only replaced when new ones are chosen."""
    viewer = actor(request)
    tender = _own(viewer, number)
    initial = TenderForm.initial_of(tender)
    form = TenderForm(request.POST or None, request.FILES or None, viewer=viewer, initial=initial)
    if request.method == "POST" and form.is_valid():
        told = form.told()
        files = {name: told.pop(name) for name in ("samples", "work")}
        given = files if any(files.values()) else {}
        try:
            services.edit_tender(by=viewer, at=clock.now(), tender_id=tender.pk, **told, **given)
        except Refusal as refusal:
            _refused(form, refusal)
        else:
            return redirect("tenders:tender", number)
    context = {"form": form, "tender": tender, "back_url": reverse("tenders:tender", args=[number])}
    return render(request, "tenders/form.html", context, status=422 if form.errors else 200)


def facts_of(tender: Tender) -> list[Fact]:
    """What is asked for, in short."""
    budget = (
        _("面议") if tender.budget_fen is None else _("不超过 %(most)s") % {"most": Money(tender.budget_fen)}
    )
    size = -(-tender.item_count // tender.lot_count)
    plan = rules.inspection_plan(size, tender.aql_percent, tender.limiting_percent)
    worst = tender.limiting_percent or tender.aql_percent * 2
    chance = rules.pass_chance(size, plan, worst)
    way = (
        _("极限质量 %(percent)s%%") % {"percent": f"{tender.limiting_percent.normalize():f}"}
        if tender.limiting_percent
        else f"AQL {tender.aql_percent.normalize():f}%"
    )
    sample = _("每批 %(size)s 条抽 %(sample)s 条，不合格不超过 %(accept)s 条即接收")
    risk = _("不合格率 %(worst)s%% 的批仍有 %(chance)s%% 的机会被接收")
    return [
        Fact(_("需方"), str(tender.buyer)),
        Fact(_("任务类型"), f"{tender.get_task_display()} · {tender.get_modality_display()}"),
        Fact(
            _("标注数量"),
            _("%(count)s 条，分 %(lots)s 批") % {"count": f"{tender.item_count:,}", "lots": tender.lot_count},
        ),
        Fact(
            _("验收抽样"),
            way,
            hint=sample % {"size": f"{size:,}", "sample": plan.sample_size, "accept": plan.accept}
            + _("；")
            + risk % {"worst": f"{worst.normalize():f}", "chance": f"{chance * 100:.0f}"},
        ),
        Fact(_("预算"), budget),
        Fact(_("期望完成"), f"{tender.due_on:%Y-%m-%d}"),
        Fact(_("可见范围"), tender.get_visibility_display()),
    ]


@dataclass(frozen=True, slots=True)
class ShownSample:
    """A sample item as people see it, with a result when there is one."""

    item: TenderItem
    image_url: str
    texts: Sequence[Fact]
    pieces: Sequence[Any]
    shapes: Sequence[Any]
    answers: Sequence[Fact]


def shown_sample(
    config: LabelingConfig, item: TenderItem, result: Sequence[dict[str, Any]] = ()
) -> ShownSample:
    """What a sample looks like under the tender's config."""
    image = ""
    if item.object_key:
        image = objects.signed_link(
            item.object_key, file_name=item.name, media_type=item.media_type, inline=True
        )
    texts = texts_of(config, task_fields(config, item))
    pieces = pieces_of(config, item.text, result) if item.text and not texts else []
    return ShownSample(item, image, texts, pieces, shapes_of(config, result), answers_of(config, result))


@require_GET
def tender(request: HttpRequest, number: str) -> HttpResponse:
    """招标详情: what is asked, samples, questions, and what the viewer may do."""
    viewer, at = actor(request), clock.now()
    found = visible_tender(viewer, number)
    is_buyer = viewer.organization_id == found.buyer_id and viewer.can(POST_TENDERS)
    is_taking = found.state == TenderState.PUBLISHED and at < found.deadline
    bid = own_bid(viewer, found)
    config = parse_config(found.labeling_config)
    context = {
        "tender": found,
        "facts": facts_of(found),
        "samples": [shown_sample(config, item) for item in samples_of(found)]
        if sees_samples(viewer, found)
        else [],
        "questions": questions_of(found),
        "question_form": QuestionForm(),
        "reason_form": ReasonForm(),
        "is_buyer": is_buyer,
        "is_taking": is_taking,
        "is_opened": found.state == TenderState.PUBLISHED and at >= found.deadline,
        "may_bid": viewer.can(BID) and is_taking and not viewer.belongs_to(found.buyer_id),
        "bid": bid,
        "engagement": getattr(found, "engagement", None)
        if is_buyer or (bid and bid.state == BidState.CHOSEN)
        else None,
        "invited": invited_to(found) if is_buyer else [],
        "history": list(Transition.objects.filter(subject_id=found.pk).order_by("at", "pk"))
        if is_buyer
        else [],
        "sign_in_first": not viewer.is_signed_in and is_taking,
    }
    return render(request, "tenders/tender.html", context)


@require_POST
@login_required
def move(request: HttpRequest, number: str) -> HttpResponse:
    """The buyer publishes, withdraws or closes a tender."""
    viewer, at = actor(request), clock.now()
    found = _own(viewer, number)
    step = request.POST.get("move", "")
    try:
        if step == "publish":
            services.publish_tender(by=viewer, at=at, tender_id=found.pk)
        elif step == "withdraw":
            services.withdraw_tender(by=viewer, at=at, tender_id=found.pk)
        elif step == "close":
            reason = request.POST.get("reason", "")
            services.close_tender(by=viewer, at=at, tender_id=found.pk, reason=reason)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("tenders:tender", number)


@require_POST
@login_required
def ask(request: HttpRequest, number: str) -> HttpResponse:
    """A firm asks, or the buyer answers: read by all who may bid."""
    viewer, at = actor(request), clock.now()
    found = visible_tender(viewer, number)
    if not viewer.can(BID):
        viewer.require(POST_TENDERS)
    here = reverse("tenders:tender", args=[number])
    asked = request.POST.get("question_id", "")

    def work() -> str:
        if asked:
            services.answer_question(
                by=viewer, at=at, question_id=_id(asked), answer=request.POST.get("answer", "")
            )
        else:
            services.ask_question(
                by=viewer, at=at, tender_id=found.pk, question=request.POST.get("question", "")
            )
        return here

    try:
        return redirect_once(request, work)
    except services.NotTheirTurn:
        raise
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect(here)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as wrong:
        raise NotFound from wrong


# --- the firm -----------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@login_required
def bid(request: HttpRequest, number: str) -> HttpResponse:
    """编制投标: price and plan, then the samples one by one, then putting it in."""
    viewer, at = actor(request), clock.now()
    found = visible_tender(viewer, number)
    viewer.require(BID)
    known = own_bid(viewer, found)
    form = BidForm(request.POST or None, initial=BidForm.initial_of(known) if known else None)
    if request.method == "POST" and form.is_valid():
        try:
            services.draw_up_bid(by=viewer, at=at, tender_id=found.pk, **form.told())
        except Refusal as refusal:
            _refused(form, refusal)
        else:
            messages.success(request, _("已保存，截止前都可以修改。"))
            return redirect("tenders:bid", number)
    labelled = set(known.labels.values_list("item_id", flat=True)) if known else set()
    samples = samples_of(found)
    context = {
        "tender": found,
        "facts": facts_of(found),
        "form": form,
        "bid": known,
        "samples": [(item, item.pk in labelled) for item in samples],
        "is_complete": bool(known) and all(item.pk in labelled for item in samples),
        "is_taking": found.state == TenderState.PUBLISHED and at < found.deadline,
        "is_in_hand": known is None or known.state in IN_HAND,
    }
    return render(request, "tenders/bid.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def bid_step(request: HttpRequest, number: str) -> HttpResponse:
    """Put the bid in or take it back."""
    viewer, at = actor(request), clock.now()
    found = visible_tender(viewer, number)
    viewer.require(BID)
    try:
        if request.POST.get("step") == "withdraw":
            services.withdraw_bid(by=viewer, at=at, tender_id=found.pk)
            messages.success(request, _("投标已撤回，截止前可以重新提交。"))
        else:
            services.submit_bid(by=viewer, at=at, tender_id=found.pk)
            messages.success(request, _("投标已提交并密封，截止后需方才能看到。"))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("tenders:bid", number)


@require_http_methods(["GET", "POST"])
@login_required
def sample(request: HttpRequest, number: str, ordinal: int) -> HttpResponse:
    """试标: one sample item labelled with plain fields, judged as real work is."""
    viewer = actor(request)
    found = visible_tender(viewer, number)
    viewer.require(BID)
    known = own_bid(viewer, found)
    item = found.items.filter(is_sample=True, ordinal=ordinal).first()
    if known is None or item is None:
        raise NotFound
    config = parse_config(found.labeling_config)
    form, problem = AnswerForm(config, item), ""  # type: ignore[arg-type]
    label = known.labels.filter(item=item).first()
    result: list[dict[str, Any]] = list(label.result) if label else []
    if request.method == "POST":
        form.fill_from_post(request.POST)
        result = form.result()
        problem = "；".join(form.problems) or _kept(viewer, found, ordinal, result)
        if not problem:
            return _next_sample(found, known, ordinal)
        form.add_spare_rows()
    else:
        form.fill_from_result(result)
    context = {
        "tender": found, "item": item, "form": form, "problem": problem,
        "shown": shown_sample(config, item, () if problem else result),
    }  # fmt: skip
    return render(request, "tenders/sample.html", context, status=422 if problem else 200)


def _kept(viewer: Actor, found: Tender, ordinal: int, result: list[dict[str, Any]]) -> str:
    """Keep a sample's label; why it was refused, or nothing."""
    try:
        services.keep_label(by=viewer, at=clock.now(), tender_id=found.pk, ordinal=ordinal, result=result)
    except Refusal as refusal:
        return str(refusal)
    return ""


def _next_sample(found: Tender, known: Bid, ordinal: int) -> HttpResponse:
    done = known.labels.values("item_id")
    left = found.items.filter(is_sample=True).exclude(pk__in=done).order_by("ordinal").first()
    if left is None:
        return redirect("tenders:bid", found.number)
    return redirect("tenders:sample", found.number, left.ordinal)


# --- the buyer ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ComparedBid:
    """One row of the comparison: the bid and its firm's counted figures."""

    bid: Bid
    firm: Organization | None


@dataclass(frozen=True, slots=True)
class ComparedSample:
    """One sample with every bidder's result side by side."""

    shown: ShownSample
    results: Sequence[tuple[Bid, ShownSample]]


def _compared(found: Tender, opened: list[Bid]) -> list[ComparedSample]:
    config = parse_config(found.labeling_config)
    by_bid: Mapping[UUID, Mapping[UUID, SampleLabel]] = {
        each.pk: {label.item_id: label for label in each.labels.all()} for each in opened
    }
    return [
        ComparedSample(
            shown_sample(config, item),
            [
                (each, shown_sample(config, item, by_bid[each.pk][item.pk].result))
                for each in opened
                if item.pk in by_bid[each.pk]
            ],
        )
        for item in samples_of(found)
    ]


@require_http_methods(["GET", "POST"])
@login_required
def compare(request: HttpRequest, number: str) -> HttpResponse:
    """开标与定标: bids beside one another with counted figures and sample results; shortlist, award with a reason."""
    viewer, at = actor(request), clock.now()
    found = _own(viewer, number)
    is_sealed = at < found.deadline
    opened = [] if is_sealed else bids_to(viewer, found, at)
    candidates = [each for each in opened if each.state in SHOWN_TO_BUYER[:2]]
    form = AwardForm(request.POST or None, bids=candidates)
    if request.method == "POST" and request.POST.get("step") != "shortlist" and form.is_valid():
        given = form.cleaned_data
        try:
            made = services.award_bid(
                by=viewer, at=at, bid_id=UUID(given["bid"]), reason=given["reason"], others=given["others"]
            )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("已定标，请签署合同。"))
            return redirect("tenders:contract", made.number)
    figures = directory.figures_of([each.firm_id for each in opened])
    context = {
        "tender": found,
        "is_sealed": is_sealed,
        "rows": [ComparedBid(each, figures.get(each.firm_id)) for each in opened],
        "samples": _compared(found, opened),
        "form": form,
        "may_award": found.state == TenderState.PUBLISHED and bool(candidates),
        "engagement": getattr(found, "engagement", None),
    }
    return render(request, "tenders/compare.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
def shortlist(request: HttpRequest, number: str) -> HttpResponse:
    """The buyer looks closer at a bid."""
    viewer = actor(request)
    _own(viewer, number)
    try:
        services.shortlist_bid(by=viewer, at=clock.now(), bid_id=_id(request.POST.get("bid", "")))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return redirect("tenders:compare", number)
