"""Forms of imports, buckets and models."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from annotation.intake.models import Storage
from annotation.intake.rules import FORMS
from annotation.intake.selectors import storages_visible_to
from annotation.intake.states import NearChoice, PersonalChoice, PredictorKind
from annotation.projects.forms import SeveralFilesInput
from organizations.permissions import Actor


class UploadsField(forms.FileField):
    """Any number of files; their size and content are judged by the service, with reasons."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        chosen = data if isinstance(data, list | tuple) else [data]
        found = [one for one in chosen if one]
        if not found and self.required:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return found


def _files(*, is_required: bool) -> UploadsField:
    return UploadsField(
        label=_("文件"), required=is_required, error_messages={"required": _("请选择要导入的文件。")}
    )


def _sizes() -> str:
    words = str(_("可多选，也可传 zip；单个文件不超过 %(limit)s MB，更大的数据请放在对象存储。"))
    return words % {"limit": settings.INTAKE_LARGEST_FILE >> 20}


class BeginForm(forms.Form):
    """A new import: how files are read, where they are, where they come from."""

    form = forms.ChoiceField(label=_("文件格式"))
    uploads = _files(is_required=False)
    storage = forms.ModelChoiceField(
        label=_("或从对象存储"), queryset=Storage.objects.none(), required=False, empty_label=_("不使用")
    )
    key_prefix = forms.CharField(
        label=_("前缀"), max_length=400, required=False, help_text=_("只读取以此开头的文件，例如 2026/03/。")
    )
    source = forms.CharField(
        label=_("数据来源"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("谁采集或提供、何时、用什么方式；登记审核时要核对。"),
    )
    licence = forms.CharField(
        label=_("来源许可"), max_length=200, help_text=_("例如：自采、委托方书面授权、CC BY 4.0。")
    )

    def __init__(self, *args: Any, viewer: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice, storage = self.fields["form"], self.fields["storage"]
        assert isinstance(choice, forms.ChoiceField)
        assert isinstance(storage, forms.ModelChoiceField)
        choice.choices = [(code, f"{title} · {words}") for code, (title, words) in FORMS.items()]
        storage.queryset = storages_visible_to(viewer)
        self.fields["uploads"].help_text = _sizes()
        if not storage.queryset.exists():
            del self.fields["storage"], self.fields["key_prefix"]

    def terms(self) -> dict[str, Any]:
        """The arguments of the service."""
        told = self.cleaned_data
        storage = told.get("storage")
        return {
            "form": told["form"],
            "source": told["source"],
            "licence": told["licence"],
            "storage_id": storage.pk if storage else None,
            "prefix": told.get("key_prefix", ""),
        }


class FilesForm(forms.Form):
    """More files for an import."""

    uploads = _files(is_required=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["uploads"].help_text = _sizes()


class DecisionForm(forms.Form):
    """What becomes of near-duplicates, personal information and bad rows."""

    near = forms.ChoiceField(
        label=_("近似的数据"),
        choices=NearChoice.choices,
        widget=forms.RadioSelect,
        initial=NearChoice.LEAVE_OUT,
    )
    personal = forms.ChoiceField(
        label=_("个人信息"),
        choices=PersonalChoice.choices,
        widget=forms.RadioSelect,
        initial=PersonalChoice.MASK,
    )
    legal_ground = forms.CharField(
        label=_("法律依据"),
        max_length=1_000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("选择原样导入时必填，例如《个人信息保护法》第十三条第几项、取得同意的方式。"),
    )
    is_skipping_bad = forms.BooleanField(label=_("跳过有问题的行"), required=False)

    def __init__(
        self, *args: Any, has_faults: bool, has_personal: bool, has_near: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if not has_faults:
            del self.fields["is_skipping_bad"]
        if not has_personal:
            del self.fields["personal"], self.fields["legal_ground"]
        if not has_near:
            del self.fields["near"]

    def terms(self) -> dict[str, Any]:
        """The arguments of the service; what was not asked changes nothing."""
        told = self.cleaned_data
        return {
            "near": told.get("near", NearChoice.KEEP),
            "personal": told.get("personal", PersonalChoice.MASK),
            "legal_ground": told.get("legal_ground", ""),
            "is_skipping_bad": told.get("is_skipping_bad", False),
        }


class StorageForm(forms.Form):
    """A firm's own bucket."""

    name = forms.CharField(label=_("名称"), max_length=60)
    endpoint = forms.CharField(
        label=_("服务地址"),
        max_length=200,
        help_text=_("S3 兼容的地址，例如 https://oss-cn-guangzhou.aliyuncs.com；主机须在平台允许的名单内。"),
    )
    bucket = forms.CharField(label=_("存储桶"), max_length=63)
    region = forms.CharField(label=_("区域"), max_length=40, required=False)
    access_key = forms.CharField(
        label=_("访问密钥 ID"), max_length=128, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    secret = forms.CharField(
        label=_("访问密钥"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("只需读取权限；加密保存，不再显示。"),
    )


class PredictorForm(forms.Form):
    """A model for a project."""

    kind = forms.ChoiceField(
        label=_("种类"),
        choices=PredictorKind.choices,
        widget=forms.RadioSelect,
        initial=PredictorKind.BUILT_IN,
    )
    name = forms.CharField(label=_("名称"), max_length=60)
    address = forms.CharField(
        label=_("地址"),
        max_length=200,
        required=False,
        help_text=_("Label Studio ML 后端的地址；主机须在平台允许的名单内。内置模型留空。"),
    )
    token = forms.CharField(
        label=_("访问令牌"),
        max_length=400,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("没有就留空；加密保存，不再显示。"),
    )
    is_ordering = forms.BooleanField(label=_("先分配模型拿不准的数据"), required=False, initial=True)
