"""The labelling form: a Label Studio result written with plain form controls, so that it needs no script.

Choices, ratings and comparisons are radios or check boxes, transcriptions text areas, spans and boxes rows of
fields; a text asked for each box stands in the box's row. Field names are `c<place of the control>` and, for rows,
`c<place>-label`, `-text`, `-start`, `-x` …, repeated per row.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any
from uuid import uuid4

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from annotation.labelstudio.kinds import SHAPES
from annotation.labelstudio.rules import (
    CHOICES,
    LABELS,
    PAIRWISE,
    POLYGONS,
    RATING,
    RECTANGLES,
    TEXT_AREA,
    Control,
    LabelingConfig,
)
from annotation.labelstudio.showing import sides
from annotation.projects.models import Item
from annotation.projects.states import ExampleKind
from annotation.work import services
from annotation.work.states import Verdict
from kernel.wording import listed
from web.forms import YuanField

SPARE_ROWS = 3
ROW_LIMIT = 200
BOX_FIELDS = ("x", "y", "width", "height")
ROW_FIELDS = {LABELS: ("label", "text", "start"), RECTANGLES: ("label", *BOX_FIELDS, "rotation")}
PICKED = (CHOICES, RATING, PAIRWISE)


@dataclass(slots=True)
class Question:
    """One control as the page shows it; `rows` are what stands in its fields.

    `answer`: the text that is asked for each box, written in the box's row.
    """

    place: int
    control: Control
    answer: Control | None = None
    chosen: list[str] = field(default_factory=list)
    text: str = ""
    rows: list[dict[str, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"c{self.place}"

    @property
    def kind(self) -> str:
        return self.control.kind

    @property
    def is_picked(self) -> bool:
        """Whether it is answered by radios or check boxes."""
        return self.kind in PICKED

    @property
    def row_fields(self) -> tuple[str, ...]:
        """The fields of one row."""
        return (*ROW_FIELDS.get(self.kind, ()), *(("text",) if self.answer else ()))

    @property
    def options(self) -> list[tuple[int, str, str, bool]]:
        """(number from 1, value, words, whether chosen) in config order."""
        if self.kind == RATING:
            offered = [(str(number), str(number)) for number in range(1, self.control.most + 1)]
        elif self.kind == PAIRWISE:
            offered = sides()
        else:
            offered = [(label, label) for label in self.control.labels]
        return [(n, value, words, value in self.chosen) for n, (value, words) in enumerate(offered, 1)]


class AnswerForm:
    """A result as form fields: filled from an earlier result or from what was posted."""

    def __init__(self, config: LabelingConfig, item: Item) -> None:
        self.config, self.item = config, item
        self.questions = [
            Question(place, control, self._asked_of(control))
            for place, control in enumerate(config.controls)
            if not control.is_per_region
        ]
        self.problems: list[str] = []

    def _asked_of(self, control: Control) -> Control | None:
        if control.kind not in SHAPES:
            return None
        return next((other for other in self.config.controls if other.is_per_region), None)

    @property
    def is_fillable(self) -> bool:
        """Whether every control has plain fields; polygons and relations come over the API."""
        controls = self.config.controls
        one_text = sum(control.is_per_region for control in controls) < 2
        return one_text and not self.config.relations and all(each.kind != POLYGONS for each in controls)

    def fill_from_result(self, result: Sequence[dict[str, Any]]) -> None:
        """Show an earlier result or a draft; what a draft leaves unfinished has no place in the form."""
        for question in self.questions:
            for region in filter(_is_region, result):
                if region.get("from_name") == question.control.name:
                    with suppress(KeyError, TypeError, AttributeError, ValueError):
                        self._show(question, region["value"], self._answer_to(question, region, result))
        self.add_spare_rows()

    @staticmethod
    def _answer_to(
        question: Question, region: dict[str, Any], result: Sequence[dict[str, Any]]
    ) -> dict[str, str]:
        """The text written for a box, by the box's id."""
        if question.answer is None:
            return {}
        told = [
            other["value"]["text"]
            for other in result
            if other.get("from_name") == question.answer.name and other.get("id") == region.get("id")
        ]
        return {"text": _joined(told[0]) if told else ""}

    def _show(self, question: Question, value: dict[str, Any], answer: dict[str, str]) -> None:
        if question.kind == CHOICES:
            question.chosen = list(value["choices"])
        elif question.kind == RATING:
            question.chosen = [str(value["rating"])]
        elif question.kind == PAIRWISE:
            question.chosen = [value["selected"]]
        elif question.kind == TEXT_AREA:
            question.text = _joined(value["text"])
        elif question.kind == LABELS:
            for label in value["labels"]:
                question.rows.append({"label": label, "text": value["text"], "start": str(value["start"])})
        elif question.kind == RECTANGLES:
            for label in value["rectanglelabels"]:
                numbers = {name: _written(value[name]) for name in BOX_FIELDS}
                turn = {"rotation": _written(value.get("rotation", 0))}
                question.rows.append({"label": label} | numbers | turn | answer)

    def fill_from_post(self, posted: QueryDict) -> None:
        """Show what was posted."""
        for question in self.questions:
            if question.is_picked:
                question.chosen = posted.getlist(question.name)
            elif question.kind == TEXT_AREA:
                question.text = posted.get(question.name, "").replace("\r\n", "\n")
            elif question.kind in ROW_FIELDS:
                names = question.row_fields
                columns = [posted.getlist(f"{question.name}-{name}")[:ROW_LIMIT] for name in names]
                rows = [dict(zip(names, cells, strict=True)) for cells in zip_longest(*columns, fillvalue="")]
                question.rows = [row for row in rows if any(cell.strip() for cell in row.values())]

    def add_spare_rows(self) -> None:
        """Leave empty rows to write in."""
        for question in self.questions:
            if question.kind in ROW_FIELDS:
                empty = dict.fromkeys(question.row_fields, "")
                question.rows += [dict(empty) for _number in range(SPARE_ROWS)]

    def result(self) -> list[dict[str, Any]]:
        """The regions as Label Studio writes them; what cannot be read is told in `problems`."""
        self.problems = []
        found: list[dict[str, Any]] = []
        for question in self.questions:
            control = question.control
            if question.kind == CHOICES and question.chosen:
                found.append(self._region(control, {"choices": question.chosen}))
            elif question.kind == RATING and question.chosen:
                given = question.chosen[0]
                value = {"rating": int(given) if given.isascii() and given.isdigit() else given}
                found.append(self._region(control, value))
            elif question.kind == PAIRWISE and question.chosen:
                found.append(self._region(control, {"selected": question.chosen[0]}))
            elif question.kind == TEXT_AREA and question.text.strip():
                found.append(self._region(control, {"text": [question.text.strip()]}))
            elif question.kind == LABELS:
                found += [self._span(control, place, row) for place, row in enumerate(question.rows, 1)]
            elif question.kind == RECTANGLES:
                for place, row in enumerate(question.rows, 1):
                    found += self._box(question, place, row)
        return found

    @staticmethod
    def _region(control: Control, value: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "id": uuid4().hex[:10],
            "from_name": control.name,
            "to_name": control.to_name,
            "type": control.kind,
            "value": value,
            **more,
        }

    def _span(self, control: Control, place: int, row: dict[str, str]) -> dict[str, Any]:
        text = self.item.text
        piece = row["text"].replace("\r\n", "\n")
        if piece not in text and "\r\n" in text:
            piece = piece.replace("\n", "\r\n")
        start = self._whole(row["start"], place)
        if start is None and piece and not row["start"].strip():
            starts = occurrences(text, piece)
            if len(starts) == 1:
                start = starts[0]
            elif not starts:
                said = _("第 %(place)s 行：原文中没有“%(piece)s”，请照原文填写。")
                self.problems.append(said % {"place": place, "piece": piece[:50]})
            else:
                said = _("第 %(place)s 行：“%(piece)s”在原文中不止一处，请填写起始位置（%(starts)s）。")
                found_at = listed(starts[:10])
                self.problems.append(said % {"place": place, "piece": piece[:50], "starts": found_at})
        start = start or 0
        value = {"start": start, "end": start + len(piece), "text": piece, "labels": _one(row["label"])}
        return self._region(control, value)

    def _box(self, question: Question, place: int, row: dict[str, str]) -> list[dict[str, Any]]:
        """A box, and the text written for it."""
        value: dict[str, Any] = {"rectanglelabels": _one(row["label"])}
        for name in (*BOX_FIELDS, "rotation"):
            try:
                value[name] = round(float(row[name] or ("0" if name == "rotation" else "")), 4)
            except ValueError:
                said = _("第 %(place)s 行：%(name)s 应为数字。")
                self.problems.append(said % {"place": place, "name": name})
                value[name] = 0
        size = {"original_width": self.item.width, "original_height": self.item.height, "image_rotation": 0}
        box = self._region(question.control, value, **size)
        if question.answer is None or not row["text"].strip():
            return [box]
        area = {name: value[name] for name in (*BOX_FIELDS, "rotation")}
        text = self._region(question.answer, {**area, "text": [row["text"].strip()]}, **size)
        return [box, {**text, "id": box["id"]}]

    def _whole(self, written: str, place: int) -> int | None:
        if not written.strip():
            return None
        try:
            return int(written)
        except ValueError:
            said = _("第 %(place)s 行：起始位置应为整数。")
            self.problems.append(said % {"place": place})
            return None


