"""Pascal VOC: one XML per image beside `JPEGImages/`.

`bndbox` counts pixels from 1 and includes its edges, as the format was defined. A turned box has the upright box
around it and, beside that, `robndbox` with centre, sides and angle (radians, clockwise).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from xml.sax.saxutils import escape

from assets.exports.formats.archive import Part, joined, stems, text_part
from assets.exports.formats.rows import AnnotatedRow, Box, Picture, Size, Source, corners, envelope, rounded

_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_FINE = 6  # decimals under which a pixel's edge counts as reached

README = """# Pascal VOC

- `Annotations/`: 每张图第一名标注员的结果；`Annotations-2/` 等为其后的标注员。 / First annotator; further ones in
  `Annotations-2/` …
- `JPEGImages/`: 图像；若未随附，请把数据集的文件按原路径放到这里。 / Images under their paths in the dataset.
- `bndbox`: 像素，从 1 起，含边界；图像按 EXIF 摆正。 / Pixels from 1, edges included, after the EXIF turn.
- `robndbox`: 旋转框的中心、宽高与顺时针弧度。 / Centre, sides and clockwise radians of a turned box.
"""


def _tag(name: str, value: object, depth: int) -> str:
    return f"{'  ' * depth}<{name}>{escape(_NOT_XML.sub('', str(value)))}</{name}>\n"


def _edges(box: Box, size: Size) -> tuple[int, int, int, int]:
    """The pixels a box touches: first and last column and row, from 1, inside the image."""
    left, top, right, bottom = (round(value, _FINE) for value in envelope(corners(box, size)))
    first = (min(max(math.floor(left) + 1, 1), size[0]), min(max(math.floor(top) + 1, 1), size[1]))
    last = (min(max(math.ceil(right), first[0]), size[0]), min(max(math.ceil(bottom), first[1]), size[1]))
    return (*first, *last)


def _object(box: Box, size: Size) -> Iterator[str]:
    yield "  <object>\n"
    yield _tag("name", box.label, 2)
    yield _tag("pose", "Unspecified", 2)
    yield _tag("truncated", 0, 2) + _tag("difficult", 0, 2)
    yield "    <bndbox>\n"
    for name, value in zip(("xmin", "ymin", "xmax", "ymax"), _edges(box, size), strict=True):
        yield _tag(name, value, 3)
    yield "    </bndbox>\n"
    if box.is_rotated:
        points = corners(box, size)
        middle = ((points[0][0] + points[2][0]) / 2, (points[0][1] + points[2][1]) / 2)
        sides = (box.width * size[0] / 100, box.height * size[1] / 100)
        yield "    <robndbox>\n"
        values = (*middle, *sides, math.radians(box.rotation))
        for name, number in zip(("cx", "cy", "w", "h", "angle"), values, strict=True):
            yield _tag(name, rounded(number), 3)
        yield "    </robndbox>\n"
    yield "  </object>\n"


def document(picture: Picture, row: AnnotatedRow, title: str) -> Iterator[str]:
    """The XML of one image as one annotator saw it."""
    path, size = PurePosixPath(picture.path), picture.size
    assert size is not None, "VOC needs the size of every image"
    folder = "" if str(path.parent) == "." else str(path.parent)
    yield "<annotation>\n"
    yield _tag("folder", folder, 1) + _tag("filename", path.name, 1) + _tag("path", picture.path, 1)
    yield "  <source>\n" + _tag("database", title, 2) + _tag("annotation", row.annotator, 2) + "  </source>\n"
    yield (
        "  <size>\n"
        + _tag("width", size[0], 2)
        + _tag("height", size[1], 2)
        + _tag("depth", 3, 2)
        + "  </size>\n"
    )
    yield _tag("segmented", 0, 1)
    for box in row.boxes:
        yield from _object(box, size)
    yield "</annotation>\n"


def parts(source: Source) -> Iterator[Part]:
    """The files of the archive."""
    names = stems(picture.path for picture in source.pictures())
    yield text_part("README.md", README)
    copy, more = 0, True
    while more:
        more = False
        folder = "Annotations" if copy == 0 else f"Annotations-{copy + 1}"
        for picture in source.pictures():
            more |= len(picture.rows) > copy + 1
            if len(picture.rows) > copy:
                told = document(picture, picture.rows[copy], source.title)
                yield Part(f"{folder}/{names[picture.path]}.xml", joined(told))
        copy += 1
    yield Part("ImageSets/Main/default.txt", joined(f"{stem}\n" for stem in names.values()))
    for path, stem in names.items():
        body = source.bytes_of(path)
        if body is not None:
            yield Part(f"JPEGImages/{stem}{PurePosixPath(path).suffix}", body, is_packed=False)
