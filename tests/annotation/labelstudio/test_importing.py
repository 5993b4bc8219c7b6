"""Labels made elsewhere: read with file and line, there and back through our own exports, faults named, losses told."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.labelstudio.importing import SOURCES, Found, Held, Report, read
from annotation.labelstudio.importing.pictures import Images
from annotation.labelstudio.library import BOXES, ENTITIES, OUTLINES, PREFERENCE, RATING, SENTIMENT, TOPICS
from annotation.labelstudio.rules import LabelingConfig, parse_config, validate_result
from assets.exports.formats import coco, conll, voc, yolo
from assets.exports.formats import rows as exported
from assets.exports.formats.rows import AnnotatedRow, Box, Polygon, Span, read_row

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws slowly
SHAPES = parse_config(
    '<View><Image name="image" value="$image"/>'
    '<RectangleLabels name="box" toName="image"><Label value="车"/><Label value="人"/></RectangleLabels>'
    '<PolygonLabels name="area" toName="image"><Label value="路"/></PolygonLabels></View>'
)
WIDE, TALL = (200, 100), (100, 300)
TEXT = "张三在 清远市清城区，\n工作。"


def taken(
    source: str,
    files: Mapping[str, str | bytes],
    config: LabelingConfig,
    sizes: Mapping[str, Any] | None = None,
) -> tuple[list[Found], Report]:
    """What is read from some files, and the report."""
    report = Report()
    held = {name: body.encode() if isinstance(body, str) else body for name, body in files.items()}
    return list(read(source, Held(held, sizes or {}), config, report)), report


def only(
    source: str,
    files: Mapping[str, str | bytes],
    config: LabelingConfig,
    sizes: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The values of the one task in the files."""
    (found,), report = taken(source, files, config, sizes)
    assert report.faults == []
    return [region["value"] for region in found.result]


def fault(
    source: str,
    files: Mapping[str, str | bytes],
    config: LabelingConfig,
    sizes: Mapping[str, Any] | None = None,
) -> list[tuple[str, int, str]]:
    found, report = taken(source, files, config, sizes)
    assert found == []
    assert report.fault_count == len(report.faults)
    assert all(each.message and "%(" not in each.told for each in report.faults)
    return [(each.file, each.line, each.code) for each in report.faults]


def as_row(found: Found, text: str | None = None) -> AnnotatedRow:
    """A task as an export would read it."""
    told = {"id": "r", "item": found.key, "result": found.result}
    return read_row({**told, "text": text} if text is not None else told, found.size)


# --- there and back ---------------------------------------------------------------------------------


def pack(parts: Any) -> dict[str, bytes]:
    return {part.path: b"".join(part.chunks) for part in parts}


@st.composite
def upright_boxes(draw: st.DrawFn) -> Box:
    x, y = draw(st.integers(0, 90)), draw(st.integers(0, 90))
    wide, high = draw(st.integers(1, 100 - x)), draw(st.integers(1, 100 - y))
    return Box(draw(st.sampled_from(["车", "人"])), x, y, wide, high)


@st.composite
def turned_boxes(draw: st.DrawFn) -> Box:
    return Box(
        draw(st.sampled_from(["车", "人"])),
        50,
        40,
        draw(st.integers(5, 15)),
        draw(st.integers(5, 15)),
        draw(st.integers(1, 359)),
    )


def street(*boxes: Box, outlines: tuple[Polygon, ...] = ()) -> exported.Held:
    """Two images of one name, in two folders and of two sizes."""
    rows = [
        AnnotatedRow("r1", "a/1.jpg", "A001", boxes=boxes, polygons=outlines, size=WIDE),
        AnnotatedRow("r2", "b/1.jpg", "A001", boxes=(Box("人", 10, 20, 30, 40),), size=TALL),
    ]
    return exported.Held(rows, classes=("车", "人", "路"), title="街景")


SIZES = {
    "images/a/1.jpg": WIDE,
    "images/b/1.jpg": TALL,
    "JPEGImages/a/1.jpg": WIDE,
    "JPEGImages/b/1.jpg": TALL,
}


