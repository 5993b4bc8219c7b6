"""Paying lots into escrow."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from settlement.payments.states import TestMethod


class FundForm(forms.Form):
    """Which test method pays."""

    method = forms.ChoiceField(
        label=_("付款方式"), choices=TestMethod.choices, widget=forms.RadioSelect, initial=TestMethod.OK
    )
