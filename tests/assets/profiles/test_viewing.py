"""Rows by their place in the file, spans and regions as they were drawn."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.datasets.models import DatasetFile
from assets.profiles import drawing, viewing
from assets.profiles.rules.texts import Region, Span, regions_in, segments, spans_in
from tests.assets.profiles.conftest import version_of


def span(start: int, end: int, *labels: str, quoted: str | None = None) -> dict[str, Any]:
    value: dict[str, Any] = {"start": start, "end": end, "labels": list(labels)}
    return {"type": "labels", "value": value if quoted is None else value | {"text": quoted}}


# --- spans --------------------------------------------------------------------------------------


def test_nested_spans_stand_inside_one_another() -> None:
    text = "清远市服务基地"
    marked = drawing.marked(text, [span(0, 7, "机构"), span(0, 3, "地名")])
    assert marked == (
        '<mark class="span span-0" title="机构"><mark class="span span-1" title="地名">清远市</mark></mark>'
        '<small class="span-name">地名</small>'
        '<mark class="span span-0" title="机构">服务基地</mark><small class="span-name">机构</small>'
    )


def test_crossing_spans_are_cut_and_markup_in_the_text_stays_text() -> None:
    found = segments("abcdef", [Span(0, 4, "x"), Span(2, 6, "y")])
    assert [(each.text, each.labels, each.ending) for each in found] == [
        ("ab", ("x",), ()),
        ("cd", ("x", "y"), ("x",)),
        ("ef", ("y",), ("y",)),
    ]
    assert "<b>" not in drawing.marked("<b>粗</b>", [span(0, 3, "<i>")])


@given(
    st.text(max_size=30),
    st.lists(st.tuples(st.integers(-3, 33), st.integers(-3, 33), st.sampled_from("abc")), max_size=6),
)
def test_the_segments_are_the_text_whatever_the_spans(text: str, given: list[tuple[int, int, str]]) -> None:
    found = spans_in(text, [span(start, end, label) for start, end, label in given])
    assert "".join(each.text for each in segments(text, found)) == text
    assert all(0 <= each.start < each.end <= len(text) for each in found)


def test_places_in_utf_16_units_are_turned_into_characters() -> None:
    text = "😀😀清远"
    assert spans_in(text, [span(4, 6, "地名", quoted="清远")]) == [Span(2, 4, "地名")]
    assert spans_in(text, [span(2, 4, "地名", quoted="清远")]) == [Span(2, 4, "地名")]


@pytest.mark.parametrize(
    "region",
    [
        {},
        {"type": "labels"},
        {"type": "labels", "value": 3},
        {"type": "labels", "value": {"start": "0", "end": 1}},
    ],
)
def test_what_is_no_span_is_passed_over(region: dict[str, Any]) -> None:
    assert spans_in("abc", [region]) == []


# --- regions ------------------------------------------------------------------------------------


def box(kind: str, **value: Any) -> dict[str, Any]:
    return {"type": kind, "original_width": 200, "original_height": 100, "value": value}


def test_rectangles_turned_ones_ellipses_polygons_and_points_become_pixels() -> None:
    result = [
        box("rectanglelabels", x=10, y=20, width=30, height=40, rotation=0, rectanglelabels=["车"]),
        box("rectanglelabels", x=50, y=50, width=10, height=10, rotation=12.5, rectanglelabels=["人"]),
        box("polygonlabels", points=[[0, 0], [50, 0], [50, 100]], polygonlabels=["路"]),
        box("ellipselabels", x=50, y=50, radiusX=10, radiusY=20, ellipselabels=["盘"]),
        box("keypointlabels", x=25, y=25, width=1, keypointlabels=["眼"]),
        box("brushlabels", format="rle", rle=[1], brushlabels=["天"]),
        box("rectanglelabels", x="a", y=1, width=1, height=1, rectanglelabels=["坏"]),
        box("rectanglelabels", x=float("nan"), y=1, width=1, height=1, rectanglelabels=["坏"]),
    ]
    assert regions_in(result, 200, 100) == [
        Region("rect", "车", 200, 200, 600, 400, 0),
        Region("rect", "人", 1000, 500, 200, 100, 1250),
        Region("polygon", "路", points=((0, 0), (1000, 0), (1000, 1000))),
        Region("ellipse", "盘", 1000, 500, 200, 200, 0),
        Region("point", "眼", 500, 250),
    ]
    drawn = drawing.picture("https://store/x?a=1&b=2", result, name="a.png")
    assert (
        '<rect class="region region-0" x="20" y="20" width="60" height="40"><title>车</title></rect>'
        in drawn.svg
    )
    assert 'transform="rotate(12.5 100 50)"' in drawn.svg
    assert '<polygon class="region region-2" points="0,0 100,0 100,100">' in drawn.svg
    assert 'viewBox="0 0 200 100"' in drawn.svg
    assert "a=1&amp;b=2" in drawn.svg
    assert [row["place"] for row in drawn.rows] == [
        "20, 20 · 60×40", "100, 50 · 20×10 · 12.5°", "3 个顶点", "100, 50 · 20×20", "50, 25",
    ]  # fmt: skip


# --- rows ---------------------------------------------------------------------------------------


def file_of(path: str, body: bytes) -> DatasetFile:
    return version_of({path: body}).files.get()


def leafed(file: DatasetFile, count: int) -> list[dict[str, Any]]:
    """All rows of a table, page by page."""
    found, at = [], "0"
    while at:
        page = viewing.rows_of(file, at=int(at), count=count)
        found += [row.values for row in page.rows]
        at = page.after
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 3, 7, 100])
def test_leafing_through_gives_every_row_once(count: int) -> None:
    rows = [{"n": str(n), "t": f'第{n}行\n带换行，与“引号"”'} for n in range(20)]
    body = "n,t\n" + "".join('{},"{}"\n'.format(row["n"], row["t"].replace('"', '""')) for row in rows)
    assert leafed(file_of("a.csv", body.encode()), count) == rows
    lines = "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert leafed(file_of("a.jsonl", lines.encode()), count) == rows


@pytest.mark.django_db
def test_a_row_opens_at_its_place_and_a_place_beyond_the_end_is_empty() -> None:
    file = file_of("a.tsv", "名\t数\n茶\t1\n米\t2\n".encode())
    rows = viewing.rows_of(file).rows
    assert viewing.rows_of(file, at=rows[1].at, count=1).rows == [rows[1]]
    assert rows[1].values == {"名": "米", "数": "2"}
    assert viewing.rows_of(file, at=10**9).rows == []


@pytest.mark.django_db
def test_rows_that_fit_no_header_are_marked_and_end_nothing() -> None:
    file = file_of("a.csv", b"a,b\n1\n1,2,3\n4,5\n")
    assert [row.is_broken for row in viewing.rows_of(file).rows] == [True, True, False]
    lines = file_of("a.jsonl", b'{"a": 1}\n[2]\nnot json\n{"a": 3}\n')
    assert [row.is_broken for row in viewing.rows_of(lines).rows] == [False, True, True, False]


@pytest.mark.django_db
def test_an_endless_row_is_cut_off() -> None:
    file = file_of("a.csv", b'a,b\n1,2\n"' + b"x" * (9 * 1024 * 1024))
    page = viewing.rows_of(file)
    assert page.rows[0].values == {"a": "1", "b": "2"}
    assert len(page.rows) <= 21
