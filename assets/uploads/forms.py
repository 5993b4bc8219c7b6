"""Forms of the upload pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import Dataset
from documents.models import Document


class BatchForm(forms.Form):
    """Where some files come from."""

    source = forms.CharField(
        label=_("数据来源"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("从谁、以什么方式取得，例如：本公司客服系统 2025 年工单"),
    )
    licence = forms.CharField(
        label=_("来源许可"), max_length=200, help_text=_("许可协议或使用依据，例如：客户书面授权、CC BY 4.0")
    )
    is_self_produced = forms.BooleanField(label=_("本单位自产，无需他人授权"), required=False)
    authorisation = forms.ChoiceField(label=_("授权文件"), required=False)
    collected_from = forms.DateField(
        label=_("采集起日"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    collected_to = forms.DateField(
        label=_("采集止日"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *args: Any, documents: Sequence[Document], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["authorisation"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [("", _("—— 未选择 ——")), *((str(d.pk), d.name) for d in documents)]


class NewUploadForm(BatchForm):
    """A new upload with its first batch."""

    dataset = forms.ChoiceField(label=_("数据集"))
    field_order = ("dataset",)

    def __init__(self, *args: Any, datasets: Sequence[Dataset], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["dataset"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [(str(d.pk), f"{d.name} · {d.number}") for d in datasets]


class _Files(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files at once; the clean value is a list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=_Files(), **kwargs)

    def clean(self, data: Any, initial: Any = None) -> Any:
        given = data if isinstance(data, list | tuple) else [data]
        return [each for each in given if each] or super().clean(None, initial)


class FilesForm(forms.Form):
    """A few files, for browsers without JavaScript. Empty files go on, so that they get their own sentence."""

    chosen = FilesField(label=_("文件"), help_text=_("不超过 20 个，每个不超过 16 MB。"))
