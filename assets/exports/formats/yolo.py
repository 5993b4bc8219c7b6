"""YOLO in its three forms: upright boxes, oriented boxes (OBB), outlines.

A label file lies where its image lies, so images of one name in two folders stay apart. Class numbers follow the
labeling config, from 0. The format has no place for who drew a box: the first annotator of an image is in
`labels/`, a second one in `labels-2/`, and so on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import PurePosixPath

from assets.exports.formats.archive import Part, joined, stems, text_part
from assets.exports.formats.rows import AnnotatedRow, Box, Point, Size, Source, box_of_corners, corners

EDGE = 1e-4
"""By so much of the image an editor's rounding may pass its edge; that much is cut off."""
SQUARE = (100, 100)
"""Upright boxes and outlines need no pixels: their shares are the same on any image."""

README = """# YOLO

- `data.yaml`: 类别编号按标注配置的顺序，从 0 开始；未划分训练集与验证集，请自行划分。 / Classes in the order of the
  labeling config; no split was made.
- `images/`: 图像；若未随附，请把数据集的文件按原路径放到这里。 / Images under their paths in the dataset.
- `labels/`: 每张图第一名标注员的结果；`labels-2/` 等为其后的标注员。 / First annotator; further ones in `labels-2/` …
- 数值为占按 EXIF 摆正后图像宽高的比例。 / Shares of width and height of the image after its EXIF turn.
"""

Lines = Callable[[AnnotatedRow, Mapping[str, int]], Iterator[str]]


def _number(value: float) -> str:
    if -EDGE <= value < 0 or 1 < value <= 1 + EDGE:
        value = min(1.0, max(0.0, value))
    text = f"{value:.10f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _line(number: int, values: Sequence[float]) -> str:
    return " ".join([str(number), *map(_number, values)]) + "\n"


def _shares(points: Sequence[Point], size: Size) -> list[float]:
    return [share for x, y in points for share in (x / size[0], y / size[1])]


def upright(row: AnnotatedRow, numbers: Mapping[str, int]) -> Iterator[str]:
    """`class cx cy w h`, shares of the image."""
    for box in row.boxes:
        assert not box.is_rotated, "a turned box has no upright form"
        left, top = max(0.0, box.x / 100), max(0.0, box.y / 100)
        right, bottom = min(1.0, (box.x + box.width) / 100), min(1.0, (box.y + box.height) / 100)
        yield _line(numbers[box.label], ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top))


def oriented(row: AnnotatedRow, numbers: Mapping[str, int]) -> Iterator[str]:
    """`class x1 y1 x2 y2 x3 y3 x4 y4`: the corners clockwise from the box's own top left."""
    for box in row.boxes:
        size = row.size if box.is_rotated else SQUARE
        assert size is not None, "a turned box needs the size of its image"
        yield _line(numbers[box.label], _shares(corners(box, size), size))


def outlines(row: AnnotatedRow, numbers: Mapping[str, int]) -> Iterator[str]:
    """`class x1 y1 x2 y2 …`: outlines; boxes as outlines of four points."""
    yield from oriented(row, numbers)
    for outline in row.polygons:
        yield _line(numbers[outline.label], _shares(outline.points, SQUARE))


def parts(source: Source, lines: Lines) -> Iterator[Part]:
    """The files of the archive; `lines` is one of the three forms above."""
    numbers = {name: number for number, name in enumerate(source.classes)}
    names = stems(picture.path for picture in source.pictures())
    yield text_part("README.md", README)
    yield text_part("data.yaml", _settings(source.classes))
    for path, stem in names.items():
        body = source.bytes_of(path)
        if body is not None:
            yield Part(f"images/{stem}{PurePosixPath(path).suffix}", body, is_packed=False)
    copy, more = 0, True
    while more:
        more = False
        folder = "labels" if copy == 0 else f"labels-{copy + 1}"
        for picture in source.pictures():
            more |= len(picture.rows) > copy + 1
            if len(picture.rows) > copy:
                row = picture.rows[copy]
                yield Part(f"{folder}/{names[picture.path]}.txt", joined(lines(row, numbers)))
        copy += 1


detection = partial(parts, lines=upright)
obb = partial(parts, lines=oriented)
segmentation = partial(parts, lines=outlines)


def _settings(classes: Sequence[str]) -> str:
    names = "".join(f"  {n}: {json.dumps(name, ensure_ascii=False)}\n" for n, name in enumerate(classes))
    return f"path: .\ntrain: images\nval: images\nnames:{' {}' if not classes else ''}\n{names}"


def read_upright(text: str, classes: Sequence[str]) -> list[Box]:
    """The boxes of a label file: the way back."""
    found = []
    for line in text.splitlines():
        number, *rest = line.split()
        cx, cy, wide, high = (float(value) * 100 for value in rest)
        found.append(Box(classes[int(number)], cx - wide / 2, cy - high / 2, wide, high))
    return found


def read_oriented(text: str, classes: Sequence[str], size: Size) -> list[Box]:
    """The oriented boxes of a label file on an image of that size: the way back."""
    found = []
    for line in text.splitlines():
        number, *rest = line.split()
        shares = [float(value) for value in rest]
        points = [(x * size[0], y * size[1]) for x, y in zip(shares[::2], shares[1::2], strict=True)]
        found.append(box_of_corners(classes[int(number)], points, size))
    return found
