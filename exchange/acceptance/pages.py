"""Inspecting and complaining (buyer), answering (supplier), ruling (operator), looking on (auditor)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, BinaryIO, cast
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from documents.services import link_to, store_upload
from exchange.acceptance import rules, selectors, services
from exchange.acceptance.forms import (
    AcceptForm,
    AnswerForm,
    ConfirmForm,
    DeclineForm,
    DefectForm,
    ReplaceForm,
    RulingForm,
    StatementForm,
)
from exchange.acceptance.models import Complaint, Ruling
from exchange.acceptance.permissions import ANSWER, COMPLAIN, RULE
from exchange.acceptance.selectors import Effect
from exchange.acceptance.services import Reported
from exchange.acceptance.states import OPEN, Check, Citation, ComplaintState, Outcome
from exchange.delivery.selectors import files_of, version_of
from exchange.trading.models import Order
from exchange.trading.permissions import ACCEPT_ORDERS
from exchange.trading.selectors import visible_order
from exchange.trading.states import OrderState, Party
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.money import Money
from kernel.wording import listed
from organizations.permissions import Actor
from web.answers import page_or_fragment, redirect_once
from web.forms import show_refusal
from web.paging import paginate
from web.parts import Fact, Link


def _once(request: HttpRequest, form: forms.Form, work: Callable[[], str], said: str) -> HttpResponse | None:
    """Do the work once per form and lead on; None when it was refused, with the reason on the form."""
    try:
        answer = redirect_once(request, work)
    except Refusal as refusal:
        if refusal.status in (403, 404):
            raise
        show_refusal(form, refusal)
        return None
    messages.success(request, said)
    return answer


def _documents(request: HttpRequest, file: UploadedFile | None) -> list[UUID]:
    """The document of an uploaded file, as a list for the service; empty without a file."""
    if file is None:
        return []
    stored = store_upload(
        by=actor(request), at=clock.now(), purpose="evidence", name=file.name or "", file=cast(BinaryIO, file)
    )
    return [stored.pk]


def _delivered(viewer: Actor, order_id: UUID) -> Order:
    order = visible_order(viewer, order_id)
    if order.delivered_at is None:
        raise NotFound
    return order


# --- inspecting ---------------------------------------------------------------------------------


@require_GET
@login_required
def inspection(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """验收清单: what to compare, the deadline, the order's complaints."""
    viewer = actor(request)
    order = _delivered(viewer, order_id)
    return render(request, "acceptance/inspection.html", _inspection(order, viewer, AcceptForm()))


def _inspection(order: Order, viewer: Actor, form: AcceptForm) -> dict[str, Any]:
    version, at = version_of(order), clock.now()
    is_inspected = order.state == OrderState.DELIVERED
    is_buyer = viewer.belongs_to(order.buyer_id)
    kept, seen = selectors.kept_of(order), selectors.inspection_of(order)
    return {
        "order": order,
        "version": version,
        "form": form,
        "complaints": selectors.complaints_of(order),
        "inspection": seen,
        "checked": [Check(code).label for code in seen.checks] if seen else [],
        "kept": kept if kept.reduced else None,
        "may_accept": is_inspected and is_buyer and viewer.can(ACCEPT_ORDERS),
        "may_complain": is_inspected
        and is_buyer
        and viewer.can(COMPLAIN)
        and not rules.is_over(order.inspection_until, at),
        "facts": [
            Fact(_("文件"), f"{version.file_count:,}"),
            Fact(_("样本（条）"), f"{version.row_count:,}"),
            Fact(
                _("标签"),
                listed(f"{label} {count:,}" for label, count in version.label_counts.items()) or "--",
            ),
            Fact(_("字段"), listed(each.get("name", "") for each in version.dictionary) or "--"),
        ],
    }


