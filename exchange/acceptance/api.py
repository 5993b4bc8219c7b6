"""Inspections and disputes as JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from exchange.acceptance import selectors, services
from exchange.acceptance.schemas import (
    AcceptIn,
    AnswerIn,
    ComplaintDetailOut,
    ComplaintIn,
    ComplaintOut,
    ConfirmIn,
    DeclineIn,
    DefectIn,
    EffectOut,
    OfferIn,
    ReplaceIn,
    RulingIn,
    StatementIn,
)
from exchange.acceptance.services import Reported, outcomes
from exchange.acceptance.states import Outcome
from exchange.trading.schemas import OrderOut
from exchange.trading.selectors import visible_order
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import InvalidInput
from kernel.money import Money

router = Router()


def _shown(request: HttpRequest, complaint_id: UUID) -> ComplaintDetailOut:
    found = selectors.visible_complaint(actor(request), complaint_id)
    return ComplaintDetailOut.told(found, selectors.turn_of(found, clock.now()))


def _reported(told: DefectIn) -> Reported:
    return Reported(**told.dict())


def _money(fen: int | None) -> Money | None:
    return None if fen is None else Money(fen)


@router.post("/orders/{uuid:order_id}/acceptance", response=OrderOut)
@idempotent
def post_acceptance(request: HttpRequest, order_id: UUID, body: AcceptIn) -> OrderOut:
    """Accept a delivery with a record of what was compared (buyer); escrow goes to the supplier."""
    services.accept_inspected(
        by=actor(request), at=clock.now(), order_id=order_id, checks=body.checks, remarks=body.remarks
    )
    return OrderOut.of(visible_order(actor(request), order_id))


@router.post("/orders/{uuid:order_id}/complaints", response={201: ComplaintDetailOut})
@idempotent
def post_complaint(request: HttpRequest, order_id: UUID, body: ComplaintIn) -> ComplaintDetailOut:
    """Report defects within the inspection period (buyer); the clock of automatic acceptance stops."""
    defects = [_reported(each) for each in body.defects]
    made = services.file_complaint(by=actor(request), at=clock.now(), order_id=order_id, defects=defects)
    return _shown(request, made.pk)


@router.get("/complaints", response=Page[ComplaintOut])
def list_complaints(
    request: HttpRequest, state: str = "", cursor: str | None = None, limit: int = 20
) -> Page[ComplaintOut]:
    """Complaints about the caller's orders, newest first; all for operator and auditor."""
    rows = selectors.listed_complaints(actor(request), state=state)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[ComplaintOut](items=[ComplaintOut.of(each) for each in found], next=following)


@router.get("/complaints/{uuid:complaint_id}", response=ComplaintDetailOut)
def get_complaint(request: HttpRequest, complaint_id: UUID) -> ComplaintDetailOut:
    """One complaint with defects, answers, statements and rulings."""
    return _shown(request, complaint_id)


@router.get("/complaints/{uuid:complaint_id}/effect", response=EffectOut)
def get_effect(
    request: HttpRequest, complaint_id: UUID, outcome: str, amount_fen: int | None = None
) -> EffectOut:
    """What an outcome would do to the money, before anybody decides."""
    order = selectors.visible_complaint(actor(request), complaint_id).order
    if outcome not in Outcome.values:
        raise InvalidInput(field="outcome", reason=_("请选择裁决结果。"))
    is_partial = outcome == Outcome.PARTIAL_REFUND
    amount = outcomes.require_partial(order, _money(amount_fen), field="amount_fen") if is_partial else None
    return EffectOut.of(selectors.effect_of(order, Outcome(outcome), amount))


@router.post("/complaints/{uuid:complaint_id}/defects", response=ComplaintDetailOut)
@idempotent
def post_defect(request: HttpRequest, complaint_id: UUID, body: DefectIn) -> ComplaintDetailOut:
    """Report another defect (buyer)."""
    services.add_defect(by=actor(request), at=clock.now(), complaint_id=complaint_id, defect=_reported(body))
    return _shown(request, complaint_id)


