"""Forms of the rewards procedure and of the public trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from kernel import clock
from kernel.money import Money
from organizations.models import Organization, Park
from organizations.rules import place_choices
from organizations.states import OrganizationKind
from settlement.rewards import comparisons, engine, measures, recognitions
from settlement.rewards.engine import FactSpec
from settlement.rewards.engine.facts import Member
from settlement.rewards.engine.parameters import ParameterValue
from settlement.rewards.engine.texts import Text, shown
from settlement.rewards.models import BudgetLine
from settlement.rewards.states import ShortfallRule
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
    """Which measure and year to work out."""

    measure = forms.ChoiceField(label=_("措施"))
    year = forms.TypedChoiceField(label=_("年度"), coerce=int)

    def __init__(self, *args: Any, years: Sequence[int] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field, measure = self.fields["year"], self.fields["measure"]
        assert isinstance(field, forms.ChoiceField)
        assert isinstance(measure, forms.ChoiceField)
        field.choices = [(year, str(year)) for year in years]
        measure.choices = _measure_choices()
        measure.required, measure.initial = False, measures.DATA_PRODUCT_TRADING.id


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
    """Two ways to read measures over all firms of a year; every field has its default.

    A field is named by its side, measure and question or parameter: `other_data_product_trading__tax`.
    """

    year = forms.TypedChoiceField(label=_("年度"), coerce=int)

    def __init__(
        self,
        *args: Any,
        cards: Sequence[engine.Measure],
        years: Sequence[int],
        versions: Sequence[engine.PolicyVersion],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["year"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(year, str(year)) for year in years]
        named = [(version.name, _in_language(version.label)) for version in versions]
        self._both("version", str(_("规则版本")), lambda: forms.ChoiceField(choices=named, required=False))
        self.parts: list[tuple[engine.Measure, list[tuple[str, str]]]] = []
        for card in cards:
            lines = [self._choose(card, question) for question in card.questions]
            lines += [self._value(card, row) for row in comparisons.adjustable(card)]
            self.parts.append((card, lines))

    def _choose(self, card: engine.Measure, question: engine.Question) -> tuple[str, str]:
        readings = [(option.name, _in_language(option.label)) for option in question.options]
        name, label = f"{card.id}__{question.name}", _in_language(question.label)
        self._both(name, label, lambda: forms.ChoiceField(choices=readings, required=False))
        return name, label

    def _value(self, card: engine.Measure, row: engine.Parameter) -> tuple[str, str]:
        name, label = f"{card.id}__{row.name}", _in_language(row.label)
        now = _in_language(shown(row.value, row.unit))
        self._both(name, label, lambda: _ParameterField(row, now))
        return name, label

    def _both(self, name: str, label: str, make: Callable[[], forms.Field]) -> None:
        for side, told in (("one", _("方案甲")), ("other", _("方案乙"))):
            field = make()
            field.label = f"{label} · {told}"
            field.widget.attrs |= {"aria-label": field.label, "class": "input"}
            self.fields[f"{side}_{name}"] = field

    def version_fields(self) -> tuple[forms.BoundField, forms.BoundField]:
        return self["one_version"], self["other_version"]

    def sections(self) -> list[tuple[str, list[tuple[str, forms.BoundField, forms.BoundField]], bool]]:
        """For each measure its title, the same field for both ways line by line, and whether it stands open."""
        return [
            (
                _in_language(card.title),
                [(label, self[f"one_{name}"], self[f"other_{name}"]) for name, label in lines],
                len(self.parts) == 1 or any(self._is_told(name) for name, _label in lines),
            )
            for card, lines in self.parts
        ]

    def _is_told(self, name: str) -> bool:
        fields = [self[f"{side}_{name}"] for side in ("one", "other")]
        return any(field.errors or field.data not in (None, "", _default_of(field)) for field in fields)

    def scheme(self, side: str) -> comparisons.Scheme:
        """One way as the form tells it; what is left open is as it stands."""
        given = self.cleaned_data
        readings: dict[str, dict[str, str]] = {}
        values: dict[str, dict[str, ParameterValue]] = {}
        for card, _lines in self.parts:
            asked = {q.name: given[f"{side}_{card.id}__{q.name}"] for q in card.questions}
            readings[card.id] = {name: option for name, option in asked.items() if option}
            found = {row.name: given[f"{side}_{card.id}__{row.name}"] for row in comparisons.adjustable(card)}
            values[card.id] = {name: value for name, value in found.items() if value is not None}
        return comparisons.Scheme(given[f"{side}_version"] or measures.CURRENT_VERSION, readings, values)


def _default_of(field: forms.BoundField) -> str:
    """What a field says when nobody has chosen: its first option."""
    choices: list[tuple[str, str]] = list(getattr(field.field, "choices", []))
    return str(choices[0][0]) if choices else ""


class _ParameterField(forms.CharField):
    """A value in the place of a parameter, in its unit; left open, the parameter's own."""

    def __init__(self, row: engine.Parameter, now: str) -> None:
        super().__init__(required=False, max_length=40)
        self.row = row
        self.widget.attrs["placeholder"] = now

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return comparisons.value_of(self.row, text) if text else None
        except ValueError as error:
            raise forms.ValidationError(value_hint(self.row)) from error


