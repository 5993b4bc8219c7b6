"""Invoices as JSON."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.money import Money
from settlement.invoicing import fees, selectors, services
from settlement.invoicing.models import FeeInvoice, Invoice, Wish
from settlement.invoicing.schemas import (
    CreditIn,
    FeeCreditIn,
    FeeInvoiceOut,
    InvoiceIn,
    InvoiceOut,
    SheetIn,
    VoidIn,
    WishIn,
    WishOut,
)

router = Router()
_NAMES = (
    "number", "kind", "code", "invoice_number", "rate_bp", "net_fen", "tax_fen", "gross_fen", "issued_on", "issuer_name",
    "issuer_uscc", "recipient_name", "recipient_uscc", "reason", "state", "voided_at",
)  # fmt: skip


def _invoice(invoice: Invoice) -> dict[str, Any]:
    return {
        **{name: getattr(invoice, name) for name in _NAMES},
        "id": invoice.pk,
        "order": invoice.order_id,
        "order_number": invoice.order.number,
        "credits": invoice.credits_id,
        "refund": invoice.refund_id,
        "escrow_return": invoice.escrow_return_id,
    }


def _wish(wish: Wish) -> dict[str, Any]:
    names = ("kind", "note", "wished_at", "state")
    kept = {name: getattr(wish, name) for name in names}
    return {**kept, "id": wish.pk, "order": wish.order_id, "invoice": wish.invoice_id}


def _sheet(body: SheetIn, rate_bp: int) -> services.Sheet:
    return services.Sheet(
        code=body.code,
        invoice_number=body.invoice_number,
        rate_bp=rate_bp,
        net=Money(body.net_fen),
        tax=Money(body.tax_fen),
        issued_on=body.issued_on,
        document_id=body.document,
    )


@router.get("", response=Page[InvoiceOut])
def invoices(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """Invoices that the caller issued or received; all for operator and auditor."""
    viewer = actor(request)
    selectors.require_view(viewer)
    rows, following = cursor_page(selectors.invoices_visible_to(viewer), cursor=cursor, limit=limit)
    return {"items": [_invoice(row) for row in rows], "next": following}


@router.get("/{uuid:invoice_id}", response=InvoiceOut)
def invoice(request: HttpRequest, invoice_id: UUID) -> dict[str, Any]:
    """One invoice."""
    return _invoice(selectors.invoice_visible_to(actor(request), invoice_id))


@router.post("/orders/{uuid:order_id}", response=InvoiceOut)
@idempotent
def issue(request: HttpRequest, order_id: UUID, body: InvoiceIn) -> dict[str, Any]:
    """Record an invoice of an order."""
    made = services.issue_invoice(
        by=actor(request),
        at=clock.now(),
        order_id=order_id,
        kind=body.kind,
        sheet=_sheet(body, body.rate_bp),
    )
    return _invoice(made)


@router.post("/{uuid:invoice_id}/credits", response=InvoiceOut)
@idempotent
def credit(request: HttpRequest, invoice_id: UUID, body: CreditIn) -> dict[str, Any]:
    """Record a credit invoice of an invoice, at its rate."""
    viewer = actor(request)
    rate_bp = selectors.invoice_visible_to(viewer, invoice_id).rate_bp
    made = services.issue_credit(
        by=viewer,
        at=clock.now(),
        invoice_id=invoice_id,
        sheet=_sheet(body, rate_bp),
        reason=body.reason,
        cause_id=body.cause,
    )
    return _invoice(made)


@router.post("/{uuid:invoice_id}/void", response=InvoiceOut)
@idempotent
def void(request: HttpRequest, invoice_id: UUID, body: VoidIn) -> dict[str, Any]:
    """Declare an invoice void, within the month of its issue."""
    made = services.void_invoice(by=actor(request), at=clock.now(), invoice_id=invoice_id, reason=body.reason)
    return _invoice(made)


@router.post("/orders/{uuid:order_id}/wish", response=WishOut)
@idempotent
def wish(request: HttpRequest, order_id: UUID, body: WishIn) -> dict[str, Any]:
    """Ask for an invoice of a paid order."""
    made = services.wish_invoice(
        by=actor(request), at=clock.now(), order_id=order_id, kind=body.kind, note=body.note
    )
    return _wish(made)


@router.post("/wishes/{uuid:wish_id}/withdraw", response=WishOut)
@idempotent
def withdraw_wish(request: HttpRequest, wish_id: UUID) -> dict[str, Any]:
    """Take an open wish back."""
    return _wish(services.withdraw_wish(by=actor(request), at=clock.now(), wish_id=wish_id))


# --- the exchange's fee ------------------------------------------------------------------------


def _fee_invoice(invoice: FeeInvoice) -> dict[str, Any]:
    return {
        **{name: getattr(invoice, name) for name in _NAMES},
        "id": invoice.pk,
        "order": invoice.order_id,
        "order_number": invoice.order.number,
        "credits": invoice.credits_id,
    }


@router.get("/fees", response=Page[FeeInvoiceOut])
def fee_invoices(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """The exchange's invoices for its fee: the caller's own, all for operator and auditor."""
    viewer = actor(request)
    selectors.require_view(viewer)
    rows, following = cursor_page(selectors.fee_invoices_visible_to(viewer), cursor=cursor, limit=limit)
    return {"items": [_fee_invoice(row) for row in rows], "next": following}


@router.get("/fees/{uuid:fee_invoice_id}", response=FeeInvoiceOut)
def fee_invoice(request: HttpRequest, fee_invoice_id: UUID) -> dict[str, Any]:
    """One of them."""
    return _fee_invoice(selectors.fee_invoice_visible_to(actor(request), fee_invoice_id))


@router.post("/fees/orders/{uuid:order_id}", response=FeeInvoiceOut)
@idempotent
def issue_fee(request: HttpRequest, order_id: UUID, body: InvoiceIn) -> dict[str, Any]:
    """The exchange records its invoice to the supplier of a released order."""
    viewer = actor(request)
    selectors.fee_order_visible_to(viewer, order_id)
    made = fees.issue_fee_invoice(
        by=viewer, at=clock.now(), order_id=order_id, kind=body.kind, sheet=_sheet(body, body.rate_bp)
    )
    return _fee_invoice(made)


@router.post("/fees/{uuid:fee_invoice_id}/credits", response=FeeInvoiceOut)
@idempotent
def credit_fee(request: HttpRequest, fee_invoice_id: UUID, body: FeeCreditIn) -> dict[str, Any]:
    """The exchange records a credit invoice of a fee invoice, at its rate."""
    viewer = actor(request)
    rate_bp = selectors.fee_invoice_visible_to(viewer, fee_invoice_id).rate_bp
    made = fees.credit_fee_invoice(
        by=viewer, at=clock.now(), invoice_id=fee_invoice_id, sheet=_sheet(body, rate_bp), reason=body.reason
    )
    return _fee_invoice(made)


@router.post("/fees/{uuid:fee_invoice_id}/void", response=FeeInvoiceOut)
@idempotent
def void_fee(request: HttpRequest, fee_invoice_id: UUID, body: VoidIn) -> dict[str, Any]:
    """The exchange declares a fee invoice void, within the month of its issue."""
    viewer = actor(request)
    selectors.fee_invoice_visible_to(viewer, fee_invoice_id)
    made = fees.void_fee_invoice(by=viewer, at=clock.now(), invoice_id=fee_invoice_id, reason=body.reason)
    return _fee_invoice(made)