def placed(files: Mapping[str, Any], folder: str) -> dict[str, Any]:
    return {path: size for path, size in SIZES.items() if path.startswith(folder)}


def same_boxes(found: Found, boxes: tuple[Box, ...], within: float = 1e-6) -> None:
    told = sorted(as_row(found).boxes, key=repr)
    wanted = sorted(boxes, key=repr)
    assert len(told) == len(wanted)
    for own, other in zip(
        sorted(
            told,
            key=lambda box: (
                box.label,
                round(box.x, 3),
                round(box.y, 3),
                round(box.width, 3),
                round(box.height, 3),
                round(box.rotation, 3),
            ),
        ),
        sorted(
            wanted,
            key=lambda box: (
                box.label,
                round(box.x, 3),
                round(box.y, 3),
                round(box.width, 3),
                round(box.height, 3),
                round(box.rotation, 3),
            ),
        ),
        strict=True,
    ):
        assert own.label == other.label
        for name in ("x", "y", "width", "height", "rotation"):
            assert getattr(own, name) == pytest.approx(getattr(other, name), abs=within), name


@CALM
@given(st.lists(upright_boxes(), min_size=1, max_size=4, unique=True))
def test_upright_boxes_come_back_from_coco_and_yolo_under_their_own_image(boxes: list[Box]) -> None:
    source = street(*boxes)
    for kind, parts in (
        ("coco", coco.parts(source)),
        ("yolo", yolo.detection(source)),
        ("yolo_obb", yolo.obb(source)),
    ):
        found, report = taken(kind, pack(parts), SHAPES, placed(SIZES, "images/"))
        assert report.faults == []
        assert [(one.key, one.size) for one in found] == [("images/a/1.jpg", WIDE), ("images/b/1.jpg", TALL)]
        same_boxes(found[0], tuple(boxes))
        same_boxes(found[1], (Box("人", 10, 20, 30, 40),))


@CALM
@given(st.lists(turned_boxes(), min_size=1, max_size=3, unique=True))
def test_turned_boxes_come_back_from_coco_obb_and_voc_with_their_turn(boxes: list[Box]) -> None:
    source = street(*boxes)
    packed = {"coco": coco.parts(source), "yolo_obb": yolo.obb(source), "voc": voc.parts(source)}
    for kind, parts in packed.items():
        folder = "JPEGImages/" if kind == "voc" else "images/"
        found, report = taken(kind, pack(parts), SHAPES, placed(SIZES, folder))
        assert report.faults == []
        same_boxes(found[0], tuple(boxes), within=1e-5)


@CALM
@given(st.lists(upright_boxes(), min_size=1, max_size=3, unique=True))
def test_upright_boxes_come_back_from_voc_to_the_pixel(boxes: list[Box]) -> None:
    found, report = taken("voc", pack(voc.parts(street(*boxes))), SHAPES, placed(SIZES, "JPEGImages/"))
    assert [one.key for one in found] == ["JPEGImages/a/1.jpg", "JPEGImages/b/1.jpg"]
    same_boxes(found[0], tuple(boxes), within=1e-6)  # per cent of 200 × 100 are whole pixels
    assert ("坐标只精确到整像素", len(boxes) + 1) in report.lost


def test_outlines_come_back_from_coco_and_yolo() -> None:
    bay = Polygon("路", ((0.0, 0.0), (50.0, 0.0), (25.0, 25.0), (50.0, 100.0)))
    source = street(Box("车", 1, 1, 2, 2), outlines=(bay,))
    first = taken("coco", pack(coco.parts(source)), SHAPES)[0][0]
    assert as_row(first).polygons == (bay,)
    same_boxes(first, (Box("车", 1, 1, 2, 2),))
    only_outlines = street(outlines=(bay,))
    packed = pack(yolo.segmentation(only_outlines))
    del packed["labels/b/1.txt"]  # its box became an outline of four points: a box is not told apart there
    (found,), report = taken("yolo", packed, SHAPES, {"images/a/1.jpg": WIDE})
    assert (as_row(found).polygons, report.faults) == ((bay,), [])


