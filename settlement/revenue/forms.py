"""Forms of actual revenue."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from settlement.revenue.states import Code


class RulingForm(forms.Form):
    """A reviewer's finding on one trade."""

    code = forms.ChoiceField(
        label=_("认定事项"),
        choices=[(code.value, code.label) for code in Code.reviewed()],
        widget=forms.RadioSelect,
    )
    finding = forms.ChoiceField(
        label=_("结论"),
        choices=[("excluded", _("不计入实际收入")), ("counted", _("计入实际收入"))],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(
        label=_("理由与依据"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=_("企业和审计人员都能看到，并随明细永久保存。"),
    )


class DayForm(forms.Form):
    """Which past day the year is to be told as of."""

    as_of = forms.DateField(
        label=_("截至哪一天"), widget=forms.DateInput(attrs={"type": "date"}), required=False
    )


class YuanForm(forms.Form):
    """Which yuan of the year's revenue to follow."""

    yuan = forms.IntegerField(label=_("第几元"), min_value=1, max_value=10**13)