@require_POST
@login_required
def accept(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """Accept with what was compared; the money goes to the supplier."""
    viewer, form = actor(request), AcceptForm(request.POST)

    def work() -> str:
        told = form.cleaned_data
        services.accept_inspected(
            by=viewer, at=clock.now(), order_id=order_id, checks=told["checks"], remarks=told["remarks"]
        )
        return reverse("trading:order", args=[order_id])

    if form.is_valid() and (answer := _once(request, form, work, _("已验收，款项划付供方。"))):
        return answer
    order = _delivered(viewer, order_id)
    return render(request, "acceptance/inspection.html", _inspection(order, viewer, form), status=422)


def _reported(request: HttpRequest, form: DefectForm, order: Order) -> Reported:
    """The defect of a valid form, its file kept in the store."""
    told, file_id = form.cleaned_data, None
    if told["path"]:
        file_id = files_of(order).filter(path=told["path"]).values_list("pk", flat=True).first()
        if file_id is None:
            raise InvalidInput(field="path", reason=_("交付的版本中没有这个文件，请从列表中选择。"))
    return Reported(
        kind=told["kind"],
        text=told["text"],
        file_id=file_id,
        row_ids=told["row_ids"].split(),
        error_rate_bp=told["error_rate"],
        document_ids=_documents(request, told["file"]),
    )


@require_http_methods(["GET", "POST"])
@login_required
def complain(request: HttpRequest, order_id: UUID) -> HttpResponse:
    """提出异议: the first defect; the clock of automatic acceptance stops."""
    viewer = actor(request)
    order = _delivered(viewer, order_id)
    form = DefectForm(request.POST or None, request.FILES or None)

    def work() -> str:
        made = services.file_complaint(
            by=viewer, at=clock.now(), order_id=order_id, defects=[_reported(request, form, order)]
        )
        return reverse("acceptance:complaint", args=[made.pk])

    if request.method == "POST" and form.is_valid():
        answer = _once(request, form, work, _("异议已提出，自动验收的计时已停止。"))
        if answer is not None:
            return answer
    context = {
        "order": order,
        "form": form,
        "paths": list(files_of(order).values_list("path", flat=True)[:100]),
        "may_complain": viewer.belongs_to(order.buyer_id) and viewer.can(COMPLAIN),
        "answer_days": selectors.periods().answer,
    }
    return render(request, "acceptance/complain.html", context, status=422 if form.errors else 200)


# --- complaints ---------------------------------------------------------------------------------


@require_GET
@login_required
def complaints(request: HttpRequest) -> HttpResponse:
    """交付异议: those of the viewer's orders, by state."""
    viewer, state = actor(request), request.GET.get("state", "")
    rows = selectors.listed_complaints(viewer, state=state)
    counts = selectors.count_by_state(viewer)
    chips = [Link(_("全部"), "?", sum(counts.values()), is_current=state not in ComplaintState.values)] + [
        Link(label, f"?state={value}", counts[value], is_current=state == value)
        for value, label in ComplaintState.choices
        if value in counts
    ]
    context = {"page": paginate(rows, request.GET), "chips": chips}
    return page_or_fragment(request, "acceptance/complaints.html", "acceptance/complaint_rows.html", context)


@require_GET
@login_required
def disputes(request: HttpRequest) -> HttpResponse:
    """争议裁决: open disputes, the nearest deadline first."""
    rows = selectors.dispute_board(actor(request))
    context = {"page": paginate(rows, request.GET, order=("due_at", "id")), "now": clock.now()}
    return page_or_fragment(request, "acceptance/disputes.html", "acceptance/dispute_rows.html", context)


def _turn_words(complaint: Complaint, turn: frozenset[str]) -> str:
    """One sentence: whose turn it is, to do what."""
    if not turn:
        return ""
    if complaint.state == ComplaintState.DISPUTED:
        if turn == {"operator"}:
            return _("等待交易所裁决。")
        sides = listed(Party(side).label for side in sorted(turn))
        return _("等待%(sides)s陈述并提交证据。") % {"sides": sides}
    return {
        ComplaintState.FILED: _("等待供方答复；逾期未答复的，需方可以提请裁决。"),
        ComplaintState.ANSWERED: _("等待需方决定是否接受；双方都可以提请裁决。"),
        ComplaintState.REPLACING: _("等待供方按裁决补交；逾期未补交的，需方可以提请裁决。"),
    }[ComplaintState(complaint.state)]


def _rights(viewer: Actor, complaint: Complaint, at: datetime) -> dict[str, bool]:
    """Which of the page's actions the viewer may take now."""
    order, state = complaint.order, complaint.state
    is_buyer = viewer.belongs_to(order.buyer_id) and viewer.can(COMPLAIN)
    is_supplier = viewer.belongs_to(order.supplier_id) and viewer.can(ANSWER)
    party = Party.SUPPLIER if is_supplier else Party.BUYER
    is_negotiated = state in (ComplaintState.FILED, ComplaintState.ANSWERED)
    is_heard = state == ComplaintState.DISPUTED and not rules.is_over(complaint.evidence_until, at)
    may_escalate = rules.may_escalate(state, party, due_at=complaint.due_at, at=at)
    return {
        "may_add": is_buyer and is_negotiated and not rules.is_over(order.inspection_until, at),
        "may_answer": is_supplier and state == ComplaintState.FILED,
        "may_decide": is_buyer and state == ComplaintState.ANSWERED,
        "may_withdraw": is_buyer and is_negotiated,
        "may_escalate": (is_buyer or is_supplier) and may_escalate,
        "may_state": (is_buyer or is_supplier) and is_heard,
        "may_replace": is_supplier and state == ComplaintState.REPLACING,
        "may_rule": viewer.can(RULE) and state == ComplaintState.DISPUTED,
    }


def _due(complaint: Complaint, turn: frozenset[str]) -> datetime | None:
    is_heard = complaint.state == ComplaintState.DISPUTED and turn != {"operator"}
    return complaint.evidence_until if is_heard else complaint.due_at


@require_GET
@login_required
def complaint(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    """异议详情: defects, answers, evidence of both sides, rulings, one timeline, the next step."""
    found = selectors.visible_complaint(actor(request), complaint_id)
    return _complaint_page(request, found)


def _complaint_page(request: HttpRequest, found: Complaint, **bound: forms.Form) -> HttpResponse:
    viewer, at, order = actor(request), clock.now(), found.order
    rights, turn = _rights(viewer, found, at), selectors.turn_of(found, at)
    versions = selectors.newer_versions(order, at) if rights["may_answer"] or rights["may_replace"] else []
    offers, statements = list(found.offers.all()), list(found.statements.all())
    own: dict[str, forms.Form] = {
        "defect_form": DefectForm(prefix="defect"),
        "answer_form": AnswerForm(versions=versions),
        "replace_form": ReplaceForm(versions=versions),
        "decline_form": DeclineForm(prefix="decline"),
        "statement_form": StatementForm(prefix="statement"),
        **bound,
    }
    context = {
        "complaint": found,
        "order": order,
        "turn": _turn_words(found, turn) if found.state in OPEN else "",
        "due": _due(found, turn),
        "is_late": rules.is_over(_due(found, turn), at),
        "latest": offers[-1] if offers else None,
        "sides": [
            (party.label, [each for each in statements if each.party == party], order_side)
            for party, order_side in ((Party.BUYER, order.buyer), (Party.SUPPLIER, order.supplier))
        ],
        "has_statements": bool(statements),
        "offer_effect": _offer_effect(order, offers[-1]) if offers and rights["may_decide"] else None,
        "versions": versions,
        "paths": list(files_of(order).values_list("path", flat=True)[:100]) if rights["may_add"] else [],
        "history": selectors.history(found),
        "facts": [
            Fact(_("订单"), order.number, url=reverse("trading:order", args=[order.pk])),
            Fact(_("供方"), order.supplier),
            Fact(_("需方"), order.buyer),
            Fact(
                _("托管价款"),
                Money(order.amount_fen),
                hint=_("其中税额 %(tax)s") % {"tax": Money(order.tax_fen)},
            ),
            Fact(_("所验收内容"), found.root_hash[:16]),
        ],
        **own,
        **rights,
    }
    status = 422 if any(form.errors for form in bound.values()) else 200
    return render(request, "acceptance/complaint.html", context, status=status)


def _offer_effect(order: Order, offer: Any) -> Effect | None:
    """What accepting the offer does to the money."""
    outcome = {
        "partial_refund": Outcome.PARTIAL_REFUND,
        "full_refund": Outcome.FULL_REFUND,
        "rejection": Outcome.UPHOLD,
    }.get(offer.kind)
    amount = Money(offer.amount_fen) if offer.amount_fen else None
    return selectors.effect_of(order, outcome, amount) if outcome else None


def _back(complaint_id: UUID) -> str:
    return reverse("acceptance:complaint", args=[complaint_id])


@require_POST
@login_required
def add_defect(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    """The buyer reports another defect."""
    viewer = actor(request)
    found = selectors.visible_complaint(viewer, complaint_id)
    form = DefectForm(request.POST, request.FILES, prefix="defect")

    def work() -> str:
        services.add_defect(
            by=viewer, at=clock.now(), complaint_id=complaint_id, defect=_reported(request, form, found.order)
        )
        return _back(complaint_id)

    if form.is_valid() and (answer := _once(request, form, work, _("问题已补充。"))):
        return answer
    return _complaint_page(request, found, defect_form=form)


@require_POST
@login_required
def answer(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    """The supplier offers a remedy or rejects."""
    viewer = actor(request)
    found = selectors.visible_complaint(viewer, complaint_id)
    versions = selectors.newer_versions(found.order, clock.now())
    form = AnswerForm(request.POST, request.FILES, versions=versions)

    def work() -> str:
        told = form.cleaned_data
        services.answer(
            by=viewer,
            at=clock.now(),
            complaint_id=complaint_id,
            kind=told["kind"],
            text=told["text"],
            amount=told["amount"],
            version_id=UUID(told["version"]) if told["version"] else None,
            document_ids=_documents(request, told["file"]),
        )
        return _back(complaint_id)

    if form.is_valid() and (done := _once(request, form, work, _("已答复，等待需方决定。"))):
        return done
    return _complaint_page(request, found, answer_form=form)


def _offer_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("offer", ""))
    except ValueError as wrong:
        raise InvalidInput(field="offer", reason=_("请刷新页面，看过最新答复后再决定。")) from wrong


@require_POST
@login_required
def accept_offer(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    """The buyer accepts the answer it has read; order and money follow."""

    def work() -> str:
        services.accept_offer(
            by=actor(request), at=clock.now(), complaint_id=complaint_id, offer_id=_offer_id(request)
        )
        return _back(complaint_id)

    done = redirect_once(request, work)
    messages.success(request, _("已接受供方的答复，异议了结。"))
    return done


@require_POST
@login_required
def decline_offer(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    """The buyer does not accept and says why."""
    viewer = actor(request)
    found = selectors.visible_complaint(viewer, complaint_id)
    form = DeclineForm(request.POST, prefix="decline")

    def work() -> str:
        services.decline_offer(
            by=viewer,
            at=clock.now(),
            complaint_id=complaint_id,
            offer_id=_offer_id(request),
            reason=form.cleaned_data["reason"],
        )
        return _back(complaint_id)

    if form.is_valid() and (done := _once(request, form, work, _("已告知供方，等待重新答复。"))):
        return done
    return _complaint_page(request, found, decline_form=form)


@require_POST
@login_required
def withdraw(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    """The buyer takes the complaint back."""

    def work() -> str:
        services.withdraw(by=actor(request), at=clock.now(), complaint_id=complaint_id)
        return _back(complaint_id)

    done = redirect_once(request, work)
    messages.success(request, _("异议已撤回，验收期继续计算。"))
    return done


@require_POST
@login_required
def escalate(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    """A side asks the exchange to rule."""
    return _speak(request, complaint_id, services.escalate, _("已提请裁决，请双方在期限内举证。"))


@require_POST
@login_required
def state_evidence(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    """A side states its evidence."""
    return _speak(request, complaint_id, services.state_evidence, _("陈述已提交。"))


def _speak(request: HttpRequest, complaint_id: UUID, service: Callable[..., Any], said: str) -> HttpResponse:
    viewer = actor(request)
    found = selectors.visible_complaint(viewer, complaint_id)
    form = StatementForm(request.POST, request.FILES, prefix="statement")

    def work() -> str:
        told = form.cleaned_data
        documents = _documents(request, told["file"])
        service(
            by=viewer, at=clock.now(), complaint_id=complaint_id, text=told["text"], document_ids=documents
        )
        return _back(complaint_id)

    if form.is_valid() and (done := _once(request, form, work, said)):
        return done
    return _complaint_page(request, found, statement_form=form)


@require_POST
@login_required
def replace(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    """The supplier delivers the replacement that a ruling ordered."""
    viewer = actor(request)
    found = selectors.visible_complaint(viewer, complaint_id)
    form = ReplaceForm(request.POST, versions=selectors.newer_versions(found.order, clock.now()))

    def work() -> str:
        services.replace_as_ruled(
            by=viewer,
            at=clock.now(),
            complaint_id=complaint_id,
            version_id=UUID(form.cleaned_data["version"]),
        )
        return _back(complaint_id)

    if form.is_valid() and (done := _once(request, form, work, _("已补交，验收期重新计算。"))):
        return done
    return _complaint_page(request, found, replace_form=form)


@require_POST
@login_required
def file(request: HttpRequest, complaint_id: UUID, document_id: UUID) -> HttpResponse:
    """A short-lived link to a piece of evidence that the viewer sees; recorded."""
    viewer = actor(request)
    found = selectors.attachment_for(viewer, complaint_id, document_id)
    return redirect(link_to(by=viewer, at=clock.now(), document=found.document))


# --- ruling -------------------------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
@login_required
def ruling(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    """裁决: the form, then what the decision does to the money, and only then the decision."""
    viewer = actor(request)
    found = selectors.visible_complaint(viewer, complaint_id)
    viewer.require(RULE)
    form = RulingForm(request.POST or None)
    is_sound = request.method == "POST" and form.is_valid()
    if is_sound and request.POST.get("step") == "decide":
        done = _once(request, form, lambda: _rule(viewer, complaint_id, form), _said_after(found.order, form))
        if done is not None:
            return done
        is_sound = False
    effect = None
    if is_sound:
        effect = _shown_effect(found.order, form)
    pending = selectors.pending_ruling(found)
    context = {
        "complaint": found,
        "order": found.order,
        "form": form,
        "effect": effect,
        "effects": selectors.effects_of(found.order),
        "pending": pending,
        "pending_effect": _ruling_effect(found.order, pending) if pending else None,
        "is_confirmed_by_another": effect is not None and _is_confirmed_by_another(found.order, form),
        "is_own": pending is not None and pending.ruled_by_id == viewer.user_id,
        "confirm_form": ConfirmForm(),
        "cited": [Citation(code).label for code in form.cleaned_data["citations"]] if effect else [],
        "sides": [
            (party.label, [each for each in found.statements.all() if each.party == party], side)
            for party, side in ((Party.BUYER, found.order.buyer), (Party.SUPPLIER, found.order.supplier))
        ],
        "is_open": found.state == ComplaintState.DISPUTED,
    }
    status = 422 if form.errors else 200
    return render(request, "acceptance/ruling.html", context, status=status)


def _is_confirmed_by_another(order: Order, form: RulingForm) -> bool:
    """Whether the ruling in the form would wait for a second operator."""
    threshold = int(settings.RULING_CONFIRMATION_FEN)
    gross = Money(order.amount_fen)
    return rules.needs_confirmation(form.cleaned_data["outcome"], gross=gross, threshold_fen=threshold)


def _said_after(order: Order, form: RulingForm) -> str:
    if _is_confirmed_by_another(order, form):
        return _("裁决已拟定，另一位审核员复核同意后生效。")
    return _("裁决已作出。")


def _shown_effect(order: Order, form: RulingForm) -> Effect | None:
    """The effect of a valid form; none, with the reason on the form, when the amount is not possible."""
    told = form.cleaned_data
    if told["outcome"] == Outcome.PARTIAL_REFUND and told["amount"].fen >= order.amount_fen:
        show_refusal(form, services.BeyondPrice(field="amount", left=Money(order.amount_fen)))
        return None
    return selectors.effect_of(order, Outcome(told["outcome"]), told["amount"])


def _ruling_effect(order: Order, found: Ruling) -> Effect:
    amount = Money(found.amount_fen) if found.amount_fen else None
    return selectors.effect_of(order, Outcome(found.outcome), amount)


def _rule(viewer: Actor, complaint_id: UUID, form: RulingForm) -> str:
    told = form.cleaned_data
    services.rule(
        by=viewer,
        at=clock.now(),
        complaint_id=complaint_id,
        outcome=told["outcome"],
        text=told["text"],
        citations=told["citations"],
        amount=told["amount"],
    )
    return _back(complaint_id)


@require_POST
@login_required
def confirm(request: HttpRequest, complaint_id: UUID) -> HttpResponse:
    """A second operator confirms a proposed ruling or sends it back."""
    viewer = actor(request)
    selectors.visible_complaint(viewer, complaint_id)
    viewer.require(RULE)

    def work() -> str:
        services.confirm(
            by=viewer,
            at=clock.now(),
            complaint_id=complaint_id,
            ruling_id=_ruling_id(request),
            is_confirmed=request.POST.get("decision") == "confirm",
            remark=request.POST.get("remark", ""),
        )
        return _back(complaint_id)

    done = redirect_once(request, work)
    messages.success(request, _("复核意见已提交。"))
    return done


def _ruling_id(request: HttpRequest) -> UUID:
    try:
        return UUID(request.POST.get("ruling", ""))
    except ValueError as wrong:
        raise services.NothingToConfirm from wrong
