"""The labelling form: a Label Studio result written with plain form controls, so that it needs no script.

Choices are radios or check boxes, transcriptions text areas, spans and boxes rows of fields. Field names
are `c<place of the control>` and, for rows, `c<place>-label`, `-text`, `-start`, `-x` …, repeated per row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from annotation.labelstudio.rules import (
    CHOICES,
    LABELS,
    POLYGONS,
    RECTANGLES,
    TEXT_AREA,
    Control,
    LabelingConfig,
)
from annotation.projects.models import Item
from annotation.work.states import Verdict
from kernel.wording import listed

SPARE_ROWS = 3
ROW_LIMIT = 200
BOX_FIELDS = ("x", "y", "width", "height")
ROW_FIELDS = {LABELS: ("label", "text", "start"), RECTANGLES: ("label", *BOX_FIELDS)}


@dataclass(slots=True)
class Question:
    """One control as the page shows it; `rows` are what stands in its fields."""

    place: int
    control: Control
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
    def options(self) -> list[tuple[int, str, bool]]:
        """(number from 1, label, whether chosen) in config order."""
        return [(n, label, label in self.chosen) for n, label in enumerate(self.control.labels, 1)]


class AnswerForm:
    """A result as form fields: filled from an earlier result or from what was posted."""

    def __init__(self, config: LabelingConfig, item: Item) -> None:
        self.config, self.item = config, item
        self.questions = [Question(place, control) for place, control in enumerate(config.controls)]
        self.problems: list[str] = []

    @property
    def is_fillable(self) -> bool:
        """Whether every control has plain fields; polygons come over the API."""
        return all(control.kind != POLYGONS for control in self.config.controls)

    def fill_from_result(self, result: Sequence[dict[str, Any]]) -> None:
        """Show an earlier result."""
        for question in self.questions:
            for region in result:
                if region.get("from_name") == question.control.name:
                    self._show(question, region["value"])
        self.add_spare_rows()

    def _show(self, question: Question, value: dict[str, Any]) -> None:
        if question.kind == CHOICES:
            question.chosen = list(value["choices"])
        elif question.kind == TEXT_AREA:
            lines = value["text"]
            question.text = lines if isinstance(lines, str) else "\n".join(lines)
        elif question.kind == LABELS:
            for label in value["labels"]:
                question.rows.append({"label": label, "text": value["text"], "start": str(value["start"])})
        elif question.kind == RECTANGLES:
            for label in value["rectanglelabels"]:
                question.rows.append({"label": label} | {name: _written(value[name]) for name in BOX_FIELDS})

    def fill_from_post(self, posted: QueryDict) -> None:
        """Show what was posted."""
        for question in self.questions:
            if question.kind == CHOICES:
                question.chosen = posted.getlist(question.name)
            elif question.kind == TEXT_AREA:
                question.text = posted.get(question.name, "").replace("\r\n", "\n")
            elif question.kind in ROW_FIELDS:
                names = ROW_FIELDS[question.kind]
                columns = [posted.getlist(f"{question.name}-{name}")[:ROW_LIMIT] for name in names]
                rows = [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=False)]
                question.rows = [row for row in rows if any(cell.strip() for cell in row.values())]

    def add_spare_rows(self) -> None:
        """Leave empty rows to write in."""
        for question in self.questions:
            if question.kind in ROW_FIELDS:
                empty = dict.fromkeys(ROW_FIELDS[question.kind], "")
                question.rows += [dict(empty) for _number in range(SPARE_ROWS)]

    def result(self) -> list[dict[str, Any]]:
        """The regions as Label Studio writes them; what cannot be read is told in `problems`."""
        self.problems = []
        found: list[dict[str, Any]] = []
        for question in self.questions:
            control = question.control
            if question.kind == CHOICES and question.chosen:
                found.append(self._region(control, {"choices": question.chosen}))
            elif question.kind == TEXT_AREA and question.text.strip():
                found.append(self._region(control, {"text": [question.text.strip()]}))
            elif question.kind == LABELS:
                found += [self._span(control, place, row) for place, row in enumerate(question.rows, 1)]
            elif question.kind == RECTANGLES:
                found += [self._box(control, place, row) for place, row in enumerate(question.rows, 1)]
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

    def _box(self, control: Control, place: int, row: dict[str, str]) -> dict[str, Any]:
        value: dict[str, Any] = {"rotation": 0, "rectanglelabels": _one(row["label"])}
        for name in BOX_FIELDS:
            try:
                value[name] = round(float(row[name]), 4)
            except ValueError:
                said = _("第 %(place)s 行：%(name)s 应为 0 到 100 的数字。")
                self.problems.append(said % {"place": place, "name": name})
                value[name] = 0
        size = {"original_width": self.item.width, "original_height": self.item.height, "image_rotation": 0}
        return self._region(control, value, **size)

    def _whole(self, written: str, place: int) -> int | None:
        if not written.strip():
            return None
        try:
            return int(written)
        except ValueError:
            said = _("第 %(place)s 行：起始位置应为整数。")
            self.problems.append(said % {"place": place})
            return None


def occurrences(text: str, piece: str) -> list[int]:
    """Where `piece` stands in `text`, overlapping ones too."""
    return [start for start in range(len(text) - len(piece) + 1) if text.startswith(piece, start)]


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
