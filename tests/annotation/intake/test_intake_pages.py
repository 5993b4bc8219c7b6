"""The pages and the JSON of imports: the whole way by forms alone, who gets which answer, constant queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.intake.models import Intake, Predictor
from annotation.projects.models import Item
from tests.annotation import scenes
from tests.annotation.intake.imports import checked, gathered, lines
from tests.annotation.test_api import Program, read
from tests.annotation.test_pages import browser
from tests.cast import he, mei, tao, yan, zhou

pytestmark = pytest.mark.django_db

LONG = "清远的英德红茶以香气高锐著称，汤色红艳明亮，滋味浓醇，常与牛奶同饮，今年春茶上市比往年早了十天。"
MIXED = f"很好\n电话 13812345678\n{LONG}\n{LONG.replace('十天', '九天')}\n"


def upload(name: str, body: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, body)


def test_the_whole_way_by_forms_alone(django_capture_on_commit_callbacks: Any) -> None:
    project = scenes.opened()
    lead = browser(scenes.qin)
    address = reverse("projects:intakes", args=[project.pk])
    assert "还没有批量导入" in lead.get(address).content.decode()
    sent = {
        "form": "items", "source": "示例", "licence": "自采",
        "uploads": [upload("一.txt", MIXED.encode()), upload("坏.jsonl", b"no\n")],
    }  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        made = lead.post(address, sent)
    intake = Intake.objects.get()
    assert made["Location"] == reverse("projects:intake", args=[intake.pk])
    page = lead.get(made["Location"]).content.decode()
    assert "138******78" in page
    assert "13812345678" not in page
    assert "不是正确的 JSON" in page
    assert "4 条 × 1 人 × ¥0.35 = ¥1.40" in " ".join(page.split())
    decision = {"near": "leave_out", "personal": "mask", "legal_ground": ""}
    refused = lead.post(reverse("projects:intake_decide", args=[intake.pk]), decision)
    assert refused.status_code == 422
    assert "跳过有问题的行" in refused.content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        lead.post(reverse("projects:intake_decide", args=[intake.pk]), {**decision, "is_skipping_bad": "on"})
    intake.refresh_from_db()
    assert (intake.state, Item.objects.count()) == ("imported", 6)
    assert "已导入 3 条" in lead.get(made["Location"]).content.decode()
    assert "已导入" in lead.get(address).content.decode()


def test_who_gets_which_answer() -> None:
    project = scenes.opened(client=True)
    intake = checked(project, {"一.txt": b"x"})
    for name, number in (("intakes", project.pk), ("intake", intake.pk), ("predictors", project.pk)):
        told = {
            who.__name__: browser(who).get(reverse(f"projects:{name}", args=[number])).status_code
            for who in (scenes.qin, tao, yan, mei, he, zhou)
        }
        assert told == {"qin": 200, "tao": 200, "yan": 200, "mei": 404, "he": 404, "zhou": 404}, name
    for name in ("intake_check", "intake_decide", "intake_again", "intake_cancel", "intake_files"):
        address = reverse(f"projects:{name}", args=[intake.pk])
        assert [browser(who).post(address).status_code for who in (tao, yan, mei, he, zhou)] == [
            403, 403, 404, 404, 404,
        ], name  # fmt: skip
    assert browser(tao).get(reverse("projects:storages", args=[project.pk])).status_code == 403
    assert Client().get(reverse("projects:intake", args=[intake.pk])).status_code == 302
    intake.refresh_from_db()
    assert intake.state == "checked"


def test_pages_ask_as_many_questions_for_many_rows_as_for_few() -> None:
    project = scenes.opened()
    lead = browser(scenes.qin)

    def queries(address: str) -> int:
        lead.get(address)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert lead.get(address).status_code == 200
        return len(asked)

    one = checked(project, {"一.txt": MIXED.encode()})
    few = [
        queries(reverse("projects:intakes", args=[project.pk])),
        queries(reverse("projects:intake", args=[one.pk])),
    ]
    more = "".join(MIXED.replace("很好", f"很好{n}").replace("茶", f"茶{n}") for n in range(10))
    two = checked(project, {f"{n}.txt": f"{more}{n}".encode() for n in range(5)})
    gathered(project, {"三.txt": b"x"})
    many = [
        queries(reverse("projects:intakes", args=[project.pk])),
        queries(reverse("projects:intake", args=[two.pk])),
    ]
    assert many == few


def test_a_model_is_added_and_run_by_forms(django_capture_on_commit_callbacks: Any) -> None:
    project = scenes.opened()
    lead = browser(scenes.qin)
    address = reverse("projects:predictors", args=[project.pk])
    assert lead.post(address, {"kind": "built_in", "name": "情感", "is_ordering": "on"}).status_code == 302
    predictor = Predictor.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        lead.post(reverse("projects:predictor_run", args=[predictor.pk]))
    page = lead.get(address).content.decode()
    assert "通过质检的结果还不够训练" in page
    lead.post(reverse("projects:predictor_state", args=[predictor.pk]), {"active": "0"})
    predictor.refresh_from_db()
    assert predictor.state == "ended"
    wrong = lead.post(address, {"kind": "http", "name": "外部", "address": "http://10.0.0.1"})
    assert (wrong.status_code, "不能使用" in wrong.content.decode()) == (422, True)


def test_the_whole_way_over_the_api(django_capture_on_commit_callbacks: Any) -> None:
    project = scenes.opened()
    lead = Program(scenes.qin)
    base = f"/intake/projects/{project.pk}/imports"
    made = lead.post(base, {"source": "接口", "licence": "CC0"}, key="k1")
    assert made.status_code == 201
    assert read(lead.post(base, {"source": "接口", "licence": "CC0"}, key="k1"))["id"] == read(made)["id"]
    one = f"/intake/imports/{read(made)['id']}"
    answer = lead.client.post(
        f"/api{one}/files", {"uploads": [upload("a.jsonl", lines({"text": "甲"}, {"text": "乙"}))]}
    )
    assert (answer.status_code, read(answer)[0]["path"]) == (201, "a.jsonl")
    with django_capture_on_commit_callbacks(execute=True):
        assert read(lead.post(f"{one}/check"))["state"] == "checking"
    told = read(lead.get(one))
    assert (told["state"], told["found"]["fresh"], told["cost"]["total_fen"]) == ("checked", 2, 70)
    wrong = lead.post(f"{one}/decision", {"near": "keep", "personal": "vielleicht"})
    assert (wrong.status_code, read(wrong)["field"]) == (422, "personal")
    with django_capture_on_commit_callbacks(execute=True):
        lead.post(f"{one}/decision", {"near": "keep", "personal": "mask"})
    assert read(lead.get(one))["found"]["brought"]["added"] == 2
    assert [each["state"] for each in read(lead.get(base))["items"]] == ["imported"]
    assert read(lead.get(f"/intake/projects/{project.pk}/proposals"))["items"] == []
    for stranger in (mei, he, zhou):
        assert Program(stranger).get(one).status_code == 404
        assert Program(stranger).post(f"{one}/cancel").status_code == 404


def test_secrets_never_leave_over_the_api(settings: Any) -> None:
    from urllib.parse import urlsplit

    settings.INTAKE_STORAGE_HOSTS = [urlsplit(settings.S3_ENDPOINT).hostname]
    settings.INTAKE_PRIVATE_ADDRESSES = True
    lead = Program(scenes.qin)
    body = {
        "name": "桶", "endpoint": settings.S3_ENDPOINT, "bucket": settings.S3_BUCKET,
        "access_key": settings.S3_ACCESS_KEY, "secret": settings.S3_SECRET_KEY,
    }  # fmt: skip
    made = lead.post("/intake/storages", body)
    assert made.status_code == 201
    listed = lead.get("/intake/storages")
    assert settings.S3_SECRET_KEY not in made.content.decode() + listed.content.decode()
    assert [each["name"] for each in read(listed)] == ["桶"]
    ended = lead.post(f"/intake/storages/{read(made)['id']}/end")
    assert (ended.status_code, read(lead.get("/intake/storages"))) == (200, [])