def value_hint(row: engine.Parameter) -> str:
    """How a value of the parameter's unit is written."""
    return {
        "fen": str(_("请填写金额（元），例如 1000000.00。")),
        "ratio": str(_("请填写比例，例如 1.5%。")),
        "years": str(_("请填写年数，例如 3。")),
    }[row.unit]


def _measure_choices() -> list[tuple[str, str]]:
    is_english = (get_language() or "").startswith("en")
    return [(card.id, card.title.en if is_english else card.title.zh) for card in measures.CARDS.values()]


class _MomentField(forms.DateTimeField):
    """A moment typed by the clock in Shanghai."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> Any:
        found = super().to_python(value)
        if found is None:
            return None
        return found.replace(tzinfo=clock.SHANGHAI)


class NoticeForm(forms.Form):
    """An application notice: which measures and year, from when until when, paid from which budget."""

    title = forms.CharField(label=_("标题"), max_length=120)
    measures = forms.MultipleChoiceField(label=_("措施"), widget=forms.CheckboxSelectMultiple)
    year = forms.IntegerField(label=_("奖励年度"), min_value=2000, max_value=2100)
    opens_at = _MomentField(label=_("开始时间"))
    closes_at = _MomentField(label=_("截止时间"), help_text=_("到此刻为止，此刻本身不再受理。"))
    budget = forms.ModelChoiceField(label=_("预算"), queryset=BudgetLine.objects.none())
    body = forms.CharField(
        label=_("说明"), required=False, widget=forms.Textarea(attrs={"rows": 4}), max_length=4000
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen, budget = self.fields["measures"], self.fields["budget"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        assert isinstance(budget, forms.ModelChoiceField)
        chosen.choices = _measure_choices()
        budget.queryset = BudgetLine.objects.order_by("-made_at")


class BudgetForm(forms.Form):
    """A new budget with its first amount."""

    title = forms.CharField(label=_("名称"), max_length=120)
    measures = forms.MultipleChoiceField(label=_("措施"), widget=forms.CheckboxSelectMultiple)
    year = forms.IntegerField(label=_("奖励年度"), min_value=2000, max_value=2100)
    fiscal_year = forms.IntegerField(label=_("预算年度"), min_value=2000, max_value=2100)
    amount = YuanField(label=_("金额"), least=1, help_text=_("单位：元"))
    rule = forms.ChoiceField(label=_("不足时的处理"), choices=ShortfallRule.choices, widget=forms.RadioSelect)
    source = forms.CharField(label=_("依据文件"), max_length=200)
    reason = forms.CharField(label=_("理由"), widget=forms.Textarea(attrs={"rows": 2}), max_length=2000)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self.fields["measures"]
        assert isinstance(chosen, forms.MultipleChoiceField)
        chosen.choices = _measure_choices()


class BudgetChangeForm(forms.Form):
    """More or less money for a budget; less with a minus sign."""

    amount = YuanField(
        label=_("变动金额"), least=-(10**15), help_text=_("单位：元；调减填负数，例如 -200000.00")
    )
    source = forms.CharField(label=_("依据文件"), max_length=200)
    reason = forms.CharField(label=_("理由"), widget=forms.Textarea(attrs={"rows": 2}), max_length=2000)


class RuleForm(forms.Form):
    """Another rule for when the budget does not suffice."""

    rule = forms.ChoiceField(label=_("不足时的处理"), choices=ShortfallRule.choices, widget=forms.RadioSelect)
    reason = forms.CharField(label=_("理由"), widget=forms.Textarea(attrs={"rows": 2}), max_length=2000)


class OfficeForm(forms.Form):
    """Which organization stands for a department that the rule cards name."""

    source = forms.ChoiceField(label=_("规则卡中的部门"))
    organization = forms.ModelChoiceField(label=_("由哪个单位核实"), queryset=Organization.objects.none())

    def __init__(self, *args: Any, sources: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        source, organization = self.fields["source"], self.fields["organization"]
        assert isinstance(source, forms.ChoiceField)
        assert isinstance(organization, forms.ModelChoiceField)
        source.choices = list(sources)
        organization.queryset = Organization.objects.filter(
            kinds__contains=[OrganizationKind.DEPARTMENT]
        ).order_by("name")


class DeclarationForm(forms.Form):
    """One fact that the firm declares, with its evidence; `value` is read by the unit of the fact."""

    fact = forms.ChoiceField(label=_("事实"))
    value = forms.CharField(
        label=_("申报值"),
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("金额以元填写；是否类填“是”或“否”；数量填整数；名单每行一人。"),
    )
    note = forms.CharField(label=_("说明"), required=False, max_length=500)
    file = forms.FileField(label=_("证明材料"), help_text=_("PDF、图片或表格，不超过 200 MB"))

    def __init__(self, *args: Any, specs: Sequence[FactSpec] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.specs = {spec.name: spec for spec in specs}
        is_english = (get_language() or "").startswith("en")
        field = self.fields["fact"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(spec.name, spec.label.en if is_english else spec.label.zh) for spec in specs]
        told = [_how_to_write(spec, is_english) for spec in specs if spec.choices or spec.members]
        if told:
            self.fields["value"].help_text = f"{self.fields['value'].help_text} {' '.join(told)}"

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        spec = self.specs.get(found.get("fact", ""))
        if spec is not None and found.get("value"):
            try:
                found["value"] = read_value(found["value"], spec)
            except ValueError:
                self.add_error("value", _("申报值与要求的类型不符，请核对后重填。"))
        return found


def _how_to_write(spec: FactSpec, is_english: bool) -> str:
    """What the codes and members of a fact are called."""
    label = spec.label.en if is_english else spec.label.zh
    names = [code for code, _label in spec.choices] or [
        member.label.en if is_english else member.label.zh for member in spec.members
    ]
    return f"{label}: {', '.join(names)}"


def read_value(text: str, spec: FactSpec | Member) -> Any:
    """What a person typed as a value of a fact; ValueError when it is none.

    Rows stand on a line each, their members in the card's order with commas between; an empty member is left out.
    """
    plain = text.strip()
    if isinstance(spec, FactSpec) and spec.unit == "rows":
        return [_read_row(line, spec) for line in plain.splitlines() if line.strip()]
    if spec.unit == "flag":
        known = {"是": True, "否": False, "yes": True, "no": False, "true": True, "false": False}
        if plain.lower() not in known:
            raise ValueError(plain)
        return known[plain.lower()]
    if spec.unit == "fen":
        return Money.from_yuan(plain.lstrip("¥").replace("，", "")).fen
    if spec.unit == "count":
        return int(plain)
    return plain


def _read_row(line: str, spec: FactSpec) -> dict[str, Any]:
    cells = [cell.strip() for cell in line.replace("，", ",").split(",")]
    if len(cells) > len(spec.members):
        raise ValueError(line)
    return {
        member.name: read_value(cell, member)
        for member, cell in zip(spec.members, cells, strict=False)
        if cell
    }


class PayeeForm(forms.Form):
    """The bank account for awards; its holder is the firm."""

    bank = forms.CharField(label=_("开户银行"), max_length=120)
    account_number = forms.CharField(
        label=_("账号"), max_length=48, widget=forms.TextInput(attrs={"inputmode": "numeric"})
    )


class PublicObjectionForm(forms.Form):
    """What anybody says against an announced claim."""

    name = forms.CharField(label=_("姓名或单位"), max_length=80)
    contact = forms.CharField(label=_("联系方式"), max_length=120, help_text=_("仅供主管部门核实，不公开。"))
    statement = forms.CharField(
        label=_("异议内容"), widget=forms.Textarea(attrs={"rows": 4}), max_length=2000
    )


class RecoveryForm(forms.Form):
    """Why an award is reduced, and until when what was paid beyond it comes back."""

    cause = forms.CharField(label=_("事由和依据"), widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)
    due_on = forms.DateField(
        label=_("缴回期限"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    is_violation = forms.BooleanField(
        label=_("属于骗取财政资金"),
        required=False,
        help_text=_("依据《财政违法行为处罚处分条例》第十四条追回。"),
    )


class ReturnForm(forms.Form):
    """Money that came back, by the bank's reference."""

    amount = YuanField(label=_("缴回金额"), least=1, help_text=_("单位：元"))
    reference = forms.CharField(label=_("银行回单号"), max_length=80)


