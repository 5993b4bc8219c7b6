"""A result as people see it: coloured stretches of a text, outlines over an image, answers in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext as _

from annotation.labelstudio.geometry import corners
from annotation.labelstudio.kinds import (
    LABELS,
    PAIRWISE,
    POLYGONS,
    RATING,
    RECTANGLES,
    RELATION,
    SIDES,
    Control,
    labels_given,
)
from annotation.labelstudio.rules import LabelingConfig
from kernel.wording import listed
from web.parts import Fact

COLOURS = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text with the labels on it; `tone` numbers a colour."""

    text: str
    labels: str = ""
    tone: int = 0


@dataclass(frozen=True, slots=True)
class Shape:
    """A box or polygon over an image, in per cent."""

    label: str
    tone: int
    points: str


def tones_of(config: LabelingConfig) -> dict[str, int]:
    """The number of each label's colour."""
    return {label: place % COLOURS for place, label in enumerate(config.labels)}


def texts_of(config: LabelingConfig, task: Mapping[str, Any]) -> list[Fact]:
    """The texts of a task that has several, as the config orders them; none of other tasks."""
    if len(config.objects) < 2:
        return []
    return [
        Fact(_("第 %(number)s 项") % {"number": number}, task[one.field])
        for number, one in enumerate(config.objects, 1)
    ]


def pieces_of(config: LabelingConfig, text: str, result: Sequence[dict[str, Any]]) -> list[Piece]:
    """The text cut at the edges of its labelled spans."""
    tones = tones_of(config)
    spans = [region["value"] for region in result if region["type"] == LABELS]
    edges = sorted({0, len(text), *(span["start"] for span in spans), *(span["end"] for span in spans)})
    found = []
    for start, end in pairwise(edges):
        over = [label for span in spans if span["start"] <= start < span["end"] for label in span["labels"]]
        found.append(Piece(text[start:end], listed(over), tones.get(over[0], 0) if over else 0))
    return found


def shapes_of(config: LabelingConfig, result: Sequence[dict[str, Any]]) -> list[Shape]:
    """The boxes and polygons of a result, ready for an SVG of 100 × 100."""
    tones, found = tones_of(config), []
    for region in result:
        value = region.get("value", {})
        if region["type"] == RECTANGLES:
            box = [value[name] for name in ("x", "y", "width", "height")]
            aspect = region.get("original_width", 1) / region.get("original_height", 1)
            outline = corners(box, value.get("rotation", 0), aspect)
        elif region["type"] == POLYGONS:
            outline = value["points"]
        else:
            continue
        label = value[region["type"]][0]
        found.append(Shape(label, tones.get(label, 0), " ".join(f"{px:g},{py:g}" for px, py in outline)))
    return found


def answers_of(config: LabelingConfig, result: Sequence[dict[str, Any]]) -> list[Fact]:
    """The result in words: one line per question."""
    found = []
    for control in config.controls:
        said = []
        for region in result:
            if region.get("from_name") != control.name:
                continue
            value = region["value"]
            labels = _given(control, region)
            text = value.get("text", "")
            words = text if isinstance(text, str) else " ".join(text)
            said.append(f"{labels}：{words}" if labels and words else labels or words)
        if said:
            found.append(Fact(control.title, "；".join(said)))
    named = {region["id"]: _named(config, region) for region in result if region.get("id")}
    relations = [
        f"{named.get(region['from_id'], '--')} → {named.get(region['to_id'], '--')}"
        + (f"（{listed(region['labels'])}）" if region.get("labels") else "")
        for region in result
        if region["type"] == RELATION
    ]
    return [*found, Fact(_("关系"), "；".join(relations))] if relations else found


def sides() -> list[tuple[str, str]]:
    """The sides of a comparison, each with its words."""
    return list(zip(SIDES, (_("第一项更好"), _("第二项更好")), strict=True))


def _given(control: Control, region: dict[str, Any]) -> str:
    """The labels of one region in words."""
    given = labels_given(region)
    if control.kind == PAIRWISE:
        return dict(sides()).get(given[0], "--")
    return f"{given[0]} / {control.most}" if control.kind == RATING else listed(given)


def _named(config: LabelingConfig, region: dict[str, Any]) -> str:
    """A region as one end of a relation: its text, or its label."""
    return str(region.get("value", {}).get("text") or listed(labels_given(region)))
