"""The JSON of annotation: the whole way over the API, its refusals, and each request done once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from annotation.work.models import Submission
from organizations.permissions import Actor
from tests.annotation import scenes
from tests.cast import mei, tao, zhou

pytestmark = pytest.mark.django_db


class Program:
    """A caller of the API with that person's session."""

    def __init__(self, who: Callable[[], Actor]) -> None:
        self.client, user = Client(), who().user
        assert user is not None
        self.client.force_login(user)

    def get(self, path: str) -> HttpResponse:
        return self.client.get(f"/api{path}")  # type: ignore[return-value]

    def post(self, path: str, body: Any = None, key: str = "") -> HttpResponse:
        sent = json.dumps(body or {})
        headers = {"Idempotency-Key": key or uuid4().hex}
        return self.client.post(f"/api{path}", sent, "application/json", headers=headers)  # type: ignore[return-value]


def read(response: HttpResponse) -> Any:
    return json.loads(response.content)


def test_the_whole_way_over_the_api() -> None:
    lead, annotator, reviewer, buyer = (Program(who) for who in (scenes.qin, mei, tao, zhou))
    terms = {
        "title": "接口项目", "modality": "text", "labeling_config": scenes.SENTIMENT, "task_price_fen": 35,
        "client_id": str(zhou().organization_id),
    }  # fmt: skip
    made = lead.post("/annotation/projects", terms)
    assert made.status_code == 201
    project = read(made)["id"]
    base = f"/annotation/projects/{project}"
    assert read(lead.post(f"{base}/guidelines", {"body": "规范"}))["version"] == 1
    items = [{"name": "一", "text": "很好"}, {"name": "二", "text": "很好"}]
    imported = lead.post(f"{base}/items", {"source": "示例", "licence": "CC0", "items": items})
    assert (imported.status_code, read(imported)["added_count"]) == (201, 1)
    assert read(lead.post(f"{base}/open"))["state"] == "open"

    task = read(annotator.post("/tasks/claims", {"project_id": project}))["id"]
    shown = read(annotator.get(f"/tasks/{task}"))
    assert (shown["data"], shown["guideline_version"], shown["state"]) == ({"text": "很好"}, 1, "assigned")
    wrong = annotator.post(f"/tasks/{task}/submissions", {"result": scenes.sentiment("中性")})
    assert (wrong.status_code, wrong["Content-Type"]) == (422, "application/problem+json")
    assert [(one["code"], one["region"]) for one in read(wrong)["problems"]] == [("unknown_label", 0)]
    assert annotator.post(f"/tasks/{task}/submissions", {"result": scenes.sentiment()}).status_code == 201
    judged = reviewer.post(f"/tasks/{task}/reviews", {"verdict": "accept"})
    assert (judged.status_code, read(judged)["verdict"]) == (201, "accept")
    assert read(lead.post(f"{base}/deliver"))["state"] == "delivered"
    assert read(buyer.post(f"{base}/accept"))["state"] == "accepted"
    assert read(buyer.get(f"/tasks/{task}/submissions"))[0]["result"] == scenes.sentiment()


def test_the_same_key_answers_the_same_and_another_body_is_refused() -> None:
    (task,) = scenes.assigned(scenes.opened())
    annotator, path = Program(mei), f"/tasks/{task.pk}/submissions"
    first = annotator.post(path, {"result": scenes.sentiment()}, key="k-1")
    again = annotator.post(path, {"result": scenes.sentiment()}, key="k-1")
    assert (first.status_code, again.status_code, read(first)) == (201, 201, read(again))
    assert again["Idempotent-Replayed"] == "true"
    assert annotator.post(path, {"result": scenes.sentiment("负面")}, key="k-1").status_code == 409
    assert annotator.post(path, {"result": scenes.sentiment("负面")}, key="k-2").status_code == 409
    assert Submission.objects.count() == 1


def test_a_request_without_a_key_is_refused() -> None:
    (task,) = scenes.assigned(scenes.opened())
    client = Program(mei).client
    body = json.dumps({"result": scenes.sentiment()})
    answer = client.post(f"/api/tasks/{task.pk}/submissions", body, "application/json")
    assert (answer.status_code, answer.json()["title"]) == (422, "idempotency_key_missing")


def test_others_find_nothing_and_the_wrong_role_is_refused() -> None:
    project = scenes.opened()
    (task,) = scenes.submitted(project)
    other = Program(scenes.wen)
    assert other.get(f"/tasks/{task.pk}").status_code == 404
    assert other.post(f"/tasks/{task.pk}/submissions", {"result": []}).status_code == 404
    assert Program(mei).post(f"/tasks/{task.pk}/reviews", {"verdict": "accept"}).status_code == 403
    assert Program(mei).get(f"/annotation/projects/{project.pk}").status_code == 404
    assert Program(zhou).post(f"/annotation/projects/{project.pk}/deliver").status_code == 404
    assert Client().get("/api/tasks").status_code == 401


@pytest.mark.parametrize(
    "body",
    ['{"result": [NaN]}', '{"result": ["\\ud800"]}', '{"result": ["\\u0000"]}', '{"result": 1}', "{", "[]"],
)
def test_hostile_json_is_refused_not_crashed_on(body: str) -> None:
    (task,) = scenes.assigned(scenes.opened())
    answer = Program(mei).client.post(
        f"/api/tasks/{task.pk}/submissions",
        body,
        "application/json",
        headers={"Idempotency-Key": uuid4().hex},
    )
    assert answer.status_code in (400, 422)


def test_files_come_over_the_api_too() -> None:
    project = scenes.draft()
    upload = SimpleUploadedFile("评论.jsonl", '{"text": "一"}\n{"text": "二"}\n'.encode())
    sent = {"uploads": upload, "source": "示例", "licence": "CC0"}
    path = f"/api/annotation/projects/{project.pk}/files"
    lead = Program(scenes.qin).client
    answer = lead.post(path, sent, headers={"Idempotency-Key": "files-1"})
    assert (answer.status_code, answer.json()["added_count"]) == (201, 2)
    bad = {**sent, "uploads": SimpleUploadedFile("空.txt", b"")}
    refused = lead.post(path, bad, headers={"Idempotency-Key": "files-2"})
    assert (refused.status_code, refused.json()["title"]) == (422, "uploads_refused")


def test_lists_come_in_pages_by_cursor() -> None:
    project = scenes.opened([f"第 {n} 条" for n in range(5)])
    lead, seen, cursor = Program(scenes.qin), [], ""
    for _page in range(3):
        page = read(lead.get(f"/tasks?project_id={project.pk}&limit=2{cursor}"))
        seen += [task["id"] for task in page["items"]]
        cursor = f"&cursor={page['next']}"
    assert (len(set(seen)), page["next"]) == (5, None)
    assert read(lead.get("/tasks?state=ready"))["items"] != []
    assert lead.get("/tasks?state=lost").status_code == 422
    assert lead.get("/tasks?limit=0").status_code == 422
