"""Languages of texts, and labelled spans and regions as the viewer draws them.

Language is told by script alone, a rule of our own: Han characters against Latin letters. At least 70 % Han
is Chinese, at most 10 % is English (rather: Latin), between them mixed; texts with neither are other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_HAN = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U0003ffff]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")


def language_of(text: str) -> str:
    """zh, en, mixed or other."""
    han, latin = len(_HAN.findall(text)), len(_LATIN.findall(text))
    letters = han + latin
    if not letters:
        return "other"
    percent = han * 100 // letters
    return "zh" if percent >= 70 else "en" if percent <= 10 else "mixed"


# --- spans --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled stretch of a text, in characters."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch over which the same labels hold, the longest span first; `ending`: labels that end here."""

    text: str
    labels: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()


def spans_in(text: str, result: Iterable[Mapping[str, Any]]) -> list[Span]:
    """The labelled spans of a result in Label Studio JSON; what lies outside the text is left out.

    The editor counts UTF-16 units; where its own quotation shows that, they are turned into characters.
    """
    found = []
    for region in result:
        value = region.get("value")
        if not isinstance(value, Mapping):
            continue
        given = value.get(str(region.get("type", "")))
        start, end = value.get("start"), value.get("end")
        if not isinstance(given, list) or type(start) is not int or type(end) is not int:
            continue
        start, end = _in_characters(text, start, end, value.get("text"))
        if 0 <= start < end <= len(text):
            found += [Span(start, end, str(label)) for label in given]
    return found


def _in_characters(text: str, start: int, end: int, quoted: object) -> tuple[int, int]:
    if not isinstance(quoted, str) or text[start:end] == quoted or start < 0:
        return start, end
    units = text.encode("utf-16-le")
    before, inside = units[: 2 * start], units[2 * start : 2 * end]
    if inside.decode("utf-16-le", "ignore") != quoted:
        return start, end
    first = len(before.decode("utf-16-le", "ignore"))
    return first, first + len(quoted)


def segments(text: str, spans: Sequence[Span]) -> list[Segment]:
    """The text cut wherever a span begins or ends; nested and crossing spans give several labels."""
    edges = sorted({0, len(text), *(s.start for s in spans), *(s.end for s in spans)})
    found = []
    for start, end in pairwise(edges):
        covering = [s for s in spans if s.start <= start and s.end >= end]
        covering.sort(key=lambda s: (s.start, -s.end, s.label))
        found.append(
            Segment(
                text[start:end],
                tuple(s.label for s in covering),
                tuple(s.label for s in reversed(covering) if s.end == end),
            )
        )
    return found


# --- regions ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Region:
    """A labelled region on an image in tenths of pixels of `width`×`height`.

    `kind`: rect, ellipse, polygon or point; `turn` in hundredths of degrees about the upper left corner.
    """

    kind: str
    label: str
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0
    turn: int = 0
    points: tuple[tuple[int, int], ...] = ()


_SHAPES = {"rectangle": "rect", "ellipse": "ellipse", "polygon": "polygon", "keypoint": "point"}


def image_size(result: Iterable[Mapping[str, Any]]) -> tuple[int, int] | None:
    """Width and height of the image as the editor wrote them down; None when it did not."""
    for region in result:
        width, height = region.get("original_width"), region.get("original_height")
        if type(width) is int and type(height) is int and 0 < width < 100_000 and 0 < height < 100_000:
            return width, height
    return None


def regions_in(result: Iterable[Mapping[str, Any]], width: int, height: int) -> list[Region]:
    """The drawable regions of a result in Label Studio JSON, whose positions are per cent of the image."""
    found = []
    for region in result:
        kind, value = str(region.get("type", "")), region.get("value")
        shape = next((shape for name, shape in _SHAPES.items() if kind.startswith(name)), None)
        if shape is None or not isinstance(value, Mapping):
            continue
        given = value.get(kind)
        label = "、".join(map(str, given)) if isinstance(given, list) else ""
        drawn = _region(shape, label, value, width, height)
        if drawn is not None:
            found.append(drawn)
    return found


def _tenths(value: object, whole: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1_000:
        raise ValueError(value)
    return round(value * whole / 10)


def _region(shape: str, label: str, value: Mapping[str, Any], width: int, height: int) -> Region | None:
    try:
        if shape == "polygon":
            points = tuple((_tenths(x, width), _tenths(y, height)) for x, y in value["points"])
            return Region(shape, label, points=points) if len(points) >= 3 else None
        x, y = _tenths(value["x"], width), _tenths(value["y"], height)
        if shape == "point":
            return Region(shape, label, x, y)
        wide, high = ("width", "height") if shape == "rect" else ("radiusX", "radiusY")
        turn = _tenths(value.get("rotation", 0), 1_000)
        return Region(shape, label, x, y, _tenths(value[wide], width), _tenths(value[high], height), turn)
    except (KeyError, TypeError, ValueError):
        return None
