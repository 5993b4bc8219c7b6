"""Forms of the registry: one small form per section of an application, verification, certificate moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from annotation.projects.models import Project
from assets.datasets.models import DatasetVersion
from assets.registry.rules import KINDS
from assets.registry.states import OF_DOCUMENTS, Classification, Hearing, ProductKind, RegistrationKind, Right

_F = TypeVar("_F", bound=forms.Field)


def _needed(field: _F) -> _F:
    """A field that may be left for later but must be filled before the thing is handed in: not "optional"."""
    field.is_needed = True  # type: ignore[attr-defined]
    return field


def _text(label: Any, help_text: Any, rows: int = 6) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return _needed(
        forms.CharField(label=label, help_text=help_text, widget=widget, required=False, max_length=4000)
    )


class StartForm(forms.Form):
    """What to register, under which name."""

    thing = forms.ChoiceField(
        label=_("登记对象"),
        help_text=_("已封版的数据集版本、已验收的标注项目，或以登记材料描述的其他产品；已登记的不再列出"),
    )
    title = forms.CharField(label=_("资产名称"), max_length=120, help_text=_("写在证书上的名称"))

    def __init__(
        self, *args: Any, versions: Iterable[DatasetVersion], projects: Iterable[Project], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["thing"]
        assert isinstance(choice, forms.ChoiceField)
        groups = [
            (
                _("数据集"),
                [
                    (f"version:{v.pk}", f"{v.dataset.name} v{v.version} · {v.dataset.number}")
                    for v in versions
                ],
            ),
            (_("标注任务"), [(f"project:{p.pk}", f"{p.title} · {p.number}") for p in projects]),
            (_("其他产品（以登记材料描述）"), [(f"kind:{kind.value}", kind.label) for kind in OF_DOCUMENTS]),
        ]
        choice.choices = [(label, rows) for label, rows in groups if rows]


class FollowUpForm(forms.Form):
    """Which registration to apply for under a certificate; a change may name a new version."""

    kind = forms.ChoiceField(label=_("登记类型"), widget=forms.RadioSelect)
    version = forms.ChoiceField(
        label=_("数据集版本"), required=False, help_text=_("只用于变更登记；其他类型沿用证书上的版本")
    )

    def __init__(
        self, *args: Any, kinds: Iterable[str], versions: Iterable[DatasetVersion], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        choice, version = self.fields["kind"], self.fields["version"]
        assert isinstance(choice, forms.ChoiceField)
        assert isinstance(version, forms.ChoiceField)
        choice.choices = [
            (kind, format_lazy("{} · {}", RegistrationKind(kind).label, KINDS[kind].meaning))
            for kind in kinds
        ]
        version.choices = [(str(v.pk), f"v{v.version}") for v in versions]
        if "change" not in list(kinds) or not version.choices:
            del self.fields["version"]


class ReasonForm(forms.Form):
    """Why this registration is applied for."""

    reason = _text(_("办理事由"), _("写明原因和依据；更正请写明哪里写错、应为何字"), 5)


class OtherForm(forms.Form):
    """The transferee or licensee."""

    uscc = forms.CharField(
        label=_("对方统一社会信用代码"),
        max_length=18,
        help_text=_("对方须已在本平台通过单位认证；填写后对方会收到通知，登录后确认"),
    )


class LicenceForm(forms.Form):
    """Scope and end of a licence."""

    scope = _text(_("许可范围"), _("许可使用的方式、地域、场所，可否转授"), 4)
    licence_until = _needed(
        forms.DateField(
            label=_("许可最后一日"), widget=forms.DateInput(attrs={"type": "date"}), required=False
        )
    )


class PartiesForm(forms.Form):
    """Rights between client and firm."""

    arrangement = _text(
        _("权利约定"),
        _("原始数据、标注规范、标注成果分别归谁，谁可以使用和经营；没有委托方的，写明由本单位自行立项"),
        5,
    )


class FileForm(forms.Form):
    """One more file of the application."""

    file = forms.FileField(label=_("文件"), help_text=_("PDF、图片、文档或表格，不超过 200 MB"))
    label = forms.CharField(
        label=_("说明"), max_length=120, required=False, help_text=_("例如：授权书、法律意见、接口说明")
    )


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

    rights = _needed(
        forms.MultipleChoiceField(
            label=_("登记权利"),
            choices=Right.choices,
            widget=forms.CheckboxSelectMultiple,
            required=False,
            help_text=_("不得超出来源许可和委托合同给予的范围"),
        )
    )


class ClassificationForm(forms.Form):
    """The classification."""

    classification = _needed(
        forms.ChoiceField(
            label=_("数据分级"),
            choices=Classification.choices,
            widget=forms.RadioSelect,
            required=False,
            help_text=_("从严分级。核心数据不得登记和交易"),
        )
    )


class LegalForm(forms.Form):
    """Legal opinion or self-declaration."""

    legal_statement = _text(
        _("法律意见或合规自述"), _("覆盖来源、权利、安全措施与处理活动记录；可以摘录律师意见的结论。")
    )


SECTION_FORMS: dict[str, type[forms.Form]] = {
    "reason": ReasonForm,
    "other": OtherForm,
    "licence": LicenceForm,
    "parties": PartiesForm,
    "files": FileForm,
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
    """Why a certificate is suspended, resumed, or to be revoked."""

    reason = forms.CharField(label=_("理由"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class ObjectionForm(forms.Form):
    """A signed objection."""

    interest = _text(_("利害关系"), _("您或贵单位与这项登记有什么关系"), 3)
    statement = _text(_("异议内容与理由"), _("写明事实和理由；提交后文字不能更改，登记主体会看到并答复"), 6)
    file = forms.FileField(
        label=_("证明材料"), required=False, help_text=_("可选；以单位成员身份登录时可以上传一份")
    )
    signed_name = forms.CharField(
        label=_("签名"), max_length=80, help_text=_("请输入您账户上的姓名，作为对以上内容真实性的签名")
    )


class ReplyForm(forms.Form):
    """The registrant's reply to an objection."""

    reply = _text(_("答复"), _("逐项回应异议的事实和理由；异议人会看到"), 6)
    file = forms.FileField(label=_("证明材料"), required=False, help_text=_("可选，一份"))


