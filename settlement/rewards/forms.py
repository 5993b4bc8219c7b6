"""Forms of reward claims and of the public trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from settlement.rewards import engine
from settlement.rewards.engine.cards import Option
from settlement.rewards.engine.texts import Text
from web.forms import YuanField

SCOPES = [
    ("annotation", _("数据标注、政务大模型等通用人工智能")),
    ("02", _("数字产品服务业（02 类）")),
    ("03", _("数字技术应用业（03 类）")),
    ("04", _("数字要素驱动业（04 类）")),
    ("05", _("数字化效率提升业（05 类）")),
    ("01", _("数字产品制造业（01 类）或其他")),
]


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

    money_fields = ("receipts", "deductions")

    year = forms.TypedChoiceField(label=_("1. 哪个年度？"), coerce=int)
    scope = forms.ChoiceField(
        label=_("2. 企业从事什么？"),
        choices=SCOPES,
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


def _in_language(text: Text) -> str:
    return text.en if (get_language() or "").startswith("en") else text.zh


class TrialForm(forms.Form):
    """The public trial of a measure, asked as its card says; what is left open stays undetermined."""

    def __init__(self, *args: Any, card: engine.Measure, years: Sequence[int] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.card = card
        self._add(
            "year",
            forms.TypedChoiceField(label=_("哪个年度？"), coerce=int, choices=[(y, str(y)) for y in years]),
        )
        for ask in card.trial:
            self._ask(card.spec(ask.fact), _in_language(ask.label), _in_language(ask.hint))

    @property
    def money_fields(self) -> tuple[str, ...]:
        """The fields that take an amount."""
        return tuple(name for name, field in self.fields.items() if isinstance(field, YuanField))

    def _add(self, name: str, field: forms.Field) -> None:
        field.label = f"{len(self.fields) + 1}. {field.label}"
        self.fields[name] = field

    def _ask(self, spec: engine.FactSpec, label: str, hint: str) -> None:
        if spec.name == "is_annotation_firm":
            self._add("scope", forms.ChoiceField(label=label, choices=SCOPES))
        elif spec.unit == "rows":
            self._add("interns", forms.IntegerField(label=label, help_text=hint, min_value=0, max_value=500))
            self._add("months", forms.IntegerField(label=_("每人见习几个月？"), min_value=1, max_value=12))
            self._add("paid", YuanField(label=_("每人每月实发工作补贴多少？"), help_text=_("单位：元")))
        elif spec.unit == "awards":
            times: list[tuple[int, Any]] = [(0, _("没有")), (1, _("一次")), (2, _("两次")), (3, _("三次"))]
            self._add(spec.name, forms.TypedChoiceField(label=label, coerce=int, choices=times))
        elif spec.unit == "fen":
            self._add(
                spec.name, YuanField(label=label, help_text=_("单位：元，不清楚就留空"), required=False)
            )
        elif spec.choices:
            choices = [(code, _in_language(name)) for code, name in spec.choices]
            self._add(
                spec.name,
                forms.ChoiceField(label=label, choices=[*choices, ("", _("不清楚"))], required=False),
            )
        else:
            offered: list[tuple[str, Any]] = [("yes", _("是")), ("no", _("否")), ("", _("不清楚"))]
            self._add(spec.name, forms.ChoiceField(label=label, choices=offered, required=False))


class CompareForm(forms.Form):
    """Two ways to read a measure over all firms of a year; every field has its default."""

    year = forms.TypedChoiceField(label=_("年度"), coerce=int)

    def __init__(
        self,
        *args: Any,
        card: engine.Measure,
        years: Sequence[int],
        versions: Sequence[engine.PolicyVersion],
        amounts: Sequence[tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["year"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(year, str(year)) for year in years]
        self.lines: list[tuple[str, str]] = []
        named = [(version.name, _in_language(version.label)) for version in versions]
        self._both("version", str(_("规则版本")), lambda: forms.ChoiceField(choices=named, required=False))
        for question in card.questions:
            self._choose(question.name, _in_language(question.label), question.options)
        for name, label in amounts:
            self._both(name, label, lambda: YuanField(required=False))

    def _choose(self, name: str, label: str, options: Sequence[Option]) -> None:
        readings = [(option.name, _in_language(option.label)) for option in options]
        self._both(name, label, lambda: forms.ChoiceField(choices=readings, required=False))

    def _both(self, name: str, label: str, make: Callable[[], forms.Field]) -> None:
        self.lines.append((name, label))
        for side, told in (("one", _("方案甲")), ("other", _("方案乙"))):
            field = make()
            field.label = f"{label} · {told}"
            field.widget.attrs |= {"aria-label": field.label, "class": "input"}
            self.fields[f"{side}_{name}"] = field

    def rows(self) -> list[tuple[str, forms.BoundField, forms.BoundField]]:
        """What the form table shows: a label and the same field for both ways."""
        return [(label, self[f"one_{name}"], self[f"other_{name}"]) for name, label in self.lines]
