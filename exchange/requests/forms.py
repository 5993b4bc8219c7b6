"""Forms of requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.catalogue.models import Plan
from exchange.catalogue.states import Licence
from exchange.requests import rules
from exchange.requests.states import Place, Purpose
from exchange.trading.rules import LEAST_USE_LENGTH, LONGEST_INSPECTION, SHORTEST_INSPECTION
from exchange.trading.states import Clause, ContractTemplate, Territory
from web.forms import YuanField

YES_NO = [("no", _("否")), ("yes", _("是"))]


def _is_yes(value: str) -> bool:
    return value == "yes"


class AskForm(forms.Form):
    """The stated use: what for, where, how long, how many people, training, abroad."""

    purpose = forms.ChoiceField(label=_("用途类别"), choices=Purpose.choices, widget=forms.RadioSelect)
    use_statement = forms.CharField(
        label=_("用在哪里、做什么"),
        min_length=LEAST_USE_LENGTH,
        max_length=1_600,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("写明用在哪个产品或系统、做什么。用途写入合同，超出用途使用属于违约。"),
    )
    place = forms.ChoiceField(label=_("在哪里处理"), choices=Place.choices, widget=forms.RadioSelect)
    place_note = forms.CharField(
        label=_("场所说明"), required=False, max_length=200, help_text=_("例如机房地址、云服务商和地域。")
    )
    term_days = forms.IntegerField(
        label=_("用多久（天）"),
        required=False,
        min_value=1,
        max_value=rules.LONGEST_TERM,
        help_text=_("自交付之时起算；留空为不设期限。"),
    )
    people_count = forms.IntegerField(
        label=_("多少人接触数据"), min_value=1, max_value=rules.MOST_PEOPLE, initial=1
    )
    is_training = forms.TypedChoiceField(
        label=_("是否用来训练模型"), choices=YES_NO, coerce=_is_yes, widget=forms.RadioSelect
    )
    is_abroad = forms.TypedChoiceField(
        label=_("是否向境外提供"),
        choices=YES_NO,
        coerce=_is_yes,
        initial="no",
        widget=forms.RadioSelect,
        help_text=_("向境外提供须先完成安全评估、标准合同备案或认证。"),
    )


class AskAgainForm(AskForm):
    """The same after a request that ended, with what is different now."""

    change_note = forms.CharField(
        label=_("与上次相比改了什么"),
        min_length=rules.LEAST_REASON,
        max_length=rules.MOST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    field_order = ("change_note",)


class ApproveForm(forms.Form):
    """Agreeing, with a remark if there is one."""

    remark = forms.CharField(
        label=_("附言"),
        required=False,
        max_length=rules.MOST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class RefuseForm(forms.Form):
    """Why not, and what would help."""

    reason = forms.CharField(
        label=_("不同意的理由"),
        min_length=rules.LEAST_REASON,
        max_length=rules.MOST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    advice = forms.CharField(
        label=_("怎样改可以再申请"),
        required=False,
        max_length=rules.MOST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class WithdrawForm(forms.Form):
    """Why the buyer no longer asks."""

    reason = forms.CharField(
        label=_("撤回的理由"),
        min_length=rules.LEAST_REASON,
        max_length=rules.MOST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class OfferForm(forms.Form):
    """One version of the terms; the choices are the closed list of what may be agreed."""

    plan = forms.ChoiceField(label=_("方案"))
    price = YuanField(label=_("含税价（元）"), least=1, most=rules.MOST_PRICE_FEN)
    template = forms.ChoiceField(label=_("合同范本"), choices=ContractTemplate.choices)
    licence = forms.ChoiceField(label=_("使用许可"), choices=Licence.choices)
    territory = forms.ChoiceField(label=_("使用地域"), choices=Territory.choices)
    term_days = forms.IntegerField(
        label=_("许可期限（天）"),
        required=False,
        min_value=1,
        max_value=rules.LONGEST_TERM,
        help_text=_("自交付之时起算；留空为不设期限。"),
    )
    user_count = forms.IntegerField(
        label=_("使用人数上限"), required=False, min_value=1, max_value=rules.MOST_PEOPLE
    )
    inspection_days = forms.IntegerField(
        label=_("验收期（天）"), min_value=SHORTEST_INSPECTION, max_value=LONGEST_INSPECTION
    )
    is_exclusive = forms.BooleanField(
        label=_("独占许可"), required=False, help_text=_("许可期内供方不再向他人提供该版本。")
    )
    clauses = forms.MultipleChoiceField(
        label=_("附加约定"), choices=Clause.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    note = forms.CharField(
        label=_("附言"),
        required=False,
        max_length=rules.MOST_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("给对方看，不写入合同。"),
    )
    after_version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, *args: Any, plans: Sequence[Plan] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["plan"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(plan.pk), plan.name) for plan in plans]
