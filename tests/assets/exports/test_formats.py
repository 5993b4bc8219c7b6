"""Each format byte for byte on tiny cases, and there and back again."""

from __future__ import annotations

import csv as standard_csv
import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterable, Iterator
from itertools import pairwise
from xml.etree import ElementTree

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.exports.formats import coco, conll, csv, parquet, voc, yolo
from assets.exports.formats.archive import Part, joined, stems, text_part, write_zip
from assets.exports.formats.kinds import FORMATS, kinds_for
from assets.exports.formats.rowfile import RowFile
from assets.exports.formats.rows import (
    AnnotatedRow,
    Box,
    Held,
    Picture,
    Polygon,
    Shape,
    Span,
    layers,
    ordered_classes,
    read_row,
    shape_of,
)
from tests.assets.exports import scenes

WIDE = (200, 100)
TURNED = Box("人", 10, 20, 30, 40, 90)
PLAIN = Box("车", 0, 0, 50, 50)
STREET = Held(
    [
        AnnotatedRow("r1", "a/1.jpg", "A001", boxes=(TURNED,), size=WIDE),
        AnnotatedRow("r2", "a/1.jpg", "A002", boxes=(PLAIN,), size=WIDE),
        AnnotatedRow("r3", "b/1.jpg", "A001", boxes=(PLAIN,), size=WIDE),
    ],
    classes=("车", "人"),
    title="街景",
)


def written(parts: Iterable[Part]) -> dict[str, str]:
    """The text files of an archive, without the read-me."""
    told = {part.path: b"".join(part.chunks).decode() for part in parts}
    assert told.pop("README.md").startswith("# ")
    return told


def zipped(parts: Iterable[Part]) -> bytes:
    out = io.BytesIO()
    write_zip(parts, out)
    return out.getvalue()


# --- COCO ---------------------------------------------------------------------------------------


def test_coco_lists_an_image_once_and_turns_boxes_in_pixels() -> None:
    told = json.loads(written(coco.parts(STREET))["annotations/instances.json"])
    assert told == {
        "info": {"description": "街景"},
        "licenses": [],
        "categories": [
            {"id": 1, "name": "车", "supercategory": ""},
            {"id": 2, "name": "人", "supercategory": ""},
        ],
        "images": [
            {"id": 1, "file_name": "a/1.jpg", "width": 200, "height": 100},
            {"id": 2, "file_name": "b/1.jpg", "width": 200, "height": 100},
        ],
        "annotations": [
            {
                # top left (20, 20), 60 × 40 pixels, a quarter turn: the width runs down, the height to the left
                "id": 1, "image_id": 1, "category_id": 2, "iscrowd": 0, "area": 2400.0,
                "bbox": [-20.0, 20.0, 40.0, 60.0],
                "segmentation": [[20.0, 20.0, 20.0, 80.0, -20.0, 80.0, -20.0, 20.0]],
                "attributes": {"annotator": "A001", "row": "r1", "rotation": 90.0},
            },
            {
                "id": 2, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 5000.0,
                "bbox": [0.0, 0.0, 100.0, 50.0], "segmentation": [],
                "attributes": {"annotator": "A002", "row": "r2"},
            },
            {
                "id": 3, "image_id": 2, "category_id": 1, "iscrowd": 0, "area": 5000.0,
                "bbox": [0.0, 0.0, 100.0, 50.0], "segmentation": [],
                "attributes": {"annotator": "A001", "row": "r3"},
            },
        ],
    }  # fmt: skip


def test_coco_keeps_outlines() -> None:
    row = AnnotatedRow("r1", "1.jpg", polygons=(Polygon("路面", ((0, 0), (50, 0), (0, 100))),), size=WIDE)
    (found,) = json.loads("".join(coco.document(Held([row], ("路面",)))))["annotations"]
    assert found["segmentation"] == [[0.0, 0.0, 100.0, 0.0, 0.0, 100.0]]
    assert (found["bbox"], found["area"]) == ([0.0, 0.0, 100.0, 100.0], 5000.0)


