"""Forms of data spaces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.catalogue.models import Product
from exchange.catalogue.states import Industry
from exchange.dataspace import rules
from exchange.dataspace.services import Stated
from exchange.dataspace.states import Place, ResultKind, SpaceKind
from web.forms import YuanField


def _day(label: Any, help_text: Any = "") -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, help_text=help_text, widget=widget, input_formats=["%Y-%m-%d"])


def _words(
    label: Any, help_text: Any = "", *, rows: int = 3, most: int = rules.MOST_WORDS
) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, help_text=help_text, max_length=most, widget=widget)


class SpaceForm(forms.Form):
    """What a broker applies with."""

    kind = forms.ChoiceField(label=_("项目类型"), choices=SpaceKind.choices)
    title = forms.CharField(label=_("名称"), max_length=120)
    industry = forms.ChoiceField(label=_("行业"), choices=Industry.choices)
    purpose = _words(
        _("建设目标与服务对象"), _("写明面向哪些单位、解决什么问题、形成哪些产品和服务。"), rows=5, most=rules.MOST_PURPOSE
    )  # fmt: skip
    rules = _words(
        _("空间规则"),
        _("成员资格、数据用途、保密、退出和争议处理。批准后作为第 1 版，成员同意后才能看到共享产品。"),
        rows=10,
        most=rules.MOST_RULES,
    )

    def stated(self) -> Stated:
        """As the service takes it."""
        return Stated(**self.cleaned_data)


class DecisionForm(forms.Form):
    """One of some decisions, and why."""

    verdict = forms.ChoiceField(label=_("结论"), widget=forms.RadioSelect)
    reason = _words(_("理由"), _("对方能看到。"))

    def __init__(self, *args: Any, verdicts: Sequence[tuple[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        verdict = self.fields["verdict"]
        assert isinstance(verdict, forms.ChoiceField)
        verdict.choices = verdicts


class ReasonForm(forms.Form):
    """Why, for the other side."""

    reason = _words(_("理由"), _("对方能看到。"))


class OutcomeForm(forms.Form):
    """What a space came to."""

    reason = _words(_("总结"), _("写明成员、产品、成交和落地项目，以及关闭的原因。"), rows=5)


class InviteForm(forms.Form):
    """Who is asked to join."""

    uscc = forms.CharField(label=_("统一社会信用代码"), max_length=18, help_text=_("限已认证的数据标注企业、数据买方和数据经纪人。"))  # fmt: skip


class RulesForm(forms.Form):
    """The next version of the rules."""

    rules = _words(_("空间规则"), rows=14, most=rules.MOST_RULES)
    reason = _words(_("修订理由"), _("成员能看到。"))


class ProductForm(forms.Form):
    """Which own product is put into the space."""

    product_number = forms.ChoiceField(
        label=_("产品"), help_text=_("只列出可见范围为“仅受邀单位”的本单位产品。")
    )

    def __init__(self, *args: Any, products: Sequence[Product], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        product = self.fields["product_number"]
        assert isinstance(product, forms.ChoiceField)
        product.choices = [
            (each.number, f"{each.display_title} · {each.get_state_display()}") for each in products
        ]


class MilestoneForm(forms.Form):
    """What is to be reached by when."""

    title = forms.CharField(label=_("里程碑"), max_length=120)
    target = _words(_("完成标准"), _("可以核验的标准，登记后不能修改。"))
    due_on = _day(_("期限"), _("到这一日为止。"))


class ReportForm(forms.Form):
    """How a milestone was reached."""

    report = _words(_("完成情况"))
    file = forms.FileField(label=_("证明材料"))


class ResultForm(forms.Form):
    """Something that came out of the space."""

    kind = forms.ChoiceField(label=_("成果类型"), choices=ResultKind.choices)
    title = forms.CharField(label=_("成果名称"), max_length=120)
    statement = _words(_("成果说明"), _("登记后不能修改。"))
    reached_on = _day(_("形成日期"))
    file = forms.FileField(label=_("证明材料"), required=False)


class LandingForm(forms.Form):
    """A project that landed."""

    title = forms.CharField(label=_("项目名称"), max_length=120)
    firm = forms.CharField(label=_("落地单位"), max_length=120)
    place = forms.ChoiceField(label=_("落地地点"), choices=Place.choices)
    amount = YuanField(label=_("落地金额（元）"), least=1, help_text=_("以合同或到位资金为准。"))
    landed_on = _day(_("落地日期"))
    statement = _words(_("项目内容与空间的作用"), _("登记后不能修改，由服务基地核验。"))
    file = forms.FileField(label=_("证明材料"))
