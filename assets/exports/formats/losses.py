"""What a format keeps of a version, found out by writing the rows, reading them back and comparing region by region.

Rows go through in portions, so that memory stays flat. Written by the same writers as the export itself; read by the
readers that take in labels of other tools (`annotation.labelstudio.importing`), for rows of tables by their own.
A region is **exact** when it comes back within EXACT, **rounded** when it comes back near by (the largest distance is
told), **changed** when something of it comes back in another form, and **lost** otherwise.
"""

from __future__ import annotations

import csv as cells
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from annotation.labelstudio import importing
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
    ObjectField,
)
from annotation.labelstudio.rules import LabelingConfig
from assets.exports.formats import coco, conll, csv, label_studio, parquet, voc, yolo
from assets.exports.formats.archive import Part, stems
from assets.exports.formats.rows import Box, Held, Size, Source, Span, corners, layers, pixels, read_row
from kernel.columnar import columnar

PORTION = 200
"""Rows that are written and read back at once."""
EXACT = 1e-6
NEAR_PIXELS, NEAR_SHARE, NEAR_CHARACTERS = 2.0, 0.5, 8
"""So far a region may come back from where it was and still be the same one; per cent where no size is known."""
MOST_EXAMPLES = 3
_SQUARE = (100, 100)

Raw = Mapping[str, Any]
Parts = Callable[[Source], Iterator[Part]]


@dataclass(frozen=True, slots=True)
class Piece:
    """One label of one region, as it can be compared. `place`: corners or points in pixels, offsets in characters."""

    family: str
    kind: str
    label: str
    place: tuple[float, ...] = ()


@dataclass(slots=True)
class Tally:
    """What became of the regions of one kind. `largest_error`: in `unit`, over those that were rounded."""

    total: int = 0
    exact: int = 0
    rounded: int = 0
    changed: int = 0
    lost: int = 0
    largest_error: float = 0.0
    unit: str = ""
    examples: list[str] = field(default_factory=list)

    def note(self, outcome: str, error: float = 0.0, unit: str = "", example: str = "") -> None:
        """Count one region; `example` tells one that was not kept."""
        self.total += 1
        setattr(self, outcome, getattr(self, outcome) + 1)
        if outcome == "rounded" and error > self.largest_error:
            self.largest_error, self.unit = error, unit
        if outcome in ("changed", "lost") and len(self.examples) < MOST_EXAMPLES:
            self.examples.append(example)


