"""Forms of reward claims and of the public trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from web.forms import YuanField


class DraftForm(forms.Form):
    """Which year to work out."""

    year = forms.TypedChoiceField(label=_("年度"), coerce=int)

    def __init__(self, *args: Any, years: Sequence[int] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["year"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(year, str(year)) for year in years]


class ObjectionForm(forms.Form):
    """One item of the statement and why it is wrong."""

    item = forms.ChoiceField(label=_("异议事项"))
    statement = forms.CharField(
        label=_("异议理由"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=_("写明正确的事实和可查证的单据编号。"),
    )

    def __init__(self, *args: Any, items: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["item"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(items)


class EstimateForm(forms.Form):
    """The six questions of the public trial; what is left open stays undetermined."""

    year = forms.TypedChoiceField(label=_("1. 哪个年度？"), coerce=int)
    scope = forms.ChoiceField(
        label=_("2. 企业从事什么？"),
        choices=[
            ("annotation", _("数据标注、政务大模型等通用人工智能")),
            ("02", _("数字产品服务业（02 类）")),
            ("03", _("数字技术应用业（03 类）")),
            ("04", _("数字要素驱动业（04 类）")),
            ("05", _("数字化效率提升业（05 类）")),
            ("01", _("数字产品制造业（01 类）或其他")),
        ],
    )
    certificate = forms.ChoiceField(
        label=_("3. 有没有数据资产登记证书？"),
        choices=[("yes", _("有")), ("no", _("没有")), ("", _("不清楚"))],
        required=False,
    )
    receipts = YuanField(label=_("4. 当年在清远服务基地实际到账多少（不含税）？"), help_text=_("单位：元"))
    deductions = YuanField(
        label=_("5. 其中退款和不应计入的合计多少？"), required=False, help_text=_("单位：元，没有就留空")
    )
    awards = forms.TypedChoiceField(
        label=_("6. 以前获得过几次本项奖励？"),
        coerce=int,
        choices=[(0, _("没有")), (1, _("一次")), (2, _("两次")), (3, _("三次"))],
    )

    def __init__(self, *args: Any, years: Sequence[int] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["year"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(year, str(year)) for year in years]
