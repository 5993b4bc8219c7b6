"""Forms of lot inspection."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.inspection.models import InspectionPlan
from annotation.inspection.rules import LOT_LEAST, LOT_MOST, VALUE_LEAST, VALUE_MOST
from annotation.inspection.states import Basis, Fault, Level, ReworkScope, Strictness
from annotation.projects.forms import ClientField
from annotation.quality.sampling import AQLS
from organizations.models import Organization

TEXT = {"rows": 3}


class ProposalForm(forms.Form):
    """A proposed inspection plan; shares are asked in per cent."""

    basis = forms.ChoiceField(
        label=_("依据"), choices=Basis.choices, initial=Basis.AQL, widget=forms.RadioSelect,
        help_text=_("AQL 适合连续交付的多批；只交一两批、最怕收下坏批时，选极限质量。"),
    )  # fmt: skip
    aql = forms.ChoiceField(
        label=_("AQL（%）"), choices=[(str(aql), str(aql)) for aql in AQLS], initial="2.5", required=False,
        help_text=_("过程平均不合格率不高于它时，各批大多会被接收；它不保证每一批都这样好。"),
    )  # fmt: skip
    level = forms.ChoiceField(
        label=_("检验水平"), choices=Level.choices, initial=Level.II, required=False,
        help_text=_("没有特别理由用 II；I 抽得少，III 抽得多，S 用于检验很贵的情形。"),
    )  # fmt: skip
    initial_strictness = forms.ChoiceField(
        label=_("开始时的严格度"), required=False, initial=Strictness.NORMAL,
        choices=[(one.value, one.label) for one in (Strictness.NORMAL, Strictness.TIGHTENED)],
    )  # fmt: skip
    is_reduction_allowed = forms.BooleanField(
        label=_("允许放宽检验"), required=False, help_text=_("连续多批很好时减少抽样量；须双方同意。")
    )
    limiting_percent = forms.DecimalField(
        label=_("极限质量（%）"), min_value=Decimal("0.01"), max_value=Decimal("99.99"), decimal_places=2,
        initial=8, required=False, help_text=_("不合格率达到它的一批，被接收的可能不超过 10%。"),
    )  # fmt: skip
    good_percent = forms.DecimalField(
        label=_("期望质量（%）"), min_value=0, max_value=Decimal("99.98"), decimal_places=2, required=False,
        help_text=_("填写后，不合格率不高于它的一批被拒收的可能不超过 5%，样本相应增加；可留空。"),
    )  # fmt: skip
    lot_size = forms.IntegerField(
        label=_("每批条数"), min_value=LOT_LEAST, max_value=LOT_MOST, required=False,
        help_text=_("留空：每次提交或交付的数据作为一批。"),
    )  # fmt: skip
    is_sample_finished = forms.BooleanField(
        label=_("样本全部检完"), required=False, initial=True,
        help_text=_("结论已经确定也把样本检完，便于估计质量；不勾选时，不合格数达到 Re 即可判定。"),
    )  # fmt: skip
    is_again_tightened = forms.BooleanField(label=_("再次提交的批加严检验"), required=False, initial=True)
    inspector = ClientField(
        label=_("抽检单位"), queryset=Organization.objects.none(), required=False,
        empty_label=_("委托方（自用项目为本单位）"), help_text=_("可以约定由标注方以外的标注企业抽检。"),
    )  # fmt: skip

    def __init__(self, *args: Any, firms: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["inspector"]
        assert isinstance(choice, ClientField)
        choice.queryset = firms

    def terms(self) -> dict[str, Any]:
        """The arguments of the service."""
        given = dict(self.cleaned_data)
        inspector = given.pop("inspector")
        good, limit = given.pop("good_percent"), given.pop("limiting_percent")
        return {
            "basis": given["basis"],
            "aql": given["aql"] or "2.5",
            "level": given["level"] or Level.II,
            "initial": given["initial_strictness"] or Strictness.NORMAL,
            "is_reduction_allowed": given["is_reduction_allowed"],
            "limiting_quality": 800 if limit is None else int(limit * 100),
            "good_quality": None if good is None else int(good * 100),
            "lot_size": given["lot_size"],
            "is_sample_finished": given["is_sample_finished"],
            "is_again_tightened": given["is_again_tightened"],
            "inspector_id": inspector.pk if inspector else None,
        }


def initial_of(plan: InspectionPlan | None) -> dict[str, Any]:
    """What the form of the next proposal starts with."""
    if plan is None:
        return {}
    return {
        "basis": plan.basis,
        "aql": plan.aql,
        "level": plan.level,
        "initial_strictness": plan.initial,
        "is_reduction_allowed": plan.is_reduction_allowed,
        "limiting_percent": Decimal(plan.limiting_quality) / 100,
        "good_percent": None if plan.good_quality is None else Decimal(plan.good_quality) / 100,
        "lot_size": plan.lot_size,
        "is_sample_finished": plan.is_sample_finished,
        "is_again_tightened": plan.is_again_tightened,
        "inspector": plan.inspector_id,
    }


class DeclineForm(forms.Form):
    """Why a proposed plan is declined."""

    reason = forms.CharField(
        label=_("不同意的理由"), max_length=2_000, required=False, widget=forms.Textarea(attrs=TEXT)
    )


class SubmitForm(forms.Form):
    """How large lots are, where the plan leaves it open."""

    size = forms.IntegerField(
        label=_("每批条数"), min_value=LOT_LEAST, max_value=LOT_MOST, required=False,
        help_text=_("留空：已完成的数据作为一批；不足一批的留待以后。"),
    )  # fmt: skip


class ValueForm(forms.Form):
    """The inspecting side's own value for the next draw."""

    value = forms.CharField(
        label=_("自己的取值"), min_length=VALUE_LEAST, max_length=VALUE_MOST, required=True,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("至少 16 个字，不易猜到；对此后冻结的批有效，抽样时公布。不填写时由平台随机产生。"),
    )  # fmt: skip


class ResumeForm(forms.Form):
    """What the supplier has mended."""

    remark = forms.CharField(label=_("供方的改进"), max_length=2_000, widget=forms.Textarea(attrs=TEXT))


class FindingForm(forms.Form):
    """Whether one drawn item conforms."""

    is_conforming = forms.ChoiceField(
        label=_("结论"), choices=[("yes", _("合格品")), ("no", _("不合格品"))], widget=forms.RadioSelect
    )
    fault = forms.ChoiceField(
        label=_("不合格类别"), choices=[("", _("合格时不选")), *Fault.choices], required=False
    )
    reason = forms.CharField(
        label=_("不合格原因"), max_length=2_000, required=False, widget=forms.Textarea(attrs=TEXT),
        help_text=_("标注员据此改正。"),
    )  # fmt: skip

    def finding(self) -> dict[str, Any]:
        """The arguments of the service."""
        given = self.cleaned_data
        return {
            "is_conforming": given["is_conforming"] == "yes",
            "fault": given["fault"],
            "reason": given["reason"],
        }


class VerdictForm(forms.Form):
    """The judgement of a lot; the scope of rework is asked only where the lot is rejected."""

    rework_scope = forms.ChoiceField(
        label=_("返工范围"), choices=ReworkScope.choices, required=False, widget=forms.RadioSelect
    )
    remark = forms.CharField(
        label=_("说明"), max_length=2_000, required=False, widget=forms.Textarea(attrs=TEXT)
    )

    def __init__(self, *args: Any, is_rejected: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_rejected:
            del self.fields["rework_scope"]
