"""Forms of the listing editor."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.catalogue.rules import LICENCE_TERMS
from exchange.catalogue.states import Industry, Licence, PlanKind
from web.forms import YuanField


class WordingForm(forms.Form):
    """What a buyer reads first."""

    title = forms.CharField(label=_("产品名称"), max_length=120)
    title_en = forms.CharField(label=_("英文名称"), max_length=160, required=False)
    summary = forms.CharField(
        label=_("一句话简介"), max_length=200, help_text=_("什么数据、多少、可直接用来做什么。")
    )
    description = forms.CharField(
        label=_("产品说明"),
        max_length=8_000,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("采集时间与方式、标注规则、已知的局限。"),
    )
    industry = forms.ChoiceField(label=_("行业"), choices=Industry.choices)


class LicenceForm(forms.Form):
    """What a buyer may do."""

    licence = forms.ChoiceField(label=_("使用许可"), choices=Licence.choices, widget=forms.RadioSelect)


class DraftForm(WordingForm):
    """A new product in one go."""

    licence = forms.ChoiceField(label=_("使用许可"), choices=Licence.choices)


class PlanForm(forms.Form):
    """One way to buy."""

    name = forms.CharField(label=_("方案名称"), max_length=80)
    kind = forms.ChoiceField(label=_("方案类型"), choices=PlanKind.choices)
    price = YuanField(label=_("含税价（元）"), least=1)
    tax_rate_bp = forms.TypedChoiceField(
        label=_("增值税税率"),
        coerce=int,
        initial=600,
        choices=[(600, "6%"), (300, "3%"), (100, "1%"), (1300, "13%"), (0, "0%")],
    )
    note = forms.CharField(label=_("说明"), max_length=200, required=False)


class ReasonForm(forms.Form):
    """A reason that the other side will read."""

    reason = forms.CharField(
        label=_("理由"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}), required=False
    )


def licence_terms() -> list[tuple[str, Any, Any]]:
    """Every licence with its plain words, for the choice."""
    return [(value, label, LICENCE_TERMS[value]) for value, label in Licence.choices]