@dataclass(slots=True)
class LossReport:
    """What one format keeps of some rows, by kind of region; `row_count` of them were measured, of `all_rows`."""

    format: str
    row_count: int = 0
    all_rows: int = 0
    kinds: dict[str, Tally] = field(default_factory=dict)
    unread_count: int = 0
    unread: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether every region comes back, at most rounded."""
        return not self.unread_count and not any(each.lost + each.changed for each in self.kinds.values())

    def tally(self, kind: str) -> Tally:
        return self.kinds.setdefault(kind, Tally())

    def as_json(self) -> dict[str, Any]:
        """The report as it is kept; kinds in the order of KINDS."""
        told = asdict(self)
        ordered = {kind: asdict(self.kinds[kind]) for kind in KINDS if kind in self.kinds}
        return {**told, "kinds": ordered, "is_whole": self.is_whole}

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> LossReport:
        kinds = {kind: Tally(**each) for kind, each in told["kinds"].items()}
        return cls(**{name: told[name] for name in cls.__slots__ if name != "kinds"}, kinds=kinds)


KINDS = (
    "box", "rotated", "polygon", "span", "nested", "multi_label", "choice", "rating", "text", "pairwise", "relation",
    "per_region", "other",
)  # fmt: skip
_FAMILIES = {CHOICES: "choice", RATING: "rating", TEXT_AREA: "text", PAIRWISE: "pairwise"}


# --- what a result holds --------------------------------------------------------------------------


def pieces_of(result: Iterable[Any], text: str | None, size: Size | None) -> list[Piece]:
    """Everything that a result says, piece by piece; a region with two labels comes twice."""
    found: list[Piece] = []
    drawn: set[str] = set()
    for region in result:
        if not isinstance(region, Mapping):
            continue
        kind, value = str(region.get("type", "")), region.get("value")
        number = str(region.get("id", ""))
        if kind in (RECTANGLES, POLYGONS, LABELS) and isinstance(value, Mapping):
            drawn.add(number)
            found += _shapes(kind, value, size)
        elif kind == RELATION:
            ends = [str(region.get(name, "")) for name in ("from_id", "to_id", "direction")]
            found.append(
                Piece("relation", "relation", " ".join([*ends, *map(str, region.get("labels") or [])]))
            )
        else:
            family = _FAMILIES.get(kind, "other")
            kind_told = "per_region" if number in drawn else family
            said = json.dumps(value, ensure_ascii=False, sort_keys=True)
            told = value.get(kind) if isinstance(value, Mapping) else None
            labels = told if family == "choice" and isinstance(told, list) else [said]
            found += [Piece(family, kind_told, str(label)) for label in labels]
    return _with_nested(found) if text is not None else found


def _shapes(kind: str, value: Mapping[str, Any], size: Size | None) -> Iterator[Piece]:
    for label in map(str, value.get(kind) or ()):
        if kind == LABELS:
            yield Piece("span", "span", label, (float(value["start"]), float(value["end"])))
        elif kind == POLYGONS:
            points = [(float(x), float(y)) for x, y in value["points"]]
            yield Piece("polygon", "polygon", label, _flat(pixels(points, size or _SQUARE)))
        else:
            x, y, width, height = (float(value[name]) for name in ("x", "y", "width", "height"))
            box = Box(label, x, y, width, height, float(value.get("rotation") or 0))
            told = "rotated" if box.is_rotated else "box"
            yield Piece("box", told, label, _flat(corners(box, size or _SQUARE)))


def _flat(points: Iterable[Sequence[float]]) -> tuple[float, ...]:
    return tuple(part for point in points for part in point)


def _with_nested(found: Sequence[Piece]) -> list[Piece]:
    """The same, with spans that lie in or cross another one told apart."""
    spans = [
        Span(each.label, int(each.place[0]), int(each.place[1])) for each in found if each.family == "span"
    ]
    below = {(span.label, span.start, span.end) for layer in layers(spans)[1:] for span in layer}
    return [
        Piece("span", "nested", each.label, each.place)
        if each.family == "span" and (each.label, *map(int, each.place)) in below
        else each
        for each in found
    ]


def _several(result: Iterable[Any]) -> int:
    """How many regions have more than one label."""
    drawn = (
        each
        for each in result
        if isinstance(each, Mapping) and each.get("type") in (RECTANGLES, POLYGONS, LABELS)
    )
    return sum(len((each.get("value") or {}).get(each["type"]) or ()) > 1 for each in drawn)


# --- comparing ------------------------------------------------------------------------------------


def _distance(first: Piece, second: Piece) -> float:
    if len(first.place) != len(second.place):
        return float("inf")
    return max((abs(a - b) for a, b in zip(first.place, second.place, strict=True)), default=0.0)


def _near(piece: Piece, *, is_sized: bool) -> tuple[float, str]:
    if piece.family == "span":
        return NEAR_CHARACTERS, "character"
    return (NEAR_PIXELS, "pixel") if is_sized else (NEAR_SHARE, "percent")


class _Back:
    """What came back for one item, taken out piece by piece as it is found again."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._held: dict[tuple[str, str], list[Piece]] = {}
        for piece in pieces:
            self._held.setdefault((piece.family, piece.label), []).append(piece)

    def take(self, piece: Piece, reach: float) -> float | None:
        """The distance of the nearest piece of the same family and label within reach; it is used up."""
        alike = self._held.get((piece.family, piece.label), [])
        nearest = min(alike, key=lambda each: _distance(piece, each), default=None)
        if nearest is None or _distance(piece, nearest) > reach:
            return None
        alike.remove(nearest)
        return _distance(piece, nearest)

    def take_other_form(self, piece: Piece) -> bool:
        """Whether something of the piece came back in another form: a box as outline, or its label alone."""
        forms = [Piece("label", "label", piece.label)]
        if piece.family == "box":
            forms.append(Piece("polygon", "polygon", piece.label, piece.place))
        reaches = ((each, NEAR_PIXELS if each.place else EXACT) for each in forms)
        return any(self.take(each, reach) is not None for each, reach in reaches)


