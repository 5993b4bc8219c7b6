"""Projects begun from the library: chosen on the form, fed, answered on our own page, read by the reviewer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from annotation.labelstudio.library import OCR, PREFERENCE, RATING, SENTIMENT, TEMPLATES, TURNED, Template
from annotation.projects import services as projects
from annotation.projects.models import Project
from annotation.projects.services import RawItem
from annotation.work import services as work
from annotation.work.models import Submission, Task
from tests.annotation import scenes
from tests.annotation.test_pages import browser
from tests.cast import NOON, mei, tao

if TYPE_CHECKING:
    from tests.browsing import Visit

PAIRS = "answer_a,answer_b\r\n先看电源和水压。,请联系售后。\r\n可以。,可以退货，七天内免运费。\r\n".encode()


def begun(template: Template, *raw: RawItem) -> Task:
    """A task in 梅's hand, of a project made from a template."""
    project = scenes.draft(config=template.xml, modality=template.modality, title=str(template.title))
    projects.publish_guideline(by=scenes.qin(), at=NOON, project_id=project.pk, body="照规范标注。")
    projects.import_items(
        by=scenes.qin(), at=NOON, project_id=project.pk, raw=raw, source="示例数据", licence="CC0"
    )
    projects.open_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    return scenes.assigned(project)[0]


def pair(first: str, second: str) -> RawItem:
    return RawItem("对话-1", f'{{"answer_a": "{first}", "answer_b": "{second}"}}'.encode())


def submitted_values(task: Task, sent: dict[str, Any]) -> list[dict[str, Any]]:
    """What is stored when 梅 posts the form."""
    answer = browser(mei).post(reverse("work:task", args=[task.pk]), sent)
    assert answer.status_code == 302, answer.content.decode()
    return [region["value"] for region in Submission.objects.get(task=task).result]


def reading(task: Task) -> str:
    """The page as the reviewer sees it."""
    return browser(tao).get(reverse("work:task", args=[task.pk])).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("code", list(TEMPLATES))
def test_choosing_a_template_fills_the_form_and_shows_an_example(code: str) -> None:
    page = browser(scenes.qin).get(f"/projects/new/?example={code}").content.decode()
    template = TEMPLATES[code]
    assert f"样例：{template.title}" in page
    assert template.xml.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;") in page
    assert page.count('aria-current="page"') >= 1
    assert ("接口提交" in page) is not template.is_on_page


@pytest.mark.django_db
def test_an_unknown_template_gives_the_first() -> None:
    page = browser(scenes.qin).get("/projects/new/?example=../x").content.decode()
    assert f"样例：{SENTIMENT.title}" in page


@pytest.mark.django_db
def test_two_answers_are_imported_side_by_side_compared_and_read() -> None:
    project = scenes.draft(config=PREFERENCE.xml)
    projects.publish_guideline(by=scenes.qin(), at=NOON, project_id=project.pk, body="选更好的。")
    client = browser(scenes.qin)
    sent = {"source": "示例对话", "licence": "CC0", "uploads": SimpleUploadedFile("对话.csv", PAIRS)}
    assert client.post(reverse("projects:items", args=[project.pk]), sent).status_code == 302
    again = {**sent, "uploads": SimpleUploadedFile("again.csv", PAIRS)}
    assert client.post(reverse("projects:items", args=[project.pk]), again).status_code == 302
    assert project.items.count() == 2  # the same rows again add nothing
    projects.open_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    (task,) = scenes.assigned(project)
    page = browser(mei).get(reverse("work:task", args=[task.pk])).content.decode()
    assert page.index("先看电源和水压。") < page.index("请联系售后。") < page.index("第一项更好")
    assert submitted_values(task, {"c0": "left", "c1": "步骤清楚"}) == [
        {"selected": "left"},
        {"text": ["步骤清楚"]},
    ]
    assert "第一项更好" in reading(task)
    listing = browser(scenes.qin).get(reverse("projects:items", args=[project.pk])).content.decode()
    assert "先看电源和水压。 / 请联系售后。" in listing


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("a.txt", "甲\n乙", "请上传有这些列的 CSV"),
        ("a.csv", "text\n甲\n", "应有列 answer_a、answer_b"),
        ("a.csv", 'answer_a,answer_b\n"甲,乙\n', "不是正确的 CSV"),
        ("a.jsonl", '{"answer_a": "甲"}', "第 1 行缺少字段 answer_a、answer_b"),
        ("a.jsonl", '{"answer_a": "甲", "answer_b": 2}', "第 1 行缺少字段"),
        ("a.jsonl", '{"answer_a": "甲"', "第 1 行不是正确的 JSON"),
        ("a.jsonl", '{"answer_a": "甲", "answer_b": " "}', "字段 answer_b 应有文字"),
        ("a.jsonl", "[1]", "第 1 行缺少字段"),
    ],
)
def test_rows_without_both_answers_are_refused_and_nothing_is_imported(
    name: str, body: str, words: str
) -> None:
    project = scenes.draft(config=PREFERENCE.xml)
    with pytest.raises(projects.UploadsRefused) as refused:
        projects.import_files(
            by=scenes.qin(), at=NOON, project_id=project.pk, files=[(name, body.encode())],
            source="示例", licence="CC0",
        )  # fmt: skip
    assert words in str(refused.value)
    assert not project.items.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("before", "after"),
    [(SENTIMENT, PREFERENCE), (PREFERENCE, SENTIMENT)],
    ids=["to two texts", "to one text"],
)
def test_a_config_that_shows_other_fields_than_were_imported_is_not_published(
    before: Template, after: Template
) -> None:
    project = scenes.draft(config=before.xml)
    raw = pair("甲", "乙") if before is PREFERENCE else RawItem("a.txt", "甲".encode())
    projects.publish_guideline(by=scenes.qin(), at=NOON, project_id=project.pk, body="规范")
    projects.import_items(
        by=scenes.qin(), at=NOON, project_id=project.pk, raw=[raw], source="示例", licence="CC0"
    )
    Project.objects.filter(pk=project.pk).update(labeling_config=after.xml)
    with pytest.raises(projects.NotReady) as refused:
        projects.open_project(by=scenes.qin(), at=NOON, project_id=project.pk)
    assert "没有配置要显示的字段" in str(refused.value)