class HearingForm(forms.Form):
    """What happened at a hearing."""

    hearing = forms.ChoiceField(
        label=_("听证"),
        choices=[(one.value, one.label) for one in (Hearing.HELD, Hearing.ABSENT)],
        widget=forms.RadioSelect,
    )
    minutes = _text(_("听证记录"), _("到场人员、陈述、质证与争点"), 6)
    file = forms.FileField(label=_("听证笔录"), required=False, help_text=_("可选，签字的笔录扫描件"))


class ReviewerForm(forms.Form):
    """Another reviewer, and why."""

    reviewer = forms.ChoiceField(label=_("审查人"))
    reason = forms.CharField(label=_("理由"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, people: Iterable[User], needs_reason: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["reviewer"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [(str(user.pk), str(user)) for user in people]
        if not needs_reason:
            del self.fields["reason"]


class CommitteeForm(forms.Form):
    """Who sits on a committee."""

    members = _needed(
        forms.MultipleChoiceField(
            label=_("委员"),
            widget=forms.CheckboxSelectMultiple,
            help_text=_("至少三人，单数；与各方和审查人无关"),
            required=False,
        )
    )

    def __init__(self, *args: Any, people: Iterable[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["members"]
        assert isinstance(choice, forms.MultipleChoiceField)
        choice.choices = [(str(user.pk), str(user)) for user in people]


class VoteForm(forms.Form):
    """A committee member's vote."""

    is_in_favour = forms.ChoiceField(
        label=_("表决"), choices=[("yes", _("赞成登记")), ("no", _("反对登记"))], widget=forms.RadioSelect
    )
    reason = forms.CharField(label=_("理由"), max_length=2000, widget=forms.Textarea(attrs={"rows": 4}))


class OpinionForm(forms.Form):
    """The second reviewer's opinion."""

    concurs = forms.ChoiceField(
        label=_("复核意见"),
        choices=[("yes", _("同意主审意见")), ("no", _("不同意"))],
        widget=forms.RadioSelect,
    )
    opinion = forms.CharField(label=_("理由"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
