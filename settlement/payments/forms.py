"""Forms of payments."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from settlement.payments.states import TestMethod
from web.forms import YuanField


class PayForm(forms.Form):
    """Which test method pays."""

    method = forms.ChoiceField(
        label=_("付款方式"), choices=TestMethod.choices, widget=forms.RadioSelect, initial=TestMethod.OK
    )


class RefundForm(forms.Form):
    """How much goes back, and why; the key makes a second click the same refund."""

    amount = YuanField(label=_("退款金额"), least=1, help_text=_("含税金额，最多两位小数。"))
    reason = forms.CharField(
        label=_("退款原因"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("双方都能看到。"),
    )
    idempotency_key = forms.CharField(max_length=60, widget=forms.HiddenInput)