def test_a_second_annotator_of_yolo_and_voc_is_a_result_of_its_own() -> None:
    rows = [
        AnnotatedRow("r1", "1.jpg", "A001", boxes=(Box("车", 0, 0, 50, 50),), size=WIDE),
        AnnotatedRow("r2", "1.jpg", "A002", boxes=(Box("人", 10, 10, 20, 20),), size=WIDE),
    ]
    source = exported.Held(rows, classes=("车", "人"), title="街景")
    for kind, parts, path in (
        ("yolo", yolo.detection(source), "images/1.jpg"),
        ("voc", voc.parts(source), "JPEGImages/1.jpg"),
    ):
        found, report = taken(kind, pack(parts), SHAPES, {path: WIDE})
        assert report.faults == []
        assert {(one.key, as_row(one).boxes[0].label) for one in found} == {(path, "车"), (path, "人")}


@CALM
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(TEXT) - 1), st.integers(1, 6), st.sampled_from(["人名", "地名", "机构"])
        ),
        max_size=5,
    )
)
def test_spans_nested_and_crossing_come_back_from_conll(picks: list[tuple[int, int, str]]) -> None:
    spans = set()
    for start, length, label in picks:
        piece = TEXT[start : start + length]
        if piece.strip():  # white space at the ends of a span is not told by the format
            left = start + len(piece) - len(piece.lstrip())
            spans.add(Span(label, left, left + len(piece.strip())))
    source = exported.Held(
        [AnnotatedRow("r1", "t/1", "A001", text=TEXT, spans=tuple(spans))], ("人名", "地名", "机构")
    )
    packed = pack(conll.parts(source))
    for name in ("bio.conll", "bioes.conll"):
        (found,), report = taken("conll", {name: packed[name]}, ENTITIES.config)
        assert report.faults == []
        assert found.task == {"text": TEXT}
        assert set(as_row(found, TEXT).spans) == spans


def test_rows_of_ours_and_tasks_of_label_studio_come_back_as_they_were() -> None:
    result = [dict(each) for each in ENTITIES.result]
    row = {
        "id": "r000001",
        "item": "items/000001.txt",
        "text": ENTITIES.task["text"],
        "result": result,
        "labels": [],
    }
    task = {
        "id": 7, "data": dict(ENTITIES.task),
        "annotations": [
            {"result": result, "completed_by": {"email": "someone@example.com"}},
            {"result": [], "was_cancelled": True},
        ],
        "predictions": [{"result": result[:1], "score": 0.5}],
        "drafts": [{}],
    }  # fmt: skip
    found, report = taken(
        "label_studio", {"a.jsonl": json.dumps(row), "b.json": json.dumps([task])}, ENTITIES.config
    )
    assert report.faults == []
    assert [(one.file, one.line, one.key, one.is_prediction) for one in found] == [
        ("a.jsonl", 1, "r000001", False), ("b.json", 1, "7", False), ("b.json", 1, "7", True),
    ]  # fmt: skip
    assert [one.result for one in found] == [result, result, result[:1]]
    assert dict(report.losses) == {"given_up": 1, "people": 1, "drafts": 1}
    assert (report.task_count, report.region_count) == (3, 7)


def test_two_compared_texts_come_back_from_our_rows() -> None:
    row = {
        "item": "items/000001.json",
        "text": json.dumps(dict(PREFERENCE.task)),
        "result": list(PREFERENCE.result),
    }
    (found,), report = taken("label_studio", {"a.jsonl": json.dumps(row)}, PREFERENCE.config)
    assert (found.task, found.result, report.faults) == (dict(PREFERENCE.task), list(PREFERENCE.result), [])


