"""Forms of the risk watch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from settlement.revenue.states import Code
from settlement.risk.services.cases import LEAST_TEXT, MOST_TEXT
from settlement.risk.states import Citation, Outcome, TraitKind
from web.forms import YuanField


def _text(label: Any, help_text: Any = "", rows: int = 4) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        min_length=LEAST_TEXT,
        max_length=MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


class FilterForm(forms.Form):
    """What the board is narrowed to beside signal and state."""

    name = forms.CharField(label=_("企业名称"), required=False, max_length=120)
    score = forms.IntegerField(label=_("分值不低于"), required=False, min_value=0, max_value=100)
    amount = YuanField(label=_("金额不低于（元）"), required=False)


class OpenForm(forms.Form):
    """Why a case is opened, and who gets it. The findings are ticked in the list."""

    reason = _text(_("立案理由"), _("写明需要核实什么；只有审核人员能看到"), 3)
    assignee = forms.ChoiceField(label=_("承办人"), required=False, help_text=_("不选时，由开始审查的人承办"))

    def __init__(self, *args: Any, reviewers: Sequence[User] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = [("", _("待定")), *((str(each.pk), str(each)) for each in reviewers)]
        self.fields["assignee"].choices = people  # type: ignore[attr-defined]


class AssignForm(forms.Form):
    """Who gets an undecided case."""

    assignee = forms.ChoiceField(label=_("承办人"))

    def __init__(self, *args: Any, reviewers: Sequence[User] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["assignee"].choices = [(str(each.pk), str(each)) for each in reviewers]  # type: ignore[attr-defined]


class DecisionForm(forms.Form):
    """How a case is decided. The trades are ticked in the table of effects."""

    outcome = forms.ChoiceField(label=_("决定"), choices=Outcome.choices, widget=forms.RadioSelect)
    code = forms.ChoiceField(
        label=_("认定为"),
        required=False,
        choices=[("", _("按信号")), *((each.value, each.label) for each in Code.reviewed())],
        help_text=_("只在决定不计入时使用"),
    )
    citations = forms.MultipleChoiceField(
        label=_("依据"), choices=Citation.choices, widget=forms.CheckboxSelectMultiple
    )
    text = _text(_("理由"), _("写明认定的事实和理由；企业和审计人员能看到，作出后不能更改"), 5)


class ReasonForm(forms.Form):
    """Why a decided case is looked at again."""

    reason = _text(_("重新审查的理由"), "", 3)


class AnswerForm(forms.Form):
    """The firm's answer."""

    text = _text(_("陈述"), _("写明交易背景、用途和定价，审核人能看到；提交后不能更改"), 6)
    file = forms.FileField(label=_("证明材料"), required=False, help_text=_("可选，一份；可以多次提交"))


class ShareField(forms.CharField):
    """Per cent typed with at most two decimals; the clean value is basis points."""

    def to_python(self, value: Any) -> Any:
        text = (super().to_python(value) or "").rstrip("%％").strip()
        if not text:
            return None
        whole, _dot, part = text.partition(".")
        is_number = whole.isascii() and whole.isdigit() and len(whole) <= 3 and len(part) <= 2
        if not is_number or (part and not (part.isascii() and part.isdigit())):
            raise forms.ValidationError(_("请填写百分数，最多两位小数，例如 33.34。"))
        return int(whole) * 100 + int(part.ljust(2, "0") or 0)


class HoldingForm(forms.Form):
    """One share of a firm."""

    holder_name = forms.CharField(label=_("持股方名称"), max_length=120)
    holder_code = forms.CharField(
        label=_("持股方统一社会信用代码"), required=False, max_length=18, help_text=_("自然人不填")
    )
    share = ShareField(
        label=_("持股比例（%）"),
        help_text=_("最多两位小数"),
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    is_state = forms.BooleanField(
        label=_("持股方代表国家出资（国有资产监督管理机构等）"),
        required=False,
        help_text=_("企业之间不仅因为同受国家控股而具有关联关系"),
    )


class TraitForm(forms.Form):
    """One detail of a firm."""

    kind = forms.ChoiceField(label=_("信息"), choices=TraitKind.choices)
    value = forms.CharField(label=_("内容"), max_length=200)
