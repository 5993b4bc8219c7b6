"""Forms of pay runs."""

from __future__ import annotations

from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


class MonthForm(forms.Form):
    """The month to pay."""

    month = forms.CharField(
        label=_("月份"), widget=forms.TextInput(attrs={"type": "month", "placeholder": "2026-03"})
    )

    def clean_month(self) -> date:
        """The first day of the month."""
        try:
            return date.fromisoformat(f"{self.cleaned_data['month'].strip()}-01")
        except ValueError as wrong:
            raise ValidationError(_("月份写作 2026-03。"), code="invalid") from wrong


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(label=_("原因"), max_length=300)


class AccountForm(forms.Form):
    """Where an annotator wants to be paid."""

    holder_name = forms.CharField(label=_("户名"), max_length=60, help_text=_("与银行卡一致。"))
    bank_name = forms.CharField(label=_("开户银行"), max_length=80, help_text=_("写到支行。"))
    account = forms.CharField(
        label=_("账号"),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
