"""What annotators, tools and importers get wrong, kind by kind: each is refused by name, with the way out."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from annotation.labelstudio.rules import (
    ConfigRefused,
    LabelingConfig,
    parse_config,
    validate_result,
)

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws slowly
TEXT = "清远的数据很好，服务😀 也好。"
SIZE = (200, 100)
HUGE = 10**400

CONFIGS = {
    "text": """<View><Text name="t" value="$body"/>
    <Header value="情感"/><Choices name="mood" toName="t" required="true"><Choice value="好"/><Choice value="坏"/></Choices>
    <Choices name="topics" toName="t" choice="multiple"><Choice value="数据"/><Choice value="服务"/></Choices>
    <Labels name="spans" toName="t"><Label value="地名"/><Label value="事物"/></Labels>
    <Relations><Relation value="属于"/><Relation value="评价"/></Relations>
    <Rating name="stars" toName="t" maxRating="5"/><TextArea name="note" toName="t"/></View>""",
    "plain": '<View><Text name="t" value="$body"/><Labels name="spans" toName="t"><Label value="地名"/></Labels></View>',
    "image": """<View><Image name="i" value="$image"/>
    <RectangleLabels name="boxes" toName="i"><Label value="车"/><Label value="人"/></RectangleLabels>
    <PolygonLabels name="outlines" toName="i"><Label value="路"/></PolygonLabels></View>""",
    "ocr": """<View><Image name="i" value="$image"/>
    <RectangleLabels name="lines" toName="i"><Label value="正文"/></RectangleLabels>
    <TextArea name="words" toName="i" perRegion="true" required="true"/></View>""",
    "pair": """<View><Text name="a" value="$first"/><Text name="b" value="$second"/>
    <Pairwise name="better" toName="a,b" required="true"/><TextArea name="why" toName="a"/></View>""",
}
TASK = {"body": TEXT, "image": "", "first": "甲", "second": "乙"}


def region(name: str, kind: str, value: Any, to: str, **more: Any) -> dict[str, Any]:
    return {"from_name": name, "to_name": to, "type": kind, "value": value, **more}


def mood(*labels: Any) -> dict[str, Any]:
    return region("mood", "choices", {"choices": list(labels)}, "t")


def topics(*labels: Any) -> dict[str, Any]:
    return region("topics", "choices", {"choices": list(labels)}, "t")


def span(start: Any, end: Any, text: Any = None, label: Any = "地名", **more: Any) -> dict[str, Any]:
    is_place = isinstance(start, int) and isinstance(end, int)
    said = TEXT[start:end] if text is None and is_place else text
    value = {"start": start, "end": end, "text": said, "labels": [label]}
    return region("spans", "labels", value, "t", **more)


def relation(source: Any, target: Any, *labels: Any, **more: Any) -> dict[str, Any]:
    told = {"type": "relation", "from_id": source, "to_id": target, "direction": "right"}
    return {**told, "labels": list(labels), **more}


def rating(stars: Any) -> dict[str, Any]:
    return region("stars", "rating", {"rating": stars}, "t")


def note(text: Any) -> dict[str, Any]:
    return region("note", "textarea", {"text": text}, "t")


def box(x: Any, y: Any, width: Any, height: Any, turn: Any = 0, **more: Any) -> dict[str, Any]:
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": turn, "rectanglelabels": ["车"]}
    told = {"original_width": SIZE[0], "original_height": SIZE[1], **more}
    return region("boxes", "rectanglelabels", value, "i", **told)


def outline(*points: Any, **value: Any) -> dict[str, Any]:
    told = {"points": list(points), "polygonlabels": ["路"], **value}
    return region("outlines", "polygonlabels", told, "i")


def line(name: str | None = "l1", at: float = 10) -> dict[str, Any]:
    value = {"x": at, "y": at, "width": 20, "height": 5, "rectanglelabels": ["正文"]}
    return region("lines", "rectanglelabels", value, "i", **({"id": name} if name else {}))


def words(name: str | None, *said: Any) -> dict[str, Any]:
    value = {"x": 10, "y": 10, "width": 20, "height": 5, "text": list(said)}
    return region("words", "textarea", value, "i", **({"id": name} if name else {}))


def better(side: Any, to: str = "better") -> dict[str, Any]:
    return region("better", "pairwise", {"selected": side}, to)


def without(told: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key != name}


def changed(told: dict[str, Any], **value: Any) -> dict[str, Any]:
    found = copy.deepcopy(told)
    found["value"].update(value)
    return found


GOOD = mood("好")
A, B = span(0, 2, id="a"), span(3, 5, label="事物", id="b")

WRONG: list[tuple[str, str, str, Any]] = [
    # (the sentence, the config, the code, the result)
    ("a result that is an object", "text", "result_not_list", {"result": [GOOD]}),
    ("nothing where a list belongs", "text", "result_not_list", None),
    ("more regions than anyone draws", "text", "too_many_regions", [GOOD] * 2_001),
    ("NaN as a coordinate", "image", "not_plain_json", [box(math.nan, 1, 1, 1)]),
    ("infinity as a width", "image", "not_plain_json", [box(1, 1, math.inf, 1)]),
    ("half a surrogate pair as a label", "text", "not_plain_json", [mood("\ud83d")]),
    ("a NUL in a text", "text", "nul_character", [GOOD, note(["a\x00"])]),
    ("a result of a million characters", "text", "result_too_large", [GOOD, note(["长" * 1_000_000])]),
    ("a region that is a word", "text", "region_not_object", [GOOD, "好"]),
    ("a region without a question", "text", "region_field_missing", [without(GOOD, "from_name")]),
    ("a region without a value", "text", "region_field_missing", [without(GOOD, "value")]),
    ("a question the config does not ask", "text", "unknown_control", [GOOD, region("colour", "choices", {}, "t")]),
    ("a question of another project", "text", "unknown_control", [GOOD, box(1, 1, 1, 1)]),
    ("a question that is a list", "text", "unknown_control", [region(["mood"], "choices", {}, "t")]),  # type: ignore[arg-type]
    ("an object the config does not show", "text", "wrong_object", [region("mood", "choices", {}, "image")]),
    ("a type that is another question's", "text", "wrong_type", [region("mood", "labels", {}, "t")]),
    ("a type that is a number", "text", "wrong_type", [region("mood", 7, {}, "t")]),  # type: ignore[arg-type]
    ("a value that is a list", "text", "value_not_object", [region("mood", "choices", ["好"], "t")]),
    ("a value with the labels of another kind", "image", "value_of_other_kind", [changed(box(1, 1, 1, 1), polygonlabels=["路"])]),
    ("an id that is a number", "text", "id_invalid", [GOOD, span(0, 2, id=7)]),
    ("an id without end", "text", "id_invalid", [GOOD, span(0, 2, id="x" * 101)]),
    ("a score in words", "text", "score_invalid", [GOOD, span(0, 2, score="high")]),
    ("labels as one word", "text", "labels_not_list", [region("mood", "choices", {"choices": "好"}, "t")]),
    ("a label that is a number", "text", "labels_not_list", [mood(1)]),
    ("no label at all", "text", "label_missing", [mood()]),
    ("a choice the config does not offer", "text", "unknown_label", [mood("一般")]),
    ("a label of another question", "text", "unknown_label", [GOOD, span(0, 2, label="好")]),
    ("a label in other letters", "text", "unknown_label", [GOOD, span(0, 2, label="地名 ")]),
    ("one choice ticked twice", "text", "label_twice", [GOOD, topics("数据", "数据")]),
    ("two choices where one is asked", "text", "two_on_single", [mood("好", "坏")]),
    ("two regions where one choice is asked", "text", "answered_twice", [mood("好"), mood("坏")]),
    ("a multiple choice answered twice", "text", "answered_twice", [GOOD, topics("数据"), topics("服务")]),
    ("a required choice left out", "text", "required_missing", [span(0, 2)]),
    ("nothing where something is required", "text", "required_missing", []),
    ("nothing at all", "image", "result_empty", []),
    ("a start in words", "text", "span_not_whole", [GOOD, span("0", 2)]),
    ("offsets with decimals", "text", "span_not_whole", [GOOD, span(0.0, 2.0)]),
    ("True as an offset", "text", "span_not_whole", [GOOD, span(False, True)]),
    ("a span without an end", "text", "span_not_whole", [GOOD, region("spans", "labels", {"start": 0, "labels": ["地名"]}, "t")]),
    ("a start before the text", "text", "span_negative", [GOOD, span(-2, 2, "清远")]),
    ("an end before the start", "text", "span_reversed", [GOOD, span(5, 2)]),
    ("a span of nothing", "text", "span_empty", [GOOD, span(2, 2, "")]),
    ("a span past the text", "text", "span_past_text", [GOOD, span(0, len(TEXT) + 1)]),
    ("offsets in bytes", "text", "span_past_text", [GOOD, span(24, 30, "服务")]),
    ("an end with hundreds of digits", "text", "span_past_text", [GOOD, span(0, HUGE, "清远")]),
    ("offsets in UTF-16 behind an emoji", "text", "text_mismatch", [GOOD, span(13, 15, "也好")]),
    ("a text that is not at its offsets", "text", "text_mismatch", [GOOD, span(0, 2, "广州")]),
    ("a span of another task", "text", "text_mismatch", [GOOD, span(0, 2, "今天")]),
    ("a span without its text", "text", "text_mismatch", [GOOD, region("spans", "labels", {"start": 0, "end": 2, "labels": ["地名"]}, "t")]),
    ("a span of white space", "text", "span_blank", [GOOD, span(11, 12)]),
    ("the same span twice", "text", "region_twice", [GOOD, span(0, 2, id="a"), span(0, 2, id="b")]),
    ("two regions of one id", "text", "id_twice", [GOOD, span(0, 2, id="a"), span(0, 3, id="a")]),
    ("a rating in words", "text", "rating_not_whole", [GOOD, rating("5")]),
    ("True as a rating", "text", "rating_not_whole", [GOOD, rating(True)]),
    ("half a star", "text", "rating_not_whole", [GOOD, rating(4.5)]),
    ("no star", "text", "rating_outside", [GOOD, rating(0)]),
    ("six stars of five", "text", "rating_outside", [GOOD, rating(6)]),
    ("two ratings", "text", "answered_twice", [GOOD, rating(4), rating(5)]),
    ("a text that is a number", "text", "text_missing", [GOOD, note(5)]),
    ("texts with a number", "text", "text_missing", [GOOD, note(["a", 1])]),
    ("a text of blanks", "text", "text_blank", [GOOD, note([" \n"])]),
    ("a transcription without end", "text", "text_too_long", [GOOD, note(["长" * 10_001])]),
    ("a relation to nowhere", "text", "relation_nowhere", [GOOD, A, relation("a", "z", "属于")]),
    ("a relation from nowhere", "text", "relation_nowhere", [GOOD, A, relation(None, "a", "属于")]),
    ("a relation to a choice", "text", "relation_nowhere", [{**GOOD, "id": "m"}, A, relation("a", "m", "属于")]),
    ("a relation to itself", "text", "relation_to_itself", [GOOD, A, relation("a", "a", "属于")]),
    ("a relation without a direction", "text", "relation_direction", [GOOD, A, B, without(relation("a", "b", "属于"), "direction")]),
    ("a relation upwards", "text", "relation_direction", [GOOD, A, B, relation("a", "b", "属于", direction="up")]),
    ("a relation without a label", "text", "label_missing", [GOOD, A, B, relation("a", "b")]),
    ("a relation the config does not offer", "text", "unknown_label", [GOOD, A, B, relation("a", "b", "喜欢")]),
    ("a relation with one label twice", "text", "label_twice", [GOOD, A, B, relation("a", "b", "属于", "属于")]),
    ("labels of a relation as a word", "text", "labels_not_list", [GOOD, A, B, {**relation("a", "b"), "labels": "属于"}]),
    ("the same relation twice", "text", "relation_twice", [GOOD, A, B, relation("a", "b", "属于"), relation("a", "b", "属于")]),
    ("a relation that is not asked for", "plain", "relation_not_asked", [A, span(3, 5, id="b"), relation("a", "b", "属于")]),
    ("coordinates in words", "image", "box_not_number", [box("1", 1, 1, 1)]),
    ("True as a coordinate", "image", "box_not_number", [box(True, 1, 1, 1)]),
    ("a coordinate no float can hold", "image", "box_not_number", [box(1, 1, HUGE, 1)]),
    ("a box without a width", "image", "box_not_number", [region("boxes", "rectanglelabels", {"x": 1, "y": 1, "height": 1, "rectanglelabels": ["车"]}, "i")]),
    ("a box without a label", "image", "label_missing", [changed(box(1, 1, 5, 5), rectanglelabels=[])]),
    ("two labels on one box", "image", "two_on_single", [changed(box(1, 1, 5, 5), rectanglelabels=["车", "人"])]),
    ("a width of nothing", "image", "box_without_area", [box(1, 1, 0, 5)]),
    ("a box drawn backwards", "image", "box_without_area", [box(50, 50, -20, 5)]),
    ("a box right of the image", "image", "box_outside", [box(150, 1, 5, 5)]),
    ("a box over the right edge", "image", "box_outside", [box(60, 1, 50, 5)]),
    ("a box over the lower edge", "image", "box_outside", [box(1, 60, 5, 50)]),
    ("a box before the left edge", "image", "box_outside", [box(-1, 1, 5, 5)]),
    ("pixels for per cent", "image", "box_outside", [box(120, 40, 60, 30)]),
    ("a box turned out of the image", "image", "box_outside", [box(1, 1, 20, 20, 90)]),
    ("a turn in words", "image", "rotation_invalid", [box(1, 1, 5, 5, "90")]),
    ("a turn of more than once around", "image", "rotation_invalid", [box(1, 1, 5, 5, 400)]),
    ("a turn without the size of the image", "image", "rotation_needs_size", [region("boxes", "rectanglelabels", box(50, 50, 5, 5, 10)["value"], "i")]),
    ("a size of True", "image", "size_invalid", [box(1, 1, 5, 5, original_width=True)]),
    ("a size of nothing", "image", "size_invalid", [box(1, 1, 5, 5, original_height=0)]),
    ("half a size", "image", "size_invalid", [without(box(1, 1, 5, 5), "original_height")]),
    ("a size no image has", "image", "size_invalid", [box(1, 1, 5, 5, original_width=HUGE)]),
    ("the size of another image", "image", "size_mismatch", [box(1, 1, 5, 5, original_width=100)]),
    ("an image turned in the editor", "image", "image_turned", [box(1, 1, 5, 5, image_rotation=90)]),
    ("the same box twice", "image", "region_twice", [box(1, 1, 5, 5), box(1, 1, 5, 5)]),
    ("points as numbers in a row", "image", "points_invalid", [outline(1, 1, 5, 5, 9, 1)]),
    ("a point with three parts", "image", "points_invalid", [outline([1, 1], [5, 5], [9, 1, 3])]),
    ("a point of True", "image", "points_invalid", [outline([True, 1], [5, 5], [9, 1])]),
    ("no points", "image", "points_invalid", [region("outlines", "polygonlabels", {"polygonlabels": ["路"]}, "i")]),
    ("an outline left open", "image", "polygon_open", [outline([1, 1], [5, 5], [9, 1], closed=False)]),
    ("an outline of two points", "image", "too_few_points", [outline([1, 1], [5, 5])]),
    ("an outline of thousands of points", "image", "too_many_points", [outline(*([n / 50, n / 50] for n in range(2_001)))]),
    ("more points than can be judged", "image", "too_many_points", [outline(*([n / 20, m] for n in range(2_000))) for m in range(11)]),
    ("an outline beyond the image", "image", "polygon_outside", [outline([1, 1], [101, 5], [9, 1])]),
    ("one point twice", "image", "point_twice", [outline([1, 1], [5, 5], [9, 1], [1, 1])]),
    ("an outline that crosses itself", "image", "polygon_crosses", [outline([0, 0], [10, 10], [10, 0], [0, 10])]),
    ("an outline that touches its own side", "image", "polygon_crosses", [outline([0, 0], [10, 0], [10, 10], [5, 0], [0, 10])]),
    ("an outline along a line", "image", "polygon_without_area", [outline([0, 0], [5, 5], [10, 10])]),
    ("a line without its words", "ocr", "region_answer_missing", [line("l1"), words("l1", "甲"), line("l2", 30)]),
    ("words without a line", "ocr", "answer_without_region", [line("l1"), words("l1", "甲"), words("l9", "乙")]),
    ("words that say no line", "ocr", "answer_without_region", [line("l1"), words("l1", "甲"), words(None, "乙")]),
    ("one line written twice", "ocr", "answered_twice", [line("l1"), words("l1", "甲"), words("l1", "乙")]),
    ("blank words on a line", "ocr", "text_blank", [line("l1"), words("l1", " ")]),
    ("a side that is not offered", "pair", "side_unknown", [better("middle")]),
    ("no side", "pair", "side_unknown", [better(None)]),
    ("a side as a list", "pair", "side_unknown", [better(["left"])]),
    ("both sides", "pair", "answered_twice", [better("left"), better("right")]),
    ("a comparison left out", "pair", "required_missing", [region("why", "textarea", {"text": ["更准确"]}, "a")]),
    ("a comparison of something else", "pair", "wrong_object", [better("left", "c")]),
]  # fmt: skip

RIGHT: list[tuple[str, str, Any]] = [
    ("one choice", "text", [mood("坏")]),
    ("several choices", "text", [GOOD, topics("数据", "服务")]),
    ("nested and crossing spans", "text", [GOOD, span(0, 5), span(0, 2), span(1, 4)]),
    ("one span under two labels", "text", [GOOD, span(0, 2), span(0, 2, label="事物")]),
    ("a span of one emoji", "text", [GOOD, span(10, 11, "😀")]),
    ("relations both ways", "text", [GOOD, A, B, relation("a", "b", "属于"), relation("b", "a", "评价", "属于", direction="bi")]),
    ("a relation before its regions", "text", [relation("a", "b", "属于"), GOOD, A, B]),
    ("the lowest and the highest rating", "text", [GOOD, rating(1)]),
    ("the highest rating", "text", [GOOD, rating(5)]),
    ("a transcription of several lines", "text", [GOOD, note(["第一行", "第二行"])]),
    ("what editors add of their own", "text", [{**GOOD, "origin": "manual", "meta": {"text": ["a"]}, "score": 0.9, "readonly": False}]),
    ("a box over the whole image", "image", [box(0, 0, 100, 100)]),
    ("a box that rounding puts over the edge", "image", [box(50, 50, 50.005, 50)]),
    ("a turned box", "image", [box(50, 10, 20, 20, 45)]),
    ("a box turned once around", "image", [box(10, 10, 5, 5, 360), box(30, 10, 5, 5, -360)]),
    ("a box without a size", "image", [region("boxes", "rectanglelabels", box(1, 1, 5, 5)["value"], "i")]),
    ("an outline with a bay", "image", [outline([0, 0], [100, 0], [100, 100], [50, 50], [0, 100], closed=True)]),
    ("a line with its words", "ocr", [line("l1"), words("l1", "清远", "数据"), line("l2", 30), words("l2", "乙")]),
    ("a comparison as the editor writes it", "pair", [better("left")]),
    ("a comparison that names both texts", "pair", [better("right", "a,b")]),
    ("a comparison that names the first text", "pair", [better("right", "a")]),
]  # fmt: skip


def config_of(name: str) -> LabelingConfig:
    return parse_config(CONFIGS[name])


@pytest.mark.parametrize(
    ("config", "code", "result"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG]
)
def test_refused(config: str, code: str, result: Any) -> None:
    found = validate_result(config_of(config), TASK, result, SIZE)
    assert code in [problem.code for problem in found]
    for problem in found:
        assert problem.message
        assert "%(" not in problem.message
        is_placed = problem.region is not None
        assert problem.told.startswith("第 ") is is_placed


@pytest.mark.parametrize(("config", "result"), [case[1:] for case in RIGHT], ids=[case[0] for case in RIGHT])
def test_accepted(config: str, result: Any) -> None:
    assert validate_result(config_of(config), TASK, result, SIZE) == []


def test_the_cases_are_many_and_each_has_a_name_of_its_own() -> None:
    names = [case[0] for case in WRONG]
    assert len(names) > 100
    assert len(set(names)) == len(names)


def test_a_reason_names_the_region_and_what_may_stand_there() -> None:
    found = validate_result(config_of("text"), TASK, [GOOD, span(0, 2, label="机构")])
    assert [problem.told for problem in found] == [
        "第 2 个区域：“机构”不是“spans”的选项，请从 地名、事物 中选择。"
    ]


def test_two_sizes_of_one_image_are_refused_even_when_nobody_knows_the_right_one() -> None:
    other = box(20, 20, 5, 5, original_width=400, original_height=200)
    found = validate_result(config_of("image"), TASK, [box(1, 1, 5, 5), other])
    assert [(problem.region, problem.code) for problem in found] == [(1, "sizes_differ")]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ("<Pairwise name='p' toName='t'/>", "两个 <Text>"),
        ("<Text name='u' value='$u'/><Pairwise name='p' toName='t,t'/>", "逗号分隔"),
        ("<Text name='u' value='$u'/><Pairwise name='p' toName='t,v'/>", "没有对应的标签"),
        ("<Text name='u' value='$t'/><Pairwise name='p' toName='t,u'/>", "不同的字段"),
        (
            "<Text name='u' value='$u'/><Pairwise name='p' toName='t,u'/>"
            "<Labels name='l' toName='t'><Label value='a'/></Labels>",
            "不能有 <Labels>",
        ),
        ("<Rating name='r' toName='t' maxRating='1'/>", "2 到 10"),
        ("<Rating name='r' toName='t' maxRating='many'/>", "2 到 10"),
        ("<TextArea name='a' toName='t' perRegion='true'/>", "一起使用"),
        ("<TextArea name='a' toName='t'/><Relations/>", "<Relations> 要与"),
        (
            "<Labels name='l' toName='t'><Label value='a'/></Labels>"
            "<Relations><Relation value='b'/><Relation value='b'/></Relations>",
            "“b”重复",
        ),
    ],
)  # fmt: skip
def test_a_config_whose_tags_do_not_fit_together_is_refused(tags: str, said: str) -> None:
    with pytest.raises(ConfigRefused) as refused:
        parse_config(f"<View><Text name='t' value='$t'/>{tags}</View>")
    assert said in str(refused.value)


# --- any JSON ---------------------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(HUGE) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KNOWN_NAMES = [
    "from_name", "to_name", "type", "value", "id", "from_id", "to_id", "direction", "labels", "score",
    "original_width", "original_height", "image_rotation",
]  # fmt: skip
KNOWN_VALUES = [
    "choices", "labels", "rectanglelabels", "polygonlabels", "text", "start", "end", "x", "y", "width", "height",
    "rotation", "points", "closed", "rating", "selected",
]  # fmt: skip


@st.composite
def nearly_right(draw: st.DrawFn) -> tuple[str, list[Any]]:
    """A right result with a few members of regions and values put wrong."""
    _name, config, result = draw(st.sampled_from(RIGHT))
    found = copy.deepcopy(result)
    for _time in range(draw(st.integers(1, 3))):
        one = draw(st.sampled_from(found))
        if draw(st.booleans()) or not isinstance(one.get("value"), dict):
            one[draw(st.sampled_from(KNOWN_NAMES))] = draw(anything)
        else:
            one["value"][draw(st.sampled_from(KNOWN_VALUES))] = draw(anything)
    return config, found


@CALM
@example(("text", [GOOD, {**A, "original_width": []}]))
@given(nearly_right())
def test_nothing_put_into_a_right_result_crashes_the_judge(case: tuple[str, list[Any]]) -> None:
    config, result = case
    validate_result(config_of(config), TASK, result, SIZE)
    validate_result(config_of(config), TASK, result)


@CALM
@given(st.sampled_from(sorted(CONFIGS)), anything | st.lists(anything, max_size=4))
def test_no_json_whatever_crashes_the_judge(config: str, result: Any) -> None:
    validate_result(config_of(config), TASK, result, SIZE)


@CALM
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=3, max_size=8, unique=True))
def test_an_outline_crosses_itself_wherever_it_begins_and_whichever_way_it_runs(
    points: list[tuple[int, int]],
) -> None:
    def is_crossing(corners: list[tuple[int, int]]) -> bool:
        told = validate_result(config_of("image"), TASK, [outline(*(list(point) for point in corners))])
        return "polygon_crosses" in [problem.code for problem in told]

    assert is_crossing(points) == is_crossing(points[::-1]) == is_crossing([*points[1:], points[0]])
