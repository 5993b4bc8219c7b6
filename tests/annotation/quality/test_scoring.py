"""Scores of answers against the right one: known values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.labelstudio.library import TEMPLATES
from annotation.labelstudio.rules import parse_config
from annotation.quality.scoring import Least, edit_distance, likeness, part, score
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


def test_choices_are_right_only_when_they_are_equal() -> None:
    config = parse_config(scenes.SENTIMENT)
    for word, expected in (("正面", (10_000, True)), ("负面", (0, False))):
        found = score(config, scenes.sentiment(word), scenes.sentiment("正面"), least=Least())
        assert (found.score, found.is_right) == expected


def test_every_template_is_its_own_right_answer() -> None:
    for template in TEMPLATES.values():
        found = score(template.config, template.result, template.result, least=Least())
        assert (template.code, found.score, found.is_right) == (template.code, 10_000, True)
