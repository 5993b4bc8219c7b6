"""How far two answers mark the same things: boxes, turned boxes, polygons, spans of text, relations.

Boxes are rows (x, y, width, height) or (x, y, width, height, turn) with x, y the upper left corner before
turning and turn in degrees clockwise about that corner, as Label Studio writes them, but in pixels: per cent of
an image that is not square would shear a turned box (`in_pixels`). Spans are (start, end, label) in
characters, end exclusive.

Areas of polygons and turned boxes are exact, convex or not: the plane is cut into slabs at every corner and
crossing, between which widths change linearly (the trapezoid sweep; F. Preparata and M. Shamos, Computational
Geometry (1985) ch. 7). Polygons that cross themselves count by the even-odd rule. Matching is optimal: H. W.
Kuhn, Naval Research Logistics 2 (1955).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from annotation.quality.judgements import Bools, Floats

CORNER_LIMIT = 2_000
"""Corners of one polygon."""

Span = tuple[int, int, Hashable]
Relation = tuple[int, int, Hashable]


@dataclass(frozen=True, slots=True)
class Score:
    """What two answers share: `matched` of `first_count` and `second_count`; 1 where both are empty."""

    matched: int
    first_count: int
    second_count: int

    @property
    def precision(self) -> float:
        """Share of the second answer that is in the first; 1 for an empty second one."""
        return self.matched / self.second_count if self.second_count else 1.0

    @property
    def recall(self) -> float:
        """Share of the first answer that is in the second; 1 for an empty first one."""
        return self.matched / self.first_count if self.first_count else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both, the same whichever answer comes first."""
        total = self.first_count + self.second_count
        return 2 * self.matched / total if total else 1.0


@dataclass(frozen=True, slots=True)
class RegionScore:
    """`score` at the threshold, the matched places (first, second) and the mean IoU of those matches.

    `mean_iou`: None without a match.
    """

    score: Score
    pairs: tuple[tuple[int, int], ...]
    mean_iou: float | None


# --- shapes ---------------------------------------------------------------------------------------


def in_pixels(boxes: ArrayLike, width: float, height: float) -> Floats:
    """Boxes given in per cent of an image as boxes in its pixels; a turn stays as it is."""
    rows = _boxes(boxes).copy()
    rows[:, [0, 2]] *= width / 100
    rows[:, [1, 3]] *= height / 100
    return rows


def _boxes(boxes: ArrayLike) -> Floats:
    rows = np.asarray(boxes, dtype=np.float64)
    if not rows.size:
        return np.zeros((0, 4))
    if rows.ndim != 2 or rows.shape[1] not in (4, 5):
        raise ValueError("boxes are rows of 4 or 5 numbers")
    if not np.isfinite(rows).all() or (rows[:, 2:4] < 0).any():
        raise ValueError("boxes hold finite numbers, with no negative width or height")
    return rows


