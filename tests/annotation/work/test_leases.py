"""How long a task stays in a hand, and what becomes of an answer that comes too late."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from annotation.work import services as work
from annotation.work.events import LeaseLapsed, TaskReassigned
from annotation.work.models import Handback, KeptAnswer, Submission, Task
from annotation.work.selectors import handbacks_of, kept_answers_of, returned_because
from annotation.work.tasks import lapse_leases
from kernel.errors import NotFound
from tests.annotation import scenes
from tests.annotation.scenes import hears
from tests.cast import NOON, mei, tao

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def test_a_task_in_a_project_without_a_plan_has_no_lease() -> None:
    (task,) = scenes.assigned(scenes.opened())
    assert task.lease_ends_at is None
    assert work.lapse_leases(NOON + timedelta(days=400)) == 0


def test_a_claimed_task_is_leased_and_the_third_assigned_one_has_three_leases() -> None:
    project = scenes.planned(lease_minutes=30)
    assert work.claim_task(by=mei(), at=NOON, project_id=project.pk).lease_ends_at == NOON + 30 * MINUTE
    more = scenes.assigned(project, to=mei(), count=2)
    assert [task.lease_ends_at for task in more] == [NOON + 60 * MINUTE, NOON + 90 * MINUTE]


def test_work_prolongs_the_lease_and_is_noted_at_most_every_fifteen_seconds() -> None:
    project = scenes.planned(lease_minutes=30)
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    later = NOON + 20 * MINUTE
    assert work.extend(by=mei(), at=later, task_id=task.pk).lease_ends_at == later + 30 * MINUTE
    work.extend(by=mei(), at=later + timedelta(seconds=10), task_id=task.pk)
    assert list(task.moments.order_by("seen_at").values_list("kind", "seen_at")) == [
        ("shown", NOON),
        ("worked", later),
    ]


def test_a_lease_without_work_ends_and_the_annotator_is_told_why() -> None:
    project = scenes.planned(["甲"], lease_minutes=30)
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    assert work.lapse_leases(NOON + 29 * MINUTE) == 0
    with hears(LeaseLapsed) as ear:
        assert work.lapse_leases(NOON + 30 * MINUTE) == 1
    assert ear.names == ["LeaseLapsed"]
    task.refresh_from_db()
    assert (task.state, task.annotator, task.lease_ends_at) == ("ready", None, None)
    assert [(each.cause, each.reason) for each in handbacks_of(mei())] == [
        ("lapsed", "超过领取时限，没有作业记录")
    ]


def test_a_claim_of_somebody_else_ends_the_lease_without_waiting_for_the_clock() -> None:
    project = scenes.planned(["甲"], lease_minutes=30)
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    assert work.claim_task(by=scenes.wen(), at=NOON + 31 * MINUTE, project_id=project.pk) == task


def test_the_beat_task_ends_all_that_is_due() -> None:
    project = scenes.planned(lease_minutes=5)
    scenes.assigned(project, count=3)
    assert lapse_leases() == 3


def test_an_answer_after_the_time_counts_as_long_as_nobody_else_has_the_task() -> None:
    project = scenes.planned(["甲"], lease_minutes=30)
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    work.lapse_leases(NOON + 30 * MINUTE)
    sent = work.submit(by=mei(), at=NOON + 40 * MINUTE, task_id=task.pk, result=scenes.sentiment())
    assert sent.annotator == mei().user
    assert Task.objects.get(pk=task.pk).state == "submitted"


def test_an_answer_after_the_task_went_to_another_is_refused_and_kept_once() -> None:
    project = scenes.planned(["甲"], lease_minutes=30)
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    work.claim_task(by=scenes.wen(), at=NOON + 31 * MINUTE, project_id=project.pk)
    for _twice in range(2):
        with pytest.raises(work.LeaseLost):
            work.submit(by=mei(), at=NOON + 32 * MINUTE, task_id=task.pk, result=scenes.sentiment())
    assert [kept.result for kept in kept_answers_of(mei())] == [scenes.sentiment()]
    assert list(kept_answers_of(scenes.wen())) == []
    assert Submission.objects.count() == 0
    assert Task.objects.get(pk=task.pk).annotator == scenes.wen().user


def test_who_never_held_the_task_gets_no_answer_kept() -> None:
    project = scenes.planned(["甲"], lease_minutes=30)
    task = work.claim_task(by=scenes.wen(), at=NOON, project_id=project.pk)
    with pytest.raises(NotFound):
        work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    assert KeptAnswer.objects.count() == 0


def test_the_api_keeps_the_late_answer_too_though_the_refusal_undid_the_request() -> None:
    project = scenes.planned(["甲"], lease_minutes=30)
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    work.claim_task(by=scenes.wen(), at=NOON + 31 * MINUTE, project_id=project.pk)
    client = scenes.signed_in(mei())
    answer = client.post(
        f"/api/tasks/{task.pk}/submissions",
        json.dumps({"result": scenes.sentiment()}),
        content_type="application/json",
        headers={"Idempotency-Key": "late-1"},
    )
    assert (answer.status_code, answer.json()["title"]) == (409, "lease_lost")
    assert KeptAnswer.objects.get().result == scenes.sentiment()
    listed = client.get("/api/tasks/kept-answers").json()["items"]
    assert [row["result"] for row in listed] == [scenes.sentiment()]


def test_the_page_keeps_the_late_answer_and_shows_it() -> None:
    project = scenes.planned(["甲"], lease_minutes=30)
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    work.claim_task(by=scenes.wen(), at=NOON + 31 * MINUTE, project_id=project.pk)
    client = scenes.signed_in(mei())
    page = client.post(f"/tasks/{task.pk}/", {"c0": "正面"}, follow=True)
    assert page.redirect_chain == [("/tasks/handbacks/", 302)]
    assert "领取时限已过" in page.content.decode()
    assert "正面" in page.content.decode()
    assert client.get(f"/tasks/{task.pk}/").headers["Location"] == "/tasks/handbacks/"


def test_a_returned_task_waits_a_day_for_its_annotator_and_then_goes_to_another() -> None:
    project = scenes.planned(["甲"], lease_minutes=30)
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="看错了")
    assert work.lapse_leases(NOON + timedelta(hours=23)) == 0
    with hears(TaskReassigned) as ear:
        assert work.lapse_leases(NOON + timedelta(hours=24)) == 1
    assert ear.names == ["TaskReassigned"]
    with pytest.raises(work.NothingReady):
        work.claim_task(by=mei(), at=NOON + timedelta(hours=25), project_id=project.pk)
    anew = work.claim_task(by=scenes.wen(), at=NOON + timedelta(hours=25), project_id=project.pk)
    assert (anew, anew.attempt, returned_because(anew)) == (task, 1, "")


def test_after_the_last_attempt_somebody_else_does_the_task_and_the_reason_is_told() -> None:
    project = scenes.planned(["甲"], lease_minutes=30, attempt_limit=2)
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    for word in ("正面", "负面"):
        work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment(word))
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment=f"{word}不对")
    with pytest.raises(work.AttemptsUsedUp) as refused:
        work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    assert refused.value.context == {"count": 2}
    work.lapse_leases(NOON + timedelta(hours=24))
    given = Handback.objects.get()
    assert (given.cause, given.reason) == ("exhausted", "返工次数已用完")
    anew = work.claim_task(by=scenes.wen(), at=NOON + timedelta(hours=24), project_id=project.pk)
    work.submit(by=scenes.wen(), at=NOON + timedelta(hours=24), task_id=anew.pk, result=scenes.sentiment())
    assert list(task.submissions.order_by("ordinal").values_list("ordinal", "annotator__name")) == [
        (1, "Mei"),
        (2, "Mei"),
        (3, "Wen"),
    ]


def test_the_lead_or_the_annotator_gives_a_returned_task_to_another() -> None:
    project = scenes.planned(["甲", "乙"], lease_minutes=30)
    for who in (mei(), scenes.qin()):
        task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
        work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment())
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="return", comment="不对")
        work.reassign(by=who, at=NOON, task_id=task.pk, reason="明天休假")
        assert Task.objects.get(pk=task.pk).state == "ready"
    assert [each.reason for each in handbacks_of(mei())] == ["明天休假", "明天休假"]