class Endless:
    """Many images, made as they are asked for."""

    title = "大"
    classes = ("车", "人")

    def __init__(self, count: int) -> None:
        self.count = count

    def rows(self) -> Iterator[AnnotatedRow]:
        for number in range(self.count):
            yield AnnotatedRow(f"r{number}", f"{number:08d}.jpg", boxes=(PLAIN, TURNED), size=WIDE)

    def pictures(self) -> Iterator[Picture]:
        return (Picture(row.item, (row,)) for row in self.rows())

    def bytes_of(self, _path: str) -> None:
        return None


def test_coco_of_many_images_needs_no_more_memory_than_of_few() -> None:
    peaks = []
    source = Endless(20)
    "".join(coco.document(source))  # imports and caches are not counted
    for count in (500, 5_000):
        tracemalloc.start()
        for _chunk in joined(coco.document(Endless(count))):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5 + 100_000


# --- YOLO ---------------------------------------------------------------------------------------


def test_yolo_obb_turns_in_pixels_and_keeps_a_second_annotator_apart() -> None:
    assert written(yolo.obb(STREET)) == {
        "data.yaml": 'path: .\ntrain: images\nval: images\nnames:\n  0: "车"\n  1: "人"\n',
        "labels/a/1.txt": "1 0.1 0.2 0.1 0.8 -0.1 0.8 -0.1 0.2\n",
        "labels/b/1.txt": "0 0 0 0.5 0 0.5 0.5 0 0.5\n",
        "labels-2/a/1.txt": "0 0 0 0.5 0 0.5 0.5 0 0.5\n",
    }


def test_yolo_writes_centre_and_sides_and_an_empty_file_for_an_empty_image() -> None:
    rows = [
        AnnotatedRow("r1", "a/1.jpg", boxes=(Box("人", 10, 20, 30, 40),)),
        AnnotatedRow("r2", "a/2.jpg"),
    ]
    told = written(yolo.detection(Held(rows, ("车", "人"))))
    assert (told["labels/a/1.txt"], told["labels/a/2.txt"]) == ("1 0.25 0.4 0.3 0.4\n", "")


def test_yolo_outlines_take_boxes_along() -> None:
    row = AnnotatedRow(
        "r1", "1.jpg", boxes=(PLAIN,), polygons=(Polygon("路面", ((0, 0), (50, 0), (0, 100))),), size=WIDE
    )
    told = written(yolo.segmentation(Held([row], ("车", "路面"))))
    assert told["labels/1.txt"] == "0 0 0 0.5 0 0.5 0.5 0 0.5\n1 0 0 0.5 0 0 1\n"


def test_images_that_differ_in_their_ending_only_keep_labels_of_their_own() -> None:
    assert stems(["a/1.jpg", "a/1.png", "b/1.jpg"]) == {
        "a/1.jpg": "a/1",
        "a/1.png": "a/1_png",
        "b/1.jpg": "b/1",
    }
    rows = [AnnotatedRow("r1", "a/1.jpg", boxes=(PLAIN,)), AnnotatedRow("r2", "a/1.png")]
    parts = list(yolo.detection(Held(rows, ("车",), files={"a/1.jpg": b"j", "a/1.png": b"p"})))
    assert [part.path for part in parts][2:] == [
        "images/a/1.jpg", "images/a/1_png.png", "labels/a/1.txt", "labels/a/1_png.txt",
    ]  # fmt: skip


# --- VOC ----------------------------------------------------------------------------------------