def compare(
    report: LossReport, row: str, given: Sequence[Piece], back: Sequence[Piece], *, is_sized: bool
) -> None:
    """Note in the report what became of every given piece of one item."""
    held = _Back(back)
    missing = []
    for piece in given:  # what is exact first, so that no near one takes its place
        if held.take(piece, EXACT) is None:
            missing.append(piece)
        else:
            report.tally(piece.kind).note("exact")
    for piece in missing:
        reach, unit = _near(piece, is_sized=is_sized)
        error = held.take(piece, reach)
        example = f"{row}: {piece.label}"
        if error is not None:
            report.tally(piece.kind).note("rounded", round(error, 6), unit)
        elif held.take_other_form(piece):
            report.tally(piece.kind).note("changed", example=example)
        else:
            report.tally(piece.kind).note("lost", example=example)


# --- there and back, by format ---------------------------------------------------------------------

Returned = dict[str, list[Any]]
"""Results by item."""


def _held(rows: Sequence[Raw], classes: Sequence[str], sizes: Mapping[str, Size]) -> Held:
    return Held([read_row(row, sizes.get(str(row["item"]))) for row in rows], classes)


def _config(kind: str, controls: Sequence[str], classes: Sequence[str]) -> LabelingConfig:
    asked = tuple(
        Control(name, name, "it", tuple(classes), is_multiple=True, is_required=False, title=name)
        for name in controls
    )
    return LabelingConfig("", "", asked, (ObjectField("it", kind, "it"),), None)


def _images(code: str, parts: Parts, folder: str, *, by_stem: bool) -> Callable[..., Returned]:
    def there_and_back(
        report: LossReport, rows: Sequence[Raw], classes: Sequence[str], sizes: Mapping[str, Size]
    ) -> Returned:
        source = _held(rows, classes, sizes)
        files = {part.path: b"".join(part.chunks) for part in parts(source) if part.path != "README.md"}
        names = stems(picture.path for picture in source.pictures())
        placed = {}
        for picture in source.pictures():
            path, suffix = picture.path, PurePosixPath(picture.path).suffix
            shown = f"{folder}/{names[path]}{suffix}" if by_stem else f"{folder}/{path}"
            placed[shown] = path
            files[shown] = b""
        known = {shown: size for shown, path in placed.items() if (size := _size_of(source, path))}
        config = _config("image", (RECTANGLES, POLYGONS), classes)
        found = importing.Report()
        back: Returned = {}
        reader = importing.SOURCES[code].reader
        for one in reader(importing.Held(files, known), config, found):
            back.setdefault(placed.get(one.key, one.key), []).extend(one.result)
        _unread(report, found)
        return back

    return there_and_back


def _size_of(source: Held, path: str) -> Size | None:
    return next((row.size for row in source.held if row.item == path and row.size), None)


def _unread(report: LossReport, found: importing.Report) -> None:
    report.unread_count += found.fault_count
    report.unread += [each.told for each in found.faults][: MOST_EXAMPLES - len(report.unread)]


def _texts(
    report: LossReport, rows: Sequence[Raw], classes: Sequence[str], _sizes: Mapping[str, Size]
) -> Returned:
    files = {part.path: b"".join(part.chunks) for part in conll.parts(_held(rows, classes, {}))}
    found, back = importing.Report(), Returned()
    config = _config("text", (LABELS,), classes)
    held = importing.Held({"bio.conll": files["bio.conll"]})
    for one in importing.SOURCES["conll"].reader(held, config, found):
        back.setdefault(one.key, []).extend(one.result)
    _unread(report, found)
    return back


def _lines(_report: LossReport, rows: Sequence[Raw], *_rest: object) -> Returned:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    return {row["id"]: row["result"] for row in map(json.loads, lines)}


def _tasks(report: LossReport, rows: Sequence[Raw], *_rest: object) -> Returned:
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    files = importing.Held({"tasks.json": b"".join(label_studio.document(lines, "it"))})
    found, back = importing.Report(), Returned()
    kind = "text" if rows[0].get("text") is not None else "image"
    for one in importing.SOURCES["label_studio"].reader(files, _config(kind, (), ()), found):
        back[str(rows[one.line - 1]["id"])] = one.result
    _unread(report, found)
    return back