def test_images_of_label_studio_are_found_by_the_end_of_their_address() -> None:
    sizes = {"a/1.jpg": WIDE, "b/1.jpg": TALL}
    for address in ("b/1.jpg", "/data/local-files/?d=b/1.jpg", "https://store.example/b/1.jpg"):
        task = {"data": {"image": address}, "annotations": []}
        found, _report = taken("label_studio", {"t.json": json.dumps(task)}, SHAPES, sizes)
        assert [(one.key, one.size) for one in found] == [("b/1.jpg", TALL)]


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("a/1.jpg", "images/a/1.jpg"),
        ("/srv/files/b/1.jpg", "images/b/1.jpg"),
        ("D:\\photos\\a\\1.jpg", "images/a/1.jpg"),
        ("2.jpg", "images/a/2.jpg"),
        ("/data/upload/3/0a1b2c3d-2.jpg", "images/a/2.jpg"),
        ("images/2.jpg", "images/a/2.jpg"),
        ("c/2.jpg", "c/2.jpg"),  # an image of that name lies elsewhere
        ("c/1.jpg", "c/1.jpg"),  # two images are called so, and none lies there
        ("1.jpg", "1.jpg"),
        ("../a/1.jpg", "../a/1.jpg"),
        ("", ""),
    ],
)
def test_an_image_is_meant_by_its_path_and_never_by_a_name_that_two_have(told: str, meant: str) -> None:
    sizes = dict.fromkeys(("images/a/1.jpg", "images/b/1.jpg", "images/a/2.jpg"), WIDE)
    assert Images(Held({}, sizes)).meant(told) == meant


# --- rows of tables ---------------------------------------------------------------------------------


def test_a_table_gives_choices_ratings_and_spans() -> None:
    single = "编号,文本,标签\r\n7,很好,正面\r\n,不好,\r\n"
    found, report = taken("table", {"a.csv": single}, SENTIMENT.config)
    assert [(one.line, one.key, one.task["text"], [r["value"] for r in one.result]) for one in found] == [
        (2, "7", "很好", [{"choices": ["正面"]}]),
        (3, "a.csv:3", "不好", []),
    ]
    assert (report.faults, dict(report.losses)) == ([], {"unlabelled": 1})
    assert only("table", {"a.tsv": "text\tlabel\n早\t餐饮；服务\n"}, TOPICS.config) == [
        {"choices": ["餐饮", "服务"]}
    ]
    assert only("table", {"a.jsonl": '{"text": "早", "label": ["餐饮", "服务"]}'}, TOPICS.config) == [
        {"choices": ["餐饮", "服务"]}
    ]
    assert only("table", {"a.csv": "text,rating\n早,4\n"}, RATING.config) == [{"rating": 4}]
    wanted = [{"start": 1, "end": 3, "text": "清远", "labels": ["地名"]}]
    for told in (
        '"label": [[1, 3, "地名"]]',
        '"entities": [{"start_offset": 1, "end_offset": 3, "label": "地名"}]',
    ):
        assert only("table", {"a.jsonl": f'{{"text": "在清远", {told}}}'}, ENTITIES.config) == wanted


# --- faults -----------------------------------------------------------------------------------------

YAML = "names: [车, 人]\n"
IMAGE = {"images/1.jpg": WIDE}
GOOD_COCO: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "1.jpg", "width": 200, "height": 100}],
    "categories": [{"id": 9, "name": "车"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 9, "bbox": [0, 0, 20, 10]}],
}


def coco_with(**changes: Any) -> dict[str, str]:
    told = json.loads(json.dumps(GOOD_COCO))
    for path, value in changes.items():
        place, _dash, name = path.partition("__")
        if name:
            told[place][0][name] = value
        else:
            told[place] = value
    return {"c.json": json.dumps(told)}


def xml(objects: str, size: str = "<size><width>200</width><height>100</height></size>") -> dict[str, str]:
    return {"Annotations/1.xml": f"<annotation><filename>1.jpg</filename>{size}{objects}</annotation>"}


def voc_box(*edges: Any, name: str = "车") -> str:
    tags = "".join(
        f"<{tag}>{edge}</{tag}>" for tag, edge in zip(("xmin", "ymin", "xmax", "ymax"), edges, strict=True)
    )
    return f"<object><name>{name}</name><bndbox>{tags}</bndbox></object>"


