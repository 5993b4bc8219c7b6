"""The form of the public verification."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from assets.credentials.verification import LARGEST_FILE
from assets.registry.verification import MAXIMUM_BYTES


class AnnotationForm(forms.Form):
    """Which label is to be proved: its row, and which of the answers to it."""

    row = forms.CharField(label=_("行号"), max_length=20, help_text=_("如 r000001，见样例与 rows.jsonl"))
    answer = forms.IntegerField(label=_("第几份标注"), min_value=1, max_value=100, initial=1, required=False)
    reason = forms.CharField(
        label=_("查看理由"), max_length=500, required=False, help_text=_("监督单位查看原文须写明理由")
    )


class VerificationForm(forms.Form):
    """A number or a token, or a file."""

    number = forms.CharField(
        label=_("证书编号"),
        required=False,
        max_length=20_000,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "ZS-2026-0000001-X"}
        ),
    )
    file = forms.FileField(
        label=_("证书或数据文件"),
        required=False,
        allow_empty_file=True,
        help_text=_(
            "证书的 PDF、JSON、JWT，数据清单 manifest.json，或导出的数据包（ZIP，不超过 200 MB）；只用于比对，不会保存"
        ),
        widget=forms.ClearableFileInput(attrs={"accept": ".pdf,.json,.jwt,.txt,.zip"}),
    )

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or {}
        if self.errors:
            return told
        if not told.get("number", "").strip() and not told.get("file"):
            raise forms.ValidationError(_("请填写证书编号，或选择证书文件。"), code="nothing")
        file = told.get("file")
        if file and file.size > LARGEST_FILE:
            self.add_error(
                "file", _("文件超过 200 MB。请上传其中的 manifest.json，或下载后用命令 qingshu verify 核对。")
            )
        elif file and file.size > MAXIMUM_BYTES and not str(file.name).lower().endswith((".zip", ".json")):
            self.add_error("file", _("文件超过 5 MB，不是本平台签发的证书。"))
        return told
