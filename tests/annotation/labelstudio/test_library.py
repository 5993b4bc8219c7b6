"""The library of configs: each usable, each with an example that answers it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from annotation.labelstudio.library import IMAGE_SIZE, TEMPLATES, Template
from annotation.labelstudio.rules import validate_result
from annotation.labelstudio.showing import answers_of, pieces_of, shapes_of, texts_of
from annotation.projects.rules import config_for

ALL = pytest.mark.parametrize("template", TEMPLATES.values(), ids=list(TEMPLATES))


def test_there_is_one_for_each_usual_kind_of_work() -> None:
    assert list(TEMPLATES) == [
        "choices", "topics", "labels", "relations", "preference", "rating", "rewriting",
        "transcription", "pictures", "boxes", "turned", "outlines", "ocr",
    ]  # fmt: skip


@ALL
def test_a_config_of_the_library_fits_its_modality_and_asks_under_headings(template: Template) -> None:
    config = config_for(template.modality, template.xml)
    assert config.fields == tuple(template.task)
    assert all(control.title != control.name for control in config.controls)


@ALL
def test_the_example_result_answers_the_example_task(template: Template) -> None:
    size = IMAGE_SIZE if template.modality == "image" else None
    result: Any = json.loads(json.dumps(template.result))
    assert validate_result(template.config, template.task, result, size) == []


@ALL
def test_an_empty_answer_does_not_pass_for_the_example(template: Template) -> None:
    assert validate_result(template.config, template.task, [])


def shown(code: str) -> list[tuple[str, str]]:
    found = TEMPLATES[code]
    return [(str(fact.label), str(fact.value)) for fact in answers_of(found.config, found.result)]


def test_results_are_told_in_words() -> None:
    assert shown("topics") == [("提到了哪些方面", "卫生、服务、餐饮")]
    assert shown("rating") == [("通顺程度", "5 / 5")]
    assert shown("preference") == [("哪一段回答更好", "第一项更好"), ("理由", "给出了可以照做的步骤。")]
    assert shown("relations")[1:] == [
        ("关系", "示例科技公司 → 清远市（位于）；林示例 → 示例科技公司（任职于）")
    ]
    assert shown("ocr") == [("文字行", "印刷；手写"), ("内容", "示例送货单；纸箱 12 件")]


def test_results_are_drawn_where_they_lie() -> None:
    turned, pair, spans = TEMPLATES["turned"], TEMPLATES["preference"], TEMPLATES["labels"]
    outline = shapes_of(turned.config, turned.result)[0]
    # 304 × 84 pixels turned by 30°: the second corner lies 304·cos 30° right and 304·sin 30° down of the first
    assert (outline.label, outline.points.split()[:2]) == ("货车", ["28,20", "60.909,45.3333"])
    assert [fact.value for fact in texts_of(pair.config, pair.task)] == list(pair.task.values())
    pieces = pieces_of(spans.config, spans.task["text"], spans.result)
    assert [(piece.text, piece.labels) for piece in pieces if piece.labels] == [
        ("示例科技公司", "机构"), ("清远市", "地名"), ("林示例", "人名"),
    ]  # fmt: skip
