"""What configs and results are made of: the kinds of questions, and the words for what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

REGION_LIMIT = 2_000
TEXT_AREA_LIMIT = 10_000  # characters of one transcription
NAME_LIMIT = 100  # characters of a label, a control's name or a region's id
RATING_LIMIT = 10

CHOICES, LABELS, RECTANGLES, POLYGONS, TEXT_AREA, RATING, PAIRWISE, RELATION = (
    "choices", "labels", "rectanglelabels", "polygonlabels", "textarea", "rating", "pairwise", "relation",
)  # fmt: skip
SHAPES = frozenset({RECTANGLES, POLYGONS})
LABELLED = frozenset({CHOICES, LABELS, RECTANGLES, POLYGONS})
"""Kinds whose value names labels of the config, under the kind itself."""
SIDES = ("left", "right")
TEXT_FIELDS = ("text", "文本", "内容", "content", "review")
"""Columns and members that hold the text of a row, in this order."""


@dataclass(frozen=True, slots=True)
class Control:
    """One question of a config: a named tag over an object, with its labels in config order.

    `title`: the nearest <Header> before it, or its name. `to_name`: what a region of it says, for <Pairwise> its
    own name, as Label Studio writes it; `targets` are the names of the objects it is about. `is_per_region`:
    answered once for every shape, by a region with the shape's id. `most`: the best rating.
    """

    name: str
    kind: str
    to_name: str
    labels: tuple[str, ...]
    is_multiple: bool
    is_required: bool
    title: str
    targets: tuple[str, ...] = ()
    is_per_region: bool = False
    most: int = 0


@dataclass(frozen=True, slots=True)
class ObjectField:
    """What is labelled: a tag (text, image) that shows one field of the task."""

    name: str
    kind: str
    field: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a result: a stable code, the region's place in the list (None: the whole), words."""

    code: str
    message: str
    region: int | None = None

    @property
    def told(self) -> str:
        """The words with the region they are about, counted from 1."""
        if self.region is None:
            return self.message
        return _("第 %(place)s 个区域：%(reason)s") % {"place": self.region + 1, "reason": self.message}


def labels_given(region: Mapping[str, Any]) -> list[str]:
    """The labels one region gives: of the config, a rating, the side of a comparison; a relation's own."""
    kind, value = str(region.get("type", "")), region.get("value")
    if kind == RELATION:
        given: Any = region.get("labels") or []
    elif not isinstance(value, Mapping) or kind == TEXT_AREA:
        return []
    else:
        given = value.get("selected" if kind == PAIRWISE else kind, [])
    return [str(label) for label in (given if isinstance(given, list) else [given])]


def fault(code: str, words: str, **members: Any) -> Problem:
    """A problem of one region whose place is not known yet."""
    return Problem(code, words % members if members else words)
