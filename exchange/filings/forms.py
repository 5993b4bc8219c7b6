"""Forms of filings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_DAY = {"type": "date"}


class VoucherForm(forms.Form):
    """A voucher to verify: number, signed text, or file."""

    presented = forms.CharField(
        label=_("交易凭证编号或签名文本"),
        max_length=20_000,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "JY-2026-0000001-X"}),
    )
    file = forms.FileField(
        label=_("凭证文件"),
        required=False,
        allow_empty_file=True,
        help_text=_("PDF 原件或 JWT 文件，不超过 5 MB。"),
        widget=forms.FileInput(attrs={"accept": ".pdf,.jwt,.txt,.json"}),
    )

    def clean(self) -> dict[str, Any]:
        """One of both is needed."""
        cleaned = super().clean() or {}
        if not self.errors and not cleaned.get("presented", "").strip() and cleaned.get("file") is None:
            self.add_error("presented", ValidationError(_("请填写编号，或选择文件。"), code="missing"))
        return cleaned


class PeriodForm(forms.Form):
    """The days of an export."""

    first = forms.DateField(label=_("起始日"), widget=forms.DateInput(format="%Y-%m-%d", attrs=_DAY))
    final = forms.DateField(label=_("截止日"), widget=forms.DateInput(format="%Y-%m-%d", attrs=_DAY))
    has_imported = forms.BooleanField(label=_("同时列出导入的历史交易"), required=False)


class DayForm(forms.Form):
    """The day of a reconciliation."""

    day = forms.DateField(label=_("对账日"), widget=forms.DateInput(format="%Y-%m-%d", attrs=_DAY))


class PastTradesForm(forms.Form):
    """A file of past trades."""

    file = forms.FileField(
        label=_("填好的模板"),
        allow_empty_file=True,
        help_text=_("CSV（UTF-8 或 GB18030）或 XLSX，不超过 5 MB、5,000 行。"),
        widget=forms.FileInput(attrs={"accept": ".csv,.xlsx"}),
    )
