"""The upload form, for browsers without JavaScript and as the base of the direct way."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from documents import rules


class UploadFileForm(forms.Form):
    """One file and what it is for."""

    purpose = forms.ChoiceField(label=_("用途"), choices=list(rules.PURPOSES.items()))
    file = forms.FileField(
        label=_("文件"),
        help_text=_("PDF、图片、音视频、文本、表格或 ZIP，不超过 200 MB。"),
        widget=forms.FileInput(attrs={"accept": ",".join(sorted(rules.ENDINGS))}),
    )