BAD: list[tuple[str, str, Any, LabelingConfig, Any, tuple[str, int, str]]] = [
    ("a COCO file that is not JSON", "coco", {"c.json": "{"}, SHAPES, {}, ("c.json", 0, "not_coco")),
    ("a COCO file without categories", "coco", {"c.json": '{"images": [], "annotations": []}'}, SHAPES, {}, ("c.json", 0, "not_coco")),
    ("a COCO file in another encoding", "coco", {"c.json": "{名}".encode("gbk")}, SHAPES, {}, ("c.json", 0, "not_utf8")),
    ("two images of one id", "coco", coco_with(images=GOOD_COCO["images"] * 2), SHAPES, {}, ("c.json", 0, "coco_id_twice")),
    ("a category that is not listed", "coco", coco_with(annotations__category_id=8), SHAPES, {}, ("c.json", 0, "unknown_category")),
    ("a category the config does not have", "coco", coco_with(categories__name="船"), SHAPES, {}, ("c.json", 0, "unknown_label")),
    ("a path that leads out", "coco", coco_with(images__file_name="../1.jpg"), SHAPES, {}, ("c.json", 0, "unsafe_path")),
    ("an image without a size", "coco", coco_with(images__width=None), SHAPES, {}, ("c.json", 0, "size_invalid")),
    ("an image of another size", "coco", coco_with(), SHAPES, {"1.jpg": TALL}, ("c.json", 0, "size_mismatch")),
    ("a bbox of three numbers", "coco", coco_with(annotations__bbox=[1, 2, 3]), SHAPES, {}, ("c.json", 0, "box_not_number")),
    ("a bbox of no width", "coco", coco_with(annotations__bbox=[1, 2, 0, 5]), SHAPES, {}, ("c.json", 0, "box_without_area")),
    ("a bbox beyond its image", "coco", coco_with(annotations__bbox=[190, 2, 20, 5]), SHAPES, {}, ("c.json", 0, "box_outside")),
    ("an outline of two points", "coco", coco_with(annotations__segmentation=[[1, 2, 3, 4]]), SHAPES, {}, ("c.json", 0, "points_invalid")),
    ("boxes for a config of choices", "coco", coco_with(), parse_config(TOPICS.xml.replace("Text name", "Image name")), {}, ("c.json", 0, "no_place_for_shapes")),
    ("boxes for a config of texts", "coco", coco_with(), TOPICS.config, {}, ("c.json", 0, "config_shows_no_image")),
    ("YOLO without classes", "yolo", {"labels/1.txt": "0 .5 .5 .1 .1"}, SHAPES, IMAGE, ("data.yaml", 0, "no_classes")),
    ("a data.yaml without names", "yolo", {"data.yaml": "nc: 2"}, SHAPES, IMAGE, ("data.yaml", 0, "classes_invalid")),
    ("a data.yaml that is no YAML", "yolo", {"data.yaml": "names: ["}, SHAPES, IMAGE, ("data.yaml", 0, "classes_invalid")),
    ("a label file without an image", "yolo", {"data.yaml": YAML, "labels/2.txt": "0 .5 .5 .1 .1"}, SHAPES, IMAGE, ("labels/2.txt", 0, "no_image")),
    ("a class beyond the list", "yolo", {"data.yaml": YAML, "labels/1.txt": "0 .5 .5 .1 .1\n2 .5 .5 .1 .1"}, SHAPES, IMAGE, ("labels/1.txt", 2, "unknown_class")),
    ("a class by its name", "yolo", {"data.yaml": YAML, "labels/1.txt": "车 .5 .5 .1 .1"}, SHAPES, IMAGE, ("labels/1.txt", 1, "unknown_class")),
    ("a line of three numbers", "yolo", {"data.yaml": YAML, "labels/1.txt": "0 .5 .5 .1"}, SHAPES, IMAGE, ("labels/1.txt", 1, "columns_wrong")),
    ("a word for a number", "yolo", {"data.yaml": YAML, "labels/1.txt": "0 .5 .5 .1 x"}, SHAPES, IMAGE, ("labels/1.txt", 1, "not_a_number")),
    ("NaN for a number", "yolo", {"data.yaml": YAML, "labels/1.txt": "0 .5 .5 .1 nan"}, SHAPES, IMAGE, ("labels/1.txt", 1, "not_a_share")),
    ("pixels for shares", "yolo", {"data.yaml": YAML, "labels/1.txt": "0 120 40 60 30"}, SHAPES, IMAGE, ("labels/1.txt", 1, "not_a_share")),
    ("a box half outside", "yolo", {"data.yaml": YAML, "labels/1.txt": "0 1 .5 .5 .5"}, SHAPES, IMAGE, ("labels/1.txt", 0, "box_outside")),
    ("a turned box on an image nobody sent", "yolo_obb", {"data.yaml": YAML, "labels/1.txt": "0 .5 .4 .6 .5 .5 .6 .4 .5", "images/1.jpg": "x"}, SHAPES, {}, ("labels/1.txt", 1, "size_needed")),
    ("four corners that are no rectangle", "yolo_obb", {"data.yaml": YAML, "labels/1.txt": "0 .1 .1 .9 .1 .5 .5 .1 .4"}, BOXES.config, IMAGE, ("labels/1.txt", 1, "not_a_rectangle")),
    ("an XML with entities", "voc", {"1.xml": '<!DOCTYPE a [<!ENTITY b "c">]><annotation/>'}, SHAPES, {}, ("1.xml", 0, "xml_with_entities")),
    ("an XML that is cut off", "voc", {"1.xml": "<annotation>"}, SHAPES, {}, ("1.xml", 0, "not_xml")),
    ("an XML of something else", "voc", {"1.xml": "<html/>"}, SHAPES, {}, ("1.xml", 0, "not_voc")),
    ("an XML without a size", "voc", xml(voc_box(1, 1, 5, 5), size=""), SHAPES, {}, ("Annotations/1.xml", 0, "not_a_number")),
    ("an edge in words", "voc", xml(voc_box(1, "x", 5, 5)), SHAPES, {}, ("Annotations/1.xml", 0, "not_a_number")),
    ("edges the wrong way round", "voc", xml(voc_box(9, 1, 5, 5)), SHAPES, {}, ("Annotations/1.xml", 0, "box_without_area")),
    ("a name the config does not have", "voc", xml(voc_box(1, 1, 5, 5, name="船")), SHAPES, {}, ("Annotations/1.xml", 0, "unknown_label")),
    ("an XML of no image", "voc", {"1.xml": "<annotation><size><width>9</width><height>9</height></size></annotation>"}, SHAPES, {}, ("1.xml", 0, "no_image")),
    ("a tag of no scheme", "conll", {"a.conll": "清\tB-地名\n远\tX-地名\n"}, ENTITIES.config, {}, ("a.conll", 2, "tag_invalid")),
    ("a line of the token alone", "conll", {"a.conll": "好\tO\n\n清\n"}, SENTIMENT.config, {}, ("a.conll", 0, "no_place_for_spans")),
    ("lines of two widths", "conll", {"a.conll": "清\tB-地名\tO\n远\tI-地名\n"}, ENTITIES.config, {}, ("a.conll", 2, "columns_differ")),
    ("characters that are not those of the text", "conll", {"a.conll": '# text = "清城"\n清\tO\n远\tO\n'}, ENTITIES.config, {}, ("a.conll", 1, "text_mismatch")),
    ("fewer characters than the text", "conll", {"a.conll": '# text = "清远"\n清\tO\n'}, ENTITIES.config, {}, ("a.conll", 1, "text_mismatch")),
    ("an entity the config does not have", "conll", {"a.conll": "\n\n清\tB-城市\n"}, ENTITIES.config, {}, ("a.conll", 3, "unknown_label")),
    ("a table without texts", "table", {"a.csv": "title,label\n甲,正面\n"}, SENTIMENT.config, {}, ("a.csv", 2, "text_missing")),
    ("a table with one column twice", "table", {"a.csv": "text,text\n甲,乙\n"}, SENTIMENT.config, {}, ("a.csv", 0, "head_invalid")),
    ("a quotation mark that never ends", "table", {"a.csv": 'text,label\n"甲,正面\n'}, SENTIMENT.config, {}, ("a.csv", 2, "not_csv")),
    ("a label the config does not offer", "table", {"a.csv": "text,label\n甲,一般\n"}, SENTIMENT.config, {}, ("a.csv", 2, "unknown_label")),
    ("two labels where one is asked", "table", {"a.jsonl": '{"text": "甲", "label": ["正面", "负面"]}'}, SENTIMENT.config, {}, ("a.jsonl", 1, "two_on_single")),
    ("a span past the text", "table", {"a.jsonl": '{"text": "甲", "label": [[0, 5, "人名"]]}'}, ENTITIES.config, {}, ("a.jsonl", 1, "span_past_text")),
    ("a span of two parts", "table", {"a.jsonl": '{"text": "甲", "label": [[0, 5]]}'}, ENTITIES.config, {}, ("a.jsonl", 1, "span_invalid")),
    ("a line that is a list", "table", {"a.jsonl": "[1]"}, SENTIMENT.config, {}, ("a.jsonl", 1, "not_json")),
    ("a table in another encoding", "table", {"a.csv": "text,label\n甲,正面\n".encode("gbk")}, SENTIMENT.config, {}, ("a.csv", 0, "not_utf8")),
    ("a label of a table where none fits", "table", {"a.csv": "text,label\n甲,正面\n"}, parse_config(TOPICS.xml.replace("Choices", "TextArea").replace("<Choice ", "<Header ")), {}, ("a.csv", 2, "no_place_for_labels")),
    ("tasks that are not JSON", "label_studio", {"a.json": "{"}, SENTIMENT.config, {}, ("a.json", 0, "not_json")),
    ("a task without data", "label_studio", {"a.json": '[{"id": 1}]'}, SENTIMENT.config, {}, ("a.json", 1, "not_a_task")),
    ("a task without the field that is shown", "label_studio", {"a.json": '[{"data": {"body": "甲"}}]'}, SENTIMENT.config, {}, ("a.json", 1, "field_missing")),
    ("annotations as a number", "label_studio", {"a.json": '[{"data": {"text": "甲"}, "annotations": 5}]'}, SENTIMENT.config, {}, ("a.json", 1, "not_a_task")),
    ("an annotation without a result", "label_studio", {"a.jsonl": '\n{"data": {"text": "甲"}, "annotations": [{}]}'}, SENTIMENT.config, {}, ("a.jsonl", 2, "result_not_list")),
    ("a result for another question", "label_studio", {"a.json": json.dumps([{"data": {"text": "甲"}, "annotations": [{"result": TOPICS.result}]}])}, SENTIMENT.config, {}, ("a.json", 1, "unknown_control")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "files", "config", "sizes", "wanted"),
    [case[1:] for case in BAD],
    ids=[case[0] for case in BAD],
)
def test_told_with_file_and_line(
    source: str, files: Any, config: LabelingConfig, sizes: Any, wanted: tuple[str, int, str]
) -> None:
    assert wanted in fault(source, files, config, sizes)