@pytest.mark.django_db
def test_a_rating_is_picked_and_read() -> None:
    task = begun(RATING, RawItem("a.txt", "台灯不刺眼。".encode()))
    refused = browser(mei).post(reverse("work:task", args=[task.pk]), {"c0": "6"})
    assert (refused.status_code, "1 到 5 之间" in refused.content.decode()) == (422, True)
    assert submitted_values(task, {"c0": "4"}) == [{"rating": 4}]
    assert "4 / 5" in reading(task)


@pytest.mark.django_db
def test_a_line_of_text_is_boxed_and_written_in_one_row_and_comes_back_for_rework() -> None:
    task = begun(OCR, RawItem("a.png", scenes.picture(200, 100), "image/png"))
    row = {
        "c0-label": "印刷",
        "c0-x": "10",
        "c0-y": "10",
        "c0-width": "50",
        "c0-height": "8",
        "c0-rotation": "",
    }
    refused = browser(mei).post(reverse("work:task", args=[task.pk]), {**row, "c0-text": ""})
    assert "还没有填写“内容”" in refused.content.decode()
    area = {"x": 10.0, "y": 10.0, "width": 50.0, "height": 8.0, "rotation": 0.0}
    assert submitted_values(task, {**row, "c0-text": "示例仓库"}) == [
        {**area, "rectanglelabels": ["印刷"]},
        {**area, "text": ["示例仓库"]},
    ]
    box, words = Submission.objects.get(task=task).result
    assert box["id"] == words["id"]
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="漏一行")
    page = browser(mei).get(reverse("work:task", args=[task.pk])).content.decode()
    assert ">\n示例仓库</textarea>" in page


@pytest.mark.django_db
def test_the_turn_of_a_box_survives_rework_and_is_drawn() -> None:
    task = begun(TURNED, RawItem("a.png", scenes.picture(200, 100), "image/png"))
    row = {
        "c0-label": "货车",
        "c0-x": "50",
        "c0-y": "10",
        "c0-width": "20",
        "c0-height": "20",
        "c0-rotation": "90",
    }
    (value,) = submitted_values(task, row)
    assert value["rotation"] == 90.0
    assert 'points="50,10 50,50 40,50 40,10"' in reading(task)
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="再看")
    page = browser(mei).get(reverse("work:task", args=[task.pk])).content.decode()
    assert 'name="c0-rotation" value="90"' in page


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_the_library_and_its_forms_are_accessible_and_fit(
    live_chromium: Visit, width: int, language: str
) -> None:
    compared = begun(PREFERENCE, pair("先看电源和水压，再看设定温度。", "请联系售后。"))
    written = begun(OCR, RawItem("a.png", scenes.picture(400, 300), "image/png"))
    faults = []
    page = live_chromium.page(width=width, language=language)
    live_chromium.sign_in(page, scenes.qin().user)
    for code in ("relations", "preference", "turned", "ocr"):
        faults += live_chromium.faults(page, f"/projects/new/?example={code}", widths=(width,))
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=str(Path(folder) / f"library-{code}-{width}.png"), full_page=True)
    page = live_chromium.page(width=width, language=language)
    live_chromium.sign_in(page, mei().user)
    for name, task in (("pair", compared), ("ocr", written)):
        faults += live_chromium.faults(page, reverse("work:task", args=[task.pk]), widths=(width,))
        if folder := os.environ.get("SCREENSHOTS"):
            page.screenshot(path=str(Path(folder) / f"form-{name}-{width}.png"), full_page=True)
    assert faults == []
