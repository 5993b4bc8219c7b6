"""Results in Label Studio's form read as what mathematics compares: a choice, boxes, spans, a text, a number.

Pure: a result, a config's control and an image's size in; plain values out. What a result says of a control that
it leaves out is the empty answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from annotation.labelstudio.kinds import (
    CHOICES,
    LABELS,
    PAIRWISE,
    POLYGONS,
    RATING,
    RECTANGLES,
    RELATION,
    TEXT_AREA,
    Control,
    labels_given,
)
from annotation.labelstudio.rules import LabelingConfig
from annotation.quality.judgements import Floats
from annotation.quality.regions import Span, box_iou, corners_of, in_pixels, polygon_iou

Result = Sequence[Mapping[str, Any]]
PICKED: Final = (CHOICES, PAIRWISE, RATING)
"""Kinds whose answer is one label of a short list."""
REGIONS: Final = (LABELS, RECTANGLES, POLYGONS)
NOTHING: Final = ""
"""The label of an answer that chose nothing."""
JOIN: Final = "、"
DEFAULT_SIZE: Final = (100.0, 100.0)


def regions_of(control: Control, result: Result) -> list[Mapping[str, Any]]:
    """What a result says of one control."""
    return [region for region in result if region.get("from_name") == control.name]


def label_of(control: Control, result: Result) -> str:
    """The picked label; several of a multiple choice joined in the config's order; NOTHING if none."""
    given = {label for region in regions_of(control, result) for label in labels_given(region)}
    known = [label for label in control.labels if label in given]
    return JOIN.join([*known, *sorted(given - set(known))])


def text_of(control: Control, result: Result) -> str:
    """What was written, line after line in the order of the result."""
    lines: list[str] = []
    for region in regions_of(control, result):
        told = region["value"].get("text", "")
        lines += [told] if isinstance(told, str) else [str(line) for line in told]
    return "\n".join(lines)


def rating_of(control: Control, result: Result) -> int | None:
    """The number of stars."""
    found = regions_of(control, result)
    return int(found[0]["value"]["rating"]) if found else None


def spans_of(control: Control, result: Result) -> list[Span]:
    """(start, end, label) of every marked stretch of text."""
    return [
        (int(region["value"]["start"]), int(region["value"]["end"]), label)
        for region in regions_of(control, result)
        for label in labels_given(region)
    ]


def shape_labels(control: Control, result: Result) -> list[str]:
    """The label of every drawn shape, in the order of the result."""
    return [(labels_given(region) or [NOTHING])[0] for region in regions_of(control, result)]


def is_turned(control: Control, results: Sequence[Result]) -> bool:
    """Whether any box is turned."""
    return any(
        float(region["value"].get("rotation", 0)) % 360
        for result in results
        for region in regions_of(control, result)
    )


def boxes_of(control: Control, result: Result) -> Floats:
    """Boxes in pixels, rows (x, y, width, height, turn)."""
    rows = []
    for region in regions_of(control, result):
        value = region["value"]
        wide, high = _size(region)
        box = [[float(value[name]) for name in ("x", "y", "width", "height")]]
        rows.append([*in_pixels(box, wide, high)[0], float(value.get("rotation", 0))])
    return np.asarray(rows, dtype=np.float64).reshape(-1, 5)


def outlines_of(control: Control, result: Result) -> list[Floats]:
    """Corners in pixels of every polygon."""
    return [
        np.asarray(region["value"]["points"], dtype=np.float64) * np.asarray(_size(region)) / 100
        for region in regions_of(control, result)
    ]


def links_of(result: Result) -> list[tuple[str, str, tuple[str, bool]]]:
    """(from, to, (label, whether it points)) of every relation, by the ids of its ends; one for each label."""
    found = []
    for region in result:
        if region.get("type") != RELATION:
            continue
        start, end = str(region["from_id"]), str(region["to_id"])
        if region.get("direction") == "left":
            start, end = end, start
        points = region.get("direction") != "bi"
        found += [(start, end, (label, points)) for label in labels_given(region) or [NOTHING]]
    return found


def link_labels(result: Result) -> set[str]:
    """The labels of the relations; NOTHING for one without."""
    return {label for _start, _end, (label, _points) in links_of(result)}


def only_links(result: Result, label: str) -> list[Mapping[str, Any]]:
    """The result with no relations but those of one label, and those with that label alone."""
    kept: list[Mapping[str, Any]] = []
    for region in result:
        if region.get("type") != RELATION:
            kept.append(region)
        elif label in (labels_given(region) or [NOTHING]):
            kept.append({**region, "labels": [label] if label else []})
    return kept


def _size(region: Mapping[str, Any]) -> tuple[float, float]:
    wide, high = region.get("original_width"), region.get("original_height")
    return (float(wide), float(high)) if wide and high else DEFAULT_SIZE


def overlaps(control: Control, first: Result, second: Result) -> Floats:
    """Intersection over union of every two shapes of two results, shape (first, second)."""
    if control.kind == POLYGONS:
        return polygon_iou(outlines_of(control, first), outlines_of(control, second))
    one, other = boxes_of(control, first), boxes_of(control, second)
    if not len(one) or not len(other):
        return np.zeros((len(one), len(other)))
    if one[:, 4].any() or other[:, 4].any():
        return polygon_iou(list(corners_of(one)), list(corners_of(other)))
    return box_iou(one[:, :4], other[:, :4])


def says_nothing(control: Control, result: Result) -> bool:
    """Whether a result leaves the control out."""
    return not regions_of(control, result) or (control.kind == TEXT_AREA and not text_of(control, result))


def is_woven(config: LabelingConfig) -> bool:
    """Whether answers refer to one another (relations, questions per region), so that only whole ones make sense."""
    return config.relations is not None or any(control.is_per_region for control in config.controls)


def main_control(config: LabelingConfig) -> Control:
    """The control by which a project is told: the first required one, else the first."""
    return next((each for each in config.controls if each.is_required), config.controls[0])
