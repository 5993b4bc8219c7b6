"""Forms of trading."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.trading import rules


class UseForm(forms.Form):
    """What the data will be used for; becomes part of the contract."""

    use_statement = forms.CharField(
        label=_("用途说明"),
        min_length=rules.LEAST_USE_LENGTH,
        max_length=rules.MOST_USE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("写明用在哪个产品或系统、做什么。用途写入合同，超出用途使用属于违约。"),
    )


class CancelForm(forms.Form):
    """Why an order ends."""

    reason = forms.CharField(label=_("取消理由"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
