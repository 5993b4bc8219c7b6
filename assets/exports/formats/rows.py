"""Rows of a version, typed: boxes, polygons and spans as their Label Studio regions mean them.

Image geometry comes in per cent of the image; a box turns clockwise by `rotation` degrees about its top left
corner, and it turns in pixels, because per cent are not square on an image that is not. Offsets of spans count
Unicode code points, end exclusive.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from annotation.labelstudio.rules import LABELS, POLYGONS, RECTANGLES

DECIMALS = 9
"""Pixels are rounded here: far below what anyone draws, enough to hide the noise of floating point."""

Size = tuple[int, int]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with one label; x, y, width, height in per cent, rotation in degrees clockwise."""

    label: str
    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0

    @property
    def is_rotated(self) -> bool:
        return abs(math.remainder(self.rotation, 360)) > 1e-9


@dataclass(frozen=True, slots=True)
class Polygon:
    """An outline with one label; points in per cent."""

    label: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the text with one label; code points, end exclusive."""

    label: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class AnnotatedRow:
    """One row: an item as one annotator labelled it. `size`: width and height of the image, if it is known."""

    id: str
    item: str
    annotator: str = ""
    text: str | None = None
    labels: tuple[str, ...] = ()
    guideline_version: int | None = None
    item_name: str = ""
    boxes: tuple[Box, ...] = ()
    polygons: tuple[Polygon, ...] = ()
    spans: tuple[Span, ...] = ()
    size: Size | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One image with everything said of it, a row per annotator in the order of the rows."""

    path: str
    rows: tuple[AnnotatedRow, ...]

    @property
    def size(self) -> Size | None:
        return next((row.size for row in self.rows if row.size), None)


class Source(Protocol):
    """Where a writer reads: each call walks again from the start, so that nothing is held."""

    @property
    def title(self) -> str:
        """What the version is called."""

    @property
    def classes(self) -> Sequence[str]:
        """The labels in the order of their numbers."""

    def rows(self) -> Iterator[AnnotatedRow]:
        """The rows in their order."""

    def pictures(self) -> Iterator[Picture]:
        """The images by path, each once."""

    def bytes_of(self, path: str) -> Iterator[bytes] | None:
        """The bytes of one raw file; None when this export leaves the files out."""


@dataclass(frozen=True, slots=True)
class Held:
    """Rows held in memory: for small versions and for tests."""

    held: Sequence[AnnotatedRow]
    classes: Sequence[str] = ()
    title: str = "示例"
    files: Mapping[str, bytes] = field(default_factory=dict)

    def rows(self) -> Iterator[AnnotatedRow]:
        return iter(self.held)

    def pictures(self) -> Iterator[Picture]:
        found: dict[str, list[AnnotatedRow]] = {}
        for row in self.held:
            found.setdefault(row.item, []).append(row)
        return (Picture(path, tuple(found[path])) for path in sorted(found, key=str.encode))

    def bytes_of(self, path: str) -> Iterator[bytes] | None:
        return iter([self.files[path]]) if path in self.files else None


# --- reading ------------------------------------------------------------------------------------