def test_a_fault_leaves_the_rows_around_it_alone_and_says_where_it_stands() -> None:
    body = "text,label\n甲,正面\n乙,一般\n丙,负面\n"
    found, report = taken("table", {"评论/a.csv": body}, SENTIMENT.config)
    assert [one.task["text"] for one in found] == ["甲", "丙"]
    assert [each.told for each in report.faults] == [
        "评论/a.csv 第 3 行：第 1 个区域：“一般”不是“整体情感”的选项，请从 正面、负面、中性 中选择。"
    ]


def test_what_a_format_cannot_say_is_told() -> None:
    crowd = {"id": 2, "image_id": 1, "category_id": 9, "bbox": [0, 0, 5, 5], "iscrowd": 1}
    mask = {
        "id": 3,
        "image_id": 1,
        "category_id": 9,
        "bbox": [0, 0, 5, 5],
        "segmentation": {"counts": "a", "size": [1, 1]},
    }
    parts = {
        "id": 4,
        "image_id": 1,
        "category_id": 9,
        "segmentation": [[0, 0, 9, 0, 9, 9], [20, 0, 29, 0, 29, 9]],
    }
    files = coco_with(annotations=[crowd, mask, {**parts, "attributes": {"colour": "red"}}])
    (found,), report = taken("coco", files, BOXES.config)
    assert len(found.result) == 3
    assert dict(report.losses) == {"crowds": 1, "masks": 1, "parts": 1, "outlines": 2, "attributes": 1}
    found_text, told = taken("conll", {"a.conll": "on NN O\nMay NN I-地名\n"}, ENTITIES.config)
    assert (found_text[0].task["text"], dict(told.losses)) == (
        "on May",
        {"columns": 2, "spaces": 1, "loose_tags": 1},
    )


