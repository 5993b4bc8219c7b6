"""Forms of the dataset pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.projects.models import Project
from annotation.projects.states import Modality


class DatasetForm(forms.Form):
    """A new dataset."""

    name = forms.CharField(label=_("数据集名称"), max_length=120)
    name_en = forms.CharField(
        label=_("英文名称"), max_length=160, required=False, help_text=_("选填，用于英文页面与数据卡片")
    )
    modality = forms.ChoiceField(label=_("数据形态"), choices=Modality.choices, widget=forms.RadioSelect)
    description = forms.CharField(
        label=_("说明"),
        widget=forms.Textarea(attrs={"rows": 4}),
        required=False,
        help_text=_("写进数据卡片 README.md"),
    )


class SealForm(forms.Form):
    """Which accepted project becomes the next version."""

    project = forms.ChoiceField(label=_("已验收的标注项目"))
    with_posterior = forms.BooleanField(
        label=_("附后验概率与混淆矩阵"),
        required=False,
        help_text=_("多人标注的条目写入每个标签的概率，标注员以代号列出混淆矩阵。"),
    )

    def __init__(self, *args: Any, projects: list[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["project"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [(str(project.pk), f"{project.title}（{project.number}）") for project in projects]


class WithdrawForm(forms.Form):
    """Why a version is withdrawn."""

    reason = forms.CharField(label=_("撤回原因"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class OriginalForm(forms.Form):
    """Why an auditor wants to see content unmasked; others need no reason."""

    reason = forms.CharField(
        label=_("查看理由"),
        max_length=500,
        required=False,
        help_text=_("写明核查事项，至少 5 个字，会记入审计日志"),
    )

    def __init__(self, *args: Any, needs_reason: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = needs_reason
