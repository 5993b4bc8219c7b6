"""Forms of the profile pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class SampleForm(forms.Form):
    """Which candidates become the sample: chosen ones, or some of every label."""

    method = forms.ChoiceField(
        label=_("抽取方法"),
        choices=[
            ("stratified", _("按标签分层自动抽取，最多 10 行")),
            ("chosen", _("用下表中勾选的行，最多 20 行")),
        ],
        widget=forms.RadioSelect,
    )
    rows = forms.TypedMultipleChoiceField(
        label=_("候选行"), required=False, coerce=int, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, count: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = self.fields["rows"]
        assert isinstance(rows, forms.TypedMultipleChoiceField)
        rows.choices = [(str(place), str(place)) for place in range(count)]
