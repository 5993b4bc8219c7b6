"""How near an answer is to the right one: a score from 0 to 1 for each control, and for the whole.

Choices count when they are exactly equal; shapes by the F1 of a one-to-one matching on IoU; spans by the F1 of the
characters they cover; texts by one less the edit distance over the longer length (V. Levenshtein, Soviet
Physics Doklady 10 (1966)); ratings by one less the distance over the length of the scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from annotation.labelstudio.kinds import LABELS, POLYGONS, RATING, RECTANGLES, TEXT_AREA, Control
from annotation.labelstudio.rules import LabelingConfig
from annotation.quality.answers import (
    Result,
    label_of,
    overlaps,
    rating_of,
    says_nothing,
    shape_labels,
    spans_of,
    text_of,
)
from annotation.quality.regions import compare_regions, overlap_spans

WHOLE: Final = 10_000
"""A score of 1 in ten-thousandths, as scores are stored."""


@dataclass(frozen=True, slots=True)
class Least:
    """The scores, in ten-thousandths, from which an answer counts as right; choices must be equal."""

    shapes: int = 7_500
    spans: int = 8_000
    texts: int = 9_000
    ratings: int = 7_500
    iou: int = 5_000

    def of(self, kind: str) -> int:
        """The least score of a kind of control."""
        if kind in (RECTANGLES, POLYGONS):
            return self.shapes
        return {LABELS: self.spans, TEXT_AREA: self.texts, RATING: self.ratings}.get(kind, WHOLE)


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
    """How alike two whole answers are: the mean over the controls that either of them answers."""
    told = [each for each in config.controls if not (says_nothing(each, one) and says_nothing(each, other))]
    if not told:
        return 1.0
    return sum(part(each, one, other, threshold=threshold) for each in told) / len(told)


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
