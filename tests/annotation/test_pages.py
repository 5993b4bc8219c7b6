"""The pages of annotation: who gets which status, forms that work without script, constant queries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.projects import services as projects
from annotation.projects.models import Item, Project
from annotation.work import services as work
from annotation.work.models import Submission, Task
from organizations.permissions import Actor
from tests.annotation import scenes
from tests.cast import NOON, gu, he, lin, mei, tao, yan, zhou

pytestmark = pytest.mark.django_db

TABS = ("detail", "tasks", "members", "guideline", "items", "delivery")


def browser(who: Callable[[], Actor]) -> Client:
    """A browser in which that person has signed in."""
    client = Client()
    user = who().user
    assert user is not None
    client.force_login(user)
    return client


def status(who: Callable[[], Actor], name: str, *ids: Any) -> int:
    return browser(who).get(reverse(name, args=ids)).status_code


def test_a_visitor_is_asked_to_sign_in() -> None:
    project = scenes.opened()
    for address in ("/projects/", f"/projects/{project.pk}/", "/tasks/", "/tasks/reviews/"):
        response = Client().get(address)
        assert (response.status_code, "/accounts/login/" in response["Location"]) == (302, True)


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_opens_for_the_firm_in_every_stage(tab: str) -> None:
    stages = [scenes.draft(), scenes.opened(), scenes.delivered(client=False)]
    for project in stages:
        assert status(scenes.qin, f"projects:{tab}", project.pk) == 200


@pytest.mark.parametrize("tab", TABS)
def test_annotators_and_strangers_find_no_project(tab: str) -> None:
    project = scenes.opened(client=True)
    for stranger in (mei, he, gu):
        assert status(stranger, f"projects:{tab}", project.pk) == 404
    assert status(scenes.qin, f"projects:{tab}", uuid4()) == 404


def test_the_client_sees_progress_guideline_and_delivery_but_not_people_and_pay() -> None:
    project = scenes.delivered()
    found = {tab: status(zhou, f"projects:{tab}", project.pk) for tab in TABS}
    assert found == {
        "detail": 200, "tasks": 200, "members": 404, "guideline": 200, "items": 404, "delivery": 200,
    }  # fmt: skip
    page = browser(zhou).get(reverse("projects:detail", args=[project.pk])).content.decode()
    assert "应付报酬" not in page
    assert "¥0.35" not in page


def test_a_draft_is_hidden_from_its_client() -> None:
    assert status(zhou, "projects:detail", scenes.draft(client=True).pk) == 404


def test_a_project_is_made_and_published_by_forms_alone() -> None:
    lead = browser(scenes.qin)
    assert lead.get("/projects/new/").status_code == 200
    terms = {
        "title": "酒店评论", "modality": "text", "labeling_config": scenes.SENTIMENT, "task_price": "0.5",
        "brief": "", "due_on": "", "client": "",
    }  # fmt: skip
    made = lead.post("/projects/new/", terms)
    project = Project.objects.get()
    assert made["Location"] == f"/projects/{project.pk}/"
    assert project.task_price_fen == 50
    lead.post(reverse("projects:guideline", args=[project.pk]), {"body": "规范"})
    upload = SimpleUploadedFile("评论.txt", "好\r\n坏\n\n好\n".encode())
    sent = {"uploads": [upload], "source": "示例", "licence": "自采"}
    lead.post(reverse("projects:items", args=[project.pk]), sent)
    assert [item.text for item in Item.objects.order_by("ordinal")] == ["好", "坏"]
    lead.post(reverse("projects:open", args=[project.pk]))
    project.refresh_from_db()
    assert (project.state, project.tasks.count()) == ("open", 2)


def test_a_config_that_cannot_be_used_is_told_on_its_field() -> None:
    terms = {
        "title": "酒店评论", "modality": "image", "labeling_config": scenes.SENTIMENT, "task_price": "0.5",
    }  # fmt: skip
    answer = browser(scenes.qin).post("/projects/new/", terms)
    assert answer.status_code == 422
    assert "配置中显示数据的标签应为 &lt;Image&gt;" in answer.content.decode()


def test_a_draft_is_edited_and_an_open_project_is_not() -> None:
    lead, project = browser(scenes.qin), scenes.draft()
    address = reverse("projects:edit", args=[project.pk])
    assert "0.35" in lead.get(address).content.decode()
    terms = {"title": "改名", "labeling_config": scenes.SENTIMENT, "task_price": "1.20"}
    assert lead.post(address, terms).status_code == 302
    project.refresh_from_db()
    assert (project.title, project.task_price_fen) == ("改名", 120)
    assert status(scenes.qin, "projects:edit", scenes.opened().pk) == 409


@pytest.mark.parametrize(
    ("name", "body", "words"),
    [
        ("空.txt", b"", "文件是空的（0 字节）"),
        ("gbk.txt", "评论".encode("gbk"), "不是 UTF-8 编码"),
        ("a.exe", b"MZ\x90", "文本项目只接受"),
        ("坏.csv", b'text\n"abc', "不是正确的 CSV"),
        ("坏.jsonl", b'{"text": 1}', "第 1 行应为含 text 字段的 JSON 对象"),
        ("nul.txt", b"a\x00b", "空字符"),
    ],
)
def test_hostile_files_are_refused_with_their_reason(name: str, body: bytes, words: str) -> None:
    project = scenes.draft()
    sent = {"uploads": [SimpleUploadedFile(name, body)], "source": "示例", "licence": "自采"}
    answer = browser(scenes.qin).post(reverse("projects:items", args=[project.pk]), sent)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not project.items.exists()


def test_an_annotator_claims_labels_and_submits_without_script() -> None:
    project = scenes.opened()
    client = browser(mei)
    assert "评论情感标注" in client.get("/tasks/").content.decode()
    claimed = client.post(reverse("work:claim", args=[project.pk]))
    page = client.get(claimed["Location"])
    assert scenes.REVIEWS[0] in page.content.decode()
    rows = {"c1-label": ["价格", "", ""], "c1-text": ["价格", "", ""], "c1-start": ["", "", ""]}
    sent = client.post(claimed["Location"], {"c0": "正面", **rows})
    assert sent["Location"] == "/tasks/"
    (submission,) = Submission.objects.all()
    values = [region["value"] for region in submission.result]
    assert values == [
        {"choices": ["正面"]},
        {"start": 6, "end": 8, "text": "价格", "labels": ["价格"]},
    ]


def test_a_span_written_twice_in_the_text_needs_its_start() -> None:
    project = scenes.opened(["好好看的书"])
    (task,) = scenes.assigned(project)
    client, address = browser(mei), reverse("work:task", args=[task.pk])
    row = {"c0": "正面", "c1-label": "服务", "c1-text": "好", "c1-start": ""}
    answer = client.post(address, row)
    assert answer.status_code == 422
    assert "在原文中不止一处，请填写起始位置（0、1）" in answer.content.decode()
    assert client.post(address, {**row, "c1-start": "1"}).status_code == 302


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "“sentiment”必须填写"),
        ({"c0": "中性"}, "不是“sentiment”的选项"),
        ({"c0": ["正面", "负面"]}, "只能选择一个"),
        ({"c0": "正面", "c1-label": "价格", "c1-text": "没有的字", "c1-start": ""}, "原文中没有"),
        ({"c0": "正面", "c1-label": "", "c1-text": "好", "c1-start": ""}, "没有选择标签"),
        ({"c0": "正面", "c1-label": "价格", "c1-text": "好", "c1-start": "一"}, "起始位置应为整数"),
        ({"c0": "正面", "c1-label": "价格", "c1-text": "好", "c1-start": "999"}, "超出全文"),
    ],
)
def test_a_wrong_form_is_shown_again_with_reasons_and_what_was_typed(
    sent: dict[str, Any], words: str
) -> None:
    (task,) = scenes.assigned(scenes.opened())
    answer = browser(mei).post(reverse("work:task", args=[task.pk]), sent)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    if sent.get("c1-text"):
        assert sent["c1-text"] in page
    assert not Submission.objects.exists()


def test_more_rows_are_given_without_losing_what_was_typed() -> None:
    (task,) = scenes.assigned(scenes.opened())
    sent = {"c0": "正面", "c1-label": "价格", "c1-text": "价格", "c1-start": "", "more": "1"}
    answer = browser(mei).post(reverse("work:task", args=[task.pk]), sent)
    page = answer.content.decode()
    assert (answer.status_code, page.count('name="c1-text"')) == (200, 4)
    assert not Submission.objects.exists()


def test_boxes_are_submitted_as_per_cent_with_the_size_of_the_image() -> None:
    (task,) = scenes.assigned(scenes.opened_images())
    client, address = browser(mei), reverse("work:task", args=[task.pk])
    assert 'id="picture"' in client.get(address).content.decode()
    box = {"c0-label": "车", "c0-x": "10", "c0-y": "20.5", "c0-width": "30", "c0-height": "40"}
    assert client.post(address, {**box, "c0-width": "95"}).status_code == 422
    assert client.post(address, {**box, "c0-x": "十"}).status_code == 422
    assert client.post(address, box).status_code == 302
    (region,) = Submission.objects.get().result
    assert (region["original_width"], region["original_height"]) == (64, 48)
    assert region["value"] == {
        "x": 10.0, "y": 20.5, "width": 30.0, "height": 40.0, "rotation": 0, "rectanglelabels": ["车"],
    }  # fmt: skip


def test_a_returned_task_shows_why_and_what_was_submitted() -> None:
    (task,) = scenes.submitted(scenes.opened())
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="漏了价格")
    page = browser(mei).get(reverse("work:task", args=[task.pk])).content.decode()
    assert "漏了价格" in page
    assert 'value="正面" checked' in page


def test_the_reviewer_goes_from_one_result_to_the_next() -> None:
    first, second = scenes.submitted(scenes.opened(), count=2)
    client = browser(tao)
    assert client.get("/tasks/reviews/").status_code == 200
    assert "质检结论" in client.get(reverse("work:task", args=[first.pk])).content.decode()
    address = reverse("work:review", args=[first.pk])
    assert client.post(address, {"verdict": "return", "comment": ""}).status_code == 422
    moved = client.post(address, {"verdict": "return", "comment": "不对"})
    assert moved["Location"] == reverse("work:task", args=[second.pk])
    assert client.post(address, {"verdict": "accept"}).status_code == 409


def test_an_annotator_sees_only_the_tasks_in_their_hand() -> None:
    project = scenes.opened()
    (task,) = scenes.assigned(project)
    others = Task.objects.filter(project=project).exclude(pk=task.pk)
    assert status(mei, "work:task", task.pk) == 200
    assert [status(mei, "work:task", other.pk) for other in others] == [404, 404]
    assert [status(who, "work:task", task.pk) for who in (scenes.wen, zhou, he, gu)] == [404] * 4
    assert [status(who, "work:task", task.pk) for who in (lin, tao, scenes.qin, yan)] == [200] * 4
    assert browser(scenes.wen).post(reverse("work:task", args=[task.pk]), {"c0": "正面"}).status_code == 404
    assert browser(lin).post(reverse("work:task", args=[task.pk]), {"c0": "正面"}).status_code == 403


def test_a_task_is_skipped_disputed_reopened_and_released_with_reasons() -> None:
    project = scenes.opened()
    first, second, third = scenes.submitted(project, count=3)
    work.review(by=tao(), at=NOON, task_id=first.pk, verdict="return", comment="错")
    work.review(by=tao(), at=NOON, task_id=second.pk, verdict="accept")
    client = browser(mei)
    for name, task in (("dispute", first), ("skip", third)):
        assert client.get(reverse(f"work:{name}", args=[task.pk])).status_code == 200
        assert client.post(reverse(f"work:{name}", args=[task.pk]), {"reason": ""}).status_code == 422
    assert client.post(reverse("work:dispute", args=[first.pk]), {"reason": "规范允许"}).status_code == 302
    assert client.post(reverse("work:skip", args=[third.pk]), {"reason": "晚了"}).status_code == 409
    assert browser(tao).post(reverse("work:reopen", args=[second.pk]), {"reason": "抽检"}).status_code == 302
    assert browser(scenes.qin).post(reverse("work:release", args=[second.pk])).status_code == 409


def test_delivery_and_acceptance_are_buttons_for_different_people() -> None:
    project = scenes.opened(client=True)
    lead, buyer = browser(scenes.qin), browser(zhou)
    deliver, accept = (reverse(f"projects:{name}", args=[project.pk]) for name in ("deliver", "accept"))
    scenes.accepted(project, count=2)
    assert lead.post(deliver).status_code == 409
    scenes.accepted(project, count=1)
    assert buyer.post(deliver).status_code == 403
    assert lead.post(deliver).status_code == 302
    assert lead.post(accept).status_code == 403
    back = reverse("projects:send_back", args=[project.pk])
    item = project.items.first()
    assert item is not None
    assert buyer.post(back, {"reason": ""}).status_code == 422
    assert buyer.post(back, {"reason": "漏标", "item": "不是编号"}).status_code == 422
    assert buyer.post(back, {"reason": "漏标", "item": str(item.pk)}).status_code == 302
    task = project.tasks.get(state="returned")
    work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment("负面"))
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    lead.post(deliver)
    assert buyer.post(accept).status_code == 302
    project.refresh_from_db()
    assert project.state == "accepted"
    assert buyer.post(accept).status_code == 409
    assert lead.post(reverse("projects:close", args=[project.pk])).status_code == 302


def queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as caught:
        assert client.get(address).status_code == 200
    return len(caught)


def test_pages_take_a_constant_number_of_queries() -> None:
    project = scenes.opened([f"第 {n} 条" for n in range(12)])
    scenes.accepted(project, count=2)
    scenes.submitted(project, count=2)
    scenes.assigned(project, to=scenes.wen(), count=1)
    scenes.assigned(project, count=1)
    addresses = [reverse(f"projects:{tab}", args=[project.pk]) for tab in TABS]
    watched = [(browser(scenes.qin), address) for address in ["/projects/", *addresses]]
    watched += [(browser(mei), "/tasks/"), (browser(tao), "/tasks/reviews/")]
    before = [queries(client, address) for client, address in watched]
    scenes.accepted(project, count=2)
    scenes.submitted(project, count=2)
    scenes.assigned(project, count=1)
    for n in range(3):
        scenes.draft(title=f"另一个 {n}")
    projects.publish_guideline(by=scenes.qin(), at=NOON, project_id=project.pk, body="第二版")
    assert [queries(client, address) for client, address in watched] == before
    assert max(before) <= 25
