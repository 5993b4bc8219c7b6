"""Forms of the listing editor."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.catalogue.rules import LICENCE_TERMS, MOST_TERM_DAYS
from exchange.catalogue.states import (
    ContactKind,
    Industry,
    Licence,
    Ordering,
    PersonalInformation,
    PlanKind,
    Visibility,
)
from kernel import clock
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
    """One way to buy; which fields a kind needs is told by the help texts and checked by the service."""

    name = forms.CharField(label=_("方案名称"), max_length=80)
    kind = forms.ChoiceField(label=_("方案类型"), choices=PlanKind.choices)
    price = YuanField(
        label=_("含税价（元）"), most=10**14, help_text=_("按量计费填基础价；免费样例和限时试用填 0。")
    )
    tax_rate_bp = forms.TypedChoiceField(
        label=_("增值税税率"),
        coerce=int,
        initial=600,
        choices=[(600, "6%"), (300, "3%"), (100, "1%"), (1300, "13%"), (0, "0%")],
    )
    term_days = forms.IntegerField(
        label=_("期限（天）"),
        min_value=1,
        max_value=MOST_TERM_DAYS,
        required=False,
        help_text=_("订阅、按量计费和试用必填；一次性方案留空。"),
    )
    included_quantity = forms.IntegerField(
        label=_("价格包含的用量"),
        min_value=1,
        max_value=10**9,
        required=False,
        help_text=_("按量计费必填。用完即停，买方再次下单后继续使用。"),
    )
    scale = forms.TypedChoiceField(
        label=_("用量单位"),
        coerce=int,
        initial=1,
        required=False,
        empty_value="",
        choices=[(1, _("次（按调用计费）")), (10**6, "MB"), (10**9, "GB"), (10**12, "TB")],
    )
    buyer = forms.CharField(
        label=_("指定买方"),
        max_length=18,
        required=False,
        help_text=_("专属报价必填：买方的统一社会信用代码，只有该单位能看到。"),
    )
    is_exclusive = forms.BooleanField(label=_("独家：售出后不再卖给其他单位"), required=False)
    valid_on = forms.DateField(
        label=_("报价有效期至"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("含当天；留空为长期有效。"),
    )
    note = forms.CharField(label=_("说明"), max_length=200, required=False)

    def terms(self) -> dict[str, Any]:
        """The clean values as the services take them: quantities in calls or bytes, the end as a moment."""
        told = dict(self.cleaned_data)
        scale, last = told.pop("scale") or 1, told.pop("valid_on")
        if told["included_quantity"] is not None:
            told["included_quantity"] *= scale
        told["valid_until"] = clock.end_of(last) if last else None
        return told


class ComplianceForm(forms.Form):
    """What the supplier answers for."""

    personal_information = forms.ChoiceField(
        label=_("个人信息"), choices=PersonalInformation.choices, widget=forms.RadioSelect
    )
    has_no_important_data = forms.BooleanField(
        label=_("声明：不含重要数据和核心数据"),
        error_messages={"required": _("重要数据不能在这里上架。请确认不含重要数据后勾选。")},
    )
    is_source_lawful = forms.BooleanField(
        label=_("声明：来源合法，有权提供"),
        error_messages={"required": _("来源不合法的数据不能上架。请确认来源合法后勾选。")},
    )
    restrictions = forms.CharField(
        label=_("使用限制"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("来源协议或法律带来的限制，如地域、行业；没有则留空。"),
    )


class _Rows(forms.Form):
    """Up to six rows of the same fields, numbered from 1; rows left empty don't count."""

    ROWS = 6
    field_name = ""

    def __init__(self, *args: Any, rows: list[dict[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number in range(1, self.ROWS + 1):
            kept = rows[number - 1] if number <= len(rows) else {}
            for name, made in self.row().items():
                made.initial = kept.get(name, "")
                made.required = False
                self.fields[f"{name}_{number}"] = made

    def row(self) -> dict[str, forms.Field]:
        raise NotImplementedError

    def groups(self) -> list[tuple[int, list[forms.BoundField]]]:
        """Row number and its bound fields."""
        names = list(self.row())
        return [(number, [self[f"{name}_{number}"] for name in names]) for number in range(1, self.ROWS + 1)]

    def rows(self) -> list[dict[str, str]]:
        """The rows that say something."""
        names = list(self.row())
        found = [
            {name: self.cleaned_data.get(f"{name}_{number}", "") for name in names}
            for number in range(1, self.ROWS + 1)
        ]
        return [row for row in found if row[names[0]] or row[names[-1]]]


class NeedsForm(_Rows):
    """Business needs the product answers."""

    def row(self) -> dict[str, forms.Field]:
        return {
            "title": forms.CharField(label=_("业务需求"), max_length=120),
            "industry": forms.ChoiceField(label=_("行业"), choices=[("", "--"), *Industry.choices]),
        }


class ExamplesForm(_Rows):
    """How the product is used, in a few lines each."""

    def row(self) -> dict[str, forms.Field]:
        return {
            "title": forms.CharField(label=_("标题"), max_length=80),
            "code": forms.CharField(
                label=_("代码或查询"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 4})
            ),
            "explanation": forms.CharField(label=_("说明"), max_length=400),
        }


class VisibilityForm(forms.Form):
    """Who finds the product."""

    visibility = forms.ChoiceField(label=_("可见范围"), choices=Visibility.choices, widget=forms.RadioSelect)


class OrderingForm(forms.Form):
    """How orders come in."""

    ordering = forms.ChoiceField(label=_("下单方式"), choices=Ordering.choices, widget=forms.RadioSelect)


class InviteForm(forms.Form):
    """One more organization that finds the product."""

    uscc = forms.CharField(label=_("统一社会信用代码"), max_length=18)


class ContactForm(forms.Form):
    """One contact; all three empty takes it away."""

    kind = forms.ChoiceField(choices=ContactKind.choices, widget=forms.HiddenInput)
    name = forms.CharField(label=_("姓名"), max_length=60, required=False)
    phone = forms.CharField(label=_("电话"), max_length=40, required=False)
    email = forms.CharField(label=_("邮箱"), max_length=254, required=False)


class QuestionForm(forms.Form):
    """What a buyer wants to know."""

    text = forms.CharField(
        label=_("您的问题"),
        min_length=4,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("供方回答后公开，请不要写个人信息和商业秘密。"),
    )


class AnswerForm(forms.Form):
    """The supplier's answer."""

    text = forms.CharField(
        label=_("回答"), min_length=4, max_length=2_000, widget=forms.Textarea(attrs={"rows": 3})
    )


class NoteForm(forms.Form):
    """What a change is for."""

    note = forms.CharField(
        label=_("变更说明"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


class ReasonForm(forms.Form):
    """A reason that the other side will read."""

    reason = forms.CharField(
        label=_("理由"), max_length=500, widget=forms.Textarea(attrs={"rows": 3}), required=False
    )


def licence_terms() -> list[tuple[str, Any, Any]]:
    """Every licence with its plain words, for the choice."""
    return [(value, label, LICENCE_TERMS[value]) for value, label in Licence.choices]
