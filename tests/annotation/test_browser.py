"""A person's way through the labelling pages in a real browser, with and without script, wide and narrow."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from annotation.projects import guidelines
from annotation.projects import services as projects
from annotation.work import services as work
from annotation.work.models import Submission
from kernel import clock
from tests.annotation import scenes
from tests.cast import NOON, lin, mei, tao, zhou

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from organizations.permissions import Actor
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def photograph(page: Page, name: str) -> None:
    """Keep a picture when SCREENSHOTS names a folder."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def no_wider_than_the_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_the_plain_form_lets_an_annotator_select_chinese_text_and_draw_a_box(live_chromium: Visit) -> None:
    texts = scenes.opened(["😀这本书很好，价格也便宜。"])
    images = scenes.opened_images()
    (text_task,) = scenes.assigned(texts)
    (image_task,) = scenes.assigned(images)
    page = live_chromium.page(width=900)
    live_chromium.sign_in(page, mei().user)

    page.goto(reverse("work:task", args=[text_task.pk]))
    page.evaluate(
        """() => { const node = document.getElementById("source").firstChild, range = document.createRange();
        const at = node.data.indexOf("价格"); range.setStart(node, at); range.setEnd(node, at + 2);
        getSelection().removeAllRanges(); getSelection().addRange(range); }"""
    )
    page.get_by_role("button", name="价格").click()
    assert page.locator("#source mark").inner_text().startswith("价格")
    page.keyboard.press("1")
    photograph(page, "labelling-text-1440")
    assert live_chromium.violations(page) == []
    page.get_by_role("button", name="提交并继续").click()
    page.wait_for_url("**/tasks/")
    values = [region["value"] for region in Submission.objects.get(task=text_task).result]
    assert values == [{"choices": ["正面"]}, {"start": 7, "end": 9, "text": "价格", "labels": ["价格"]}]

    page.goto(reverse("work:task", args=[image_task.pk]))
    page.get_by_role("button", name="车").click()
    picture = page.locator("#picture").bounding_box()
    assert picture is not None
    left, top, wide, high = (picture[name] for name in ("x", "y", "width", "height"))
    page.mouse.move(left + wide * 0.25, top + high * 0.25)
    page.mouse.down()
    page.mouse.move(left + wide * 0.75, top + high * 0.5, steps=4)
    page.mouse.up()
    photograph(page, "labelling-image-1440")
    assert live_chromium.violations(page) == []
    page.get_by_role("button", name="提交并继续").click()
    page.wait_for_url("**/tasks/")
    (region,) = Submission.objects.get(task=image_task).result
    box = [round(region["value"][name]) for name in ("x", "y", "width", "height")]
    assert all(abs(found - meant) <= 1 for found, meant in zip(box, (25, 25, 50, 25), strict=True))


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_the_pages_are_accessible_and_fit(live_chromium: Visit, width: int, language: str) -> None:
    project = scenes.opened([f"第 {n} 条评论，价格便宜，服务很好。" for n in range(24)], client=True)
    for task in scenes.accepted(project, count=9)[:1]:
        done = task
    scenes.assigned(project, to=scenes.wen(), count=4)
    waiting = scenes.submitted(project, count=3)[0]
    (held,) = scenes.assigned(project, count=1)
    finished = scenes.delivered()
    work.review(by=tao(), at=NOON, task_id=waiting.pk, verdict="return", comment="漏了一处价格")
    tabs = ("detail", "tasks", "members", "guideline", "items")
    windows = {
        "qin": [
            reverse("projects:list"),
            reverse("projects:new"),
            *(reverse(f"projects:{tab}", args=[project.pk]) for tab in tabs),
            reverse("projects:delivery", args=[finished.pk]),
            reverse("projects:detail", args=[scenes.draft().pk]),
        ],
        "mei": [
            reverse("work:mine"),
            *(reverse("work:task", args=[pk]) for pk in (held.pk, waiting.pk, done.pk)),
        ],
        "tao": [reverse("work:reviews"), reverse("work:task", args=[scenes.submitted(project)[0].pk])],
        "zhou": [reverse(f"projects:{tab}", args=[finished.pk]) for tab in ("detail", "delivery")],
    }  # fmt: skip
    people = {"qin": scenes.qin, "mei": mei, "tao": tao, "zhou": zhou}
    faults = []
    for who, addresses in windows.items():
        page = live_chromium.page(width=width, language=language)
        live_chromium.sign_in(page, people[who]().user)
        for address in addresses:
            faults += live_chromium.faults(page, address, widths=(width,))
    assert faults == []


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_the_pages_that_steer_the_work_are_accessible_and_fit(
    live_chromium: Visit, width: int, language: str
) -> None:
    faults = []
    for name, (who, addresses) in _steered().items():
        page = live_chromium.page(width=width, language=language)
        live_chromium.sign_in(page, who.user)
        for number, address in enumerate(addresses):
            faults += live_chromium.faults(page, address, widths=(width,))
            photograph(page, f"steering-{name}-{number}-{width}")
    assert faults == []