def _polygon(points: ArrayLike) -> Floats:
    corners = np.asarray(points, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3 or not np.isfinite(corners).all():
        raise ValueError("a polygon is three corners and more, each of two finite numbers")
    if len(corners) > CORNER_LIMIT:
        raise ValueError(f"a polygon of more than {CORNER_LIMIT} corners: leave out what lies on a line")
    return corners


def corners_of(boxes: ArrayLike) -> Floats:
    """The four corners of each box, shape (boxes, 4, 2), in the order in which they are drawn."""
    rows = _boxes(boxes)
    x, y, width, height = rows[:, :4].T
    turn = np.deg2rad(rows[:, 4]) if rows.shape[1] == 5 else np.zeros(len(rows))
    cosine, sine = np.cos(turn), np.sin(turn)
    across = np.stack([np.zeros_like(x), width, width, np.zeros_like(x)], axis=1)
    down = np.stack([np.zeros_like(x), np.zeros_like(x), height, height], axis=1)
    return np.stack(
        [
            x[:, None] + across * cosine[:, None] - down * sine[:, None],
            y[:, None] + across * sine[:, None] + down * cosine[:, None],
        ],
        axis=2,
    )


def areas(first: ArrayLike, second: ArrayLike) -> tuple[float, float, float]:
    """Area of the first polygon, of the second, and of what they share; corners in the caller's unit.

    Work grows with the square of the number of corners, and with the crossings of their edges. ValueError: fewer
    than three corners or more than CORNER_LIMIT.
    """
    shapes = [_polygon(first), _polygon(second)]
    middle = np.concatenate(shapes).mean(axis=0)  # near the origin nothing is lost by cancelling
    starts = np.concatenate(shapes) - middle
    ends = np.concatenate([np.roll(shape, -1, axis=0) for shape in shapes]) - middle
    is_second = np.arange(len(starts)) >= len(shapes[0])
    levels = np.unique(np.concatenate([starts[:, 1], _crossings(starts, ends)]))
    heights = np.diff(levels)
    totals = np.zeros(3)
    rise = ends[:, 1] - starts[:, 1]
    for first_slab in range(0, len(heights), 256):
        slabs = slice(first_slab, first_slab + 256)
        at = (levels[:-1][slabs] + heights[slabs] / 2)[:, None]
        crossed = (starts[:, 1] > at) != (ends[:, 1] > at)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = starts[:, 0] + (at - starts[:, 1]) / rise * (ends[:, 0] - starts[:, 0])
        x = np.where(crossed, x, np.inf)
        order = np.argsort(x, axis=1)
        sorted_x = np.take_along_axis(x, order, axis=1)
        is_crossed = np.take_along_axis(crossed, order, axis=1)
        of_second = is_second[order]
        in_first = np.cumsum(is_crossed & ~of_second, axis=1)[:, :-1] % 2 == 1
        in_second = np.cumsum(is_crossed & of_second, axis=1)[:, :-1] % 2 == 1
        with np.errstate(invalid="ignore"):
            widths = np.where(is_crossed[:, 1:], np.diff(sorted_x, axis=1), 0.0)
        for place, inside in enumerate((in_first, in_second, in_first & in_second)):
            totals[place] += float(heights[slabs] @ (widths * inside).sum(axis=1))
    return float(totals[0]), float(totals[1]), float(totals[2])


def _crossings(starts: Floats, ends: Floats) -> Floats:
    """The heights at which edges cross one another."""
    along = ends - starts
    found = [np.zeros(0)]
    for first in range(0, len(starts), 256):
        here = slice(first, first + 256)
        cross = along[here, None, 0] * along[None, :, 1] - along[here, None, 1] * along[None, :, 0]
        apart = starts[None, :, :] - starts[here, None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            one = (apart[..., 0] * along[None, :, 1] - apart[..., 1] * along[None, :, 0]) / cross
            other = (apart[..., 0] * along[here, None, 1] - apart[..., 1] * along[here, None, 0]) / cross
            meets = (cross != 0) & (one >= 0) & (one <= 1) & (other >= 0) & (other <= 1)
            found.append((starts[here, None, 1] + one * along[here, None, 1])[meets])
    return np.concatenate(found)


# --- intersection over union ----------------------------------------------------------------------


def box_iou(first: ArrayLike, second: ArrayLike) -> Floats:
    """Intersection over union of every two boxes, shape (first, second); turned ones exactly too."""
    one, other = _boxes(first), _boxes(second)
    if _is_turned(one) or _is_turned(other):
        return polygon_iou(list(corners_of(one)), list(corners_of(other)))
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, :2] + one[:, None, 2:4], other[None, :, :2] + other[None, :, 2:4])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    whole = one[:, 2:4].prod(axis=1)[:, None] + other[:, 2:4].prod(axis=1)[None, :] - shared
    return np.asarray(np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0))


def _is_turned(boxes: Floats) -> bool:
    return boxes.shape[1] == 5 and bool((boxes[:, 4] != 0).any())


def polygon_iou(first: Sequence[ArrayLike], second: Sequence[ArrayLike]) -> Floats:
    """Intersection over union of every two polygons, shape (first, second)."""
    one, other = [_polygon(shape) for shape in first], [_polygon(shape) for shape in second]
    found = np.zeros((len(one), len(other)))
    for row, left in enumerate(one):
        for column, right in enumerate(other):
            apart = (left.min(axis=0) >= right.max(axis=0)) | (right.min(axis=0) >= left.max(axis=0))
            if not apart.any():
                mine, theirs, shared = areas(left, right)
                whole = mine + theirs - shared
                found[row, column] = shared / whole if whole > 0 else 0.0
    return found


# --- matching -------------------------------------------------------------------------------------


