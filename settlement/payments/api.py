"""Payments as JSON."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from gateway.api import Page, actor, confirmed_actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import NotFound
from kernel.money import Money
from settlement.payments import selectors, services
from settlement.payments.models import EscrowReturn, PaymentIntent, Payout, Refund, Release
from settlement.payments.permissions import VIEW_EARNINGS
from settlement.payments.schemas import EarningsOut, IntentOut, PayIn, RefundIn, RefundOut, TransferOut

router = Router()


def _intent(intent: PaymentIntent) -> dict[str, Any]:
    release: Release | None = getattr(intent, "release", None)
    returned: EscrowReturn | None = getattr(intent, "escrow_return", None)
    names = ("number", "amount_fen", "method", "failure", "state", "created_at", "authorized_at")
    return {
        **{name: getattr(intent, name) for name in names},
        "id": intent.pk,
        "order": intent.order_id,
        "order_number": intent.order.number,
        "returned_fen": returned.amount_fen if returned else None,
        "released_at": release.released_at if release else None,
        "fee_fen": release.fee_fen if release else None,
        "seller_fen": release.seller_fen if release else None,
    }


def _refund(refund: Refund) -> dict[str, Any]:
    names = ("number", "amount_fen", "tax_fen", "fee_fen", "reason", "refunded_at")
    return {**{name: getattr(refund, name) for name in names}, "id": refund.pk, "order": refund.order_id}


def _payout(payout: Payout) -> dict[str, Any]:
    names = ("task_count", "amount_fen", "earned_at")
    return {
        **{name: getattr(payout, name) for name in names},
        "id": payout.pk,
        "project": payout.project_id,
        "project_number": payout.project.number,
    }


@router.get("/intents", response=Page[IntentOut])
def intents(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """Payments of the caller's orders; all for operator and auditor."""
    viewer = actor(request)
    selectors.require_view(viewer)
    rows, following = cursor_page(selectors.intents_visible_to(viewer), cursor=cursor, limit=limit)
    return {"items": [_intent(row) for row in rows], "next": following}


@router.get("/orders/{uuid:order_id}/intent", response=IntentOut)
def intent(request: HttpRequest, order_id: UUID) -> dict[str, Any]:
    """The payment of one order."""
    return _intent(selectors.intent_visible_to(actor(request), order_id))


@router.post("/orders/{uuid:order_id}/intent", response=IntentOut)
@idempotent
def open_intent(request: HttpRequest, order_id: UUID) -> dict[str, Any]:
    """Open the intent to pay a contracted order, or give the one that is open."""
    return _intent(services.open_intent(by=actor(request), at=clock.now(), order_id=order_id))


@router.post("/orders/{uuid:order_id}/pay", response=IntentOut)
@idempotent
def pay(request: HttpRequest, order_id: UUID, body: PayIn) -> dict[str, Any]:
    """Pay an order into escrow; a declined method answers 402 and changes nothing."""
    found = services.pay_order(
        by=confirmed_actor(request), at=clock.now(), order_id=order_id, method=body.method
    )
    return _intent(found)


@router.get("/orders/{uuid:order_id}/transfer", response=TransferOut)
def transfer(request: HttpRequest, order_id: UUID) -> dict[str, Any]:
    """How the buyer pays the order from its bank; 404 where no custody account is set."""
    order, _intent = selectors.order_to_pay(actor(request), order_id)
    told = selectors.transfer_of(order)
    if told is None:
        raise NotFound
    names = ("holder", "bank_name", "account", "remark")
    return {**{name: getattr(told, name) for name in names}, "amount_fen": told.amount.fen}


@router.get("/refunds", response=Page[RefundOut])
def refunds(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """Refunds of the caller's orders; all for operator and auditor."""
    viewer = actor(request)
    selectors.require_view(viewer)
    rows, following = cursor_page(selectors.refunds_visible_to(viewer), cursor=cursor, limit=limit)
    return {"items": [_refund(row) for row in rows], "next": following}


@router.post("/orders/{uuid:order_id}/refunds", response=RefundOut)
@idempotent
def refund(request: HttpRequest, order_id: UUID, body: RefundIn) -> dict[str, Any]:
    """Give part or all of a released order back to its buyer."""
    done = services.refund_order(
        by=confirmed_actor(request),
        at=clock.now(),
        order_id=order_id,
        amount=Money(body.amount_fen),
        reason=body.reason,
    )
    return _refund(done)


@router.get("/earnings", response=EarningsOut)
def earnings(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """The calling annotator's own pay."""
    viewer = actor(request)
    viewer.require(VIEW_EARNINGS)
    sums = selectors.earnings_of(viewer)
    rows, following = cursor_page(selectors.payouts_of(viewer), cursor=cursor, limit=limit)
    return {
        "held_fen": sums.under_way.held_fen,
        "accepted_fen": sums.under_way.earned_fen,
        "balance_fen": sums.balance.fen,
        "paid_fen": sums.paid.fen,
        "earned_fen": sums.earned.fen,
        "task_count": sums.task_count,
        "items": [_payout(row) for row in rows],
        "next": following,
    }