def test_voc_counts_pixels_from_one_and_tells_turned_boxes_apart() -> None:
    told = written(voc.parts(STREET))
    assert sorted(told) == [
        "Annotations-2/a/1.xml", "Annotations/a/1.xml", "Annotations/b/1.xml", "ImageSets/Main/default.txt",
    ]  # fmt: skip
    assert told["ImageSets/Main/default.txt"] == "a/1\nb/1\n"
    assert told["Annotations/b/1.xml"] == (
        "<annotation>\n"
        "  <folder>b</folder>\n  <filename>1.jpg</filename>\n  <path>b/1.jpg</path>\n"
        "  <source>\n    <database>街景</database>\n    <annotation>A001</annotation>\n  </source>\n"
        "  <size>\n    <width>200</width>\n    <height>100</height>\n    <depth>3</depth>\n  </size>\n"
        "  <segmented>0</segmented>\n"
        "  <object>\n    <name>车</name>\n    <pose>Unspecified</pose>\n    <truncated>0</truncated>\n"
        "    <difficult>0</difficult>\n"
        "    <bndbox>\n      <xmin>1</xmin>\n      <ymin>1</ymin>\n      <xmax>100</xmax>\n      <ymax>50</ymax>\n"
        "    </bndbox>\n  </object>\n"
        "</annotation>\n"
    )
    turned = ElementTree.fromstring(told["Annotations/a/1.xml"]).find("object/robndbox")
    assert turned is not None
    assert {each.tag: float(each.text or "") for each in turned} == {
        "cx": 0.0, "cy": 50.0, "w": 60.0, "h": 40.0, "angle": 1.570796327,
    }  # fmt: skip


def test_voc_escapes_what_xml_would_read() -> None:
    row = AnnotatedRow("r1", "1.jpg", boxes=(Box('<a&"\x01', 0, 0, 10, 10),), size=WIDE)
    (part,) = [part for part in voc.parts(Held([row], ('<a&"\x01',))) if part.path.endswith(".xml")]
    assert ElementTree.fromstring(b"".join(part.chunks)).findtext("object/name") == '<a&"'


# --- CoNLL --------------------------------------------------------------------------------------

NEWS = AnnotatedRow(
    "r1", "items/1.txt", "A001", text="清远市府 好",
    spans=(Span("机构", 0, 4), Span("地名", 0, 3), Span("词", 5, 6)),
)  # fmt: skip


def test_conll_has_one_character_a_line_and_nested_spans_in_further_columns() -> None:
    told = written(conll.parts(Held([NEWS], ("机构", "地名", "词"))))
    head = '# id = r1\n# item = items/1.txt\n# annotator = A001\n# text = "清远市府 好"\n'
    assert told == {
        "bio.conll": head
        + "清\tB-机构\tB-地名\n远\tI-机构\tI-地名\n市\tI-机构\tI-地名\n府\tI-机构\tO\n好\tB-词\tO\n\n",
        "bioes.conll": head
        + "清\tB-机构\tB-地名\n远\tI-机构\tI-地名\n市\tI-机构\tE-地名\n府\tE-机构\tO\n好\tS-词\tO\n\n",
        "labels.txt": "机构\n地名\n词\n",
    }


def test_a_span_over_a_break_goes_on_after_it() -> None:
    row = AnnotatedRow("r1", "1.txt", text="甲\n乙😀", spans=(Span("x", 0, 4),))
    lines = "".join(conll.sentence(row, conll.BIOES, 1)).splitlines()[4:]
    assert lines == ["甲\tB-x", "乙\tI-x", "😀\tE-x", ""]


_SPANS = st.lists(
    st.builds(
        lambda a, b, c: Span(c, min(a, b), max(a, b)),
        st.integers(0, 12),
        st.integers(0, 12),
        st.sampled_from("xy"),
    ),
    max_size=8,
)


@given(_SPANS)
def test_no_span_is_lost_and_no_layer_overlaps(spans: list[Span]) -> None:
    found = layers(spans)
    assert sorted(map(str, (span for layer in found for span in layer))) == sorted(
        str(span) for span in spans if span.end > span.start
    )
    for layer in found:
        assert all(before.end <= after.start for before, after in pairwise(layer))


# --- tables -------------------------------------------------------------------------------------

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1")


