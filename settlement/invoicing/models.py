"""Invoices and credit invoices of orders and of the exchange's fee, and buyers' wishes for them."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from documents.models import Document
from exchange.trading.models import Order
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField
from settlement.invoicing.states import (
    FEE_INVOICE,
    INVOICE,
    WISH,
    InvoiceKind,
    InvoiceState,
    TaxRate,
    WishState,
)
from settlement.payments.models import EscrowReturn, Refund

_FIXED = (
    "number", "order", "credits", "refund", "escrow_return", "kind", "code", "invoice_number", "rate_bp", "net_fen",
    "tax_fen", "gross_fen", "issued_on", "document", "issuer", "issuer_name", "issuer_uscc", "recipient",
    "recipient_name", "recipient_uscc", "reason", "issued_by", "issued_at",
)  # fmt: skip
_WITHIN_WHAT_IS_LEFT = pgtrigger.Trigger(
    name="within_what_is_left",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | pgtrigger.Update,
    declare=[("held", "record"), ("told", "record"), ("origin", "record"), ("back", "bigint")],
    func="""
        PERFORM 1 FROM trading_order WHERE id = NEW.order_id FOR NO KEY UPDATE;
        SELECT i.amount_fen AS price,
               coalesce((SELECT amount_fen FROM payments_escrowreturn WHERE order_id = NEW.order_id), 0)
               + coalesce((SELECT sum(amount_fen) FROM payments_refund WHERE order_id = NEW.order_id), 0) AS back
          INTO held FROM payments_paymentintent AS i
          WHERE i.order_id = NEW.order_id AND i.authorized_at IS NOT NULL;
        SELECT coalesce(sum(CASE WHEN credits_id IS NULL THEN gross_fen ELSE -gross_fen END), 0) AS gross
          INTO told FROM invoicing_invoice WHERE order_id = NEW.order_id AND state = 'issued';
        IF held IS NULL OR told.gross < 0 OR told.gross > held.price
           OR (TG_OP = 'INSERT' AND NEW.credits_id IS NULL AND told.gross > held.price - held.back) THEN
          RAISE EXCEPTION 'the invoices of order % exceed what is left', NEW.order_id USING ERRCODE = 'QI001';
        END IF;
        SELECT o.state, o.order_id, o.credits_id, o.gross_fen, o.net_fen, o.tax_fen,
               coalesce(sum(c.gross_fen), 0) AS gross, coalesce(sum(c.net_fen), 0) AS net,
               coalesce(sum(c.tax_fen), 0) AS tax
          INTO origin FROM invoicing_invoice AS o
          LEFT JOIN invoicing_invoice AS c ON c.credits_id = o.id AND c.state = 'issued'
          WHERE o.id = coalesce(NEW.credits_id, NEW.id) GROUP BY o.id;
        IF origin.credits_id IS NOT NULL OR origin.order_id <> NEW.order_id
           OR origin.gross > origin.gross_fen OR origin.net > origin.net_fen OR origin.tax > origin.tax_fen
           OR (origin.state <> 'issued' AND origin.gross > 0) THEN
          RAISE EXCEPTION 'the credit invoices of % exceed what is left of it', NEW.credits_id
            USING ERRCODE = 'QI002';
        END IF;
        IF NEW.refund_id IS NOT NULL OR NEW.escrow_return_id IS NOT NULL THEN
          SELECT coalesce((SELECT amount_fen FROM payments_refund
                           WHERE id = NEW.refund_id AND order_id = NEW.order_id),
                          (SELECT amount_fen FROM payments_escrowreturn
                           WHERE id = NEW.escrow_return_id AND order_id = NEW.order_id)) INTO back;
          IF back IS NULL OR back < (
            SELECT sum(gross_fen) FROM invoicing_invoice WHERE state = 'issued'
            AND (refund_id = NEW.refund_id OR escrow_return_id = NEW.escrow_return_id)
          ) THEN
            RAISE EXCEPTION 'credit invoices exceed what went back to the buyer' USING ERRCODE = 'QI002';
          END IF;
        END IF;
        RETURN NULL;
    """,
)


class Invoice(Record):
    """An invoice that a supplier issued for an order, or, when it `credits` one, a credit invoice 红字发票.

    Amounts are positive in both and `net_fen` + `tax_fen` = `gross_fen`. The tax office's number is unique with its
    code (fully digital invoices have none). Names and USCC are those at issue. A credit invoice follows a refund, a
    return out of escrow, or a mistake. A trigger holds that no more is invoiced or credited than is left.
    """

    number = models.CharField(_("登记编号"), max_length=24, unique=True)
    order = models.ForeignKey(Order, models.PROTECT, related_name="invoices")
    credits = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="credit_invoices",
        verbose_name=_("对应蓝字发票"),
    )
    refund = models.ForeignKey(Refund, models.PROTECT, null=True, blank=True, related_name="credit_invoices")
    escrow_return = models.ForeignKey(
        EscrowReturn, models.PROTECT, null=True, blank=True, related_name="credit_invoices"
    )
    kind = models.CharField(_("发票种类"), max_length=16, choices=InvoiceKind.choices)
    code = models.CharField(_("发票代码"), max_length=12, blank=True)
    invoice_number = models.CharField(_("发票号码"), max_length=20)
    rate_bp = models.PositiveSmallIntegerField(_("税率（万分比）"), choices=TaxRate.choices)
    net_fen = FenField(_("不含税金额"))
    tax_fen = FenField(_("税额"))
    gross_fen = FenField(_("价税合计"))
    issued_on = models.DateField(_("开票日期"))
    document = models.ForeignKey(Document, models.PROTECT, null=True, blank=True, related_name="+")
    issuer = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="invoices_issued")
    issuer_name = models.CharField(_("销售方"), max_length=120)
    issuer_uscc = models.CharField(max_length=18)
    recipient = models.ForeignKey(
        "organizations.Organization", models.PROTECT, related_name="invoices_received"
    )
    recipient_name = models.CharField(_("购买方"), max_length=120)
    recipient_uscc = models.CharField(max_length=18)
    reason = models.CharField(_("红冲原因"), max_length=300, blank=True)
    issued_by = models.CharField(_("登记人"), max_length=200)
    issued_at = models.DateTimeField(_("登记时间"))
    voided_at = models.DateTimeField(_("作废时间"), null=True, blank=True)
    state = StateField(states=InvoiceState)

    class Meta:
        verbose_name = _("发票")
        verbose_name_plural = _("发票")
        indexes = [
            models.Index(fields=["issuer", "-issued_on"], name="invoice_issuer_issued"),
            models.Index(fields=["recipient", "-issued_on"], name="invoice_recipient_issued"),
        ]
        constraints = [
            INVOICE.constraint(),
            models.UniqueConstraint(fields=["code", "invoice_number"], name="invoice_number_once"),
            models.CheckConstraint(
                condition=Q(gross_fen=F("net_fen") + F("tax_fen"), net_fen__gt=0, tax_fen__gte=0),
                name="invoice_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(rate_bp__in=sorted(TaxRate.values)) & (~Q(rate_bp=0) | Q(tax_fen=0)),
                name="invoice_rate_known",
            ),
            models.CheckConstraint(
                condition=Q(credits__isnull=True, refund__isnull=True, escrow_return__isnull=True, reason="")
                | (
                    Q(credits__isnull=False)
                    & ~Q(reason="")
                    & Q(Q(refund__isnull=True) | Q(escrow_return__isnull=True))
                ),
                name="invoice_credit_has_cause",
            ),
            models.CheckConstraint(
                condition=Q(state="voided", voided_at__isnull=False)
                | Q(state="issued", voided_at__isnull=True),
                name="invoice_voided_has_time",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="content_fixed", operation=pgtrigger.Update, condition=pgtrigger.AnyChange(*_FIXED)
            ),
            pgtrigger.Protect(
                name="void_is_final", operation=pgtrigger.Update, condition=pgtrigger.Q(old__state="voided")
            ),
            _WITHIN_WHAT_IS_LEFT,
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_credit(self) -> bool:
        return self.credits_id is not None

    @property
    def sign(self) -> int:
        """−1 for a credit invoice."""
        return -1 if self.is_credit else 1

    @property
    def signed_gross_fen(self) -> int:
        return self.sign * int(self.gross_fen)

    @property
    def signed_tax_fen(self) -> int:
        return self.sign * int(self.tax_fen)


_WITHIN_THE_FEE = pgtrigger.Trigger(
    name="within_the_fee",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | pgtrigger.Update,
    declare=[("kept", "bigint"), ("whole", "bigint"), ("told", "bigint"), ("origin", "record")],
    func="""
        PERFORM 1 FROM trading_order WHERE id = NEW.order_id FOR NO KEY UPDATE;
        SELECT r.fee_fen, r.fee_fen
               - coalesce((SELECT sum(fee_fen) FROM payments_refund WHERE order_id = NEW.order_id), 0)
          INTO whole, kept FROM payments_release AS r WHERE r.order_id = NEW.order_id;
        SELECT coalesce(sum(CASE WHEN credits_id IS NULL THEN gross_fen ELSE -gross_fen END), 0)
          INTO told FROM invoicing_feeinvoice WHERE order_id = NEW.order_id AND state = 'issued';
        IF whole IS NULL OR told < 0 OR told > whole
           OR (TG_OP = 'INSERT' AND NEW.credits_id IS NULL AND told > kept) THEN
          RAISE EXCEPTION 'the fee invoices of order % exceed its fee', NEW.order_id USING ERRCODE = 'QI001';
        END IF;
        SELECT o.state, o.order_id, o.credits_id, o.gross_fen, o.tax_fen, coalesce(sum(c.gross_fen), 0) AS gross,
               coalesce(sum(c.tax_fen), 0) AS tax
          INTO origin FROM invoicing_feeinvoice AS o
          LEFT JOIN invoicing_feeinvoice AS c ON c.credits_id = o.id AND c.state = 'issued'
          WHERE o.id = coalesce(NEW.credits_id, NEW.id) GROUP BY o.id;
        IF origin.credits_id IS NOT NULL OR origin.order_id <> NEW.order_id
           OR origin.gross > origin.gross_fen OR origin.tax > origin.tax_fen
           OR (origin.state <> 'issued' AND origin.gross > 0) THEN
          RAISE EXCEPTION 'the credit invoices of % exceed what is left of it', NEW.credits_id
            USING ERRCODE = 'QI002';
        END IF;
        RETURN NULL;
    """,
)


class FeeInvoice(Record):
    """The exchange's invoice to the supplier for its fee of one order, or, when it `credits` one, a credit invoice.

    Amounts as in `Invoice`. No more stands invoiced than the fee that the exchange keeps: what refunds gave back of it is
    to be credited. A trigger holds that.
    """

    number = models.CharField(_("登记编号"), max_length=24, unique=True)
    order = models.ForeignKey(Order, models.PROTECT, related_name="fee_invoices")
    credits = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="credit_invoices",
        verbose_name=_("对应蓝字发票"),
    )  # fmt: skip
    kind = models.CharField(_("发票种类"), max_length=16, choices=InvoiceKind.choices)
    code = models.CharField(_("发票代码"), max_length=12, blank=True)
    invoice_number = models.CharField(_("发票号码"), max_length=20)
    rate_bp = models.PositiveSmallIntegerField(_("税率（万分比）"), choices=TaxRate.choices)
    net_fen = FenField(_("不含税金额"))
    tax_fen = FenField(_("税额"))
    gross_fen = FenField(_("价税合计"))
    issued_on = models.DateField(_("开票日期"))
    document = models.ForeignKey(Document, models.PROTECT, null=True, blank=True, related_name="+")
    issuer = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    issuer_name = models.CharField(_("销售方"), max_length=120)
    issuer_uscc = models.CharField(max_length=18)
    recipient = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    recipient_name = models.CharField(_("购买方"), max_length=120)
    recipient_uscc = models.CharField(max_length=18)
    reason = models.CharField(_("红冲原因"), max_length=300, blank=True)
    issued_by = models.CharField(_("登记人"), max_length=200)
    issued_at = models.DateTimeField(_("登记时间"))
    voided_at = models.DateTimeField(_("作废时间"), null=True, blank=True)
    state = StateField(states=InvoiceState)

    class Meta:
        verbose_name = _("交易服务费发票")
        verbose_name_plural = _("交易服务费发票")
        constraints = [
            FEE_INVOICE.constraint(),
            models.UniqueConstraint(fields=["code", "invoice_number"], name="fee_invoice_number_once"),
            models.CheckConstraint(
                condition=Q(gross_fen=F("net_fen") + F("tax_fen"), net_fen__gt=0, tax_fen__gte=0),
                name="fee_invoice_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(rate_bp__in=sorted(TaxRate.values)) & (~Q(rate_bp=0) | Q(tax_fen=0)),
                name="fee_invoice_rate_known",
            ),
            models.CheckConstraint(
                condition=Q(credits__isnull=True, reason="") | (Q(credits__isnull=False) & ~Q(reason="")),
                name="fee_invoice_credit_has_reason",
            ),
            models.CheckConstraint(
                condition=Q(state="voided", voided_at__isnull=False)
                | Q(state="issued", voided_at__isnull=True),
                name="fee_invoice_voided_has_time",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="content_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    *(each for each in _FIXED if each not in ("refund", "escrow_return"))
                ),
            ),
            pgtrigger.Protect(
                name="void_is_final", operation=pgtrigger.Update, condition=pgtrigger.Q(old__state="voided")
            ),
            _WITHIN_THE_FEE,
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_credit(self) -> bool:
        return self.credits_id is not None

    @property
    def signed_gross_fen(self) -> int:
        """Negative for a credit invoice."""
        return -int(self.gross_fen) if self.is_credit else int(self.gross_fen)


class Wish(Record):
    """A buyer asks for an invoice; fulfilled by the supplier's next invoice for the order. One open per order."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="invoice_wishes")
    kind = models.CharField(_("发票种类"), max_length=16, choices=InvoiceKind.choices)
    note = models.CharField(_("说明"), max_length=300, blank=True)
    wished_by = models.CharField(_("申请人"), max_length=200)
    wished_at = models.DateTimeField(_("申请时间"))
    invoice = models.OneToOneField(Invoice, models.PROTECT, null=True, blank=True, related_name="wish")
    state = StateField(states=WishState)

    class Meta:
        verbose_name = _("开票申请")
        verbose_name_plural = _("开票申请")
        constraints = [
            WISH.constraint(),
            models.UniqueConstraint(
                fields=["order"], condition=Q(state="open"), name="invoice_wish_one_open"
            ),
            models.CheckConstraint(
                condition=~Q(state="fulfilled") | Q(invoice__isnull=False), name="invoice_wish_fulfilled"
            ),
        ]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.order} {self.wished_at:%Y-%m-%d}"
