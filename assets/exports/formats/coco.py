"""COCO object detection: `annotations/instances.json` over `images/`, streamed.

One image is listed once, however many annotators it had; each annotation says whose it is (`attributes`). A turned
box becomes an outline with the upright box around it. Category numbers follow the labeling config, from 1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from assets.exports.formats.archive import Part, joined, text_part
from assets.exports.formats.rows import (
    AnnotatedRow,
    Box,
    Point,
    Size,
    Source,
    area,
    box_of_corners,
    corners,
    envelope,
    pixels,
    rounded,
)

README = """# COCO

- `annotations/instances.json`: UTF-8；类别编号按标注配置的顺序，从 1 开始。 / Categories in the order of the labeling config.
- `images/`: 图像，保留数据集中的路径；若未随附，请把数据集的文件放到这里。 / Images under their paths in the dataset.
- 坐标为按 EXIF 摆正后的像素。 / Pixels of the image after its EXIF turn.
- `attributes.annotator`: 标注员代号；一张图有多名标注员时各自成条。 / Pseudonym; each annotator has own annotations.
- `attributes.rotation`: 旋转框的角度（顺时针，度），轮廓在 `segmentation`。 / Clockwise degrees of a turned box.
"""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _list(values: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    yield "["
    for place, value in enumerate(values):
        yield ("," if place else "") + _json(value)
    yield "]"


def _flat(points: tuple[Point, ...]) -> list[float]:
    return [rounded(value) for point in points for value in point]


def _shape(points: tuple[Point, ...], *, outlined: bool) -> dict[str, Any]:
    left, top, right, bottom = envelope(points)
    return {
        "bbox": [rounded(left), rounded(top), rounded(right - left), rounded(bottom - top)],
        "area": rounded(area(points)),
        "segmentation": [_flat(points)] if outlined else [],
    }


def _annotations_of(row: AnnotatedRow, size: Size, numbers: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    told = {"annotator": row.annotator, "row": row.id}
    for box in row.boxes:
        shape = _shape(corners(box, size), outlined=box.is_rotated)
        turn = {"rotation": rounded(box.rotation)} if box.is_rotated else {}
        yield {**shape, "category_id": numbers[box.label], "attributes": {**told, **turn}}
    for outline in row.polygons:
        shape = _shape(pixels(outline.points, size), outlined=True)
        yield {**shape, "category_id": numbers[outline.label], "attributes": told}


def _images(source: Source) -> Iterator[dict[str, Any]]:
    for number, picture in enumerate(source.pictures(), start=1):
        assert picture.size is not None, "COCO needs the size of every image"
        wide, high = picture.size
        yield {"id": number, "file_name": picture.path, "width": wide, "height": high}


def _annotations(source: Source) -> Iterator[dict[str, Any]]:
    numbers = {name: number for number, name in enumerate(source.classes, start=1)}
    count = 0
    for image, picture in enumerate(source.pictures(), start=1):
        assert picture.size is not None, "COCO needs the size of every image"
        for row in picture.rows:
            for told in _annotations_of(row, picture.size, numbers):
                count += 1
                yield {"id": count, "image_id": image, "iscrowd": 0, **told}


def document(source: Source) -> Iterator[str]:
    """The JSON document in pieces; walks the images twice and holds none of them."""
    yield f'{{"info":{_json({"description": source.title})},"licenses":[],"categories":'
    yield _json(
        [{"id": n, "name": name, "supercategory": ""} for n, name in enumerate(source.classes, start=1)]
    )
    yield ',"images":'
    yield from _list(_images(source))
    yield ',"annotations":'
    yield from _list(_annotations(source))
    yield "}\n"


def parts(source: Source) -> Iterator[Part]:
    """The files of the archive."""
    yield text_part("README.md", README)
    yield Part("annotations/instances.json", joined(document(source)))
    for picture in source.pictures():
        body = source.bytes_of(picture.path)
        if body is not None:
            yield Part(f"images/{picture.path}", body, is_packed=False)


def read_boxes(told: Mapping[str, Any]) -> dict[str, list[Box]]:
    """The boxes of a document of ours, by image path: the way back."""
    names = {each["id"]: each["name"] for each in told["categories"]}
    images = {each["id"]: each for each in told["images"]}
    found: dict[str, list[Box]] = {each["file_name"]: [] for each in told["images"]}
    for each in told["annotations"]:
        image, label = images[each["image_id"]], names[each["category_id"]]
        size = (image["width"], image["height"])
        if each["segmentation"] and "rotation" not in each["attributes"]:
            continue  # an outline, not a box
        if each["segmentation"]:
            flat = each["segmentation"][0]
            box = box_of_corners(label, list(zip(flat[::2], flat[1::2], strict=True)), size)
        else:
            left, top, wide, high = each["bbox"]
            points = ((left, top), (left + wide, top), (left + wide, top + high), (left, top + high))
            box = box_of_corners(label, points, size)
        found[image["file_name"]].append(box)
    return found
