"""Labels over images: COCO, YOLO upright and oriented, Pascal VOC. Images are told apart by path, never by name alone."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from xml.etree import ElementTree

import yaml
from django.utils.translation import gettext as _

from annotation.labelstudio.geometry import Point, box_of_corners, is_number, is_whole
from annotation.labelstudio.importing.found import (
    Broken,
    Files,
    Found,
    Report,
    Size,
    control_of,
    ending,
    is_safe,
    region,
    whole_text,
)
from annotation.labelstudio.kinds import POLYGONS, RECTANGLES, Control
from annotation.labelstudio.rules import LabelingConfig

IMAGE_ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp", "gif")
_SHARES = (1, 1)
_UPLOADED = re.compile(r"[0-9a-f]{8}-")


class Drawing:
    """The regions of one image, in the questions that the config asks."""

    def __init__(self, config: LabelingConfig, report: Report, size: Size | None) -> None:
        self.boxes, self.outlines = control_of(config, RECTANGLES), control_of(config, POLYGONS)
        self.report, self.size = report, size
        self.result: list[dict[str, Any]] = []
        if not self.boxes and not self.outlines:
            words = _("配置中没有 <RectangleLabels> 或 <PolygonLabels>，请先在项目的标注配置中加入。")
            raise Broken("no_place_for_shapes", words)

    def box(self, label: str, points: Sequence[Point], scale: Size) -> None:
        """A rectangle by its corners in pixels of an image of `scale`, clockwise from its own upper left."""
        if self.boxes is None:
            self.report.lose("boxes")
            self.outline(label, points, scale)
            return
        told = box_of_corners(points, scale)
        if told is None:
            if self.outlines is None:
                words = _("四个角不成矩形，请改正，或在配置中加入 <PolygonLabels>。")
                raise Broken("not_a_rectangle", words)
            self.outline(label, points, scale)
            return
        names = ("x", "y", "width", "height", "rotation")
        value = dict(zip(names, (round(part, 9) + 0.0 for part in told), strict=True))
        self._add(self.boxes, {**value, RECTANGLES: [label]})

    def upright(self, label: str, edges: Sequence[float], scale: Size) -> None:
        """A rectangle by left, top, right, bottom."""
        left, top, right, bottom = edges
        if not (left < right and top < bottom):
            raise Broken("box_without_area", _("框的宽和高应大于 0。"))
        self.box(label, [(left, top), (right, top), (right, bottom), (left, bottom)], scale)

    def outline(self, label: str, points: Sequence[Point], scale: Size) -> None:
        """An outline; the upright box around it when the config asks for boxes only."""
        if self.outlines is None:
            self.report.lose("outlines")
            across, down = [x for x, _y in points], [y for _x, y in points]
            self.upright(label, (min(across), min(down), max(across), max(down)), scale)
            return
        told = [[round(x * 100 / scale[0], 9), round(y * 100 / scale[1], 9)] for x, y in points]
        if len(told) > 3 and told[0] == told[-1]:
            told.pop()
        self._add(self.outlines, {"points": told, "closed": True, POLYGONS: [label]})

    def _add(self, control: Control, value: dict[str, Any]) -> None:
        self.result.append(region(control, len(self.result) + 1, value, self.size))


def _image_field(config: LabelingConfig) -> str:
    if config.objects[0].kind != "image":
        raise Broken("config_shows_no_image", _("项目的配置显示的是文本，请选择文本的格式，或另建图像项目。"))
    return config.objects[0].field


# --- COCO -------------------------------------------------------------------------------------------


def coco(files: Files, config: LabelingConfig, report: Report) -> Iterator[Found]:
    """Every JSON document with `images` and `annotations`; class numbers by its own list of categories."""
    for name in files.names():
        if ending(name) != "json":
            continue
        try:
            yield from _coco_document(files, Images(files), name, config, report)
        except Broken as broken:
            report.refuse(name, 0, broken.code, broken.message)


def _coco_document(
    files: Files, known: Images, name: str, config: LabelingConfig, report: Report
) -> Iterator[Found]:
    shown = _image_field(config)
    try:
        told = json.loads(whole_text(files, name))
        images = {each["id"]: each for each in told["images"]}
        labels = {each["id"]: str(each["name"]) for each in told["categories"]}
        annotations = list(told["annotations"])
    except (ValueError, RecursionError, KeyError, TypeError) as wrong:
        words = _("应为 COCO 的 JSON，含 images、annotations、categories 三个列表，每项有 id。")
        raise Broken("not_coco", words) from wrong
    if len(images) < len(told["images"]) or len(labels) < len(told["categories"]):
        raise Broken("coco_id_twice", _("images 或 categories 中有重复的 id，请改正。"))
    by_image: dict[Any, list[Any]] = {}
    for number, each in enumerate(annotations, 1):
        image = each.get("image_id") if isinstance(each, dict) else None
        if not isinstance(image, int | str) or image not in images:
            words = _("第 %(number)s 个标注的 image_id 不在 images 中，请改正。")
            report.refuse(name, 0, "unknown_image", words % {"number": number})
            continue
        by_image.setdefault(image, []).append(each)
    for number, image in images.items():
        try:
            yield _coco_image(known, name, shown, image, by_image.get(number, []), labels, config, report)
        except Broken as broken:
            words = _("图像 %(image)s：%(reason)s")
            path = str(image.get("file_name", number))[:200] if isinstance(image, dict) else str(number)
            report.refuse(name, 0, broken.code, words % {"image": path, "reason": broken.message})


def _coco_image(
    known: Images,
    name: str,
    shown: str,
    image: Mapping[str, Any],
    annotations: Sequence[Mapping[str, Any]],
    labels: Mapping[Any, str],
    config: LabelingConfig,
    report: Report,
) -> Found:
    path, size = image.get("file_name"), (image.get("width"), image.get("height"))
    own = known.meant(path) if isinstance(path, str) else ""
    if not is_safe(own):
        raise Broken("unsafe_path", _("file_name 应为图像的相对路径，不含“..”。"))
    if not all(is_whole(part) and 0 < (part or 0) < 1_000_000 for part in size):
        raise Broken("size_invalid", _("width 和 height 应为大于 0 的整数（像素）。"))
    scale = (int(size[0] or 0), int(size[1] or 0))
    measured = known.sizes.get(own)
    if measured is not None and measured != scale:
        words = _("文件中写的是 %(told)s 像素，图像是 %(own)s 像素，请核对（照片可能带旋转标记）。")
        told, real = (f"{wide} × {high}" for wide, high in (scale, measured))
        raise Broken("size_mismatch", words % {"told": told, "own": real})
    drawing = Drawing(config, report, scale)
    for each in annotations:
        _coco_shape(each, labels, drawing, scale)
    return Found(name, 0, own, {shown: own}, drawing.result, scale)


def _coco_shape(each: Mapping[str, Any], labels: Mapping[Any, str], drawing: Drawing, scale: Size) -> None:
    report = drawing.report
    category = each.get("category_id")
    if not isinstance(category, int | str) or category not in labels:
        raise Broken(
            "unknown_category",
            _("category_id %(id)s 不在 categories 中，请改正。") % {"id": str(category)[:50]},
        )
    label = labels[category]
    if each.get("iscrowd"):
        report.lose("crowds")
        return
    if each.get("keypoints"):
        report.lose("keypoints")
    told = each.get("attributes")
    attributes = told if isinstance(told, dict) else {}
    report.losses.update({"attributes": 1} if attributes.keys() - {"rotation"} else {})
    drawn = each.get("segmentation")
    if isinstance(drawn, dict):
        report.lose("masks")
    if isinstance(drawn, list) and drawn:
        outlines = [_flat_points(flat) for flat in drawn]
        if len(outlines) > 1:
            report.lose("parts")
        for points in outlines:
            if "rotation" in attributes and len(points) == 4:
                drawing.box(label, points, scale)
            else:
                drawing.outline(label, points, scale)
        return
    edges = each.get("bbox")
    if not isinstance(edges, list) or len(edges) != 4 or not all(is_number(part) for part in edges):
        raise Broken("box_not_number", _("bbox 应为 [x, y, 宽, 高] 四个数字（像素）。"))
    left, top, wide, high = edges
    drawing.upright(label, (left, top, left + wide, top + high), scale)


def _flat_points(flat: Any) -> list[Point]:
    if (
        not isinstance(flat, list)
        or len(flat) < 6
        or len(flat) % 2
        or not all(is_number(part) for part in flat)
    ):
        raise Broken("points_invalid", _("segmentation 应为 [x1, y1, x2, y2, …]，至少 3 个点（像素）。"))
    return list(zip(flat[::2], flat[1::2], strict=True))


class Images:
    """The uploaded images, found by path or by where a label file lies."""

    def __init__(self, files: Files) -> None:
        self.sizes = files.sizes
        self.paths = {name for name in files.names() if ending(name) in IMAGE_ENDINGS}
        self._by_name: dict[str, list[str]] = {}
        self._by_stem: dict[str, str] = {}
        for path in sorted(self.paths):
            self._by_name.setdefault(PurePosixPath(path).name, []).append(path)
            self._by_stem.setdefault(_image_stem(path), path)

    def meant(self, path: str) -> str:
        """The image a path means: itself, under `images/`, or by its end, as far as that tells one image; else the path.

        A bare name counts only when one image alone has it; Label Studio puts eight digits before names it took in.
        """
        parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
        if not parts or ".." in parts:
            return path
        is_elsewhere = path[0] in "/\\" or path[1:2] == ":" or "//" in path
        may_be_name = is_elsewhere or parts[:-1] in ([], ["images"])
        for start in range(len(parts)):
            tail = "/".join(parts[start:])
            is_name = start > 0 and start == len(parts) - 1
            for candidate in () if is_name else (tail, f"images/{tail}"):
                if candidate in self.paths:
                    return candidate
        for name in (parts[-1], _UPLOADED.sub("", parts[-1], count=1)):
            alike = self._by_name.get(name, [])
            ends = [known for known in alike if known.endswith("/" + "/".join([*parts[:-1], name]))]
            if len(ends) == 1 or (may_be_name and len(alike) == 1):
                return (ends or alike)[0]
        return path

    def beside(self, label_file: str) -> str | None:
        """The image that a label file is about."""
        return self._by_stem.get(_label_stem(label_file))


# --- YOLO -------------------------------------------------------------------------------------------


def yolo(files: Files, config: LabelingConfig, report: Report) -> Iterator[Found]:
    """Label files with `class cx cy w h`, or outlines `class x1 y1 …`; classes from data.yaml or classes.txt."""
    yield from _yolo(files, config, report, is_oriented=False)


def yolo_obb(files: Files, config: LabelingConfig, report: Report) -> Iterator[Found]:
    """Label files with `class x1 y1 x2 y2 x3 y3 x4 y4`: rectangles by their corners."""
    yield from _yolo(files, config, report, is_oriented=True)


def _yolo(files: Files, config: LabelingConfig, report: Report, *, is_oriented: bool) -> Iterator[Found]:
    listing = next((name for name in files.names() if _is_listing(name)), None)
    if listing is None:
        report.refuse(
            "data.yaml", 0, "no_classes", _("没有 data.yaml 或 classes.txt，无从得知类别的名称，请一并上传。")
        )
        return
    try:
        shown, classes = _image_field(config), _classes(files, listing)
    except Broken as broken:
        report.refuse(listing, 0, broken.code, broken.message)
        return
    images = Images(files)
    for name in files.names():
        if ending(name) != "txt" or _is_listing(name) or PurePosixPath(name).name == "README.txt":
            continue
        path = images.beside(name)
        if path is None:
            report.refuse(
                name, 0, "no_image", _("没有同名的图像，请把图像按同样的文件夹放在 images/ 下一并上传。")
            )
            continue
        try:
            yield _yolo_image(files, name, path, shown, classes, config, report, is_oriented=is_oriented)
        except _AtLine as broken:
            report.refuse(name, broken.line, broken.code, broken.message)
        except Broken as broken:
            report.refuse(name, 0, broken.code, broken.message)


class _AtLine(Broken):
    """A line of a label file cannot be read."""

    def __init__(self, line: int, broken: Broken) -> None:
        super().__init__(broken.code, broken.message)
        self.line = line


def _is_listing(name: str) -> bool:
    return PurePosixPath(name).name in ("data.yaml", "data.yml", "dataset.yaml", "classes.txt", "obj.names")


def _classes(files: Files, name: str) -> list[str]:
    text = whole_text(files, name)
    if ending(name) not in ("yaml", "yml"):
        return [line.strip() for line in text.splitlines() if line.strip()]
    try:
        told = yaml.safe_load(text)
        names = told["names"]
        if isinstance(names, dict):
            names = [names[number] for number in range(len(names))]
        return [str(each) for each in list(names)]
    except (yaml.YAMLError, KeyError, TypeError, RecursionError) as wrong:
        words = _("应有 names：类别名称的列表，或从 0 起的编号与名称。")
        raise Broken("classes_invalid", words) from wrong


def _image_stem(path: str) -> str:
    *folders, name = PurePosixPath(path).with_suffix("").parts
    return "/".join([*(part for part in folders if part not in ("images", "JPEGImages")), name])


def _label_stem(path: str) -> str:
    """The image a label file is about: its path without ending and without the folder of labels (or of a second
    annotator's: `labels-2`)."""
    *folders, name = PurePosixPath(path).with_suffix("").parts
    kept = (part for part in folders if part.partition("-")[0] not in ("labels", "Annotations"))
    return "/".join([*kept, name])


def _yolo_image(
    files: Files,
    name: str,
    path: str,
    shown: str,
    classes: Sequence[str],
    config: LabelingConfig,
    report: Report,
    *,
    is_oriented: bool,
) -> Found:
    size = files.sizes.get(path)
    drawing = Drawing(config, report, size)
    is_prediction = False
    for number, line in enumerate(files.lines(name), 1):
        try:
            words = decoded_line(line).split()
            if words:
                score = _yolo_line(words, classes, drawing, is_oriented=is_oriented)
                is_prediction |= score is not None
                if score is not None:
                    drawing.result[-1]["score"] = score
        except Broken as broken:
            raise _AtLine(number, broken) from broken
    return Found(name, 0, path, {shown: path}, drawing.result, size, is_prediction)


def decoded_line(line: bytes) -> str:
    """One line; Broken when it is not UTF-8."""
    try:
        return line.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError as wrong:
        raise Broken("not_utf8", _("不是 UTF-8 编码，请另存为 UTF-8 后再传。")) from wrong


def _yolo_line(
    words: Sequence[str], classes: Sequence[str], drawing: Drawing, *, is_oriented: bool
) -> float | None:
    """Draw one line; its score when a model wrote one."""
    number, *rest = words
    if not number.isascii() or not number.isdigit() or len(number) > 6 or int(number) >= len(classes):
        words_ = _("类别编号 %(number)s 不在类别表中（共 %(count)s 类，从 0 起）。")
        raise Broken("unknown_class", words_ % {"number": number[:20], "count": len(classes)})
    label, shares = classes[int(number)], [_share(word) for word in rest]
    plain = 8 if is_oriented else 4
    score = shares.pop() if len(shares) == plain + 1 else None
    if not is_oriented and len(shares) == 4:
        cx, cy, wide, high = shares
        drawing.upright(label, (cx - wide / 2, cy - high / 2, cx + wide / 2, cy + high / 2), _SHARES)
    elif is_oriented and len(shares) == 8:
        _oriented(label, shares, drawing)
    elif not is_oriented and len(shares) >= 6 and len(shares) % 2 == 0:
        drawing.outline(label, list(zip(shares[::2], shares[1::2], strict=True)), _SHARES)
    else:
        expected = (
            _("类别和四个角的 8 个数") if is_oriented else _("类别和 4 个数（中心、宽、高），或轮廓的点")
        )
        raise Broken("columns_wrong", _("每行应为%(expected)s，以空格分隔。") % {"expected": expected})
    return score


def _oriented(label: str, shares: Sequence[float], drawing: Drawing) -> None:
    corners = list(zip(shares[::2], shares[1::2], strict=True))
    (ax, ay), (_bx, by), _across, (dx, _dy) = corners
    is_upright = abs(ay - by) < 1e-9 and abs(ax - dx) < 1e-9
    if drawing.size is None and not is_upright:
        raise Broken("size_needed", _("旋转框要知道图像的尺寸，请把图像一并上传。"))
    scale = drawing.size or (10_000, 10_000)
    drawing.box(label, [(x * scale[0], y * scale[1]) for x, y in corners], scale)


def _share(word: str) -> float:
    try:
        value = float(word)
    except ValueError as wrong:
        raise Broken("not_a_number", _("“%(word)s”不是数字。") % {"word": word[:20]}) from wrong
    if not math.isfinite(value) or abs(value) > 100:
        raise Broken("not_a_share", _("坐标应为占图像宽高的比例（0 到 1），不是像素。"))
    return value


# --- Pascal VOC -------------------------------------------------------------------------------------


def voc(files: Files, config: LabelingConfig, report: Report) -> Iterator[Found]:
    """One XML per image: `bndbox` in pixels from 1 with its edges, or `robndbox` for turned boxes."""
    images = Images(files)
    for name in files.names():
        if ending(name) != "xml":
            continue
        try:
            yield _voc_image(files, images, name, config, report)
        except Broken as broken:
            report.refuse(name, 0, broken.code, broken.message)


def _voc_image(files: Files, images: Images, name: str, config: LabelingConfig, report: Report) -> Found:
    shown, root = _image_field(config), _xml(whole_text(files, name))
    size = (int(_number(root, "size/width")), int(_number(root, "size/height")))
    if not all(0 < part < 1_000_000 for part in size):
        raise Broken("size_invalid", _("size 的 width 和 height 应为大于 0 的整数（像素）。"))
    path = _voc_path(images, name, root)
    measured = files.sizes.get(path)
    if measured is not None and measured != size:
        words = _("文件中写的是 %(told)s 像素，图像是 %(own)s 像素，请核对（照片可能带旋转标记）。")
        told, real = (f"{wide} × {high}" for wide, high in (size, measured))
        raise Broken("size_mismatch", words % {"told": told, "own": real})
    drawing = Drawing(config, report, size)
    objects = root.findall("object")
    first = 0.0 if _counts_from_zero(root) else 1.0
    if not first:
        report.lose("from_zero")
    for each in objects:
        _voc_object(each, drawing, size, first)
    return Found(name, 0, path, {shown: path}, drawing.result, size)


def _counts_from_zero(root: ElementTree.Element) -> bool:
    """Whether the pixels of an XML count from 0: one of them is 0, or Label Studio wrote it."""
    if (root.findtext("owner/name") or "").strip() == "Label Studio":
        return True
    edges = (
        each.findtext(f"bndbox/{edge}") or "" for each in root.findall("object") for edge in ("xmin", "ymin")
    )
    return any(edge.strip() in ("0", "0.0") for edge in edges)


def _voc_object(each: ElementTree.Element, drawing: Drawing, size: Size, first: float) -> None:
    label = (each.findtext("name") or "").strip()
    if any((each.findtext(flag) or "0").strip() not in ("0", "") for flag in ("difficult", "truncated")):
        drawing.report.lose("attributes")
    if each.find("robndbox") is not None:
        cx, cy, wide, high, turn = (
            _number(each, f"robndbox/{part}") for part in ("cx", "cy", "w", "h", "angle")
        )
        cos, sin = math.cos(turn), math.sin(turn)
        sides = [(-wide / 2, -high / 2), (wide / 2, -high / 2), (wide / 2, high / 2), (-wide / 2, high / 2)]
        drawing.box(label, [(cx + a * cos - b * sin, cy + a * sin + b * cos) for a, b in sides], size)
        return
    left, top, right, bottom = (_number(each, f"bndbox/{part}") for part in ("xmin", "ymin", "xmax", "ymax"))
    if first:
        drawing.report.lose("whole_pixels")
    drawing.upright(label, (left - first, top - first, right, bottom), size)


def _xml(text: str) -> ElementTree.Element:
    if "<!DOCTYPE" in text.upper() or "<!ENTITY" in text.upper():
        raise Broken("xml_with_entities", _("XML 中不能有 DOCTYPE 或实体定义，请删除。"))
    try:
        root = ElementTree.fromstring(text)  # no DOCTYPE gets here, so no entity can expand
    except (ElementTree.ParseError, ValueError) as wrong:
        raise Broken("not_xml", _("不是正确的 XML，请检查标签是否成对。")) from wrong
    if root.tag != "annotation":
        raise Broken("not_voc", _("应为 Pascal VOC 的 XML，最外层是 <annotation>。"))
    return root


def _number(node: ElementTree.Element, path: str) -> float:
    told = (node.findtext(path) or "").strip()
    try:
        value = float(told)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e7:
        raise Broken("not_a_number", _("<%(tag)s> 应为数字（像素）。") % {"tag": path.rpartition("/")[2]})
    return value


def _voc_path(images: Images, name: str, root: ElementTree.Element) -> str:
    """The image of an XML: by the path it tells, else by where the XML lies, else by folder and name."""
    told, folder = (root.findtext("path") or "").strip(), (root.findtext("folder") or "").strip()
    file_name = (root.findtext("filename") or "").strip()
    beside = images.beside(name)
    for path in (told, f"{folder}/{file_name}" if folder else file_name):
        if path and (found := images.meant(path)) in images.paths:
            return found
    if beside is not None:
        return beside
    for path in (told, f"{folder}/{file_name}" if folder else file_name):
        if is_safe(path) and not path.endswith("/"):
            return path
    raise Broken("no_image", _("没有写明图像（filename），也没有同名的图像，请补上。"))
