"""What each format keeps is found out by writing, reading back and comparing, never by a table of claims."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.exports.formats import losses, lossnotes
from assets.exports.formats.losses import LossReport, Tally, measure
from tests.assets.exports.scenes import NEWS, box, outline, span

CLASSES = ("车", "人", "路面")
NAMES = ("机构", "地名")
IMAGE_FORMATS = ("coco", "yolo", "yolo_obb", "yolo_seg", "voc")


def image_row(*regions: dict[str, Any], number: int = 1) -> dict[str, Any]:
    """A row about an image of 200 × 100."""
    return {"id": f"r{number:06d}", "item": f"items/{number:06d}.png", "result": list(regions), "labels": []}


def text_row(text: str, *regions: dict[str, Any], number: int = 1) -> dict[str, Any]:
    return {
        "id": f"r{number:06d}",
        "item": f"items/{number:06d}.txt",
        "text": text,
        "result": list(regions),
        "labels": [label for each in regions for label in each["value"].get(each["type"], [])],
    }


def choice(*labels: str, name: str = "sentiment") -> dict[str, Any]:
    return {
        "id": "c",
        "from_name": name,
        "to_name": "text",
        "type": "choices",
        "value": {"choices": list(labels)},
    }


def relation(first: str, second: str) -> dict[str, Any]:
    return {"type": "relation", "from_id": first, "to_id": second, "direction": "right", "labels": ["属于"]}


def measured(code: str, *rows: dict[str, Any], classes: tuple[str, ...] = CLASSES) -> LossReport:
    sizes = {row["item"]: (200, 100) for row in rows if "text" not in row}
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    return measure(lines, code=code, classes=classes, sizes=sizes)


def outcomes(report: LossReport) -> dict[str, tuple[int, int, int, int]]:
    """Exact, rounded, changed and lost regions by kind."""
    return {kind: (t.exact, t.rounded, t.changed, t.lost) for kind, t in report.kinds.items()}


# --- images -------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["coco", "yolo_obb"])
def test_turned_boxes_come_back_exactly_where_the_format_has_corners(code: str) -> None:
    report = measured(code, image_row(box("人", 10, 20, 30, 40, 30), box("车", 0, 0, 50, 50)))
    assert outcomes(report) == {"rotated": (1, 0, 0, 0), "box": (1, 0, 0, 0)}
    assert report.is_whole


def test_voc_rounds_upright_boxes_to_whole_pixels_and_says_by_how_much() -> None:
    report = measured("voc", image_row(box("车", 10.2, 20, 30, 40), box("人", 10, 20, 30, 40, 45)))
    assert outcomes(report) == {"box": (0, 1, 0, 0), "rotated": (1, 0, 0, 0)}
    assert (report.kinds["box"].largest_error, report.kinds["box"].unit) == (0.6, "pixel")
    assert report.is_whole
    assert lossnotes.summary(report) == "全部保留，最大取整误差 0.6 像素"


def test_yolo_outlines_turn_boxes_into_outlines() -> None:
    report = measured(
        "yolo_seg", image_row(box("车", 10, 10, 20, 20), outline("路面", (0, 0), (50, 0), (50, 50)))
    )
    assert outcomes(report) == {"box": (0, 0, 1, 0), "polygon": (1, 0, 0, 0)}
    assert not report.is_whole
    assert lossnotes.summary(report) == "不能完整保留：水平框 1 个"


@pytest.mark.parametrize("code", ["coco", "yolo", "voc"])
def test_answers_beside_shapes_are_lost_with_an_example(code: str) -> None:
    regions = [box("车", 0, 0, 50, 50), {**choice("白天"), "id": "c"}, {**choice("遮挡"), "id": "b"}]
    report = measured(code, image_row(*regions, relation("b", "c")))
    assert outcomes(report) == {
        "box": (1, 0, 0, 0), "choice": (0, 0, 0, 1), "per_region": (0, 0, 0, 1), "relation": (0, 0, 0, 1),
    }  # fmt: skip
    assert report.kinds["choice"].examples == ["r000001: 白天"]


@pytest.mark.parametrize("code", IMAGE_FORMATS)
def test_a_region_with_two_labels_is_told_to_be_split(code: str) -> None:
    both = box("车", 10, 10, 20, 20)
    both["value"]["rectanglelabels"] = ["车", "人"]
    report = measured(code, image_row(both))
    assert outcomes(report)["multi_label"] == (0, 0, 1, 0)
    assert report.kinds["box"].lost == 0


def test_two_annotators_of_one_image_and_names_that_differ_in_their_ending_are_all_found_again() -> None:
    rows = [image_row(box("车", 0, 0, 50, 50)), image_row(box("人", 0, 0, 50, 50)), image_row(number=2)]
    rows[2]["item"] = "items/000001.jpg"
    rows[2]["result"] = [box("车", 10, 10, 10, 10)]
    for code in ("coco", "yolo", "yolo_obb", "voc"):
        assert outcomes(measured(code, *rows)) == {"box": (3, 0, 0, 0)}, code


def test_a_label_that_the_format_cannot_write_is_found_to_be_lost() -> None:
    report = measured("voc", image_row(box(" 车", 0, 0, 50, 50)), classes=(" 车",))
    assert outcomes(report) == {"box": (0, 0, 0, 1)}


# --- texts --------------------------------------------------------------------------------------


def test_conll_keeps_nested_spans_and_loses_other_answers() -> None:
    row = text_row(
        NEWS, span("机构", 0, 8, NEWS), span("地名", 0, 3, NEWS), span("地名", 3, 6, NEWS), choice("公告")
    )
    report = measured("conll", row, classes=NAMES)
    assert outcomes(report) == {"span": (1, 0, 0, 0), "nested": (2, 0, 0, 0), "choice": (0, 0, 0, 1)}


def test_conll_gives_up_the_white_space_at_the_end_of_a_span() -> None:
    report = measured("conll", text_row(NEWS, span("机构", 3, 9, NEWS)), classes=NAMES)
    assert outcomes(report) == {"span": (0, 1, 0, 0)}
    assert (report.kinds["span"].largest_error, report.kinds["span"].unit) == (1.0, "character")


def test_csv_keeps_the_answers_to_one_question_and_only_the_labels_of_spans() -> None:
    answered = text_row("早餐丰富", choice("正面", "早餐"))
    marked = text_row(NEWS, span("机构", 0, 8, NEWS), number=2)
    assert outcomes(measured("csv", answered)) == {"choice": (2, 0, 0, 0)}
    assert outcomes(measured("csv", marked)) == {"span": (0, 0, 1, 0)}
    assert outcomes(measured("csv", text_row("好", choice("正|面")))) == {"choice": (0, 0, 0, 1)}


@pytest.mark.parametrize("code", ["jsonl", "parquet", "folder", "label_studio"])
def test_formats_of_whole_rows_lose_nothing(code: str) -> None:
    both = box("车", 10, 10, 20, 20, 30)
    both["value"]["rectanglelabels"] = ["车", "人"]
    stars = {"id": "q", "from_name": "stars", "to_name": "text", "type": "rating", "value": {"rating": 4}}
    written = {
        "id": "w",
        "from_name": "note",
        "to_name": "text",
        "type": "textarea",
        "value": {"text": ["好"]},
    }
    rows = [image_row(both, relation("b", "b")), text_row(NEWS, span("机构", 0, 8, NEWS), number=2)]
    rows[1]["result"] += [stars, written]
    report = measured(code, *rows)
    assert report.is_whole
    assert {kind: tally.exact for kind, tally in report.kinds.items()} == {
        "rotated": 2, "relation": 1, "multi_label": 1, "span": 1, "rating": 1, "text": 1,
    }  # fmt: skip
    assert lossnotes.summary(report) == "全部原样保留"


# --- any input ----------------------------------------------------------------------------------

numbers = st.integers(0, 10_000).map(lambda value: value / 100)
boxes = st.builds(
    lambda label, x, y, w, h: box(label, x * 0.5, y * 0.5, 1 + w * 0.49, 1 + h * 0.49),
    st.sampled_from(CLASSES[:2]), numbers, numbers, numbers, numbers,
)  # fmt: skip
turned = st.builds(
    lambda each, rotation: {**each, "value": {**each["value"], "rotation": rotation}},
    boxes,
    st.integers(1, 359),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(boxes, max_size=6))
def test_upright_boxes_survive_every_format_of_images(drawn: list[dict[str, Any]]) -> None:
    for code in ("coco", "yolo", "yolo_obb", "voc"):
        told = outcomes(measured(code, image_row(*drawn))).get("box", (0, 0, 0, 0))
        assert told[0] + told[1] == len(drawn), code
        assert code == "voc" or told[1] == 0


@settings(max_examples=40, deadline=None)
@given(st.lists(turned, max_size=5))
def test_turned_boxes_survive_every_format_that_takes_them(drawn: list[dict[str, Any]]) -> None:
    for code in ("coco", "yolo_obb", "voc"):
        report = measured(code, image_row(*drawn))
        assert report.is_whole, code
        assert report.kinds.get("rotated", Tally()).total == len(drawn)


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.sampled_from("清远市 政府\nabc，"), min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(1, 10), st.sampled_from(NAMES)), max_size=8),
)
def test_spans_survive_conll_up_to_white_space(text: str, drawn: list[tuple[int, int, str]]) -> None:
    spans = [
        span(label, start, min(len(text), start + length), text)
        for start, length, label in drawn
        if text[start : start + length].strip()
    ]
    report = measured("conll", text_row(text, *spans), classes=NAMES)
    told = {kind: tally.lost + tally.changed for kind, tally in report.kinds.items()}
    assert not any(told.values()), (told, report.unread)


def test_many_rows_are_measured_in_portions() -> None:
    lines: Iterator[str] = (json.dumps(image_row(box("车", 0, 0, 50, 50), number=n)) for n in range(1, 451))
    report = measure(lines, code="coco", classes=CLASSES)
    assert (report.row_count, report.kinds["box"].exact) == (450, 450)


def test_a_report_is_kept_as_json_and_read_again() -> None:
    report = measured("voc", image_row(box("车", 10.2, 20, 30, 40), choice("白天")))
    told = json.loads(json.dumps(report.as_json()))
    assert LossReport.of_json(told).as_json() == told
    assert list(told["kinds"]) == ["box", "choice"]
    assert set(losses.KINDS) == set(lossnotes.KIND_WORDS)


def test_the_note_in_an_archive_tells_both_languages_what_was_lost() -> None:
    report = measured("voc", image_row(box("车", 10.2, 20, 30, 40), choice("白天")))
    told = {part.path: b"".join(part.chunks).decode() for part in lossnotes.parts(report)}
    assert "- 水平框: 1 个取整（最大误差 0.6 像素）" in told["LOSS.md"]
    assert "- 选择题: 1 个丢失" in told["LOSS.md"]
    assert json.loads(told["loss.json"])["kinds"]["choice"]["lost"] == 1
