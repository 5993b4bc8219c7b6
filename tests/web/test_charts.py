"""Charts are well-formed SVG with a title and a description, and stay inside their frame."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from web import charts

EVIL = '<b onload="x">'


def parsed(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawing)


def every_chart() -> list[str]:
    nodes = {"a": charts.Node(50, 50, EVIL, "self"), "b": charts.Node(200, 90, "乙", "warn", side="e")}
    return [
        charts.threshold(
            [charts.Column("2026", 642_000_000, "now")], [charts.Level(500_000_000, EVIL)], title=EVIL
        ),
        charts.waterfall(
            [
                charts.Change("毛\n额", 100, "start"),
                charts.Change(EVIL, -30, "minus"),
                charts.Change("净", 70, "total"),
            ],
            title="构成",
        ),
        charts.trade_ring(nodes, [charts.Edge("a", "b", "21 万", "warn", 18)], title="流向"),
        charts.distribution([charts.Bar(EVIL, 12, "50%"), charts.Bar("乙", 0)], title="分布"),
        charts.heatmap(["刘*", "黄*"], [[100, 78], [78, None]], title="一致"),
        charts.operating_curve(
            [(0, 10_000), (500, 5_830), (1_300, 0)],
            [charts.Mark(500, 5_830, EVIL), charts.Mark(1_300, 0, "很长的一个标记")],
            title="曲线",
            across=EVIL,
            upward="接收的可能",
        ),
        charts.burn_up(
            charts.Burn([(0, 0), (9, 90)], [(0, 0), (3, 20)], [(3, 20), (10, 90)]),
            90,
            title="进度",
            days=[(0, "11-10")],
        ),
        charts.sparkline([3, 3, 3], title="近 7 日"),
        charts.sparkline([], title="近 7 日"),
        charts.stacked_bar([("已通过", 3, "green"), (EVIL, 1, "blue")], title="流转"),
        charts.stacked_bar([], title="流转"),
        charts.ring(4, 7, label="项已判定"),
    ]


@pytest.mark.parametrize("drawing", every_chart())
def test_a_chart_tells_its_title_and_content_to_screen_readers(drawing: str) -> None:
    root = parsed(drawing)
    named = {child.get("id"): child for child in root if child.tag in ("title", "desc")}
    assert root.get("role") == "img"
    assert set((root.get("aria-labelledby") or "").split()) == set(named)
    assert len(named) == 2


@pytest.mark.parametrize("drawing", every_chart())
def test_a_chart_has_neither_style_nor_script(drawing: str) -> None:
    for element in parsed(drawing).iter():
        assert element.tag not in ("script", "style", "b")
        assert "style" not in element.attrib
        assert not [name for name in element.attrib if name.startswith("on")]


def test_wan_is_exact_and_never_rounds_up() -> None:
    assert charts.wan(500_000_000) == "500"
    assert charts.wan(499_999_999) == "499.99"
    assert charts.wan(-124_000_000) == "−124"
    assert charts.wan(0) == "0"


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**13), min_size=1, max_size=8), st.integers(1, 10**13))
def test_columns_never_leave_the_frame(values: list[int], level: int) -> None:
    columns = [charts.Column(str(i), value) for i, value in enumerate(values)]
    drawing = charts.threshold(columns, [charts.Level(level, "门槛")], title="收入")
    for line in parsed(drawing).iter("line"):
        assert 0 <= float(line.get("y1", "")) <= 250


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=6))
def test_a_waterfall_below_zero_is_still_drawn(changes: list[int]) -> None:
    rows = [
        charts.Change("起", 0, "start"),
        *(charts.Change("变", c, "plus" if c > 0 else "minus") for c in changes),
    ]
    assert parsed(charts.waterfall(rows, title="构成")).get("role") == "img"


def test_a_long_label_of_a_narrow_waterfall_stands_on_two_lines() -> None:
    rows = [charts.Change(label, 1, "start") for label in ("Approved", "Waiting for approval", "待批准")]
    drawn = parsed(charts.waterfall(rows, title="构成", width=220))
    told = [text.text for text in drawn.iter("text") if (text.text or "").strip("0.")]
    assert told == ["Approved", "Waiting for", "approval", "待批准"]


def test_the_guilloche_is_decoration() -> None:
    assert parsed(charts.guilloche()).get("aria-hidden") == "true"


@pytest.mark.parametrize(("day", "anchor"), [(3, "start"), (10, "end")])
def test_the_burn_up_names_today_inside_the_drawing(day: int, anchor: str) -> None:
    drawn = charts.burn_up(
        charts.Burn([(0, 0), (10, 90)], [(0, 0), (day, 90)]),
        90,
        title="进度",
        days=[(0, "11-10")],
        today="今天 82,080",
        width=360,
    )
    label = next(each for each in parsed(drawn).iter() if each.text == "今天 82,080")
    assert label.get("text-anchor", "start") == anchor
    assert float(label.get("x") or 0) <= 360


def test_names_beside_a_heat_map_are_cut_to_their_room_and_told_whole_in_its_cells() -> None:
    assert charts.fitting("梅二（示例）", 76) == "梅二（示例）"
    assert charts.fitting("标注员乙（示例）", 76) == "标注员乙（…"
    assert charts.fitting("Annotator B", 40) == "Ann…"
    assert (charts.fitting("", 40), charts.fitting("刘*", 1)) == ("", "刘…")
    drawn = str(charts.heatmap(["标注员乙（示例）", "梅"], [[100, 78], [78, 100]], title="一致", width=300))
    assert ">标注…<" in drawn
    assert "标注员乙（示例） × 梅" in drawn
