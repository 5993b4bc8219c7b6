"""Label Studio configs and results: what is taken, and every reason for which something is not."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.labelstudio.rules import ConfigRefused, digest_of, parse_config, validate_result

TEXT = "清远的数据很好，服务😀也好。"
ON_TEXT = """<View><Text name="t" value="$body"/>
<Header value="情感"/><Choices name="mood" toName="t" choice="single" required="true"><Choice value="好"/><Choice value="坏"/></Choices>
<Choices name="topics" toName="t" choice="multiple"><Choice value="数据"/><Choice value="服务"/></Choices>
<Labels name="spans" toName="t"><Label value="地名"/><Label value="人名"/></Labels>
<TextArea name="note" toName="t"/></View>"""
ON_IMAGE = """<View><Image name="i" value="$image"/>
<RectangleLabels name="boxes" toName="i"><Label value="车"/><Label value="人"/></RectangleLabels>
<PolygonLabels name="shapes" toName="i"><Label value="路"/></PolygonLabels></View>"""


def on_text(tags: str) -> str:
    return f"<View><Text name='t' value='$t'/>{tags}</View>"


def region(name: str, kind: str, value: Any, to: str = "t", **more: Any) -> dict[str, Any]:
    return {"from_name": name, "to_name": to, "type": kind, "value": value, **more}


def choice(*labels: str, name: str = "mood") -> dict[str, Any]:
    return region(name, "choices", {"choices": list(labels)})


def span(start: Any, end: Any, text: Any = None, label: str = "地名", **more: Any) -> dict[str, Any]:
    said = TEXT[start:end] if text is None and isinstance(start, int) and isinstance(end, int) else text
    return region("spans", "labels", {"start": start, "end": end, "text": said, "labels": [label]}, **more)


def box(x: Any, y: Any, width: Any, height: Any, rotation: Any = 0, **more: Any) -> dict[str, Any]:
    value = {
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "rotation": rotation,
        "rectanglelabels": ["车"],
    }
    return region("boxes", "rectanglelabels", value, to="i", **more)


def polygon(*points: Any) -> dict[str, Any]:
    return region("shapes", "polygonlabels", {"points": list(points), "polygonlabels": ["路"]}, to="i")


def codes(config: str, result: Any) -> list[str]:
    return [found.code for found in validate_result(parse_config(config), {"body": TEXT}, result)]


def test_a_config_is_read_with_its_questions_in_order() -> None:
    config = parse_config(ON_TEXT)
    shown = [(one.name, one.kind, one.title, one.is_multiple, one.is_required) for one in config.controls]
    assert shown == [
        ("mood", "choices", "情感", False, True),
        ("topics", "choices", "topics", True, False),
        ("spans", "labels", "spans", False, False),
        ("note", "textarea", "note", True, False),
    ]
    assert config.controls[0].labels == ("好", "坏")
    assert (config.objects[0].kind, config.objects[0].field) == ("text", "body")
    assert parse_config(ON_TEXT + "\n") is config  # kept, not read again


@pytest.mark.parametrize(
    ("xml", "words"),
    [
        ("", "请填写标注配置"),
        ("<View>", "不是正确的 XML"),
        ("<Choices/>", "最外层标签应为 <View>"),
        ("<View/>", "没有要回答的问题"),
        ("<?xml version='1.0'?><View/>", "去掉开头的 XML 声明"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><View>&b;</View>', "DOCTYPE"),
        ("<View>" + " " * 64_000 + "</View>", "不能超过 64000 个字符"),
        ("<View>\x00</View>", "不是正确的 XML"),
        ("<View>\ud800</View>", "残缺的字符"),
        (on_text("<Brush name='b' toName='t'/>"), "暂不支持标签 <Brush>"),
        (on_text("<HyperText name='h' value='$h'/>"), "<HyperText>"),
        ("<View><Text name='t' value='t'/><TextArea name='a' toName='t'/></View>", "$字段名"),
        (on_text("<TextArea name='a'/>"), "应有 name 和 toName"),
        (on_text("<TextArea name='a' toName='x'/>"), "没有对应的标签"),
        (on_text("<TextArea name='t' toName='t'/>"), "名称 t 重复"),
        (
            on_text("<Text name='u' value='$u'/><TextArea name='a' toName='t'/>"),
            "恰有一个",
        ),
        (
            on_text("<Labels name='l' toName='t'></Labels>"),
            "没有任何选项",
        ),
        (
            on_text("<Labels name='l' toName='t'><Label value='a'/><Label value='a'/></Labels>"),
            "“a”重复",
        ),
        (
            on_text("<Labels name='l' toName='t'><Label value=' '/></Labels>"),
            "空白或过长",
        ),
        (
            on_text("<RectangleLabels name='l' toName='t'><Label value='a'/></RectangleLabels>"),
            "不能用于 <Text>",
        ),
        (
            on_text("<Choices name='c' toName='t' choice='both'><Choice value='a'/></Choices>"),
            "choice 应为 single 或 multiple",
        ),
        (
            on_text("<Choices name='c' toName='t' perRegion='true'><Choice value='a'/></Choices>"),
            "perRegion 暂不支持",
        ),
        (
            on_text("<Choices name='c' toName='t' value='$options'/>"),
            "不能取自数据",
        ),
        (
            on_text("<Choices name='c' toName='t'><Choice value='a'><Choice value='b'/></Choice></Choices>"),
            "多级选项",
        ),
    ],
)  # fmt: skip
def test_a_config_that_cannot_be_used_is_refused_in_words(xml: str, words: str) -> None:
    with pytest.raises(ConfigRefused) as refused:
        parse_config(xml)
    assert words in str(refused.value)


def test_good_answers_have_no_problem() -> None:
    emoji = TEXT.index("😀")
    good = [
        choice("好"),
        choice("数据", "服务", name="topics"),
        span(0, 2),
        span(0, 3),  # nested
        span(0, 2, label="人名"),  # the same span under another label
        span(emoji, emoji + 1, "😀", id="a1"),
        region("note", "textarea", {"text": ["可以"]}),
    ]
    assert codes(ON_TEXT, good) == []
    whole = [box(0, 0, 100, 100), box(99.5, 99.5, 0.5, 0.5), polygon([0, 0], [100, 0], [50, 100])]
    assert codes(ON_IMAGE, whole) == []
    size = {"original_width": 200, "original_height": 100}
    assert codes(ON_IMAGE, [box(50, 10, 20, 20, 45, **size), box(10, 10, 5, 5, 360)]) == []


WRONG_ON_TEXT: list[tuple[str, Any]] = [
    ("result_not_list", {"result": []}),
    ("result_not_list", None),
    ("too_many_regions", [choice("好")] * 2_001),
    ("not_plain_json", [choice("好"), span(math.nan, 2)]),
    ("not_plain_json", [choice("好"), span(0, math.inf)]),
    ("not_plain_json", [choice("\ud800")]),
    ("nul_character", [choice("好"), region("note", "textarea", {"text": ["a\x00"]})]),
    ("result_too_large", [choice("好"), region("note", "textarea", {"text": ["长" * 1_000_000]})]),
    ("region_not_object", [choice("好"), "好"]),
    ("region_field_missing", [choice("好"), {"from_name": "spans", "to_name": "t", "type": "labels"}]),
    ("unknown_control", [choice("好"), choice("好", name="feeling")]),
    ("unknown_control", [choice("好"), region(["mood"], "choices", {})]),  # type: ignore[arg-type]
    ("wrong_object", [choice("好"), region("spans", "labels", {}, to="u")]),
    ("wrong_type", [choice("好"), region("spans", "choices", {})]),
    ("value_not_object", [choice("好"), region("spans", "labels", [])]),
    ("labels_not_list", [choice("好"), region("spans", "labels", {"start": 0, "end": 1, "labels": "地名"})]),
    ("label_missing", [choice()]),
    ("unknown_label", [choice("中")]),
    ("unknown_label", [choice("好"), span(0, 2, label="机构")]),
    ("label_twice", [choice("好"), choice("数据", "数据", name="topics")]),
    ("two_on_single", [choice("好", "坏")]),
    ("answered_twice", [choice("好"), choice("坏")]),
    ("answered_twice", [choice("好"), choice("数据", name="topics"), choice("服务", name="topics")]),
    ("required_missing", [span(0, 2)]),
    ("required_missing", []),
    ("span_not_whole", [choice("好"), span(0, "2")]),
    ("span_not_whole", [choice("好"), span(0.0, 2.0)]),
    ("span_not_whole", [choice("好"), span(False, True)]),
    ("span_negative", [choice("好"), span(-2, 2, "清远")]),
    ("span_reversed", [choice("好"), span(5, 2)]),
    ("span_empty", [choice("好"), span(2, 2, "")]),
    ("span_past_text", [choice("好"), span(0, len(TEXT) + 1)]),
    ("text_mismatch", [choice("好"), span(0, 2, "广州")]),
    ("text_mismatch", [choice("好"), region("spans", "labels", {"start": 0, "end": 2, "labels": ["地名"]})]),
    ("region_twice", [choice("好"), span(0, 2), span(0, 2)]),
    ("region_twice", [choice("好"), span(0, 2, id="a"), span(0, 2, id="b")]),
    ("id_twice", [choice("好"), span(0, 2, id="a"), span(0, 3, id="a")]),
    ("id_invalid", [choice("好"), span(0, 2, id=7)]),
    ("text_missing", [choice("好"), region("note", "textarea", {"text": [1]})]),
    ("text_blank", [choice("好"), region("note", "textarea", {"text": ["  "]})]),
    ("text_too_long", [choice("好"), region("note", "textarea", {"text": ["长" * 10_001]})]),
]
WRONG_ON_IMAGE: list[tuple[str, Any]] = [
    ("result_empty", []),
    ("box_not_number", [box("1", 1, 1, 1)]),
    ("box_not_number", [box(True, 1, 1, 1)]),
    ("box_not_number", [region("boxes", "rectanglelabels", {"rectanglelabels": ["车"]}, to="i")]),
    ("box_without_area", [box(1, 1, 0, 5)]),
    ("box_without_area", [box(1, 1, 5, -1)]),
    ("box_outside", [box(150, 1, 5, 5)]),
    ("box_outside", [box(60, 1, 50, 5)]),
    ("box_outside", [box(1, 60, 5, 50)]),
    ("box_outside", [box(-1, 1, 5, 5)]),
    ("box_outside", [box(1, 1, 20, 20, 90, original_width=100, original_height=100)]),
    ("rotation_invalid", [box(1, 1, 5, 5, "90")]),
    ("rotation_invalid", [box(1, 1, 5, 5, 400)]),
    ("rotation_needs_size", [box(1, 1, 5, 5, 10)]),
    ("region_twice", [box(1, 1, 5, 5), box(1, 1, 5, 5)]),
    ("points_invalid", [polygon([1, 1], [2, 2], [3])]),
    ("points_invalid", [polygon([1, 1], [2, 2], ["3", 4])]),
    ("too_few_points", [polygon([1, 1], [2, 2])]),
    ("too_many_points", [polygon(*([n / 50, n / 50] for n in range(2_001)))]),
    ("polygon_outside", [polygon([1, 1], [101, 2], [3, 9])]),
    ("point_twice", [polygon([1, 1], [5, 2], [1, 1], [3, 9])]),
    ("polygon_crosses", [polygon([0, 0], [10, 10], [10, 0], [0, 10])]),
    ("polygon_without_area", [polygon([0, 0], [5, 5], [10, 10])]),
]


@pytest.mark.parametrize(("code", "result"), WRONG_ON_TEXT, ids=[code for code, _result in WRONG_ON_TEXT])
def test_a_wrong_result_on_text_is_named(code: str, result: Any) -> None:
    assert code in codes(ON_TEXT, result)


@pytest.mark.parametrize(("code", "result"), WRONG_ON_IMAGE, ids=[code for code, _result in WRONG_ON_IMAGE])
def test_a_wrong_result_on_an_image_is_named(code: str, result: Any) -> None:
    assert code in codes(ON_IMAGE, result)


def test_deeply_nested_json_is_refused_not_crashed_on() -> None:
    deep: Any = []
    for _level in range(100_000):
        deep = [deep]
    assert codes(ON_TEXT, [deep]) == ["not_plain_json"]


def test_every_problem_of_a_result_is_told_with_its_region() -> None:
    found = validate_result(parse_config(ON_TEXT), {"body": TEXT}, [span(5, 2), span(0, 99), "x"])
    assert [(one.region, one.code) for one in found] == [
        (0, "span_reversed"),
        (1, "span_past_text"),
        (2, "region_not_object"),
        (None, "required_missing"),
    ]


plain_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
names = st.sampled_from(["mood", "topics", "spans", "note", "boxes", ""])
kinds = st.sampled_from(["choices", "labels", "textarea", "rectanglelabels"])
values = st.dictionaries(
    st.sampled_from(["choices", "labels", "start", "end", "text"]), plain_json, max_size=5
)
regions = st.fixed_dictionaries(
    {"from_name": names, "to_name": st.just("t"), "type": kinds, "value": values | plain_json}
)


@given(st.lists(regions | plain_json, max_size=4) | plain_json)
def test_no_json_whatever_crashes_the_judge(result: Any) -> None:
    codes(ON_TEXT, result)


@given(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)))
def test_a_span_is_good_exactly_when_it_holds_text_of_the_item(start: int, end: int) -> None:
    assert (codes(ON_TEXT, [choice("好"), span(start, end)]) == []) == (start < end)


def test_the_digest_does_not_depend_on_the_order_of_members() -> None:
    assert digest_of([{"a": 1, "b": 2}]) == digest_of([{"b": 2, "a": 1}])
    assert digest_of([{"a": 1}]) != digest_of([{"a": 2}])