def _people(field: forms.Field, colleagues: Sequence[User]) -> None:
    assert isinstance(field, forms.ChoiceField)
    field.choices = [(str(each.pk), str(each)) for each in colleagues]


class AssignForm(forms.Form):
    """转交: who decides this stage from now on, and why."""

    colleague = forms.ChoiceField(label=_("转交给"))
    reason = forms.CharField(label=_("转交理由"), widget=forms.Textarea(attrs={"rows": 2}), max_length=2000)

    def __init__(self, *args: Any, colleagues: Sequence[User] = (), **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "assign-%s", **kwargs})
        _people(self.fields["colleague"], colleagues)


class ConsultForm(forms.Form):
    """加签: whose opinion is asked for, on what."""

    colleague = forms.ChoiceField(label=_("请谁提出意见"))
    question = forms.CharField(
        label=_("需要判断的问题"), widget=forms.Textarea(attrs={"rows": 2}), max_length=2000
    )

    def __init__(self, *args: Any, colleagues: Sequence[User] = (), **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "consult-%s", **kwargs})
        _people(self.fields["colleague"], colleagues)


class OpinionForm(forms.Form):
    """The opinion that was asked for."""

    answer = forms.ChoiceField(
        label=_("意见"), choices=[("yes", _("同意测算结果")), ("no", _("不同意"))], widget=forms.RadioSelect
    )
    opinion = forms.CharField(label=_("理由"), widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "opinion-%s", **kwargs})


