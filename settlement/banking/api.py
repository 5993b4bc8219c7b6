"""Reconciliation as JSON."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest
from ninja import Router

from gateway.api import Page, actor, confirmed_actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import NotFound, Refusal
from kernel.money import Money
from organizations.permissions import Actor
from settlement.banking import selectors, services, wording
from settlement.banking.models import BankLine, Match
from settlement.banking.permissions import BOOK_RECEIPTS
from settlement.banking.schemas import (
    EndIn,
    EndOut,
    LineOut,
    MatchIn,
    MatchOut,
    OrderOut,
    PayRunOut,
    ReceiptOut,
    SuggestionOut,
)
from settlement.payments import services as payments
from settlement.payruns.models import PayRun

router = Router()
_SUMS = ("booked", "received", "returned", "refunded", "paid_back", "released", "invoiced", "credited")


def _order(row: selectors.Row) -> dict[str, Any]:
    order = row.order
    return {
        **{f"{name}_fen": getattr(row.facts, name) for name in _SUMS},
        "order": order.pk,
        "number": order.number,
        "supplier": order.supplier_id,
        "buyer": order.buyer_id,
        "standing": row.standing,
        "gaps": [
            {"code": gap, "amount_fen": fen, "label": str(gap.label), "remedy": str(wording.REMEDIES[gap][0]),
             "who": str(wording.REMEDIES[gap][1])}
            for gap, fen in row.gaps
        ],
    }  # fmt: skip


def _line(line: BankLine) -> dict[str, Any]:
    names = (
        "account", "reference", "booked_on", "amount_fen", "left_fen", "party_name", "party_account", "virtual_account", "text",
    )  # fmt: skip
    return {**{name: getattr(line, name) for name in names}, "id": line.pk}


def _match(match: Match) -> dict[str, Any]:
    names = ("kind", "amount_fen", "score", "reasons", "matched_at")
    kept = {name: getattr(match, name) for name in names}
    return {**kept, "id": match.pk, "line": match.line_id, "order": match.order_id, "label": match.label}


@router.get("/orders", response=Page[OrderOut])
def orders(
    request: HttpRequest, standing: str = "", gap: str = "", cursor: str | None = None, limit: int = 20
) -> dict[str, Any]:
    """The caller's orders with what does not match; all for operator and auditor. Newest first."""
    viewer = actor(request)
    selectors.require_view(viewer)
    rows = selectors.narrowed(selectors.orders_visible_to(viewer), standing=standing, gap=gap)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return {"items": [_order(selectors.row_of(row)) for row in found], "next": following}


@router.get("/orders/{uuid:order_id}", response=OrderOut)
def order(request: HttpRequest, order_id: UUID) -> dict[str, Any]:
    """One order from contract to bank."""
    viewer = actor(request)
    selectors.require_view(viewer)
    return _order(selectors.order_visible_to(viewer, order_id))


def _receipt(viewer: Actor, row: selectors.Row) -> dict[str, Any]:
    receipt, refusal = selectors.receipt_of(row.order), None
    try:
        payments.require_unpaid(row.order)
        services.require_bookable(viewer, receipt, row.order.buyer.name)
    except Refusal as found:
        refusal = found
    names = ("received", "price", "missing", "surplus")
    return {
        **{f"{name}_fen": getattr(receipt, name).fen for name in names},
        "order": row.order.pk,
        "lines": list(receipt.lines),
        "code": refusal.code if refusal else "",
        "detail": str(refusal) if refusal else "",
    }


@router.get("/orders/{uuid:order_id}/receipt", response=ReceiptOut)
def receipt(request: HttpRequest, order_id: UUID) -> dict[str, Any]:
    """What booking the buyer's transfer would do now, or the code of what is in the way; changes nothing."""
    viewer = actor(request)
    selectors.require_view(viewer)
    row = selectors.order_visible_to(viewer, order_id)
    viewer.require(BOOK_RECEIPTS)
    return _receipt(viewer, row)


