"""Every write of invoices. The order's row is the lock, as for its money."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import psycopg
from django.db import DatabaseError, transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from documents.models import Document
from documents.states import DocumentState
from exchange.trading import services as trading
from exchange.trading.models import Order
from exchange.trading.states import OrderState, Party
from kernel import clock
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.events import announce
from kernel.money import Money
from kernel.numbers import new_number
from organizations.permissions import Actor
from settlement.invoicing import rules, selectors
from settlement.invoicing.events import InvoiceIssued, InvoiceVoided, InvoiceWished
from settlement.invoicing.models import Invoice, Wish
from settlement.invoicing.permissions import ISSUE_INVOICES, WISH_INVOICES
from settlement.invoicing.states import INVOICE, WISH, InvoiceKind, InvoiceState, TaxRate, WishState


class NothingToInvoice(Refusal):
    """There is no money of this order that could be invoiced."""

    code = "nothing_to_invoice"
    message = _("订单 %(number)s 没有可开票的金额：款项还没有付到托管，或已经开足。")


class InvoiceTooLarge(Refusal):
    """More than what is left to invoice."""

    code = "invoice_too_large"
    message = _("最多还能开 %(left)s（价税合计）。请减少金额，或先红冲、作废已开的发票。")
    status = 422


class CreditTooLarge(Refusal):
    """More than what is left of the invoice, or than what went back to the buyer."""

    code = "credit_too_large"
    message = _("最多还能红冲 %(left)s（其中税额 %(tax)s），也不能超过所对应的退款。请减少金额。")
    status = 422


class NotCreditable(Refusal):
    """Credit invoices and voided invoices cannot be credited."""

    code = "invoice_not_creditable"
    message = _("发票 %(number)s 是红字发票或已作废，不能红冲。请选择有效的蓝字发票。")


class InvoiceNumberUsed(Refusal):
    """The tax office's number is recorded already, for another invoice."""

    code = "invoice_number_used"
    message = _("发票号码 %(number)s 已经登记过，内容不同。请核对发票代码和号码。")


class VoidTooLate(Refusal):
    """Only within the month of issue."""

    code = "void_too_late"
    message = _("发票只能在开票当月作废。跨月请开具红字发票。")


class VoidCredited(Refusal):
    """There are credit invoices of it."""

    code = "void_credited"
    message = _("发票 %(number)s 已有红字发票，不能作废。")


class WishOpen(Refusal):
    """There is an open wish of other content."""

    code = "invoice_wish_open"
    message = _("订单 %(number)s 已有待处理的开票申请。需要改动时请先撤回。")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What stands on an invoice: amounts in fen, the rate in basis points."""

    code: str = ""
    invoice_number: str
    rate_bp: int
    net: Money
    tax: Money
    issued_on: date
    document_id: UUID | None = None

    @property
    def gross(self) -> Money:
        return self.net + self.tax


@contextmanager
def told_as(refusal: Refusal) -> Iterator[None]:
    """The database's own refusal of too much, as ours (another connection may have been faster)."""
    try:
        yield
    except DatabaseError as error:
        if isinstance(error.__cause__, psycopg.Error) and error.__cause__.sqlstate in ("QI001", "QI002"):
            raise refusal from error
        raise


def require_sound(sheet: Sheet, order: Order, at: datetime) -> None:
    """Raise InvalidInput, naming the field, when number, rate, amounts or day cannot stand on an invoice."""
    if not rules.is_sound_number(sheet.code, sheet.invoice_number):
        reason = gettext("数电发票填 20 位号码，不填代码；其他发票填 10 或 12 位代码和 8 位号码。")
        raise InvalidInput(field="invoice_number", reason=reason)
    if sheet.rate_bp not in TaxRate.values:
        raise InvalidInput(field="rate", reason=gettext("请从列出的税率中选择。"))
    if sheet.net.fen <= 0 or sheet.tax.fen < 0:
        raise InvalidInput(field="gross", reason=gettext("不含税金额应大于零，税额不能小于零。"))
    if not rules.tax_fits(net=sheet.net, tax=sheet.tax, rate_bp=sheet.rate_bp) or (
        sheet.rate_bp == 0 and sheet.tax
    ):
        raise InvalidInput(field="tax", reason=gettext("税额与“不含税金额 × 税率”相差超过 0.06 元，请核对。"))
    placed = clock.business_date(order.placed_at)
    if not placed <= sheet.issued_on <= clock.business_date(at):
        raise InvalidInput(field="issued_on", reason=gettext("开票日期不能早于下单日，也不能在将来。"))


def document_of(by: Actor, document_id: UUID | None) -> Document | None:
    """A stored file of the actor's organization, for an invoice. Raises InvalidInput."""
    if document_id is None or by.organization_id is None:
        return None
    found = Document.objects.filter(
        pk=document_id, organization_id=by.organization_id, state=DocumentState.STORED
    ).first()
    if found is None:
        raise InvalidInput(field="file", reason=gettext("没有找到这个文件，请先上传。"))
    return found