def matches(iou: Floats, threshold: float = 0.5, *, may: Bools | None = None) -> list[tuple[int, int]]:
    """One-to-one pairs with IoU of at least the threshold: as many as can be, then of the largest IoU in sum.

    `may`: which pairs may match at all, of the shape of `iou`.
    """
    if not 0 < threshold <= 1:
        raise ValueError("the threshold lies above 0 and up to 1")
    fits = iou >= threshold if may is None else (iou >= threshold) & may
    if not fits.any():
        return []
    worth = np.where(fits, min(iou.shape) + 1 + iou, 0.0)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if fits[row, column]]


def compare_regions(
    iou: Floats,
    first_labels: Sequence[Hashable] | None = None,
    second_labels: Sequence[Hashable] | None = None,
    *,
    threshold: float = 0.5,
) -> RegionScore:
    """Two people's regions of one image, from `box_iou` or `polygon_iou`; labels, if given, must be equal."""
    may: Bools | None = None
    if first_labels is not None and second_labels is not None:
        if (len(first_labels), len(second_labels)) != iou.shape:
            raise ValueError("one label a region")
        may = np.array(
            [[one == other for other in second_labels] for one in first_labels], dtype=np.bool_
        ).reshape(iou.shape)
    pairs = matches(iou, threshold, may=may)
    mean = float(np.mean([iou[pair] for pair in pairs])) if pairs else None
    return RegionScore(Score(len(pairs), iou.shape[0], iou.shape[1]), tuple(pairs), mean)


# --- spans and relations --------------------------------------------------------------------------


def exact_spans(first: Iterable[Span], second: Iterable[Span]) -> Score:
    """Spans equal in start, end and label; a span marked twice counts twice."""
    one, other = Counter(map(_span, first)), Counter(map(_span, second))
    return Score((one & other).total(), one.total(), other.total())


def overlap_spans(first: Iterable[Span], second: Iterable[Span]) -> Score:
    """Characters under the same label in both; under spans of one label that overlap they count once."""
    one, other = _covered(first), _covered(second)
    shared = sum(_shared(parts, other.get(label, [])) for label, parts in one.items())
    return Score(shared, _length(one), _length(other))


def _span(span: Span) -> Span:
    start, end, _label = span
    if not 0 <= start < end:
        raise ValueError("a span starts at 0 or later and ends after its start")
    return span


def _covered(spans: Iterable[Span]) -> dict[Hashable, list[tuple[int, int]]]:
    """The disjoint stretches under each label, in order."""
    found: dict[Hashable, list[tuple[int, int]]] = {}
    for start, end, label in sorted(map(_span, spans), key=lambda span: span[:2]):
        parts = found.setdefault(label, [])
        if parts and start <= parts[-1][1]:
            parts[-1] = (parts[-1][0], max(parts[-1][1], end))
        else:
            parts.append((start, end))
    return found


def _length(covered: Mapping[Hashable, list[tuple[int, int]]]) -> int:
    return sum(end - start for parts in covered.values() for start, end in parts)


def _shared(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> int:
    total = left = right = 0
    while left < len(one) and right < len(other):
        total += max(min(one[left][1], other[right][1]) - max(one[left][0], other[right][0]), 0)
        if one[left][1] <= other[right][1]:
            left += 1
        else:
            right += 1
    return total


def compare_relations(
    first: Iterable[Relation],
    second: Iterable[Relation],
    pairs: Iterable[tuple[int, int]],
    *,
    is_directed: Callable[[Any], bool] = lambda _label: True,
) -> Score:
    """Relations (from, to, label) between regions, where `pairs` tells which regions match one another.

    A relation is shared when both its ends match and the label is equal; where the label `is_directed` says
    no, in either direction. Regions without a match are nobody's: their relations are not shared.
    """
    there = dict(pairs)
    back = set(there.values())

    def named(start: Hashable, end: Hashable, label: Hashable) -> Hashable:
        return (start, end, label) if is_directed(label) else (frozenset((start, end)), label)

    def first_end(place: int) -> Hashable:
        return there.get(place, ("first", place))

    def second_end(place: int) -> Hashable:
        return place if place in back else ("second", place)

    one = Counter(named(first_end(start), first_end(end), label) for start, end, label in first)
    other = Counter(named(second_end(start), second_end(end), label) for start, end, label in second)
    return Score((one & other).total(), one.total(), other.total())