@router.post("/orders/{uuid:order_id}/receipt", response=OrderOut)
@idempotent
def book_receipt(request: HttpRequest, order_id: UUID) -> dict[str, Any]:
    """A second person books the buyer's transfer of the whole price into escrow, once."""
    viewer = confirmed_actor(request)
    selectors.require_view(viewer)
    selectors.order_visible_to(viewer, order_id)
    services.book_receipt(by=viewer, at=clock.now(), order_id=order_id)
    return _order(selectors.order_visible_to(viewer, order_id))


@router.get("/lines", response=Page[LineOut])
def lines(
    request: HttpRequest, is_open: bool = False, cursor: str | None = None, limit: int = 20
) -> dict[str, Any]:
    """Bank lines for the operator's finance and the auditor; `is_open`: only those with something unmatched."""
    rows = selectors.lines_visible_to(actor(request))
    rows = rows.filter(Q(left_fen__gt=0)) if is_open else rows
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return {"items": [_line(row) for row in found], "next": following}


@router.get("/lines/{uuid:bank_line_id}/suggestions", response=list[SuggestionOut])
def suggestions(request: HttpRequest, bank_line_id: UUID) -> list[dict[str, Any]]:
    """What a line may be, the likeliest first."""
    line = selectors.line_visible_to(actor(request), bank_line_id)
    return [
        {
            "kind": each.expected.kind,
            "target": each.expected.target_id,
            "label": each.expected.label,
            "amount_fen": each.expected.amount,
            "score": each.score,
            "reasons": list(each.reasons),
            "is_exact": each.is_exact,
        }
        for each in selectors.suggestions_for(line)
    ]


@router.post("/lines/{uuid:bank_line_id}/matches", response=MatchOut)
@idempotent
def match(request: HttpRequest, bank_line_id: UUID, body: MatchIn) -> dict[str, Any]:
    """Declare a line, or a part of it, the money of one payment."""
    viewer = actor(request)
    selectors.line_visible_to(viewer, bank_line_id)
    made = services.match_line(
        by=viewer,
        at=clock.now(),
        line_id=bank_line_id,
        kind=body.kind,
        target_id=body.target,
        amount=None if body.amount_fen is None else Money(body.amount_fen),
    )
    return _match(made)


def _pay_run(run: PayRun) -> dict[str, Any]:
    names = ("number", "paid_at", "sent_count", "matched_count", "matched_fen")
    return {**{name: getattr(run, name) for name in names}, "id": run.pk, "firm": run.firm_id}


@router.get("/pay-runs", response=Page[PayRunOut])
def pay_runs(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """Paid pay runs with how many people of each have their bank lines, newest first."""
    rows, following = cursor_page(selectors.pay_runs_visible_to(actor(request)), cursor=cursor, limit=limit)
    return {"items": [_pay_run(row) for row in rows], "next": following}


@router.post("/pay-runs/{uuid:run_id}/match", response=PayRunOut)
@idempotent
def match_run(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """Match a whole pay run with the bank's lines: everybody who can be told without doubt."""
    viewer = actor(request)
    if not selectors.pay_runs_visible_to(viewer).filter(pk=run_id).exists():
        raise NotFound
    services.match_run(by=viewer, at=clock.now(), run_id=run_id)
    return _pay_run(selectors.pay_runs_visible_to(viewer).get(pk=run_id))


@router.post("/matches/{uuid:bank_match_id}/end", response=EndOut)
@idempotent
def end_match(request: HttpRequest, bank_match_id: UUID, body: EndIn) -> dict[str, Any]:
    """Take a match back, with a reason."""
    ended = services.end_match(by=actor(request), at=clock.now(), match_id=bank_match_id, reason=body.reason)
    return {"match": ended.match_id, "reason": ended.reason, "ended_at": ended.ended_at}