def test_a_model_score_makes_a_prediction() -> None:
    (found,), _report = taken(
        "yolo", {"classes.txt": "车\n人\n", "1.txt": "1 .5 .5 .2 .2 .87\n"}, SHAPES, {"1.jpg": WIDE}
    )
    assert (found.is_prediction, found.result[0]["score"], as_row(found).boxes[0].label) == (True, 0.87, "人")


def test_an_upright_box_on_outlines_alone_becomes_an_outline() -> None:
    files = coco_with(categories__name="路面")
    (found,), report = taken("coco", files, OUTLINES.config)
    assert found.result[0]["value"]["points"] == [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]
    assert dict(report.losses) == {"boxes": 1}


def test_voc_from_zero_is_read_from_zero() -> None:
    (found,), report = taken("voc", xml(voc_box(0, 0, 20, 10)), SHAPES)
    assert (as_row(found).boxes, dict(report.losses)) == ((Box("车", 0, 0, 10, 10),), {"from_zero": 1})


class Endless:
    """One long file of lines, made as it is read."""

    sizes: Mapping[str, Any] = {}

    def __init__(self, count: int) -> None:
        self.count = count

    def names(self) -> list[str]:
        return ["a.csv"]

    def lines(self, _name: str) -> Iterator[bytes]:
        yield b"text,label"
        for number in range(self.count):
            yield f"第 {number} 条评论,正面".encode()

    def whole(self, _name: str) -> bytes:
        raise AssertionError("a file of lines is never held whole")

    def length(self, _name: str) -> int:
        return 1 << 40