@router.post("/complaints/{uuid:complaint_id}/answer", response=ComplaintDetailOut)
@idempotent
def post_answer(request: HttpRequest, complaint_id: UUID, body: AnswerIn) -> ComplaintDetailOut:
    """Offer a remedy or reject with reasons (supplier)."""
    services.answer(
        by=actor(request),
        at=clock.now(),
        complaint_id=complaint_id,
        kind=body.kind,
        text=body.text,
        amount=_money(body.amount_fen),
        version_id=body.version_id,
        document_ids=body.document_ids,
    )
    return _shown(request, complaint_id)


@router.post("/complaints/{uuid:complaint_id}/settlement", response=ComplaintDetailOut)
@idempotent
def post_settlement(request: HttpRequest, complaint_id: UUID, body: OfferIn) -> ComplaintDetailOut:
    """Accept the supplier's latest answer (buyer); order and money follow."""
    services.accept_offer(
        by=actor(request), at=clock.now(), complaint_id=complaint_id, offer_id=body.offer_id
    )
    return _shown(request, complaint_id)


@router.post("/complaints/{uuid:complaint_id}/refusal", response=ComplaintDetailOut)
@idempotent
def post_refusal(request: HttpRequest, complaint_id: UUID, body: DeclineIn) -> ComplaintDetailOut:
    """Do not accept the supplier's answer, with the reason (buyer)."""
    services.decline_offer(
        by=actor(request),
        at=clock.now(),
        complaint_id=complaint_id,
        offer_id=body.offer_id,
        reason=body.reason,
    )
    return _shown(request, complaint_id)


@router.post("/complaints/{uuid:complaint_id}/withdrawal", response=ComplaintDetailOut)
@idempotent
def post_withdrawal(request: HttpRequest, complaint_id: UUID) -> ComplaintDetailOut:
    """Take the complaint back (buyer); the inspection period runs on."""
    services.withdraw(by=actor(request), at=clock.now(), complaint_id=complaint_id)
    return _shown(request, complaint_id)


@router.post("/complaints/{uuid:complaint_id}/escalation", response=ComplaintDetailOut)
@idempotent
def post_escalation(request: HttpRequest, complaint_id: UUID, body: StatementIn) -> ComplaintDetailOut:
    """Ask the exchange to rule, with a first statement (either side)."""
    services.escalate(
        by=actor(request),
        at=clock.now(),
        complaint_id=complaint_id,
        text=body.text,
        document_ids=body.document_ids,
    )
    return _shown(request, complaint_id)


@router.post("/complaints/{uuid:complaint_id}/statements", response=ComplaintDetailOut)
@idempotent
def post_statement(request: HttpRequest, complaint_id: UUID, body: StatementIn) -> ComplaintDetailOut:
    """State evidence within its time (either side)."""
    services.state_evidence(
        by=actor(request),
        at=clock.now(),
        complaint_id=complaint_id,
        text=body.text,
        document_ids=body.document_ids,
    )
    return _shown(request, complaint_id)


@router.post("/complaints/{uuid:complaint_id}/replacement", response=ComplaintDetailOut)
@idempotent
def post_replacement(request: HttpRequest, complaint_id: UUID, body: ReplaceIn) -> ComplaintDetailOut:
    """Deliver the newer version that a ruling ordered (supplier)."""
    services.replace_as_ruled(
        by=actor(request), at=clock.now(), complaint_id=complaint_id, version_id=body.version_id
    )
    return _shown(request, complaint_id)


@router.post("/complaints/{uuid:complaint_id}/rulings", response=ComplaintDetailOut)
@idempotent
def post_ruling(request: HttpRequest, complaint_id: UUID, body: RulingIn) -> ComplaintDetailOut:
    """Rule (an operator, signed in); above the threshold the ruling waits for a second operator."""
    services.rule(
        by=actor(request),
        at=clock.now(),
        complaint_id=complaint_id,
        outcome=body.outcome,
        text=body.text,
        citations=body.citations,
        amount=_money(body.amount_fen),
    )
    return _shown(request, complaint_id)


@router.post("/complaints/{uuid:complaint_id}/confirmation", response=ComplaintDetailOut)
@idempotent
def post_confirmation(request: HttpRequest, complaint_id: UUID, body: ConfirmIn) -> ComplaintDetailOut:
    """Confirm a proposed ruling or send it back (another operator)."""
    services.confirm(
        by=actor(request),
        at=clock.now(),
        complaint_id=complaint_id,
        ruling_id=body.ruling_id,
        is_confirmed=body.is_confirmed,
        remark=body.remark,
    )
    return _shown(request, complaint_id)