def _is_region(written: Any) -> bool:
    return isinstance(written, dict)


def occurrences(text: str, piece: str) -> list[int]:
    """Where `piece` stands in `text`, overlapping ones too."""
    return [start for start in range(len(text) - len(piece) + 1) if text.startswith(piece, start)]


def _joined(lines: str | Sequence[str]) -> str:
    return lines if isinstance(lines, str) else "\n".join(lines)


def _one(label: str) -> list[str]:
    return [label] if label else []


def _written(number: Any) -> str:
    return f"{number:.4f}".rstrip("0").rstrip(".")


class AssignForm(forms.Form):
    """How many tasks go to whom."""

    annotator = forms.ChoiceField(label=gettext_lazy("标注员"))
    count = forms.IntegerField(label=gettext_lazy("条数"), min_value=1, max_value=1_000, initial=20)

    def __init__(self, *args: Any, annotators: Sequence[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["annotator"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = [(str(user.pk), str(user)) for user in annotators]


class ReviewForm(forms.Form):
    """A verdict with the comment an annotator is owed."""

    verdict = forms.ChoiceField(
        label=gettext_lazy("结论"), choices=Verdict.choices, widget=forms.RadioSelect, initial=Verdict.ACCEPT
    )
    comment = forms.CharField(
        label=gettext_lazy("意见"),
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("退回时必填：写明哪里不对、依据规范哪一条。"),
    )


class AskForm(forms.Form):
    """A question about the guideline."""

    question = forms.CharField(
        label=gettext_lazy("问题"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("写清哪一种情形规范没有说明；答复会公开给参与项目的人。"),
    )


class WageFloorForm(forms.Form):
    """A wage floor from a day on; `place` is asked of the operator only."""

    place = forms.ChoiceField(
        label=gettext_lazy("地区"),
        help_text=gettext_lazy("适用于在这个地区注册的标注企业；区县没有单独设定时用所在市的。"),
    )
    effective_from = forms.DateField(
        label=gettext_lazy("起始日"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    hourly = YuanField(
        label=gettext_lazy("每小时下限（元）"),
        least=services.LOWEST_FLOOR.fen,
        most=services.HIGHEST_FLOOR.fen,
    )
    source = forms.CharField(
        label=gettext_lazy("依据文件"),
        max_length=200,
        help_text=gettext_lazy("公布最低工资的文件，或本单位的制度。"),
    )
    notice = forms.CharField(label=gettext_lazy("文号或条款"), max_length=90)
    is_assumption = forms.BooleanField(
        label=gettext_lazy("还没有与公布文件核对"),
        required=False,
        help_text=gettext_lazy("勾选后，用到这个数值的地方都会注明适用性待确认。"),
    )

    def __init__(self, posted: Any = None, *, places: Sequence[tuple[str, str]]) -> None:
        super().__init__(posted)
        choice = self.fields["place"]
        assert isinstance(choice, forms.ChoiceField)
        choice.choices = list(places)
        if not places:
            del self.fields["place"]


class ExampleForm(forms.Form):
    """What a result shows as an example."""

    kind = forms.ChoiceField(
        label=gettext_lazy("类别"),
        choices=ExampleKind.choices,
        widget=forms.RadioSelect,
        initial=ExampleKind.RIGHT,
    )
    note = forms.CharField(
        label=gettext_lazy("说明"),
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("为什么对或为什么错，依据规范哪一条。"),
    )