def test_many_rows_need_no_more_memory_than_few() -> None:
    peaks = []
    for count in (100, 300, 3_000):
        tracemalloc.start()
        report = Report()
        for _found in read("table", Endless(count), SENTIMENT.config, report):
            pass
        assert report.task_count == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] * 1.5 + 100_000


NAMES = st.sampled_from(
    [
        "a.json",
        "a.jsonl",
        "a.csv",
        "a.conll",
        "1.xml",
        "labels/1.txt",
        "data.yaml",
        "classes.txt",
        "images/1.jpg",
    ]
)
SEEDS = [
    *coco_with().values(), *xml(voc_box(1, 1, 5, 5)).values(), "0 .5 .5 .1 .1", YAML, "text,label\n甲,正面\n",
    '{"text": "甲", "label": "正面"}', "清\tB-地名\n", '[{"data": {"text": "甲", "image": "1.jpg"}, "annotations": []}]',
]  # fmt: skip


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A good file with a piece of it cut out or put in."""
    body = draw(st.sampled_from(SEEDS)).encode()
    start = draw(st.integers(0, len(body)))
    end = draw(st.integers(start, min(len(body), start + 20)))
    put = st.binary(max_size=6) | st.sampled_from(
        [b"null", b"[]", b"{}", b"1e999", b"NaN", b"-1", b'"', b"\n", b"\t"]
    )
    return body[:start] + draw(put) + body[end:]


@CALM
@given(
    st.sampled_from(sorted(SOURCES)),
    st.dictionaries(NAMES, spoiled(), max_size=4),
    st.sampled_from([SHAPES, ENTITIES.config, SENTIMENT.config]),
)
def test_no_bytes_whatever_crash_the_readers_and_all_they_give_is_good(
    source: str, files: dict[str, bytes], config: LabelingConfig
) -> None:
    report = Report()
    for found in read(source, Held(files, {"images/1.jpg": WIDE}), config, report):
        assert not found.result or validate_result(config, found.task, found.result, found.size) == []
