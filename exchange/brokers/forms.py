"""Forms of broking."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from annotation.projects.states import Modality
from exchange.brokers import rules
from exchange.brokers.services import Proposal
from exchange.brokers.states import FactKind, Payer, RecordKind, Scope, Side
from exchange.catalogue.states import Industry
from kernel import clock
from kernel.money import Money
from organizations.models import Organization
from web.forms import YuanField


def _day(label: Any, help_text: Any = "") -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, help_text=help_text, widget=widget, input_formats=["%Y-%m-%d"])


def _words(label: Any, help_text: Any = "", *, required: bool = True, rows: int = 3) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        max_length=rules.MOST_WORDS,
        required=required,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


class OfferForm(forms.Form):
    """The terms of a mandate. Principals choose a broker, brokers name a principal by its code."""

    side = forms.ChoiceField(label=_("委托方向"), choices=Side.choices)
    broker = forms.ModelChoiceField(
        label=_("数据经纪人"),
        queryset=Organization.objects.none(),
        empty_label=_("请选择"),
        help_text=_("只列出试点中的数据经纪人。"),
    )
    uscc = forms.CharField(label=_("委托人统一社会信用代码"), max_length=18)
    scope = forms.ChoiceField(label=_("委托范围"), choices=Scope.choices)
    industries = forms.MultipleChoiceField(
        label=_("行业"),
        choices=Industry.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("范围选“所列行业”时填写。"),
    )
    product_numbers = _words(_("产品编号"), _("范围选“所列产品”时填写，一行一个。"), required=False, rows=2)
    wish_modality = forms.ChoiceField(
        label=_("需要的数据形态"), choices=[("", _("不限")), *Modality.choices], required=False
    )
    wish_labels = _words(
        _("需要的标签"), _("一行一个，用于计算匹配得分。需求侧委托填写。"), required=False, rows=2
    )
    wish_budget = YuanField(label=_("单笔预算（元）"), least=1, required=False)
    first_day = _day(_("开始日"))
    final_day = _day(_("最后一日"), _("这一日结束时期满，最长三年。"))
    commission_percent = forms.DecimalField(
        label=_("佣金比例（%）"),
        min_value=Decimal("0.01"),
        max_value=Decimal(rules.MOST_COMMISSION_BP) / 100,
        decimal_places=2,
        required=False,
        help_text=_("按订单含税金额计算，不足一分的舍去。与固定佣金填写其中一项。"),
    )
    commission = YuanField(label=_("固定佣金（元/笔）"), least=1, required=False)
    payer = forms.ChoiceField(label=_("佣金承担方"), choices=Payer.choices)
    is_exclusive = forms.BooleanField(label=_("独占委托：期限内同一范围不另行委托"), required=False)

    def __init__(
        self,
        *args: Any,
        sides: Sequence[str],
        brokers: Sequence[Organization] = (),
        is_broker: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        side, broker = self.fields["side"], self.fields["broker"]
        assert isinstance(side, forms.ChoiceField)
        assert isinstance(broker, forms.ModelChoiceField)
        side.choices = [(value, label) for value, label in Side.choices if value in sides]
        broker.queryset = Organization.objects.filter(pk__in=[each.pk for each in brokers]).order_by("name")
        del self.fields["broker" if is_broker else "uscc"]

    def terms(self) -> Proposal:
        """What was offered; the final day belongs to the term."""
        told = self.cleaned_data
        return Proposal(
            side=told["side"],
            scope=told["scope"],
            industries=tuple(told["industries"]),
            product_numbers=tuple(rules.words(told["product_numbers"].split())),
            wish_modality=told["wish_modality"] if told["side"] == Side.DEMAND else "",
            wish_labels=tuple(told["wish_labels"].splitlines()) if told["side"] == Side.DEMAND else (),
            wish_budget=told["wish_budget"] if told["side"] == Side.DEMAND else None,
            starts_at=clock.start_of(told["first_day"]),
            ends_at=clock.end_of(told["final_day"]),
            commission_bp=int((told["commission_percent"] or Decimal(0)) * 100),
            commission=told["commission"] or Money(0),
            payer=told["payer"],
            is_exclusive=told["is_exclusive"],
        )


class ReasonForm(forms.Form):
    """Why, for the other side."""

    reason = _words(_("理由"), _("对方能看到。"))


class HandoverForm(forms.Form):
    """To which broker the same terms are offered."""

    broker = forms.ModelChoiceField(
        label=_("新的数据经纪人"), queryset=Organization.objects.none(), empty_label=_("请选择")
    )

    def __init__(self, *args: Any, brokers: Sequence[Organization], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        broker = self.fields["broker"]
        assert isinstance(broker, forms.ModelChoiceField)
        broker.queryset = Organization.objects.filter(pk__in=[each.pk for each in brokers]).order_by("name")


class MatchForm(forms.Form):
    """Which product is proposed, and why."""

    product_number = forms.ChoiceField(label=_("产品"))
    reason = _words(_("推荐理由"), _("委托人能看到。写明为什么合适。"))

    def __init__(self, *args: Any, products: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        product = self.fields["product_number"]
        assert isinstance(product, forms.ChoiceField)
        product.choices = products


class DemandMatchForm(forms.Form):
    """Which mandated product answers which demand, and why."""

    wanted = forms.ChoiceField(label=_("需求与产品"))
    reason = _words(_("推荐理由"), _("委托人和需求方能看到。写明为什么合适。"))

    def __init__(self, *args: Any, wanted: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["wanted"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = wanted


class DeclineForm(forms.Form):
    """Why a proposal is not wanted."""

    answer = _words(_("谢绝理由"), _("经纪人能看到，以便改进推荐。"))


class DealForm(forms.Form):
    """Which order came of the match."""

    order_number = forms.ChoiceField(label=_("订单"))

    def __init__(self, *args: Any, orders: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        order = self.fields["order_number"]
        assert isinstance(order, forms.ChoiceField)
        order.choices = orders


class RecordForm(forms.Form):
    """One record of a deal, with what it rests on."""

    kind = forms.ChoiceField(label=_("记录事项"))
    statement = _words(_("记载"), _("写明时间、方式和结论。保存后不能改动。"))
    fact = forms.ChoiceField(
        label=_("依据"),
        choices=[
            (each.value, each.label)
            for each in (FactKind.STATEMENT, FactKind.CERTIFICATE, FactKind.CONTRACT, FactKind.DOCUMENT)
        ],
    )
    file = forms.FileField(label=_("文件"), required=False, help_text=_("依据选“上传的文件”时添加。"))

    def __init__(self, *args: Any, kinds: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = self.fields["kind"]
        assert isinstance(kind, forms.ChoiceField)
        kind.choices = [(each, RecordKind(each).label) for each in kinds]


class RatingForm(forms.Form):
    """1 to 5, and a word."""

    stars = forms.TypedChoiceField(
        label=_("评分"), coerce=int, choices=[(5, "5"), (4, "4"), (3, "3"), (2, "2"), (1, "1")]
    )
    words = _words(_("评语"), required=False)
