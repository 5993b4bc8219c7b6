"""Unfinished work: kept for its holder, never overwritten unseen, gone when submitted; and the turn to the next task."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import reverse

from annotation.intake import services as intake
from annotation.intake.models import Proposal
from annotation.work import services as work
from annotation.work.models import Draft, Submission, Task
from annotation.work.selectors import starting_result
from kernel.errors import InvalidInput, NotFound
from kernel.states import MoveNotAllowed
from tests.annotation import scenes
from tests.annotation.test_pages import browser
from tests.cast import NOON, lin, mei, tao

pytestmark = pytest.mark.django_db
HALF = [{"id": "a", "from_name": "aspect", "to_name": "text", "type": "labels", "value": {"labels": []}}]


def keep(task: Task, result: Any = HALF, revision: int = 0, by: Any = mei) -> Draft:
    return work.save_draft(by=by(), at=NOON, task_id=task.pk, result=result, revision=revision)


def held(count: int = 1) -> list[Task]:
    return scenes.assigned(scenes.opened(), count=count)


def test_a_draft_is_kept_unfinished_and_counts_its_saves() -> None:
    (task,) = held()
    assert [keep(task).revision, keep(task, scenes.sentiment(), 1).revision] == [1, 2]
    start = starting_result(task)
    assert (start.result, start.origin, start.revision) == (scenes.sentiment(), "draft", 2)


def test_a_save_that_another_one_overtook_is_refused_and_shows_what_is_kept() -> None:
    (task,) = held()
    keep(task)
    with pytest.raises(work.StaleDraft) as refused:
        keep(task, scenes.sentiment(), 0)
    assert refused.value.draft is not None
    assert (refused.value.draft.result, refused.value.draft.revision) == (HALF, 1)
    assert Draft.objects.get().result == HALF


def test_the_same_save_again_after_a_lost_answer_is_one_save() -> None:
    (task,) = held()
    assert keep(task) == keep(task)
    assert Draft.objects.get().revision == 1


def test_submitting_clears_the_draft_and_a_returned_task_starts_from_what_was_submitted() -> None:
    (task,) = held()
    keep(task)
    work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    assert not Draft.objects.exists()
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="再看一遍")
    task.refresh_from_db()
    start = starting_result(task)
    assert (start.result, start.origin, start.revision) == (scenes.sentiment(), "submission", 0)
    assert keep(task).revision == 1


def test_only_the_holder_keeps_a_draft_and_only_while_the_task_is_in_hand() -> None:
    (task,) = held()
    with pytest.raises(NotFound):
        keep(task, by=scenes.wen)
    with pytest.raises(work.NotYourTask):
        keep(task, by=lin)
    work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    with pytest.raises(MoveNotAllowed):
        keep(task)
    assert not Draft.objects.exists()


def test_a_task_that_changes_hands_starts_anew() -> None:
    (task,) = held()
    keep(task)
    work.release(by=mei(), at=NOON, task_id=task.pk)
    work.claim_task(by=scenes.wen(), at=NOON, project_id=task.project_id)
    task.refresh_from_db()
    assert task.annotator == scenes.wen().user
    assert starting_result(task).origin == ""
    assert keep(task, scenes.sentiment(), 0, by=scenes.wen).revision == 1
    assert starting_result(task).result == scenes.sentiment()


@pytest.mark.parametrize(
    "result", ["text", {}, None, [float("nan")], ["\x00"], ["\ud800"], ["长" * 1_000_001]]
)
def test_what_cannot_be_kept_is_refused_with_the_remedy(result: Any) -> None:
    (task,) = held()
    with pytest.raises(InvalidInput) as refused:
        keep(task, result)
    assert refused.value.field == "result"
    assert not Draft.objects.exists()


def call(client: Any, method: str, task: Task, what: str, body: Any = None, key: str = "k1") -> Any:
    sent = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
    return getattr(client, method)(
        f"/api/tasks/{task.pk}/{what}", headers={"Idempotency-Key": key} if method == "post" else {}, **sent
    )


def test_the_api_keeps_drafts_and_answers_a_stale_one_with_what_is_kept() -> None:
    (task,) = held()
    client = browser(mei)
    kept = call(client, "put", task, "draft", {"result": HALF, "revision": 0})
    assert (kept.status_code, kept.json()["revision"]) == (200, 1)
    stale = call(client, "put", task, "draft", {"result": [], "revision": 0})
    assert (stale.status_code, stale.json()["type"]) == (409, "/errors/draft_stale")
    assert (stale.json()["draft"]["result"], stale.json()["draft"]["revision"]) == (HALF, 1)


def test_the_desk_tells_the_items_fields_and_ones_own_work_and_nothing_else() -> None:
    (task,) = held()
    keep(task)
    told = call(browser(mei), "get", task, "desk").json()
    assert set(told) == {
        "id", "ordinal", "state", "data", "labeling_config", "returned_because", "attempt", "lease_ends_at",
        "shown", "start",
    }  # fmt: skip
    assert told["data"] == {"text": scenes.REVIEWS[0]}
    assert (told["start"]["origin"], told["start"]["revision"], told["start"]["result"]) == ("draft", 1, HALF)


def test_the_desk_shows_nobody_elses_task_nor_one_that_is_done() -> None:
    first, second = held(2)
    for who in (scenes.wen, lin, tao):
        assert call(browser(who), "get", first, "desk").status_code == 404
        assert call(browser(who), "get", first, "following").status_code == 404
    work.submit(by=mei(), at=NOON, task_id=first.pk, result=scenes.sentiment())
    assert call(browser(mei), "get", first, "desk").status_code == 404
    assert call(browser(mei), "get", second, "following").json() is None


def test_the_following_task_is_one_already_in_hand() -> None:
    first, second = held(2)
    assert call(browser(mei), "get", first, "following").json()["id"] == str(second.pk)
    assert Task.objects.filter(state="ready").count() == 1


def test_a_turn_submits_and_brings_the_next_task_handing_one_out_if_need_be() -> None:
    first, second = held(2)
    client = browser(mei)
    turned = call(client, "post", first, "turn", {"result": scenes.sentiment()})
    assert turned.status_code == 201
    assert turned.json()["following"]["id"] == str(second.pk)
    again = call(client, "post", second, "turn", {"result": scenes.sentiment()}, key="k2").json()
    third = Task.objects.get(pk=again["following"]["id"])
    assert (third.state, third.annotator, third.item.ordinal) == ("assigned", mei().user, 3)
    last = call(client, "post", third, "turn", {"result": scenes.sentiment()}, key="k3").json()
    assert last["following"] is None
    assert Submission.objects.count() == 3


def test_a_turn_without_going_on_hands_nothing_out() -> None:
    (task,) = held()
    turned = call(
        browser(mei), "post", task, "turn", {"result": scenes.sentiment(), "is_going_on": False}
    ).json()
    assert turned["following"] is None
    assert Task.objects.filter(state="ready").count() == 2


def test_a_wrong_turn_names_each_region_and_changes_nothing() -> None:
    (task,) = held()
    refused = call(browser(mei), "post", task, "turn", {"result": HALF})
    assert (refused.status_code, refused.json()["type"]) == (422, "/errors/result_refused")
    assert refused.json()["problems"][0]["region"] == 0
    task.refresh_from_db()
    assert (task.state, Submission.objects.count()) == ("assigned", 0)


def test_the_form_keeps_a_draft_without_script_and_shows_it_again() -> None:
    (task,) = held()
    client, address = browser(mei), reverse("work:task", args=[task.pk])
    sent = {"c0": "负面", "revision": "0"}
    answer = client.post(reverse("work:draft", args=[task.pk]), sent)
    assert (answer.status_code, answer["Location"]) == (302, address)
    page = client.get(address).content.decode()
    assert 'value="负面" checked' in page
    assert '<input type="hidden" name="revision" value="1">' in page
    stale = client.post(reverse("work:draft", args=[task.pk]), sent, headers={"accept": "application/json"})
    assert (stale.status_code, stale.json()["draft"]) == (409, {"revision": 1})


def test_a_draft_that_no_form_can_show_does_not_break_the_page() -> None:
    (task,) = held()
    keep(task, [*HALF, "x", {"from_name": "sentiment"}, {"from_name": "aspect", "value": None}])
    assert browser(mei).get(reverse("work:task", args=[task.pk])).status_code == 200


def test_a_proposal_is_where_the_annotator_starts_and_no_more() -> None:
    (task,) = held()
    predictor = intake.add_predictor(
        by=scenes.qin(), at=NOON, project_id=task.project_id, kind="built_in", name="情感"
    )
    proposed = scenes.sentiment("负面")
    Proposal.objects.create(
        item=task.item,
        source="model",
        result=proposed,
        result_sha256="0" * 64,
        predictor=predictor,
        made_at=NOON,
    )
    start = starting_result(task)
    assert (start.result, start.origin, start.revision) == (proposed, "proposal", 0)
    assert "页面上已有预标注" in browser(mei).get(reverse("work:task", args=[task.pk])).content.decode()
    assert not Submission.objects.exists()
    keep(task)
    assert starting_result(task).origin == "draft"