_TELLING = ("order_id", "credits_id", "refund_id", "escrow_return_id", "kind", "rate_bp", "net_fen", "tax_fen", "issued_on")  # fmt: skip


def _known(wanted: Invoice) -> Invoice | None:
    """The invoice recorded under that number, when it is the same; InvoiceNumberUsed when it is another."""
    found = Invoice.objects.filter(code=wanted.code, invoice_number=wanted.invoice_number).first()
    if found is None:
        return None
    if any(getattr(found, name) != getattr(wanted, name) for name in _TELLING):
        raise InvoiceNumberUsed(field="invoice_number", number=wanted.invoice_number)
    return found


def _drawn(order: Order, sheet: Sheet, *, by: Actor, at: datetime, **kept: Any) -> Invoice:
    return Invoice(
        order=order, code=sheet.code, invoice_number=sheet.invoice_number, rate_bp=sheet.rate_bp,
        net_fen=sheet.net.fen, tax_fen=sheet.tax.fen, gross_fen=sheet.gross.fen, issued_on=sheet.issued_on,
        document=document_of(by, sheet.document_id), issuer_id=order.supplier_id, issuer_name=order.supplier.name,
        issuer_uscc=order.supplier.uscc, recipient_id=order.buyer_id, recipient_name=order.buyer.name,
        recipient_uscc=order.buyer.uscc, issued_by=by.label[:200], issued_at=at, **kept,
    )  # fmt: skip


def _keep(invoice: Invoice, *, by: Actor, at: datetime, action: str) -> Invoice:
    invoice.number = new_number("FP", at)
    invoice.save(force_insert=True)
    detail = {
        "order": invoice.order.number, "invoice_number": invoice.invoice_number, "gross_fen": invoice.signed_gross_fen,
        "tax_fen": invoice.signed_tax_fen, "reason": invoice.reason,
    }  # fmt: skip
    record(by=by, at=at, action=action, subject=invoice, detail=detail)
    announce(InvoiceIssued(at=at, invoice_id=invoice.pk, by=by))
    return invoice


@transaction.atomic
def issue_invoice(*, by: Actor, at: datetime, order_id: UUID, kind: str, sheet: Sheet) -> Invoice:
    """Record an invoice of the supplier for an order whose price is paid; never above what is left.

    The same invoice again gives the one that is there. Fulfils the buyer's open wish. Raises NothingToInvoice,
    InvoiceTooLarge, InvoiceNumberUsed, InvalidInput; NotFound, WrongSide or NotAllowed for others.
    """
    order = trading.locked_order(order_id, "supplier", "buyer")
    trading.require_side(order, by, Party.SUPPLIER, ISSUE_INVOICES)
    if kind not in InvoiceKind.values:
        raise InvalidInput(field="kind", reason=gettext("请选择发票种类。"))
    require_sound(sheet, order, at)
    invoice = _drawn(order, sheet, by=by, at=at, kind=kind)
    if (known := _known(invoice)) is not None:
        return known
    left = Money(selectors.standing_of(order.pk).to_invoice)
    if not left:
        raise NothingToInvoice(number=order.number)
    too_large = InvoiceTooLarge(field="gross", left=left)
    if sheet.gross > left:
        raise too_large
    with told_as(too_large):
        _keep(invoice, by=by, at=at, action="invoices.issue")
    wish = selectors.open_wish_of(order)
    if wish is not None:
        wish.invoice = invoice
        WISH.move(wish, "fulfil", by=by, at=at, update_fields=["invoice"])
    return invoice


def _locked_invoice(by: Actor, invoice_id: UUID) -> tuple[Order, Invoice]:
    """The order under lock and then the invoice as it stands, for the order's supplier."""
    seen = selectors.invoices_visible_to(by).filter(pk=invoice_id).values_list("order_id", flat=True).first()
    if seen is None:
        raise NotFound
    order = trading.locked_order(seen, "supplier", "buyer")
    trading.require_side(order, by, Party.SUPPLIER, ISSUE_INVOICES)
    invoice = Invoice.objects.select_for_update(of=("self",), no_key=True).get(pk=invoice_id)
    invoice.order = order
    return order, invoice


