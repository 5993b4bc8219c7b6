"""Words of bank statements and of what does not match."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class StatementFormat(models.TextChoices):
    TABLE = "table", _("CSV 或 Excel 模板")
    MT940 = "mt940", "MT940"
    CAMT053 = "camt053", "CAMT.053"


class ImportState(models.TextChoices):
    CHECKED = "checked", _("待确认")
    IMPORTED = "imported", _("已导入")


BANK_IMPORT = Machine("bank_import", ImportState, [Move("import", ("checked",), "imported", _("导入"))])


class MatchKind(models.TextChoices):
    """What a bank line is evidence of."""

    RECEIPT = "receipt", _("买方付款")
    REFUND = "refund", _("退款")
    ESCROW_RETURN = "escrow_return", _("托管退回")
    SURPLUS = "surplus", _("退回多付款")
    ARRIVAL = "arrival", _("商户客户汇款")
    WAGE = "wage", _("标注报酬")
    PAYOUT = "payout", _("商户提现")


INCOMING = frozenset({MatchKind.RECEIPT, MatchKind.ARRIVAL})
OUTGOING = frozenset(MatchKind) - INCOMING


class Gap(models.TextChoices):
    """What of an order does not match, or is still to come; in the order in which it is to be looked at."""

    RECEIPT_UNBOOKED = "receipt_unbooked", _("银行已到账，系统未记付款")
    RECEIPT_PARTIAL = "receipt_partial", _("买方只付了一部分，未记付款")
    RECEIPT_MISSING = "receipt_missing", _("系统已记付款，银行没有到账")
    RECEIPT_SHORT = "receipt_short", _("银行到账不足")
    OVERPAID = "overpaid", _("银行多到账")
    REFUND_UNPAID = "refund_unpaid", _("退款未从银行付出")
    REFUND_OVERPAID = "refund_overpaid", _("银行多付退款")
    CREDIT_MISSING = "credit_missing", _("多开发票，缺红字发票")
    NOT_INVOICED = "not_invoiced", _("已放款未开票")
    INVOICE_SHORT = "invoice_short", _("发票未开足")
    UNPAID = "unpaid", _("已签约待付款")
    NOT_DELIVERED = "not_delivered", _("待交付")
    NOT_ACCEPTED = "not_accepted", _("待验收")


WAITING = frozenset({Gap.UNPAID, Gap.NOT_DELIVERED, Gap.NOT_ACCEPTED})


class Standing(models.TextChoices):
    """How an order stands in reconciliation."""

    UNMATCHED = "unmatched", _("未对上")
    WAITING = "waiting", _("进行中")
    MATCHED = "matched", _("已对平")
