"""The pages and the API of quality: who gets which status, forms, constant queries, what stays hidden."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from annotation.projects.models import Project
from annotation.quality import services as quality
from annotation.quality.models import Consensus, GoldAnswer, GoldContest, GoldOutcome, GoldPlan, Qualification
from jobs.models import Job
from organizations.permissions import Actor
from tests.annotation import scenes
from tests.annotation.quality import stage
from tests.annotation.quality.test_consensus import words
from tests.cast import NOON, gu, he, mei, tao, yan, zhou

pytestmark = pytest.mark.django_db

SECTIONS = ("quality", "quality_people", "quality_gold", "quality_adjudication", "quality_plan")


def browser(who: Callable[[], Actor]) -> Client:
    client = Client()
    user = who().user
    assert user is not None
    client.force_login(user)
    return client


def address(name: str, project: Project, *more: Any) -> str:
    return reverse(f"projects:{name}", args=[project.pk, *more])


def scene() -> Project:
    """Three people labelled four items; item 1 has hidden gold that Su and Wen missed; all is measured."""
    project = stage.opened(4, overlap=3)
    stage.gold(project, 1, "正面")
    stage.planned(project, reveal_after=1)
    stage.labelled(project, words({1: "正负负", 2: "正正负", 3: "负负负", 4: "正负中"}))
    quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
    return project


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_opens_before_and_after_the_first_measurement(section: str) -> None:
    for project in (stage.opened(2), scene()):
        assert browser(scenes.qin).get(address(section, project)).status_code == 200


def test_the_board_tells_agreement_gold_and_what_is_confused() -> None:
    page = browser(scenes.qin).get(address("quality", scene())).content.decode()
    for told in (
        "一致率 α",
        "质检题通过",
        "1 条数据分歧较大，待裁定",
        "正面 → 负面",
        "Fleiss κ",
        "不得单凭用时",
    ):
        assert told in page


def test_reviewers_read_the_board_but_no_gold() -> None:
    project = scene()
    told = {name: browser(tao).get(address(name, project)).status_code for name in SECTIONS}
    assert told == {
        "quality": 200, "quality_people": 200, "quality_gold": 404, "quality_adjudication": 200, "quality_plan": 404,
    }  # fmt: skip
    listed = browser(tao).get(address("quality_adjudication", project) + "?show=all").content.decode()
    assert "标准答案" not in listed


@pytest.mark.parametrize("section", SECTIONS)
def test_annotators_clients_and_strangers_find_nothing(section: str) -> None:
    project = stage.opened(2, client=True)
    for stranger in (mei, zhou, he, gu):
        assert browser(stranger).get(address(section, project)).status_code == 404
    assert browser(yan).get(address(section, project)).status_code == 200


def test_the_lead_writes_takes_imports_corrects_and_retires_gold_on_pages() -> None:
    project, lead = stage.opened(3), browser(scenes.qin)
    form = address("quality_gold_new", project) + "?item=1"
    assert lead.get(form).status_code == 200
    assert lead.post(form, {"role": "hidden"}).status_code == 422
    assert lead.post(form, {"c0": "正面", "role": "hidden", "note": "规范第 1 条"}).status_code == 302
    item = stage.item(project, 1)
    corrected = {"c0": "负面", "note": "看错了。"}
    assert lead.post(address("quality_gold_item", project, item.pk), corrected).status_code == 302
    rows = json.dumps({"item": 2, "result": scenes.sentiment("中性")}, ensure_ascii=False).encode()
    upload = SimpleUploadedFile("gold.jsonl", rows)
    sent = lead.post(address("quality_import", project), {"role": "screening", "upload": upload})
    assert sent.status_code == 302
    broken = SimpleUploadedFile("gold.jsonl", b"{")
    refused = lead.post(address("quality_import", project), {"role": "screening", "upload": broken})
    assert (refused.status_code, "第 1 行不是" in refused.content.decode()) == (422, True)
    assert lead.post(address("quality_take", project), {"role": "hidden", "count": 5}).status_code == 422
    told = GoldAnswer.objects.order_by("pk").values_list("item__ordinal", "version", "source")
    assert list(told) == [(1, 1, "written"), (1, 2, "corrected"), (2, 1, "imported")]
    assert lead.post(address("quality_retire", project, item.pk), {"reason": "有歧义。"}).status_code == 302
    assert lead.get(address("quality_gold_item", project, item.pk)).status_code == 404
    assert lead.get(address("quality_gold_new", project) + "?item=99").status_code == 404


def test_the_lead_sets_the_plan_in_per_cent() -> None:
    project, lead = stage.opened(1), browser(scenes.qin)
    page = lead.get(address("quality_plan", project))
    given = {name: page.context["form"][name].initial for name in page.context["form"].fields}
    assert lead.post(address("quality_plan", project), given | {"hidden_share": 8}).status_code == 302
    assert GoldPlan.objects.get().hidden_share == 800
    for wrong in ({"hidden_share": 51}, {"poor": 95}):
        assert lead.post(address("quality_plan", project), given | wrong).status_code == 422
    assert browser(tao).post(address("quality_plan", project), given).status_code == 404


def test_an_unsure_item_is_decided_on_a_page_that_names_nobody() -> None:
    project, lead = scene(), browser(scenes.qin)
    item = stage.item(project, 4)
    page = lead.get(address("quality_adjudicate", project, item.pk)).content.decode()
    assert "答案 A" in page
    assert not any(str(who().user) in page for who in stage.TRIO)
    posted = lead.post(
        address("quality_adjudicate", project, item.pk), {"chosen": "A", "reason": "规范第 3 条。"}
    )
    assert posted.status_code == 302
    assert (
        Consensus.objects.filter(item=item).order_by("-version").values_list("origin", flat=True)[0]
        == "adjudicated"
    )
    assert (
        lead.post(address("quality_adjudicate", project, item.pk), {"chosen": "Z", "reason": "x"}).status_code
        == 422
    )


def test_a_worker_sees_own_figures_contests_gold_and_reads_the_answer() -> None:
    project, worker, lead = scene(), browser(scenes.wen), browser(scenes.qin)
    page = worker.get("/quality/").content.decode()
    assert "与标准答案不一致" in page
    outcome = GoldOutcome.objects.get(worker=scenes.wen().user)
    own = f"/quality/outcomes/{outcome.pk}/"
    assert worker.post(own, {"reason": ""}).status_code == 422
    assert worker.post(own, {"reason": "先抑后扬，应为负面。"}).status_code == 302
    assert worker.post(own, {"reason": "再来。"}).status_code == 422
    assert browser(mei).get(own).status_code == 404
    contest = GoldContest.objects.get()
    assert "先抑后扬" in lead.get(address("quality_gold", project)).content.decode()
    decided = lead.post(address("quality_decide", project, contest.pk, "correct"), {"answer": "您说得对。"})
    assert decided.status_code == 302
    assert (
        "您说得对。"
        in worker.get(
            f"/quality/outcomes/{GoldOutcome.objects.filter(worker=scenes.wen().user).latest('pk').pk}/"
        ).content.decode()
        or GoldContest.objects.get().answer == "您说得对。"
    )


def test_a_stopped_worker_appeals_on_a_page_and_the_lead_reinstates() -> None:
    project = stage.opened(2)
    stage.gold(project, 1, role="screening")
    stage.planned(project, screening_count=1)
    stage.answer(mei(), stage.claim(mei(), project), "负面")
    found = Qualification.objects.get()
    worker, lead = browser(mei), browser(scenes.qin)
    assert worker.post(f"/tasks/claims/{project.pk}/").status_code == 409
    assert (
        worker.post(f"/quality/standings/{found.pk}/appeal/", {"reason": "题目有歧义。"}).status_code == 302
    )
    assert (
        "题目有歧义" in lead.get(address("quality_standing", project, found.pk, "reinstate")).content.decode()
    )
    done = lead.post(address("quality_standing", project, found.pk, "reinstate"), {"reason": "同意。"})
    assert (done.status_code, Qualification.objects.get().state) == (302, "qualified")
    assert lead.get(address("quality_standing", project, found.pk, "pass")).status_code == 404


def test_pages_ask_the_database_as_often_for_many_rows_as_for_few() -> None:
    counts = []
    for size in (3, 9):
        project = stage.opened(size, overlap=2)
        for ordinal in range(1, size):
            stage.gold(project, ordinal)
        stage.planned(project, reveal_after=1)
        stage.labelled(project, {number: ["正面", "负面"] for number in range(1, size + 1)})
        quality.measure(by=scenes.qin(), at=NOON, project_id=project.pk)
        lead, worker = browser(scenes.qin), browser(mei)
        for client, path in [
            *((lead, address(name, project)) for name in SECTIONS),
            (lead, address("quality_adjudication", project) + "?show=all"),
        ]:
            client.get(path)
            with CaptureQueriesContext(
                connection,
            ) as asked:
                client.get(path)
            counts.append((size, path.split("quality/")[1], len(asked)))
        worker.get("/quality/")
        with CaptureQueriesContext(connection) as asked:
            worker.get("/quality/")
        counts.append((size, "mine", len(asked)))
    few = [(path, count) for size, path, count in counts if size == 3]
    many = [(path, count) for size, path, count in counts if size == 9]
    assert few == many


# --- API ------------------------------------------------------------------------------------------


def post(who: Callable[[], Actor], path: str, body: dict[str, Any]) -> Any:
    return browser(who).post(
        f"/api/quality{path}",
        body,
        content_type="application/json",
        headers={"Idempotency-Key": str(uuid4())},
    )


def get(who: Callable[[], Actor], path: str) -> Any:
    return browser(who).get(f"/api/quality{path}")


def test_gold_and_measurements_over_the_api() -> None:
    project = scene()
    given = {"item_id": str(stage.item(project, 2).pk), "result": scenes.sentiment("负面"), "role": "hidden"}
    made = post(scenes.qin, f"/projects/{project.pk}/gold", given)
    assert (made.status_code, made.json()["version"]) == (201, 1)
    wrong = post(scenes.qin, f"/projects/{project.pk}/gold", given | {"result": []})
    assert (wrong.status_code, wrong.json()["title"]) == (422, "gold_refused")
    assert post(tao, f"/projects/{project.pk}/gold", given).status_code == 403
    assert post(mei, f"/projects/{project.pk}/gold", given).status_code == 404
    assert len(get(scenes.qin, f"/projects/{project.pk}/gold").json()["items"]) == 2
    assert get(tao, f"/projects/{project.pk}/gold").status_code == 404
    told = get(tao, f"/projects/{project.pk}/measurement").json()
    assert told["facts"]["items"] == 4
    queued = post(scenes.qin, f"/projects/{project.pk}/measurement", {})
    assert (queued.status_code, Job.objects.filter(kind="quality.measure").count()) == (202, 1)
    unsure = get(scenes.qin, f"/projects/{project.pk}/consensus?is_settled=false").json()["items"]
    assert [row["confidence"] for row in unsure] == [3_333]
    plan = post(scenes.qin, f"/projects/{project.pk}/plan", {"hidden_share": 300})
    assert (plan.status_code, plan.json()["version"]) == (201, 2)


def test_a_worker_reads_only_own_outcomes_over_the_api() -> None:
    scene()
    own = get(scenes.wen, "/outcomes").json()["items"]
    assert [(row["score"], row["is_right"], row["role"]) for row in own] == [(0, False, "hidden")]
    assert get(tao, "/outcomes").json()["items"] == []
    made = post(scenes.wen, f"/outcomes/{own[0]['id']}/contest", {"reason": "应为负面。"})
    assert made.status_code == 201
    assert post(mei, f"/outcomes/{own[0]['id']}/contest", {"reason": "别人的。"}).status_code == 404
    upheld = post(scenes.qin, f"/contests/{made.json()['id']}/uphold", {"answer": "不变。"})
    assert (upheld.status_code, upheld.json()["state"]) == (200, "upheld")
