"""Scores of answers against the right one: known values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.labelstudio.library import TEMPLATES
from annotation.labelstudio.rules import parse_config
from annotation.quality.scoring import Least, alike, edit_distance, likeness, part, relation_score, score
from tests.annotation import scenes


def slow_distance(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        best = [number]
        for place, against in enumerate(other, 1):
            best.append(min(row[place] + 1, best[-1] + 1, row[place - 1] + (letter != against)))
        row = best
    return row[-1]


@given(st.text("ab数😀", max_size=9), st.text("ab数😀", max_size=9))
def test_the_edit_distance_is_that_of_the_textbook(one: str, other: str) -> None:
    assert edit_distance(one, other) == slow_distance(one, other) == edit_distance(other, one)


def test_likeness_of_texts() -> None:
    assert edit_distance("kitten", "sitting") == 3
    assert (likeness("", ""), likeness("清远", ""), likeness("清远市", "清远县")) == (
        1.0,
        0.0,
        pytest.approx(2 / 3),
    )


def box(x: float, label: str = "车", width: float = 20.0) -> dict[str, Any]:
    value = {"x": x, "y": 10.0, "width": width, "height": 20.0, "rotation": 0, "rectanglelabels": [label]}
    size = {"original_width": 200, "original_height": 100, "image_rotation": 0}
    return {"from_name": "box", "to_name": "image", "type": "rectanglelabels", "value": value, **size}


def test_boxes_count_by_matching_on_iou_with_their_labels() -> None:
    config = parse_config(scenes.BOXES)
    control = config.controls[0]
    assert part(control, [box(10), box(50)], [box(50.5), box(10)]) == 1.0
    assert part(control, [box(10), box(50)], [box(10)]) == pytest.approx(2 / 3)
    assert part(control, [box(10)], [box(10, "人")]) == 0.0
    assert part(control, [box(10)], [box(21)], threshold=0.5) == 0.0
    found = score(config, [box(10), box(50)], [box(10)], least=Least(shapes=6_600))
    assert (found.score, found.is_right) == (6_666, True)
    assert not score(config, [box(10), box(50)], [box(10)], least=Least()).is_right


NEWS = parse_config(TEMPLATES["relations"].xml)
SAID = {"start": 0, "end": 2, "text": "甲乙", "labels": ["人名"]}


def stretch(code: str, start: int, label: str = "人名") -> dict[str, Any]:
    value = {**SAID, "start": start, "end": start + 2, "labels": [label]}
    return {"id": code, "from_name": "entity", "to_name": "text", "type": "labels", "value": value}


def link(start: str, end: str, label: str = "位于", direction: str = "right") -> dict[str, Any]:
    return {
        "type": "relation", "from_id": start, "to_id": end, "direction": direction, "labels": [label],
    }  # fmt: skip


def test_relations_count_when_both_ends_and_the_label_are_those_of_the_other() -> None:
    entities = [stretch("a", 0), stretch("b", 4, "地名"), stretch("c", 8, "机构")]
    theirs = [stretch("z", 8, "机构"), stretch("y", 4, "地名"), stretch("x", 0)]
    one = [*entities, link("a", "b"), link("a", "c", "任职于"), link("c", "b")]
    # By hand: x-y is a-b; x-z has another label than a-c; b-c the other way round is not c-b. One of 3 and 3.
    other = [*theirs, link("x", "y"), link("x", "z"), link("y", "z")]
    found = relation_score(NEWS, one, other)
    assert (found.matched, found.first_count, found.second_count) == (1, 3, 3)
    assert found.f1 == pytest.approx(1 / 3)
    assert relation_score(NEWS, other, one).f1 == pytest.approx(1 / 3)
    # Written from the other end, or without a direction, it is the same relation.
    assert (
        relation_score(NEWS, [*entities, link("a", "b")], [*theirs, link("y", "x", direction="left")]).f1 == 1
    )
    both = link("a", "b", direction="bi"), link("y", "x", direction="bi")
    assert relation_score(NEWS, [*entities, both[0]], [*theirs, both[1]]).f1 == 1
    # An end one character off is another end.
    assert (
        relation_score(NEWS, [*entities, link("a", "b")], [stretch("x", 1), *theirs[:2], link("x", "y")]).f1
        == 0
    )


def test_relations_between_boxes_count_by_the_boxes_that_match() -> None:
    config = parse_config(
        scenes.BOXES.replace("</View>", '<Relations><Relation value="牵着"/></Relations></View>')
    )
    mine = [box(10, "人") | {"id": "p"}, box(50) | {"id": "q"}, link("p", "q", "牵着")]
    near = [box(51) | {"id": "1"}, box(11, "人") | {"id": "2"}, link("2", "1", "牵着")]
    far = [box(75) | {"id": "1"}, box(11, "人") | {"id": "2"}, link("2", "1", "牵着")]
    assert (relation_score(config, mine, near).f1, relation_score(config, mine, far).f1) == (1.0, 0.0)


def test_an_answer_with_the_right_entities_and_wrong_relations_is_not_right() -> None:
    entities = [stretch("a", 0), stretch("b", 4, "地名")]
    right, wrong = [*entities, link("a", "b")], [*entities, link("b", "a")]
    assert score(NEWS, right, right, least=Least()).is_right
    found = score(NEWS, wrong, right, least=Least())
    assert (found.parts, found.score, found.is_right) == (
        {"entity": 10_000, "@relations": 0}, 5_000, False,
    )  # fmt: skip
    assert alike(NEWS, wrong, right) == 0.5
    assert alike(NEWS, entities, entities) == 1.0


def test_choices_are_right_only_when_they_are_equal() -> None:
    config = parse_config(scenes.SENTIMENT)
    for word, expected in (("正面", (10_000, True)), ("负面", (0, False))):
        found = score(config, scenes.sentiment(word), scenes.sentiment("正面"), least=Least())
        assert (found.score, found.is_right) == expected


def test_every_template_is_its_own_right_answer() -> None:
    for template in TEMPLATES.values():
        found = score(template.config, template.result, template.result, least=Least())
        assert (template.code, found.score, found.is_right) == (template.code, 10_000, True)
