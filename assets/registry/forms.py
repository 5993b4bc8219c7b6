"""Forms of the registry: one small form per section of an application, verification, certificate moves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetVersion
from assets.registry.states import Classification, ProductKind, Right


def _text(label: Any, help_text: Any, rows: int = 6) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, help_text=help_text, widget=widget, required=False, max_length=4000)


class StartForm(forms.Form):
    """Which version to register, under which name."""

    version = forms.ChoiceField(label=_("数据集版本"), help_text=_("只列出已封版、尚未登记的版本"))
    title = forms.CharField(label=_("资产名称"), max_length=120, help_text=_("写在证书上的名称"))

    def __init__(self, *args: Any, versions: list[DatasetVersion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["version"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [
            (str(v.pk), f"{v.dataset.name} v{v.version}（{v.dataset.number}）") for v in versions
        ]


class AssetForm(forms.Form):
    """Name and kind of the asset."""

    title = forms.CharField(label=_("资产名称"), max_length=120, help_text=_("写在证书上的名称"))
    product_kind = forms.ChoiceField(label=_("资产类型"), choices=ProductKind.choices)


class UseCaseForm(forms.Form):
    """The use case."""

    use_case = _text(
        _("应用场景"),
        _("谁在什么业务中使用，解决什么问题。没有应用场景的不予登记；这段文字会写在证书上并公开。"),
    )


class SourceForm(forms.Form):
    """Source and authorisation."""

    source_statement = _text(
        _("来源与授权说明"),
        _("逐批说明原始数据从哪里来、凭什么许可使用、授权到何时；这段文字会写进证书内容并公开。"),
    )


class RightsForm(forms.Form):
    """The rights to be registered."""

    rights = forms.MultipleChoiceField(
        label=_("登记权利"),
        choices=Right.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("不得超出来源许可和委托合同给予的范围"),
    )


class ClassificationForm(forms.Form):
    """The classification."""

    classification = forms.ChoiceField(
        label=_("数据分级"),
        choices=Classification.choices,
        widget=forms.RadioSelect,
        required=False,
        help_text=_("从严分级。核心数据不得登记和交易"),
    )


class LegalForm(forms.Form):
    """Legal opinion or self-declaration."""

    legal_statement = _text(
        _("法律意见或合规自述"), _("覆盖来源、权利、安全措施与处理活动记录；可以摘录律师意见的结论。")
    )


SECTION_FORMS: dict[str, type[forms.Form]] = {
    "asset": AssetForm,
    "use_case": UseCaseForm,
    "source": SourceForm,
    "rights": RightsForm,
    "classification": ClassificationForm,
    "legal": LegalForm,
}


class DeclarationForm(forms.Form):
    """What the registrant declares on submitting."""

    is_true = forms.BooleanField(label=_("本单位对以上内容的真实性、合法性负责"))


class CertificateMoveForm(forms.Form):
    """Why a certificate is moved."""

    reason = forms.CharField(label=_("理由"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}))
