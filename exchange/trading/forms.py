"""Forms of trading."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from exchange.trading import rules
from exchange.trading.states import SupplementKind


class UseForm(forms.Form):
    """What the data will be used for; becomes part of the contract."""

    use_statement = forms.CharField(
        label=_("用途说明"),
        min_length=rules.LEAST_USE_LENGTH,
        max_length=rules.MOST_USE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("写明用在哪个产品或系统、做什么。用途写入合同，超出用途使用属于违约。"),
    )


class PlaceForm(UseForm):
    """The use, and the number under which a broker proposed the product, if one did."""

    match_code = forms.CharField(
        label=_("撮合编号"),
        max_length=24,
        required=False,
        help_text=_("由数据经纪人推荐的填写，提交前显示佣金；没有的留空。"),
    )
    commission_fen = forms.IntegerField(
        min_value=0, max_value=10**15, required=False, widget=forms.HiddenInput
    )


class CancelForm(forms.Form):
    """Why an order ends."""

    reason = forms.CharField(label=_("取消理由"), max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class SupplementForm(forms.Form):
    """What a supplement changes or from when it ends the contract; which fields count follows from the kind."""

    kind = forms.ChoiceField(label=_("补充什么"), choices=SupplementKind.choices, widget=forms.RadioSelect)
    term_days = forms.IntegerField(
        label=_("新的许可期限（天）"),
        required=False,
        min_value=1,
        max_value=rules.LONGEST_TERM,
        help_text=_("变更时填写，自交付之时起算，只能延长。"),
    )
    inspection_days = forms.IntegerField(
        label=_("新的验收期（天）"),
        required=False,
        min_value=rules.SHORTEST_INSPECTION,
        max_value=rules.LONGEST_INSPECTION,
        help_text=_("变更时填写，只在交付之前可以变更。"),
    )
    ends_on = forms.DateField(
        label=_("自哪一天起不再使用"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("交付之后终止时填写；付款之前终止即取消订单，不填。"),
    )
    reason = forms.CharField(
        label=_("理由"),
        min_length=2,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("写入补充合同，双方都能看到。"),
    )


class EndForm(forms.Form):
    """Why a supplement is given up."""

    reason = forms.CharField(
        label=_("理由"), min_length=2, max_length=500, widget=forms.Textarea(attrs={"rows": 2})
    )
