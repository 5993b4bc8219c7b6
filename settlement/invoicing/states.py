"""States of invoices and of a buyer's wish for one."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class InvoiceKind(models.TextChoices):
    """The two kinds of VAT invoice."""

    SPECIAL = "special", _("增值税专用发票")
    ORDINARY = "ordinary", _("增值税普通发票")


class TaxRate(models.IntegerChoices):
    """VAT rates and levy rates, in basis points."""

    R0 = 0, "0%"
    R1 = 100, "1%"
    R3 = 300, "3%"
    R6 = 600, "6%"
    R9 = 900, "9%"
    R13 = 1300, "13%"


class InvoiceState(models.TextChoices):
    ISSUED = "issued", _("有效")
    VOIDED = "voided", _("已作废")


INVOICE = Machine("invoice", InvoiceState, [Move("void", ("issued",), "voided", _("作废"))])


FEE_INVOICE = Machine("fee_invoice", InvoiceState, [Move("void", ("issued",), "voided", _("作废"))])


class WishState(models.TextChoices):
    OPEN = "open", _("待开票")
    FULFILLED = "fulfilled", _("已开票")
    WITHDRAWN = "withdrawn", _("已撤回")


WISH = Machine(
    "invoice_wish",
    WishState,
    [
        Move("fulfil", ("open",), "fulfilled", _("开具发票")),
        Move("withdraw", ("open",), "withdrawn", _("撤回开票申请")),
    ],
)
