"""Forms of delivery."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.delivery.states import KeyKind


class KeyForm(forms.Form):
    """A new token or credential; only tokens where files are not opened."""

    kind = forms.ChoiceField(label=_("类型"), choices=KeyKind.choices)
    name = forms.CharField(label=_("名称"), max_length=80, help_text=_("写明用在哪个程序。"))
    days = forms.IntegerField(label=_("有效天数"), min_value=1, max_value=366, initial=30)

    def __init__(self, *args: Any, has_files: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_files:
            self.fields["kind"].choices = [(KeyKind.TOKEN.value, KeyKind.TOKEN.label)]  # type: ignore[attr-defined]


class TicketForm(forms.Form):
    """Which file a one-time link leads to."""

    path = forms.CharField(
        label=_("文件路径"), max_length=400, help_text=_("链接 24 小时内有效，只能使用一次。")
    )


class SuspendForm(forms.Form):
    """Why data may not be used."""

    reason = forms.CharField(label=_("暂停理由"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class ClaimForm(forms.Form):
    """The licence, accepted."""

    accepts_licence = forms.BooleanField(label=_("我代表本单位接受上述使用许可"))


class MarkingForm(forms.Form):
    """Whether copies carry marks."""

    is_marked = forms.BooleanField(label=_("为导出的数据表副本加入识别标记"), required=False)


class TraceForm(forms.Form):
    """A file that turned up somewhere."""

    file = forms.FileField(
        label=_("疑似泄露的文件"), help_text=_("CSV、JSONL、JSON、Parquet 或元数据文件，最大 256 MB。")
    )