def _parquet(_report: LossReport, rows: Sequence[Raw], *_rest: object) -> Returned:
    with tempfile.TemporaryDirectory(prefix="qingshu-loss-") as name:
        given, target = Path(name) / "rows.jsonl", Path(name) / "rows.parquet"
        given.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        parquet.write(given, target, ("id", "result"))
        with columnar() as base:
            told = base.execute(f"SELECT id, result FROM read_parquet('{target}')").fetchall()
    return {number: json.loads(result) for number, result in told}


def _cells(_report: LossReport, rows: Sequence[Raw], *_rest: object) -> Returned:
    """CSV holds labels, not regions: they come back as such, answers to one question as what they were."""
    body = b"".join(csv.document(read_row(row) for row in rows)).decode("utf-8-sig")
    back: Returned = {}
    for row, told in zip(rows, cells.DictReader(io.StringIO(body, newline="")), strict=True):
        labels = told["labels"].split(csv.SEPARATOR) if told["labels"] else []
        asked = {(each.get("from_name"), each.get("type")) for each in row.get("result") or ()}
        is_one = len(asked) == 1 and next(iter(asked))[1] == CHOICES
        family = "choice" if is_one else "label"
        back[str(row["id"])] = [Piece(family, family, label) for label in labels]
    return back


_WAYS: dict[str, tuple[Callable[..., Returned], str]] = {
    "folder": (_lines, "id"),
    "jsonl": (_lines, "id"),
    "parquet": (_parquet, "id"),
    "label_studio": (_tasks, "id"),
    "csv": (_cells, "id"),
    "coco": (_images("coco", coco.parts, "images", by_stem=False), "item"),
    "yolo": (_images("yolo", yolo.detection, "images", by_stem=True), "item"),
    "yolo_obb": (_images("yolo_obb", yolo.obb, "images", by_stem=True), "item"),
    "yolo_seg": (_images("yolo", yolo.segmentation, "images", by_stem=True), "item"),
    "voc": (_images("voc", voc.parts, "JPEGImages", by_stem=True), "item"),
    "conll": (_texts, "id"),
}
MEASURED = frozenset(_WAYS)


def measure(
    lines: Iterable[bytes | str],
    *,
    code: str,
    classes: Sequence[str],
    sizes: Mapping[str, Size] | None = None,
    all_rows: int = 0,
) -> LossReport:
    """Write the rows (JSON lines) in a format, read them back and compare; `classes` as the export numbers them."""
    report = LossReport(code, all_rows=all_rows)
    walked = iter(lines)
    while portion := [json.loads(line) for line in islice(walked, PORTION)]:
        _measure_portion(report, portion, classes, sizes or {})
        report.row_count += len(portion)
    report.all_rows = max(report.all_rows, report.row_count)
    return report


def _measure_portion(
    report: LossReport, rows: Sequence[Raw], classes: Sequence[str], sizes: Mapping[str, Size]
) -> None:
    there_and_back, name = _WAYS[report.format]
    back = there_and_back(report, rows, classes, sizes)
    groups: dict[str, list[Raw]] = {}
    for row in rows:
        groups.setdefault(str(row[name]), []).append(row)
    for key, group in groups.items():
        texts = [row.get("text") for row in group]
        size = next(
            (known for row in group if (known := read_row(row, sizes.get(str(row["item"]))).size)), None
        )
        given = [
            piece
            for row, text in zip(group, texts, strict=True)
            for piece in pieces_of(row.get("result") or (), text, size)
        ]
        told = back.get(key, [])
        found = [*told] if told and isinstance(told[0], Piece) else pieces_of(told, texts[0], size)
        compare(report, str(group[0]["id"]), given, found, is_sized=size is not None)
        several = sum(_several(row.get("result") or ()) for row in group)
        same = 0 if told and isinstance(told[0], Piece) else _several(told)
        for place in range(several):
            example = f"{group[0]['id']}"
            report.tally("multi_label").note("exact" if place < same else "changed", example=example)
