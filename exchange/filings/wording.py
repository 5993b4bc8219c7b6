"""Sentences for codes: faults of imported cells, differences of registers, issues of a voucher."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exchange.filings import judging, rules

FAULTS: dict[str, str | Promise] = {
    "missing": _("这一列必填。"),
    "not_text": _("应为文字。请把单元格格式改为“文本”后重填。"),
    "too_long": _("超过了这一列的字数上限。"),
    "control_character": _("含有换行或控制字符，请删去。"),
    "invisible_character": _("含有不可见字符，请重新输入。"),
    "formula": _("以 =、+、-、@ 开头，会被表格当作公式。请只填结果。"),
    "cell_error": _("单元格是错误值，请改为实际内容。"),
    "full_width": _("含有全角字符，请改为半角。"),
    "number_form": _("编号以文字、字母或数字开头，只含 - / _ . 和括号，不含空格。"),
    "uscc_length": _("统一社会信用代码应为 18 位。"),
    "uscc_character": _("统一社会信用代码只含数字和大写字母，没有 I、O、S、V、Z。"),
    "uscc_check": _("统一社会信用代码的校验位不对，请核对是否抄错。"),
    "kind_unknown": _("不是模板列出的产品类型。"),
    "date_form": _("日期应写作 2023-05-18。"),
    "date_impossible": _("没有这一天，请核对日期。"),
    "date_future": _("日期在将来。"),
    "date_too_early": _("日期早于 2010-01-01。"),
    "date_order": _("早于前一环节的日期，请核对成交、交付、验收的先后。"),
    "amount_form": _("金额应为数字，例如 68000.00。"),
    "amount_overprecise": _("金额最多两位小数。"),
    "amount_too_large": _("金额过大，请核对单位是否为元。"),
    "amount_not_positive": _("含税金额应大于 0。"),
    "tax_negative": _("税额不能小于 0。"),
    "tax_not_below_amount": _("税额应小于含税金额。"),
    "same_parties": _("供方与需方相同。"),
    "duplicate_in_file": _("这个编号在文件中出现了不止一次。"),
    "other_content_known": _("这个编号已导入过，内容不同。请核对，或使用不同的编号。"),
}

DIFFERENCES: dict[str, str | Promise] = {
    rules.MISSING_THERE: _("对方没有这笔备案"),
    rules.MISSING_HERE: _("本方没有这笔备案"),
    rules.AMOUNT_DIFFERS: _("金额不一致"),
    rules.STATE_DIFFERS: _("状态不一致"),
    rules.TWICE_THERE: _("对方重复列出"),
}


COLUMN_LABELS: dict[str, str | Promise] = {
    "voucher_number": _("原凭证编号"),
    "venue": _("交易场所"),
    "supplier_name": _("供方名称"),
    "supplier_uscc": _("供方统一社会信用代码"),
    "buyer_name": _("需方名称"),
    "buyer_uscc": _("需方统一社会信用代码"),
    "product_title": _("产品名称"),
    "product_kind": _("产品类型"),
    "contract_number": _("合同编号"),
    "traded_on": _("成交日期"),
    "delivered_on": _("交付日期"),
    "accepted_on": _("验收日期"),
    "amount": _("含税金额（元）"),
    "tax": _("其中税额（元）"),
    "remark": _("备注"),
}
assert set(COLUMN_LABELS) == set(judging.BY_NAME)


def label_of_column(name: str) -> str | Promise:
    """A column's heading in the reader's language."""
    return COLUMN_LABELS[name]
