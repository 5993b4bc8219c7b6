"""Forms of merchants' payments."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from web.forms import YuanField


class PayoutForm(forms.Form):
    """How much goes to the bank account in use."""

    amount = YuanField(label=_("提现金额"), least=1)
    description = forms.CharField(label=_("用途说明"), max_length=200, required=False)


class BankAccountForm(forms.Form):
    """Where payouts go from now on."""

    holder = forms.CharField(label=_("户名"), max_length=120, help_text=_("应与本单位名称一致。"))
    bank_name = forms.CharField(label=_("开户行"), max_length=120)
    number = forms.CharField(
        label=_("账号"), max_length=40, widget=forms.TextInput(attrs={"inputmode": "numeric"})
    )


class FailureForm(forms.Form):
    """What the bank said."""

    reason = forms.CharField(label=_("银行给出的原因"), max_length=300)


EVENT_TYPES = (
    "*",
    "payment_intent.created",
    "payment_intent.requires_action",
    "payment_intent.amount_capturable_updated",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.succeeded",
    "charge.captured",
    "charge.failed",
    "charge.refunded",
    "refund.created",
    "refund.updated",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "customer_cash_balance_transaction.created",
    "payment_method.attached",
    "payment_method.detached",
    "transfer.created",
    "transfer.updated",
    "payout.created",
    "payout.updated",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
)


class EndpointForm(forms.Form):
    """An address and the events that it wants."""

    url = forms.CharField(
        label=_("接收地址"),
        max_length=500,
        widget=forms.TextInput(attrs={"placeholder": "https://", "inputmode": "url"}),
        help_text=_("公网 https 地址。平台不跟随跳转，也不向内网地址推送。"),
    )
    enabled_events = forms.MultipleChoiceField(
        label=_("事件类型"),
        choices=[(kind, _("全部事件") if kind == "*" else kind) for kind in EVENT_TYPES],
        initial=["*"],
        widget=forms.SelectMultiple(attrs={"size": 6}),
    )
    description = forms.CharField(label=_("说明"), max_length=200, required=False)

    def clean_enabled_events(self) -> Any:
        """All makes the others needless."""
        chosen = self.cleaned_data["enabled_events"]
        return ["*"] if "*" in chosen else chosen