@transaction.atomic
def issue_credit(
    *, by: Actor, at: datetime, invoice_id: UUID, sheet: Sheet, reason: str, cause_id: UUID | None = None
) -> Invoice:
    """Record a credit invoice of an invoice: for a refund or a return out of escrow (`cause_id`), or for a mistake.

    Never above what is left of the invoice, nor above what went back. The same again gives the one that is there.
    Raises NotCreditable, CreditTooLarge, InvoiceNumberUsed, InvalidInput, NotFound, NotAllowed.
    """
    order, invoice = _locked_invoice(by, invoice_id)
    reason = reason.strip()
    if not 2 <= len(reason) <= 300:
        raise InvalidInput(field="reason", reason=gettext("请用 2 到 300 个字写明红冲原因。"))
    require_sound(sheet, order, at)
    if sheet.rate_bp != invoice.rate_bp:
        raise InvalidInput(field="rate", reason=gettext("红字发票的税率应与原发票相同。"))
    causes = {each.pk: each for each in selectors.causes_of(order)}
    if cause_id is not None and cause_id not in causes:
        raise InvalidInput(field="cause", reason=gettext("没有这笔退款，请从列出的退款中选择。"))
    cause = causes.get(cause_id) if cause_id else None
    credit = _drawn(
        order, sheet, by=by, at=at, kind=invoice.kind, credits=invoice, reason=reason,
        refund_id=cause_id if cause is not None and cause._meta.model_name == "refund" else None,
        escrow_return_id=cause_id if cause is not None and cause._meta.model_name == "escrowreturn" else None,
    )  # fmt: skip
    if (known := _known(credit)) is not None:
        return known
    if invoice.is_credit or invoice.state != InvoiceState.ISSUED:
        raise NotCreditable(number=invoice.number)
    left, tax = selectors.left_of(invoice)
    too_large = CreditTooLarge(field="gross", left=left, tax=tax)
    if sheet.gross > left or sheet.tax > tax or sheet.net > left - tax:
        raise too_large
    with told_as(too_large):
        return _keep(credit, by=by, at=at, action="invoices.credit")


@transaction.atomic
def void_invoice(*, by: Actor, at: datetime, invoice_id: UUID, reason: str) -> Invoice:
    """Declare an invoice void, within the month of its issue; again: nothing more happens.

    Raises VoidTooLate, VoidCredited, InvalidInput, NotFound, NotAllowed.
    """
    order, invoice = _locked_invoice(by, invoice_id)
    if invoice.state == InvoiceState.VOIDED:
        return invoice
    reason = reason.strip()
    if not 2 <= len(reason) <= 300:
        raise InvalidInput(field="reason", reason=gettext("请用 2 到 300 个字写明作废原因。"))
    today = clock.business_date(at)
    if (today.year, today.month) != (invoice.issued_on.year, invoice.issued_on.month):
        raise VoidTooLate
    if Invoice.objects.filter(credits=invoice, state=InvoiceState.ISSUED).exists():
        raise VoidCredited(number=invoice.number)
    INVOICE.check(invoice, "void")
    invoice.voided_at = at
    with told_as(InvoiceTooLarge(left=Money(selectors.standing_of(order.pk).to_invoice))):
        INVOICE.move(invoice, "void", by=by, at=at, reason=reason, update_fields=["voided_at"])
    detail = {"order": order.number, "invoice_number": invoice.invoice_number, "reason": reason}
    record(by=by, at=at, action="invoices.void", subject=invoice, detail=detail)
    announce(InvoiceVoided(at=at, invoice_id=invoice.pk, by=by))
    return invoice


@transaction.atomic
def wish_invoice(*, by: Actor, at: datetime, order_id: UUID, kind: str, note: str = "") -> Wish:
    """The buyer asks for an invoice of a paid order; the same again gives the open wish.

    Raises NothingToInvoice, WishOpen, InvalidInput; NotFound, WrongSide or NotAllowed for others.
    """
    order = trading.locked_order(order_id, "supplier", "buyer")
    trading.require_side(order, by, Party.BUYER, WISH_INVOICES)
    note = note.strip()
    if kind not in InvoiceKind.values:
        raise InvalidInput(field="kind", reason=gettext("请选择发票种类。"))
    if len(note) > 300:
        raise InvalidInput(field="note", reason=gettext("说明不能超过 300 个字。"))
    known = selectors.open_wish_of(order)
    if known is not None:
        if (known.kind, known.note) != (kind, note):
            raise WishOpen(number=order.number)
        return known
    if order.state == OrderState.CANCELLED or not selectors.standing_of(order.pk).to_invoice:
        raise NothingToInvoice(number=order.number)
    wish = Wish.objects.create(order=order, kind=kind, note=note, wished_by=by.label[:200], wished_at=at)
    record(by=by, at=at, action="invoices.wish", subject=wish, detail={"order": order.number, "kind": kind})
    announce(InvoiceWished(at=at, order_id=order.pk, by=by))
    return wish


@transaction.atomic
def withdraw_wish(*, by: Actor, at: datetime, wish_id: UUID) -> Wish:
    """The buyer no longer asks. Raises MoveNotAllowed once it is fulfilled; NotFound, WrongSide, NotAllowed."""
    seen = selectors.wishes_visible_to(by).filter(pk=wish_id).values_list("order_id", flat=True).first()
    if seen is None:
        raise NotFound
    order = trading.locked_order(seen)
    trading.require_side(order, by, Party.BUYER, WISH_INVOICES)
    wish = Wish.objects.select_for_update(of=("self",), no_key=True).get(pk=wish_id)
    if wish.state == WishState.WITHDRAWN:
        return wish
    WISH.move(wish, "withdraw", by=by, at=at)
    record(by=by, at=at, action="invoices.withdraw_wish", subject=wish, detail={"order": order.number})
    return wish