def _regions(raw: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Label and value of every region of that kind; a region with two labels comes twice."""
    for region in raw.get("result") or ():
        value = region.get("value")
        if region.get("type") == kind and isinstance(value, Mapping):
            yield from ((str(label), value) for label in value.get(kind) or ())


def _own_size(raw: Mapping[str, Any]) -> Size | None:
    for region in raw.get("result") or ():
        width, height = region.get("original_width"), region.get("original_height")
        if width and height:
            return int(width), int(height)
    return None


def _box(label: str, value: Mapping[str, Any]) -> Box:
    x, y, width, height = (float(value[name]) for name in ("x", "y", "width", "height"))
    return Box(label, x, y, width, height, float(value.get("rotation") or 0))


def read_row(raw: Mapping[str, Any], size: Size | None = None) -> AnnotatedRow:
    """A row of `rows.jsonl`; `size` is what the platform measured and goes before what the regions claim."""
    text = raw.get("text")
    length = len(text) if text is not None else 0
    return AnnotatedRow(
        id=str(raw["id"]),
        item=str(raw["item"]),
        annotator=str(raw.get("annotator") or ""),
        text=text,
        labels=tuple(map(str, raw.get("labels") or ())),
        guideline_version=raw.get("guideline_version"),
        item_name=str(raw.get("item_name") or ""),
        boxes=tuple(_box(label, value) for label, value in _regions(raw, RECTANGLES)),
        polygons=tuple(
            Polygon(label, tuple((float(x), float(y)) for x, y in value["points"]))
            for label, value in _regions(raw, POLYGONS)
        ),
        spans=tuple(
            Span(label, max(0, int(value["start"])), min(length, int(value["end"])))
            for label, value in _regions(raw, LABELS)
            if text is not None
        ),
        size=size or _own_size(raw),
    )


def read_lines(
    lines: Iterable[bytes | str], sizes: Mapping[str, Size] | None = None
) -> Iterator[AnnotatedRow]:
    """The rows of JSON lines."""
    for line in lines:
        raw = json.loads(line)
        yield read_row(raw, (sizes or {}).get(str(raw["item"])))


# --- geometry -----------------------------------------------------------------------------------


def corners(box: Box, size: Size) -> tuple[Point, ...]:
    """The four corners in pixels, from the top left one clockwise; turned in pixels."""
    wide, high = size
    left, top = box.x * wide / 100, box.y * high / 100
    width, height = box.width * wide / 100, box.height * high / 100
    if not box.is_rotated:
        return ((left, top), (left + width, top), (left + width, top + height), (left, top + height))
    turn = math.radians(box.rotation)
    across, along = (math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))
    return tuple(
        (
            left + a * width * across[0] + b * height * along[0],
            top + a * width * across[1] + b * height * along[1],
        )
        for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))
    )


def box_of_corners(label: str, points: Sequence[Point], size: Size) -> Box:
    """The box whose `corners` these are."""
    wide, high = size
    (left, top), (right, beside), _across, (under, bottom) = points
    width, height = math.hypot(right - left, beside - top), math.hypot(under - left, bottom - top)
    turn = math.degrees(math.atan2(beside - top, right - left))
    return Box(
        label, left * 100 / wide, top * 100 / high, width * 100 / wide, height * 100 / high, turn % 360
    )


def envelope(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of the upright rectangle around the points."""
    across, down = [x for x, _y in points], [y for _x, y in points]
    return min(across), min(down), max(across), max(down)


def area(points: Sequence[Point]) -> float:
    """The area inside an outline (Gauss)."""
    pairs = zip(points, [*points[1:], points[0]], strict=True)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def pixels(points: Sequence[Point], size: Size) -> tuple[Point, ...]:
    """Per cent to pixels."""
    return tuple((x * size[0] / 100, y * size[1] / 100) for x, y in points)


def rounded(value: float) -> float:
    """To DECIMALS places, without a negative zero."""
    return round(value, DECIMALS) + 0.0


# --- what there is ------------------------------------------------------------------------------


def layers(spans: Iterable[Span]) -> list[list[Span]]:
    """Spans in layers without overlap: the outer and earlier ones in the first, what lies in them below."""
    found: list[list[Span]] = []
    for span in sorted(spans, key=lambda s: (s.start, -s.end, s.label)):
        if span.end <= span.start:
            continue
        free = next((layer for layer in found if layer[-1].end <= span.start), None)
        if free is None:
            found.append(free := [])
        free.append(span)
    return found


@dataclass(frozen=True, slots=True)
class Shape:
    """What a version holds, counted in one walk; decides which formats fit.

    `unsized_count`: rows with geometry, or on an image, whose image size nobody knows.
    `class_names`: labels of boxes and polygons; `span_names`: labels of spans; `layer_count`: depth of nesting.
    Of a firm's own files (`is_own`) the rows are those with annotations; `table_rows` counts the rows of its tables,
    `table_fault` and `row_fault` say why they can't be had, with the files it is about.
    """

    row_count: int = 0
    text_count: int = 0
    box_count: int = 0
    rotated_count: int = 0
    polygon_count: int = 0
    span_count: int = 0
    layer_count: int = 0
    unsized_count: int = 0
    byte_count: int = 0
    class_names: tuple[str, ...] = ()
    span_names: tuple[str, ...] = ()
    is_own: bool = False
    image_count: int = 0
    table_count: int = 0
    table_rows: int = 0
    table_fault: str = ""
    table_names: str = ""
    row_fault: str = ""
    row_names: str = ""

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Shape:
        lists = {name: tuple(told[name]) for name in ("class_names", "span_names")}
        return cls(**{**told, **lists})


def shape_of(rows: Iterable[AnnotatedRow], *, byte_count: int = 0) -> Shape:
    """Walk the rows once; `byte_count` is the size of the whole version."""
    count = dict.fromkeys(("rows", "text", "boxes", "rotated", "polygons", "spans", "unsized"), 0)
    deepest, classes, names = 0, set[str](), set[str]()
    for row in rows:
        count["rows"] += 1
        count["text"] += row.text is not None
        count["boxes"] += len(row.boxes)
        count["rotated"] += sum(box.is_rotated for box in row.boxes)
        count["polygons"] += len(row.polygons)
        count["spans"] += len(row.spans)
        count["unsized"] += row.text is None and row.size is None
        classes.update(box.label for box in row.boxes)
        classes.update(outline.label for outline in row.polygons)
        if row.spans:
            names.update(span.label for span in row.spans)
            deepest = max(deepest, len(layers(row.spans)))
    return Shape(
        count["rows"], count["text"], count["boxes"], count["rotated"], count["polygons"], count["spans"], deepest,
        count["unsized"], byte_count, tuple(sorted(classes)), tuple(sorted(names)),
    )  # fmt: skip


def ordered_classes(configured: Iterable[str], found: Iterable[str]) -> tuple[str, ...]:
    """The labels in the order of the labeling config, then those it does not name, by name; each once."""
    known = dict.fromkeys(configured)
    return (*known, *sorted(set(found) - known.keys()))
