"""Forms of the project pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.labelstudio.rules import ConfigRefused
from annotation.projects.models import Project
from annotation.projects.rules import FILE_LIMIT, config_for
from annotation.projects.selectors import clients_for
from annotation.projects.states import Modality
from organizations.models import Organization
from organizations.permissions import Actor
from web.forms import YuanField


class ClientField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """An organization by its name in the reader's language."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj)


class ProjectForm(forms.Form):
    """What a project is; `labeling_config` is Label Studio XML."""

    title = forms.CharField(label=_("项目名称"), min_length=2, max_length=120)
    modality = forms.ChoiceField(label=_("数据形态"), choices=Modality.choices, widget=forms.RadioSelect)
    client = ClientField(
        label=_("委托方"),
        queryset=Organization.objects.none(),
        required=False,
        empty_label=_("本单位自用"),
        help_text=_("由委托方验收；自用项目由本单位另一位有验收权限的人验收。"),
    )
    brief = forms.CharField(
        label=_("任务说明"), widget=forms.Textarea(attrs={"rows": 3}), required=False, max_length=2_000
    )
    labeling_config = forms.CharField(
        label=_("标注配置"),
        widget=forms.Textarea(attrs={"rows": 10, "class": "mono", "spellcheck": "false"}),
        help_text=_("Label Studio 的 XML。从上面选一种任务再改标签，也可以整段粘贴已有的配置。"),
    )
    task_price = YuanField(
        label=_("单条报酬（元）"), most=1_000_000, help_text=_("每条通过质检并验收后付给标注员。")
    )
    due_on = forms.DateField(
        label=_("约定交付"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, *args: Any, viewer: Actor, project: Project | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        choice = self.fields["client"]
        assert isinstance(choice, ClientField)
        choice.queryset = clients_for(viewer)
        if project is not None:
            del self.fields["modality"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        modality = self.project.modality if self.project else cleaned.get("modality")
        if modality and "labeling_config" in cleaned:
            try:
                config_for(modality, cleaned["labeling_config"])
            except ConfigRefused as refusal:
                for reason in refusal.reasons:
                    self.add_error("labeling_config", reason)
        return cleaned

    def terms(self) -> dict[str, Any]:
        """The arguments of the service."""
        terms = {name: self.cleaned_data[name] for name in self.fields if name != "client"}
        client = self.cleaned_data["client"]
        return {**terms, "client_id": client.pk if client else None}


def initial_of(project: Project) -> dict[str, Any]:
    """What a draft's form starts with."""
    return {
        "title": project.title,
        "client": project.client_id,
        "brief": project.brief,
        "labeling_config": project.labeling_config,
        "task_price": project.task_price_fen,
        "due_on": project.due_on,
    }


class GuidelineForm(forms.Form):
    """The next version of the guideline."""

    body = forms.CharField(
        label=_("规范正文"),
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 14}),
        help_text=_("写清每个标签的含义、边界情形和例子；发布后不能修改，只能再发新版。"),
    )


class SeveralFilesInput(forms.ClearableFileInput):
    """A file input that takes many."""

    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """Any number of uploaded files; hostile content is judged by the service, with reasons."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        chosen = data if isinstance(data, list | tuple) else [data]
        if not chosen or chosen == [None]:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        too_big = [one.name for one in chosen if one.size > FILE_LIMIT]
        if too_big:
            words = _("“%(name)s”超过 %(limit)s MB，请拆分或压缩后再传。")
            raise forms.ValidationError(words, params={"name": too_big[0], "limit": FILE_LIMIT >> 20})
        return list(chosen)


class ImportForm(forms.Form):
    """Raw files with where they come from and by what right they are used."""

    uploads = SeveralFilesField(label=_("文件"), error_messages={"required": _("请选择要导入的文件。")})
    source = forms.CharField(
        label=_("数据来源"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("谁采集或提供、何时、用什么方式；登记审核时要核对。"),
    )
    licence = forms.CharField(
        label=_("来源许可"), max_length=200, help_text=_("例如：自采、委托方书面授权、CC BY 4.0。")
    )

    def __init__(self, *args: Any, modality: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        is_image = modality == Modality.IMAGE
        self.fields["uploads"].widget.attrs["accept"] = ".png,.jpg,.jpeg" if is_image else ".txt,.csv,.jsonl"
        self.fields["uploads"].help_text = (
            _("PNG、JPG，可多选，单个不超过 10 MB。")
            if is_image
            else _("TXT（一行一条）、CSV（有 text 列）、JSONL，UTF-8 编码，单个不超过 10 MB。")
        )


class ReasonForm(forms.Form):
    """Why something is sent back or given up."""

    reason = forms.CharField(label=_("原因"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 3}))
