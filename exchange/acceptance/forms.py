"""Forms of inspections and disputes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetVersion
from exchange.acceptance import rules
from exchange.acceptance.states import Check, Citation, DefectKind, Outcome, Remedy
from web.forms import YuanField

_RATE = re.compile(r"\d{1,3}(?:\.\d{1,2})?")


def _text(label: Any, help_text: Any = "", rows: int = 4) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        min_length=rules.LEAST_TEXT,
        max_length=rules.MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": rows}),
    )


def _file() -> forms.FileField:
    return forms.FileField(label=_("证明材料"), required=False, help_text=_("可选，一份"))


class RateField(forms.CharField):
    """Per cent typed with at most two decimals; the clean value is basis points."""

    def to_python(self, value: Any) -> Any:
        text = (super().to_python(value) or "").rstrip("%％").strip()
        if not text:
            return None
        if not _RATE.fullmatch(text):
            raise forms.ValidationError(_("请填写百分数，最多两位小数，例如 1.25。"))
        whole, _dot, part = text.partition(".")
        return int(whole) * 100 + int(part.ljust(2, "0") or 0)


class AcceptForm(forms.Form):
    """What the buyer compared, and its remarks."""

    checks = forms.MultipleChoiceField(
        label=_("我已核对"), choices=Check.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    remarks = forms.CharField(
        label=_("验收备注"),
        required=False,
        max_length=rules.MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("可选，供方能看到"),
    )


class DefectForm(forms.Form):
    """One defect."""

    kind = forms.ChoiceField(label=_("问题类型"), choices=DefectKind.choices)
    path = forms.CharField(
        label=_("所在文件"),
        required=False,
        max_length=400,
        help_text=_("填写交付清单中的路径；留空表示整批交付"),
        widget=forms.TextInput(attrs={"list": "delivered-paths", "autocomplete": "off"}),
    )
    text = _text(_("问题说明"), _("写明怎样发现、影响多大；提交后不能更改"))
    row_ids = forms.CharField(
        label=_("样本编号"),
        required=False,
        max_length=5_000,
        help_text=_("标签错误必填，每行一个，最多 50 个"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    error_rate = RateField(
        label=_("抽查错误率（%）"),
        required=False,
        help_text=_("标签错误必填，最多两位小数"),
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    file = _file()


class AnswerForm(forms.Form):
    """The supplier's answer."""

    kind = forms.ChoiceField(label=_("答复方式"), choices=Remedy.choices, widget=forms.RadioSelect)
    amount = YuanField(
        label=_("退款金额"), required=False, least=1, help_text=_("只在部分退款时填写，含税，应低于价款")
    )
    version = forms.ChoiceField(
        label=_("补交的版本"), required=False, help_text=_("只在补交时选择；须已封版并取得登记证书")
    )
    text = _text(_("答复说明"), _("逐项回应问题；需方会看到"))
    file = _file()

    def __init__(self, *args: Any, versions: Sequence[DatasetVersion] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].choices = _choices(versions)  # type: ignore[attr-defined]


def _choices(versions: Sequence[DatasetVersion]) -> list[tuple[str, Any]]:
    return [("", _("不补交")), *((str(each.pk), str(each)) for each in versions)]


class ReplaceForm(forms.Form):
    """Which version a ruling's replacement is."""

    version = forms.ChoiceField(label=_("补交的版本"), help_text=_("须已封版并取得登记证书"))

    def __init__(self, *args: Any, versions: Sequence[DatasetVersion] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].choices = _choices(versions)[1:]  # type: ignore[attr-defined]


class DeclineForm(forms.Form):
    """Why the buyer does not accept."""

    reason = _text(_("不接受的理由"), _("写明希望怎样解决，供方会看到"), 3)


class StatementForm(forms.Form):
    """A side's statement to the exchange."""

    text = _text(_("陈述"), _("写明事实、要求和依据；提交后不能更改，对方和裁决人能看到"), 5)
    file = _file()


class RulingForm(forms.Form):
    """How the exchange rules."""

    outcome = forms.ChoiceField(label=_("裁决结果"), choices=Outcome.choices, widget=forms.RadioSelect)
    amount = YuanField(
        label=_("退款金额"), required=False, least=1, help_text=_("只在部分退款时填写，含税，应低于价款")
    )
    citations = forms.MultipleChoiceField(
        label=_("依据"), choices=Citation.choices, widget=forms.CheckboxSelectMultiple
    )
    text = _text(_("裁决理由"), _("写明认定的事实和理由；双方能看到，作出后不能更改"), 6)

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if (
            told.get("outcome") == Outcome.PARTIAL_REFUND
            and not told.get("amount")
            and "amount" not in self.errors
        ):
            self.add_error("amount", _("请填写大于零的退款金额。"))
        return told


class ConfirmForm(forms.Form):
    """The second operator's remark."""

    remark = forms.CharField(
        label=_("复核意见"),
        required=False,
        max_length=rules.MOST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("退回时必填"),
    )
