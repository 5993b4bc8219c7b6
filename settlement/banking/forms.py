"""Forms of bank statements."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from settlement.banking.states import StatementFormat
from web.forms import YuanField


class StatementForm(forms.Form):
    """A statement to look at."""

    format = forms.ChoiceField(
        label=_("格式"),
        choices=StatementFormat.choices,
        initial=StatementFormat.TABLE,
        widget=forms.RadioSelect,
    )
    account = forms.CharField(
        label=_("本方账号"), max_length=40, required=False,
        help_text=_("CSV 和 Excel 必填；MT940 和 CAMT.053 以文件为准。"),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    file = forms.FileField(
        label=_("流水文件"), allow_empty_file=True, help_text=_("不超过 5 MB。"),
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx,.sta,.mt940,.txt,.xml"}),
    )  # fmt: skip


class MatchForm(forms.Form):
    """What a line is the money of, typed by a person."""

    number = forms.CharField(
        label=_("订单或退款编号"), max_length=24, widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "DD-2026-0000001-X"}),
    )  # fmt: skip
    amount = YuanField(label=_("匹配金额"), least=1)


class EndForm(forms.Form):
    """Why a match was wrong."""

    reason = forms.CharField(label=_("撤销原因"), max_length=300)