class HoldForm(forms.Form):
    """挂起: until which day, and why."""

    until = forms.DateField(label=_("挂起至"), widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(
        label=_("挂起理由"),
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=2000,
        help_text=_("企业会看到。"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "hold-%s", **kwargs})


class TakeBackForm(forms.Form):
    """撤回: why the own review is taken back."""

    reason = forms.CharField(label=_("撤回理由"), widget=forms.Textarea(attrs={"rows": 2}), max_length=2000)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "back-%s", **kwargs})


class AdjustForm(forms.Form):
    """调整后同意: which other reading the statement is agreed to under, and why."""

    reading = forms.ChoiceField(label=_("按哪一种口径"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=_("与测算不同之处及理由"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=_("企业会看到，并须重新确认。"),
    )

    def __init__(self, *args: Any, readings: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "adjust-%s", **kwargs})
        field = self.fields["reading"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(readings)


def _day(label: Any, **more: Any) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, widget=widget, **more)


class ParkApplicationForm(forms.Form):
    """Which park, from when, and what proves it."""

    park: forms.ModelChoiceField[Park] = forms.ModelChoiceField(label=_("园区"), queryset=None)
    from_on = _day(_("起始日"), help_text=_("入驻协议或认定文件写明的第一天。"))
    until_on = _day(_("失效日"), required=False, help_text=_("从这一天起不再有效；长期有效的不填。"))
    note = forms.CharField(label=_("说明"), required=False, max_length=500)
    file = forms.FileField(
        label=_("证明材料"), help_text=_("入驻协议或租赁合同：PDF、图片或表格，不超过 200 MB")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["park"].queryset = recognitions.parks_on(clock.business_date(clock.now()))


class ParkForm(forms.Form):
    """A park that the department recognises."""

    name = forms.CharField(label=_("园区名称"), max_length=120)
    name_en = forms.CharField(label=_("英文名称"), max_length=160, required=False)
    place = forms.ChoiceField(label=_("所在地"), choices=place_choices)
    from_on = _day(_("起始日"))
    until_on = _day(_("失效日"), required=False, help_text=_("从这一天起不再有效；长期有效的不填。"))
    reason = forms.CharField(label=_("认定意见"), widget=forms.Textarea(attrs={"rows": 2}), max_length=2000)
    file = forms.FileField(label=_("认定文件"), help_text=_("PDF 或图片，不超过 200 MB"))


class ParkRevocationForm(forms.Form):
    """From which day a recognition no longer counts, and why."""

    from_on = _day(_("撤销起始日"), help_text=_("从这一天起不再有效；此前的日子照旧。"))
    reason = forms.CharField(label=_("撤销理由"), widget=forms.Textarea(attrs={"rows": 2}), max_length=2000)