def test_csv_defuses_formulas_and_reads_back() -> None:
    rows = [
        AnnotatedRow(f"r{n}", "i", "A001", text=text, labels=("正面", "住宿"))
        for n, text in enumerate([*FORMULAS, "一,二\n三", "3-1"])
    ]
    body = b"".join(csv.document(rows))
    assert body.startswith(b"\xef\xbb\xbfid,item,")
    found = list(standard_csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    assert [row["text"] for row in found] == [*(f"'{text}" for text in FORMULAS), "一,二\n三", "3-1"]
    assert found[0]["labels"] == "正面|住宿"


def test_parquet_holds_the_rows_typed_and_is_the_same_each_time(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rows = [
        {"id": "r1", "item": "i", "text": "=甲", "labels": ["正面"], "result": [{"type": "choices"}], "guideline_version": 1},
        {"id": "r2", "item": "i", "text": "007", "labels": [], "result": [], "guideline_version": None},
    ]  # fmt: skip
    source = tmp_path / "它's.jsonl"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    bodies = []
    for name in ("1.parquet", "2.parquet"):
        parquet.write(source, tmp_path / name, list(rows[0]))
        bodies.append((tmp_path / name).read_bytes())
    assert bodies[0] == bodies[1]
    found = duckdb.sql(f"SELECT * FROM '{tmp_path}/1.parquet'")
    assert found.columns == ["id", "item", "text", "labels", "result", "guideline_version"]
    assert found.fetchall() == [
        ("r1", "i", "=甲", ["正面"], '[{"type":"choices"}]', 1),
        ("r2", "i", "007", [], "[]", None),
    ]


# --- there and back -----------------------------------------------------------------------------

_SHARE = st.floats(0.5, 49, allow_nan=False)
_SIZE = st.tuples(st.integers(1, 8000), st.integers(1, 8000))


def _upright(label: str, x: float, y: float, width: float, height: float) -> Box:
    return Box(label, x, y, width, height)


_UPRIGHT = st.builds(_upright, st.sampled_from(["车", "人"]), _SHARE, _SHARE, _SHARE, _SHARE)
_ANY = st.builds(Box, st.sampled_from(["车", "人"]), _SHARE, _SHARE, _SHARE, _SHARE, st.floats(0, 359.9))


def _close(found: list[Box], given: list[Box]) -> None:
    assert [box.label for box in found] == [box.label for box in given]
    for one, other in zip(found, given, strict=True):
        numbers = [(one.x, other.x), (one.y, other.y), (one.width, other.width), (one.height, other.height)]
        assert all(abs(a - b) < 1e-6 for a, b in numbers), (one, other)
        turn = abs(one.rotation - other.rotation) % 360
        assert min(turn, 360 - turn) < 1e-4


@given(st.lists(_UPRIGHT, max_size=4))
def test_yolo_boxes_read_back(boxes: list[Box]) -> None:
    told = written(yolo.detection(Held([AnnotatedRow("r", "1.jpg", boxes=tuple(boxes))], ("车", "人"))))
    _close(yolo.read_upright(told["labels/1.txt"], ("车", "人")), boxes)


@given(st.lists(_ANY, max_size=4), _SIZE)
def test_oriented_boxes_read_back(boxes: list[Box], size: tuple[int, int]) -> None:
    row = AnnotatedRow("r", "1.jpg", boxes=tuple(boxes), size=size)
    told = written(yolo.obb(Held([row], ("车", "人"))))
    found = yolo.read_oriented(told["labels/1.txt"], ("车", "人"), size)
    assert len(found) == len(boxes)
    if max(size) <= 20 * min(size):  # a sliver turned by degrees leaves no digits
        _close(found, boxes)


@given(st.lists(_ANY, max_size=4), _SIZE)
def test_coco_boxes_read_back(boxes: list[Box], size: tuple[int, int]) -> None:
    row = AnnotatedRow("r", "深/1.jpg", boxes=tuple(boxes), size=size)
    told = json.loads("".join(coco.document(Held([row], ("车", "人")))))
    found = coco.read_boxes(told)["深/1.jpg"]
    assert len(found) == len(boxes)
    if max(size) <= 20 * min(size):
        _close(found, boxes)


# --- archives and rows --------------------------------------------------------------------------


def test_an_archive_has_the_same_bytes_each_time_and_opens() -> None:
    first, second = zipped(coco.parts(STREET)), zipped(coco.parts(STREET))
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("path", ["../x", "/x", "a\\b", "C:/x"])
def test_no_archive_holds_a_path_that_leads_out(path: str) -> None:
    with pytest.raises(AssertionError):
        zipped([text_part(path, "")])


def test_classes_follow_the_config_and_then_what_was_found() -> None:
    assert ordered_classes(["车", "人", "车"], ["树", "人", "灯"]) == ("车", "人", "树", "灯")


def test_regions_are_read_as_label_studio_means_them() -> None:
    raw = {
        "id": "r1", "item": "1.png", "labels": ["人"], "annotator": "A001",
        "result": [scenes.box("人", 10, 20, 30, 40, 15), scenes.outline("路", (0, 0), (1, 0), (0, 1)), {"type": "relation"}],
    }  # fmt: skip
    row = read_row(raw)
    assert row.boxes == (Box("人", 10, 20, 30, 40, 15),)
    assert row.polygons == (Polygon("路", ((0, 0), (1, 0), (0, 1))),)
    assert row.size == (200, 100)
    assert read_row(raw, size=(400, 200)).size == (400, 200)


def test_a_file_of_rows_is_walked_like_rows_in_memory(tmp_path) -> None:  # type: ignore[no-untyped-def]
    told = [
        {"id": "r1", "item": "b.png", "result": [scenes.box("人", 1, 2, 3, 4)]},
        {"id": "r2", "item": "a.png", "result": []},
        {"id": "r3", "item": "b.png", "result": []},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in told))
    seen: list[int] = []
    file = RowFile(path, "示例", advance=seen.append)
    held = Held([read_row(row) for row in told])
    assert list(file.rows()) == list(held.rows())
    assert list(file.pictures()) == list(held.pictures())
    assert [picture.path for picture in file.pictures()] == ["a.png", "b.png"]
    assert sum(seen) == 9


# --- which formats fit --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "fits", "reason"),
    [
        (Shape(row_count=4, text_count=4), "folder jsonl parquet label_studio csv", ("yolo", "no_boxes")),
        (Shape(row_count=1, box_count=2), "folder jsonl parquet label_studio csv coco yolo yolo_obb voc", ("conll", "no_spans")),
        (Shape(row_count=1, box_count=2, rotated_count=1), "folder jsonl parquet label_studio csv coco yolo_obb voc", ("yolo", "has_rotated")),
        (Shape(row_count=1, polygon_count=3), "folder jsonl parquet label_studio csv coco yolo_seg", ("voc", "has_polygons")),
        (Shape(row_count=1, box_count=1, unsized_count=1), "folder jsonl parquet label_studio csv yolo yolo_obb", ("coco", "unsized")),
        (Shape(row_count=1, span_count=1), "folder jsonl parquet label_studio csv conll", ("coco", "no_shapes")),
        (Shape(), "folder", ("jsonl", "no_rows")),
        (Shape(row_count=1, byte_count=3 * 1024**3), "jsonl parquet label_studio csv", ("folder", "too_large")),
    ],
)  # fmt: skip
def test_a_format_is_offered_when_it_can_carry_the_version(
    shape: Shape, fits: str, reason: tuple[str, str]
) -> None:
    found = kinds_for(shape)
    assert [code for code in FORMATS if found[code] is None] == fits.split()
    unfit = found[reason[0]]
    assert unfit is not None
    assert unfit.code == reason[1]


def test_the_shape_counts_what_is_there() -> None:
    assert shape_of([*STREET.rows(), NEWS], byte_count=7) == Shape(
        row_count=4, text_count=1, box_count=3, rotated_count=1, span_count=3, layer_count=2, byte_count=7,
        class_names=("人", "车"), span_names=("地名", "机构", "词"),
    )  # fmt: skip
    told = shape_of(STREET.rows())
    assert Shape.of_json(json.loads(json.dumps(told.as_json()))) == told
