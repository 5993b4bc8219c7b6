"""Forms of actual revenue."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class DayForm(forms.Form):
    """Which past day the year is to be told as of."""

    as_of = forms.DateField(
        label=_("截至哪一天"), widget=forms.DateInput(attrs={"type": "date"}), required=False
    )


class YuanForm(forms.Form):
    """Which yuan of the year's revenue to follow."""

    yuan = forms.IntegerField(label=_("第几元"), min_value=1, max_value=10**13)