def _steered() -> dict[str, tuple[Actor, list[str]]]:
    """A project with everything a lead steers by, and the pages of each person there."""
    project = scenes.planned(
        [f"第 {n} 条评论，价格便宜。" for n in range(14)],
        overlap=2,
        lease_minutes=60,
        project={"client": True},
    )
    for number in range(12):
        at = NOON + timedelta(minutes=10 * number)
        task = work.claim_task(by=mei(), at=at, project_id=project.pk)
        work.submit(by=mei(), at=at + timedelta(seconds=75), task_id=task.pk, result=scenes.sentiment("负面"))
        if number < 10:
            work.review(by=tao(), at=at + timedelta(minutes=5), task_id=task.pk, verdict="accept")
    work.review(by=tao(), at=at, task_id=task.pk, verdict="return", comment="第 2 条不对")
    work.dispute(by=mei(), at=at, task_id=task.pk, reason="规范第 3 条说可以")
    contested, now = task, clock.now()
    held = work.claim_task(by=mei(), at=now, project_id=project.pk)
    asked = work.ask(by=mei(), at=now, task_id=held.pk, question="反语算哪一类？")
    work.ask(by=mei(), at=now, task_id=held.pk, question="空白的呢？")
    guidelines.answer_question(
        by=scenes.qin(), at=now, project_id=project.pk, question_id=asked.pk, answer="按实际态度。"
    )
    projects.publish_guideline(
        by=scenes.qin(), at=now, project_id=project.pk, body="反语按实际态度。", change_note="反语",
        touched_labels=["负面"], rework_payer="client",
    )  # fmt: skip
    guidelines.add_example(
        by=scenes.qin(), at=now, project_id=project.pk, item_id=held.item_id, kind="wrong",
        result=scenes.sentiment(), note="价格便宜不等于整体好评",
    )  # fmt: skip
    skipped = work.claim_task(by=scenes.wen(), at=now, project_id=project.pk)
    work.skip(by=scenes.wen(), at=now, task_id=skipped.pk, reason="乱码")
    base = f"/projects/{project.pk}"
    lead = [f"{base}/{tab}" for tab in ("", "plan/", "guideline/", "rework/", "members/")]
    at_task = ["/tasks/", f"/tasks/{held.pk}/", f"/tasks/{held.pk}/guideline/", "/payments/earnings/"]
    return {
        "qin": (scenes.qin(), [*lead, "/tasks/statement/?month=2026-03", "/projects/new/"]),
        "lin": (lin(), ["/tasks/wage-floors/"]),
        "mei": (mei(), at_task),
        "wen": (scenes.wen(), ["/tasks/handbacks/"]),
        "ouyang": (scenes.ouyang(), [f"/tasks/{contested.pk}/", "/tasks/reviews/"]),
    }
