"""Every write of the exchange's own invoices for its fee. The order's row is the lock, as for its money."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.trading import services as trading
from exchange.trading.models import Order
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.money import Money
from kernel.numbers import new_number
from organizations.permissions import Actor
from settlement.invoicing import selectors
from settlement.invoicing.models import FeeInvoice
from settlement.invoicing.permissions import ISSUE_FEE_INVOICES
from settlement.invoicing.services import (
    CreditTooLarge,
    InvoiceNumberUsed,
    InvoiceTooLarge,
    NotCreditable,
    Sheet,
    VoidCredited,
    VoidTooLate,
    document_of,
    require_sound,
    told_as,
)
from settlement.invoicing.states import FEE_INVOICE, InvoiceKind, InvoiceState

_TELLING = ("order_id", "credits_id", "kind", "rate_bp", "net_fen", "tax_fen", "issued_on")


class NoFee(Refusal):
    """The exchange keeps no fee of this order that could be invoiced."""

    code = "no_fee_to_invoice"
    message = _("订单 %(number)s 没有可开票的交易服务费：还没有放款、费用为零，或已经开足。")


def _known(wanted: FeeInvoice) -> FeeInvoice | None:
    """The invoice recorded under that number, when it is the same; InvoiceNumberUsed when it is another."""
    found = FeeInvoice.objects.filter(code=wanted.code, invoice_number=wanted.invoice_number).first()
    if found is not None and any(getattr(found, name) != getattr(wanted, name) for name in _TELLING):
        raise InvoiceNumberUsed(field="invoice_number", number=wanted.invoice_number)
    return found


def _drawn(order: Order, sheet: Sheet, *, by: Actor, at: datetime, **kept: Any) -> FeeInvoice:
    issuer = by.organization
    assert issuer is not None, "the exchange's own people issue"
    return FeeInvoice(
        order=order, code=sheet.code, invoice_number=sheet.invoice_number, rate_bp=sheet.rate_bp,
        net_fen=sheet.net.fen, tax_fen=sheet.tax.fen, gross_fen=sheet.gross.fen, issued_on=sheet.issued_on,
        document=document_of(by, sheet.document_id), issuer=issuer, issuer_name=issuer.name,
        issuer_uscc=issuer.uscc, recipient_id=order.supplier_id, recipient_name=order.supplier.name,
        recipient_uscc=order.supplier.uscc, issued_by=by.label[:200], issued_at=at, **kept,
    )  # fmt: skip


def _keep(invoice: FeeInvoice, *, by: Actor, at: datetime, action: str) -> FeeInvoice:
    invoice.number = new_number("FF", at)
    invoice.save(force_insert=True)
    detail = {
        "order": invoice.order.number, "invoice_number": invoice.invoice_number,
        "gross_fen": invoice.signed_gross_fen, "reason": invoice.reason,
    }  # fmt: skip
    record(by=by, at=at, action=action, subject=invoice, detail=detail)
    return invoice


def _reason(reason: str) -> str:
    reason = reason.strip()
    if not 2 <= len(reason) <= 300:
        raise InvalidInput(field="reason", reason=gettext("请用 2 到 300 个字写明原因。"))
    return reason


@transaction.atomic
def issue_fee_invoice(*, by: Actor, at: datetime, order_id: UUID, kind: str, sheet: Sheet) -> FeeInvoice:
    """Record the exchange's invoice to the supplier for its fee of a released order; never above what it keeps.

    The same invoice again gives the one that is there. Raises NoFee, InvoiceTooLarge, InvoiceNumberUsed, InvalidInput,
    NotFound, NotAllowed.
    """
    order = trading.locked_order(order_id, "supplier")
    by.require(ISSUE_FEE_INVOICES)
    if kind not in InvoiceKind.values:
        raise InvalidInput(field="kind", reason=gettext("请选择发票种类。"))
    require_sound(sheet, order, at)
    invoice = _drawn(order, sheet, by=by, at=at, kind=kind)
    if (known := _known(invoice)) is not None:
        return known
    left = Money(selectors.fee_standing_of(order.pk).to_invoice)
    if not left:
        raise NoFee(number=order.number)
    too_large = InvoiceTooLarge(field="gross", left=left)
    if sheet.gross > left:
        raise too_large
    with told_as(too_large):
        return _keep(invoice, by=by, at=at, action="invoices.issue_fee")


def _locked_invoice(by: Actor, invoice_id: UUID) -> tuple[Order, FeeInvoice]:
    """The order under lock and then the invoice as it stands, for the exchange's finance."""
    seen = FeeInvoice.objects.filter(pk=invoice_id).values_list("order_id", flat=True).first()
    if seen is None:
        raise NotFound
    order = trading.locked_order(seen, "supplier")
    by.require(ISSUE_FEE_INVOICES)
    rows = FeeInvoice.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    invoice = rows.get(pk=invoice_id)
    invoice.order = order
    return order, invoice


@transaction.atomic
def credit_fee_invoice(*, by: Actor, at: datetime, invoice_id: UUID, sheet: Sheet, reason: str) -> FeeInvoice:
    """Record a credit invoice of a fee invoice, never above what is left of it; the same again gives the one there.

    Raises NotCreditable, CreditTooLarge, InvoiceNumberUsed, InvalidInput, NotFound, NotAllowed.
    """
    order, invoice = _locked_invoice(by, invoice_id)
    reason = _reason(reason)
    require_sound(sheet, order, at)
    if sheet.rate_bp != invoice.rate_bp:
        raise InvalidInput(field="rate", reason=gettext("红字发票的税率应与原发票相同。"))
    credit = _drawn(order, sheet, by=by, at=at, kind=invoice.kind, credits=invoice, reason=reason)
    if (known := _known(credit)) is not None:
        return known
    if invoice.is_credit or invoice.state != InvoiceState.ISSUED:
        raise NotCreditable(number=invoice.number)
    left, tax = selectors.left_of_fee(invoice)
    too_large = CreditTooLarge(field="gross", left=left, tax=tax)
    if sheet.gross > left or sheet.tax > tax or sheet.net > left - tax:
        raise too_large
    with told_as(too_large):
        return _keep(credit, by=by, at=at, action="invoices.credit_fee")


@transaction.atomic
def void_fee_invoice(*, by: Actor, at: datetime, invoice_id: UUID, reason: str) -> FeeInvoice:
    """Declare a fee invoice void, within the month of its issue; again: nothing more happens.

    Raises VoidTooLate, VoidCredited, InvalidInput, NotFound, NotAllowed.
    """
    order, invoice = _locked_invoice(by, invoice_id)
    if invoice.state == InvoiceState.VOIDED:
        return invoice
    reason, today = _reason(reason), clock.business_date(at)
    if (today.year, today.month) != (invoice.issued_on.year, invoice.issued_on.month):
        raise VoidTooLate
    if FeeInvoice.objects.filter(credits=invoice, state=InvoiceState.ISSUED).exists():
        raise VoidCredited(number=invoice.number)
    invoice.voided_at = at
    with told_as(InvoiceTooLarge(left=Money(selectors.fee_standing_of(order.pk).to_invoice))):
        FEE_INVOICE.move(invoice, "void", by=by, at=at, reason=reason, update_fields=["voided_at"])
    detail = {"order": order.number, "invoice_number": invoice.invoice_number, "reason": reason}
    record(by=by, at=at, action="invoices.void_fee", subject=invoice, detail=detail)
    return invoice
