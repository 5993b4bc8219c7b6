"""Forms of the quality pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from annotation.labelstudio.kinds import CHOICES, PAIRWISE, RATING, Control, labels_given
from annotation.labelstudio.rules import LabelingConfig
from annotation.labelstudio.showing import sides
from annotation.quality.answers import PICKED, Result, regions_of
from annotation.quality.models import GoldPlan
from annotation.quality.services.gold import IMPORT_LIMIT, SHARES, GoldRow
from annotation.quality.states import GoldRole, Method

FILE_LIMIT = 20 * 1024 * 1024
PERCENT = {
    "hidden_share", "pass_share", "least_shapes", "least_spans", "least_texts", "least_ratings", "iou", "poor", "good",
    "sure",
}  # fmt: skip
HINTS = {
    "hidden_share": gettext_lazy("派发的任务中隐藏质检题所占比例，0 表示不用。标注员看不出哪些是质检题。"),
    "training_count": gettext_lazy("开工前的练习题数，提交后立即给出标准答案，照常付酬。"),
    "screening_count": gettext_lazy("练习后的测试题数，照常付酬；未达合格线时暂停派发，可申诉、可再测。"),
    "reveal_after": gettext_lazy("标注员再提交这么多条之后，才能看到隐藏质检题的得分并提出质疑。"),
    "least_spans": gettext_lazy("标出的文字区间；关系也用这一条线，两端和标签都对上才算一致。"),
    "poor": gettext_lazy("序贯检验：正确率不高于此值时应停止派发。"),
    "good": gettext_lazy("序贯检验：正确率不低于此值时应判为合格。"),
    "sure": gettext_lazy("多份结果合并后的把握低于此值时，由人裁定。"),
}


class PlanForm(forms.Form):
    """A gold plan; shares in per cent."""

    method = forms.ChoiceField(label=gettext_lazy("合并方法"), choices=Method.choices)

    def __init__(self, posted: Any = None, *, plan: GoldPlan | None) -> None:
        known = plan or GoldPlan()
        initial: dict[str, Any] = {"method": known.method}
        for name in SHARES:
            value = getattr(known, name)
            initial[name] = value // 100 if name in PERCENT else value
        super().__init__(posted, initial=initial)
        for name, (low, high) in SHARES.items():
            label = GoldPlan.label_of(name)
            is_share = name in PERCENT
            self.fields[name] = forms.IntegerField(
                label=f"{label}（%）" if is_share else label,
                min_value=-(-low // 100) if is_share else low,
                max_value=high // 100 if is_share else high,
                help_text=HINTS.get(name, ""),
            )

    def terms(self) -> dict[str, Any]:
        """The arguments of `set_plan`."""
        given = self.cleaned_data
        return {name: value * 100 if name in PERCENT else value for name, value in given.items()}


class ResultForm(forms.Form):
    """A result: a field for every question with a short list of answers, Label Studio JSON for what is drawn or written."""

    regions = forms.CharField(
        label=gettext_lazy("其余区域（Label Studio JSON）"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "class": "mono", "spellcheck": "false"}),
        help_text=gettext_lazy("框、区间、文字等的区域列表，可从已有结果复制后修改。"),
    )

    def __init__(self, *args: Any, config: LabelingConfig, result: Result = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.config = config
        self.picked = [each for each in config.controls if each.kind in PICKED and not each.is_per_region]
        for place, control in enumerate(self.picked):
            self.fields[f"c{place}"] = _field_of(control, result)
        names = {control.name for control in self.picked}
        rest = [dict(region) for region in result if region.get("from_name") not in names]
        if len(names) == len(config.controls) and config.relations is None:
            del self.fields["regions"]
        else:
            self.fields["regions"].initial = json.dumps(rest, ensure_ascii=False, indent=1)

    def clean_regions(self) -> list[Any]:
        """The list of regions written as JSON."""
        written = self.cleaned_data["regions"].strip() or "[]"
        try:
            found = json.loads(written)
        except (ValueError, RecursionError) as wrong:
            raise ValidationError(_("不是正确的 JSON，请检查括号与引号。")) from wrong
        if not isinstance(found, list):
            raise ValidationError(_("应为区域的列表，以 [ 开头。"))
        return found

    def result(self) -> list[Any]:
        """The regions as Label Studio writes them."""
        found: list[Any] = []
        for place, control in enumerate(self.picked):
            given = self.cleaned_data.get(f"c{place}")
            if given:
                head = {"from_name": control.name, "to_name": control.to_name, "type": control.kind}
                found.append({**head, "value": _value_of(control, given)})
        return [*found, *self.cleaned_data.get("regions", [])]


def _field_of(control: Control, result: Result) -> forms.ChoiceField:
    given = [label for region in regions_of(control, result) for label in labels_given(region)]
    if control.kind == RATING:
        offered = [(str(number), str(number)) for number in range(1, control.most + 1)]
    elif control.kind == PAIRWISE:
        offered = sides()
    else:
        offered = [(label, label) for label in control.labels]
    if control.kind == CHOICES and control.is_multiple:
        return forms.MultipleChoiceField(
            label=control.title,
            choices=offered,
            initial=given,
            required=control.is_required,
            widget=forms.CheckboxSelectMultiple,
        )
    return forms.ChoiceField(
        label=control.title,
        choices=offered,
        initial=given[0] if given else None,
        required=control.is_required,
        widget=forms.RadioSelect,
    )


def _value_of(control: Control, given: Any) -> dict[str, Any]:
    if control.kind == RATING:
        return {"rating": int(given)}
    if control.kind == PAIRWISE:
        return {"selected": given}
    return {"choices": given if isinstance(given, list) else [given]}


class GoldForm(ResultForm):
    """A gold answer written by hand."""

    role = forms.ChoiceField(
        label=gettext_lazy("用途"),
        choices=GoldRole.choices,
        widget=forms.RadioSelect,
        initial=GoldRole.HIDDEN,
    )
    note = forms.CharField(
        label=gettext_lazy("依据"), required=False, max_length=2_000, widget=forms.Textarea(attrs={"rows": 2})
    )


class CorrectForm(ResultForm):
    """A corrected gold answer, with the reason."""

    note = forms.CharField(
        label=gettext_lazy("更正理由"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 2})
    )


class TakeForm(forms.Form):
    """How many accepted results become gold, and what for."""

    role = forms.ChoiceField(label=gettext_lazy("用途"), choices=GoldRole.choices, initial=GoldRole.HIDDEN)
    count = forms.IntegerField(label=gettext_lazy("条数"), min_value=1, max_value=1_000, initial=10)


class GoldImportForm(forms.Form):
    """Labels from a file of JSON lines."""

    role = forms.ChoiceField(label=gettext_lazy("用途"), choices=GoldRole.choices, initial=GoldRole.HIDDEN)
    upload = forms.FileField(
        label=gettext_lazy("JSONL 文件"),
        help_text=gettext_lazy('每行 {"item": 序号、文件名或 SHA-256, "result": 标注结果}。'),
    )

    def clean_upload(self) -> list[GoldRow]:
        """The rows of the file; ValidationError naming the line that cannot be read."""
        file = self.cleaned_data["upload"]
        if file.size > FILE_LIMIT:
            raise ValidationError(_("文件超过 20 MB，请分几次导入。"))
        try:
            lines = file.read().decode("utf-8-sig").split("\n")
        except UnicodeDecodeError as wrong:
            raise ValidationError(_("文件不是 UTF-8 编码，请另存后再导入。")) from wrong
        rows = []
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                told = json.loads(line)
                rows.append(GoldRow(str(told["item"]), told["result"]))
            except (ValueError, RecursionError, KeyError, TypeError) as wrong:
                said = _("第 %(line)s 行不是含 item 和 result 的 JSON 对象。")
                raise ValidationError(said % {"line": number}) from wrong
        if not 1 <= len(rows) <= IMPORT_LIMIT:
            raise ValidationError(_("一次导入 1 到 %(limit)s 行。") % {"limit": IMPORT_LIMIT})
        return rows


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label=gettext_lazy("理由"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 3})
    )


class AnswerForm(forms.Form):
    """The lead's answer to a contest."""

    answer = forms.CharField(
        label=gettext_lazy("答复"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 2})
    )


class AdjudicateForm(forms.Form):
    """Which of the answers is delivered, and why."""

    chosen = forms.ChoiceField(label=gettext_lazy("采用"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=gettext_lazy("理由"), max_length=2_000, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, offered: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["chosen"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = list(offered)
