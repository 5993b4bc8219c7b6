"""Sentences for codes: gaps and their remedies, reasons of suggestions, faults of a statement's rows."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _

from exchange.filings.wording import FAULTS as CELL_FAULTS
from kernel.money import Money
from settlement.banking.states import Gap
from settlement.invoicing.rules import Standing

Text = str | Promise

# What to do, and whose turn it is.
REMEDIES: dict[Gap, tuple[Text, Text]] = {
    Gap.RECEIPT_UNBOOKED: (
        _("由没有经手导入和匹配的另一位财务在本页登记入账；不是这笔订单的，撤销银行匹配。"),
        _("运营方财务"),
    ),
    Gap.RECEIPT_PARTIAL: (_("请买方补足差额；到齐之后登记入账，不付了的原路退回。"), _("买方")),
    Gap.RECEIPT_MISSING: (_("导入到账日的银行流水，或把已导入的流水匹配到本订单。"), _("运营方财务")),
    Gap.RECEIPT_SHORT: (_("查找其余到账流水并匹配；确实少付的，请买方补足。"), _("运营方财务")),
    Gap.OVERPAID: (_("核对是否属于其他订单；多付的款项退回买方，并匹配退回流水。"), _("运营方财务")),
    Gap.REFUND_UNPAID: (_("向银行提交付款；已付的，导入流水并匹配到退款。"), _("运营方财务")),
    Gap.REFUND_OVERPAID: (_("核对匹配是否重复；确实多付的，请买方退还。"), _("运营方财务")),
    Gap.CREDIT_MISSING: (_("打开对应的蓝字发票，按退款开具红字发票。"), _("供方财务")),
    Gap.NOT_INVOICED: (_("按放款金额开具发票并登记。"), _("供方财务")),
    Gap.INVOICE_SHORT: (_("补开差额，或核对登记的金额。"), _("供方财务")),
    Gap.UNPAID: (_("等待买方付款。"), _("买方")),
    Gap.NOT_DELIVERED: (_("等待供方交付。"), _("供方")),
    Gap.NOT_ACCEPTED: (_("等待买方验收，验收期届满自动验收。"), _("买方")),
}

REASONS: dict[str, Text] = {
    "amount": _("金额一致"),
    "number": _("附言中有编号"),
    "virtual_account": _("汇入专属账号"),
    "party_account": _("收款账号一致"),
    "uscc": _("统一社会信用代码一致"),
    "name": _("户名一致"),
    "name_part": _("户名相近"),
}

FAULTS: dict[str, Text] = {
    **CELL_FAULTS,
    "side_missing": _("收入和支出都没有填，请填其中一项。"),
    "side_twice": _("收入和支出只能填一项。"),
    "not_positive": _("金额应大于 0；支出也填正数。"),
    "reference_twice": _("这个流水号在文件中出现了不止一次，内容不同。"),
    "reference_reused": _("这个流水号已导入过，内容不同。请核对是否为同一账户。"),
    "currency": _("只接受人民币账户的流水。"),
    "balance_broken": _("期初余额加减各笔流水不等于期末余额，文件可能不完整。"),
}

COLUMNS: dict[str, Text] = {
    "reference": _("银行流水号"),
    "booked_on": _("记账日期"),
    "credit": _("收入金额（元）"),
    "debit": _("支出金额（元）"),
    "party_name": _("对方户名"),
    "party_account": _("对方账号"),
    "party_uscc": _("对方统一社会信用代码"),
    "virtual_account": _("收款虚拟账号"),
    "balance": _("余额（元）"),
    "text": _("附言"),
    "statement": _("整份对账单"),
}


def fee_gap(stands: Standing) -> str:
    """What is wrong between the exchange's fee and its invoices; empty when nothing is."""
    if stands.to_invoice:
        return now("待开票 %(amount)s") % {"amount": Money(stands.to_invoice)}
    if stands.to_credit:
        return now("待红冲 %(amount)s") % {"amount": Money(stands.to_credit)}
    return ""
