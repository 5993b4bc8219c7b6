"""How near an answer is to the right one: a score from 0 to 1 for each control, and for the whole.

Choices count when they are exactly equal; shapes by the F1 of a one-to-one matching on IoU; spans by the F1 of the
characters they cover; relations by the F1 of those whose ends match and whose label is equal; texts by one less the edit distance over the longer length (V. Levenshtein, Soviet
Physics Doklady 10 (1966)); ratings by one less the distance over the length of the scale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from annotation.labelstudio.kinds import (
    LABELS,
    POLYGONS,
    RATING,
    RECTANGLES,
    RELATION,
    TEXT_AREA,
    Control,
    labels_given,
)
from annotation.labelstudio.rules import LabelingConfig
from annotation.quality.answers import (
    REGIONS,
    Result,
    label_of,
    links_of,
    overlaps,
    rating_of,
    regions_of,
    says_nothing,
    shape_labels,
    spans_of,
    text_of,
)
from annotation.quality.regions import Score, compare_regions, compare_relations, overlap_spans

WHOLE: Final = 10_000
"""A score of 1 in ten-thousandths, as scores are stored."""
RELATIONS: Final = "@relations"
"""The name under which relations stand among the parts of a score: no control has it."""


@dataclass(frozen=True, slots=True)
class Least:
    """The scores, in ten-thousandths, from which an answer counts as right; choices must be equal, relations reach `spans`."""

    shapes: int = 7_500
    spans: int = 8_000
    texts: int = 9_000
    ratings: int = 7_500
    iou: int = 5_000

    def of(self, kind: str) -> int:
        """The least score of a kind of control."""
        if kind in (RECTANGLES, POLYGONS):
            return self.shapes
        return {LABELS: self.spans, RELATION: self.spans, TEXT_AREA: self.texts, RATING: self.ratings}.get(
            kind, WHOLE
        )


@dataclass(frozen=True, slots=True)
class Scored:
    """A score in ten-thousandths (the mean of `parts`, by control) and whether every part reaches its least."""

    score: int
    parts: Mapping[str, int]
    is_right: bool


def score(config: LabelingConfig, answer: Result, truth: Result, *, least: Least) -> Scored:
    """An answer against the right one; controls that both leave out do not count."""
    parts: dict[str, int] = {}
    is_right = True
    for control in config.controls:
        if says_nothing(control, answer) and says_nothing(control, truth):
            continue
        found = part(control, answer, truth, threshold=least.iou / WHOLE)
        parts[control.name] = int(found * WHOLE + 1e-6)
        is_right = is_right and parts[control.name] >= least.of(control.kind)
    if links_of(answer) or links_of(truth):
        linked = relation_score(config, answer, truth, threshold=least.iou / WHOLE).f1
        parts[RELATIONS] = int(linked * WHOLE + 1e-6)
        is_right = is_right and parts[RELATIONS] >= least.of(RELATION)
    whole = sum(parts.values()) // len(parts) if parts else WHOLE
    return Scored(whole, parts, is_right)


def part(control: Control, one: Result, other: Result, *, threshold: float = 0.5) -> float:
    """How alike two answers to one control are, from 0 to 1, the same whichever comes first."""
    if control.kind in (RECTANGLES, POLYGONS):
        labels = shape_labels(control, one), shape_labels(control, other)
        return compare_regions(overlaps(control, one, other), *labels, threshold=threshold).score.f1
    if control.kind == LABELS:
        return overlap_spans(spans_of(control, one), spans_of(control, other)).f1
    if control.kind == TEXT_AREA:
        return likeness(text_of(control, one), text_of(control, other))
    if control.kind == RATING:
        first, second = rating_of(control, one), rating_of(control, other)
        if first is None or second is None:
            return float(first == second)
        return 1 - abs(first - second) / max(control.most - 1, 1)
    return float(label_of(control, one) == label_of(control, other))


def alike(config: LabelingConfig, one: Result, other: Result, *, threshold: float = 0.5) -> float:
    """How alike two whole answers are: the mean over the controls, and relations, that either of them gives."""
    told = [each for each in config.controls if not (says_nothing(each, one) and says_nothing(each, other))]
    parts = [part(each, one, other, threshold=threshold) for each in told]
    if links_of(one) or links_of(other):
        parts.append(relation_score(config, one, other, threshold=threshold).f1)
    return sum(parts) / len(parts) if parts else 1.0


def relation_score(config: LabelingConfig, one: Result, other: Result, *, threshold: float = 0.5) -> Score:
    """The relations that two answers share: both ends match, label and direction are equal.

    Ends match precisely: stretches of text when start, end and labels are equal, shapes one to one when their
    label is equal and their IoU reaches the threshold.
    """
    ends: tuple[dict[str, int], dict[str, int]] = ({}, {})
    pairs: list[tuple[int, int]] = []
    for control in config.controls:
        if control.kind in REGIONS:
            places = [
                [book.setdefault(str(region.get("id")), len(book)) for region in regions_of(control, result)]
                for book, result in zip(ends, (one, other), strict=True)
            ]
            same = _same_regions(control, one, other, threshold)
            pairs += [(places[0][left], places[1][right]) for left, right in same]
    first, second = (
        [(book[start], book[end], label) for start, end, label in links_of(result)]
        for book, result in zip(ends, (one, other), strict=True)
    )
    return compare_relations(first, second, pairs, is_directed=lambda label: label[1])


def _same_regions(control: Control, one: Result, other: Result, threshold: float) -> list[tuple[int, int]]:
    """Places (in one, in other) of the regions of one control that mark the same, each at most once."""
    if control.kind != LABELS:
        labels = shape_labels(control, one), shape_labels(control, other)
        return list(compare_regions(overlaps(control, one, other), *labels, threshold=threshold).pairs)
    free: defaultdict[object, list[int]] = defaultdict(list)
    for place, region in enumerate(regions_of(control, other)):
        free[_stretch(region)].append(place)
    return [
        (place, free[_stretch(region)].pop(0))
        for place, region in enumerate(regions_of(control, one))
        if free[_stretch(region)]
    ]


def _stretch(region: Mapping[str, Any]) -> tuple[int, int, tuple[str, ...]]:
    value = region["value"]
    return int(value["start"]), int(value["end"]), tuple(sorted(labels_given(region)))


def likeness(one: str, other: str) -> float:
    """One less the edit distance over the longer length; 1 for two empty texts."""
    longest = max(len(one), len(other))
    return 1 - edit_distance(one, other) / longest if longest else 1.0


def edit_distance(one: str, other: str) -> int:
    """The fewest insertions, deletions and replacements of a character that turn one text into the other."""
    if len(one) < len(other):
        one, other = other, one
    if not other:
        return len(one)
    letters = np.frombuffer(other.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    steps = np.arange(len(letters) + 1)
    row = steps.copy()
    for number, letter in enumerate(one, 1):
        best = np.empty_like(row)
        best[0] = number
        best[1:] = np.minimum(row[1:] + 1, row[:-1] + (letters != ord(letter)))
        # Insertions run along the row: the least of every earlier place plus the way from it.
        row = np.minimum.accumulate(best - steps) + steps
    return int(row[-1])
