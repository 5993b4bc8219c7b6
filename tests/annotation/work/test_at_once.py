"""Two people at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from annotation.work import services as work
from annotation.work.events import ItemComplete
from annotation.work.models import KeptAnswer, Review, Submission, Task
from kernel.errors import Refusal
from tests.annotation import scenes
from tests.cast import NOON, mei, tao

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*deeds: Callable[[], Any]) -> list[Any]:
    """Do all at the same moment, each on its own connection: what each gave, or its refusal."""
    start = Barrier(len(deeds))

    def run(deed: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return deed()
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(run, deeds))


def test_two_annotators_claim_the_only_task_and_one_gets_it() -> None:
    project = scenes.opened(["只有一条"])
    first, second = mei(), scenes.wen()
    found = at_once(
        *(lambda who=who: work.claim_task(by=who, at=NOON, project_id=project.pk) for who in (first, second))
    )
    assert sorted(type(one).__name__ for one in found) == ["NothingReady", "Task"]
    assert Task.objects.get().state == "assigned"
    project.refresh_from_db()
    assert project.state == "in_progress"


def test_many_claims_of_one_person_are_one_task() -> None:
    project, who = scenes.opened(), mei()
    scenes.assigned(project, to=scenes.wen())  # the project has started: no project lock orders the claims
    found = at_once(*[lambda: work.claim_task(by=who, at=NOON, project_id=project.pk)] * 6)
    assert len({task.pk for task in found}) == 1
    assert Task.objects.filter(annotator=who.user).count() == 1


def test_two_leads_assign_at_once_and_no_task_goes_twice() -> None:
    project = scenes.opened([f"第 {n} 条" for n in range(10)])
    lead, users = scenes.qin(), [mei().user, scenes.wen().user]
    found = at_once(
        *(
            lambda user=user: work.assign_tasks(
                by=lead, at=NOON, project_id=project.pk, annotator_id=user.pk, count=7
            )
            for user in users
        )
    )
    ids = [task.pk for tasks in found for task in tasks]
    assert (len(ids), len(set(ids))) == (10, 10)


def test_the_same_result_sent_eight_times_at_once_is_one_submission() -> None:
    (task,) = scenes.assigned(scenes.opened())
    who = mei()
    found = at_once(*[lambda: work.submit(by=who, at=NOON, task_id=task.pk, result=scenes.sentiment())] * 8)
    assert len({submission.pk for submission in found}) == 1
    assert Submission.objects.count() == 1


def test_two_reviewers_judge_at_once_and_one_verdict_counts() -> None:
    (task,) = scenes.submitted(scenes.opened())
    first, second = tao(), scenes.ouyang()
    found = at_once(
        lambda: work.review(by=first, at=NOON, task_id=task.pk, verdict="accept"),
        lambda: work.review(by=second, at=NOON, task_id=task.pk, verdict="return", comment="不对"),
    )
    assert sorted(type(one).__name__ for one in found) == ["MoveNotAllowed", "Review"]
    assert Review.objects.count() == 1


def test_two_annotators_ask_for_the_last_copies_of_one_item_at_once_and_each_gets_one() -> None:
    project = scenes.planned(["只有一条"], overlap=2)
    first, second = mei(), scenes.wen()
    found = at_once(
        *(lambda who=who: work.claim_task(by=who, at=NOON, project_id=project.pk) for who in (first, second))
    )
    assert sorted(task.copy for task in found) == [0, 1]
    assert {task.annotator_id for task in found} == {first.user_id, second.user_id}


def test_a_lead_assigns_while_the_annotator_claims_and_no_item_comes_twice() -> None:
    project = scenes.planned(["甲", "乙"], overlap=3)
    scenes.assigned(project, to=scenes.wen())  # the project has started: no project lock orders the claim
    lead, who = scenes.qin(), mei()
    assert who.user is not None
    user_id = who.user.pk
    at_once(
        lambda: work.assign_tasks(by=lead, at=NOON, project_id=project.pk, annotator_id=user_id, count=2),
        lambda: work.claim_task(by=who, at=NOON, project_id=project.pk),
    )
    items = list(Task.objects.filter(annotator=who.user).values_list("item", flat=True))
    assert (len(items), len(set(items))) == (2, 2)


def test_a_lease_that_ends_during_the_submit_loses_nothing() -> None:
    project = scenes.planned([f"第 {number} 条" for number in range(6)], lease_minutes=5)
    who, end = mei(), NOON + timedelta(minutes=5)
    for number in range(6):
        task = work.claim_task(by=who, at=NOON, project_id=project.pk)
        send = partial(work.submit, by=who, at=end, task_id=task.pk, result=scenes.sentiment())
        sent, _ended = at_once(send, lambda: work.lapse_leases(end))
        assert isinstance(sent, Submission), sent
        assert Submission.objects.filter(task=task).count() == 1, number
        assert Task.objects.get(pk=task.pk).state == "submitted"


def test_a_lapsed_task_claimed_by_another_during_the_submit_counts_for_one_and_is_kept_of_the_other() -> None:
    who, other, end = mei(), scenes.wen(), NOON + timedelta(minutes=6)
    for number in range(4):
        project = scenes.planned([f"只有 {number} 条"], lease_minutes=5)
        task = work.claim_task(by=who, at=NOON, project_id=project.pk)
        work.lapse_leases(end)
        send = partial(work.submit, by=who, at=end, task_id=task.pk, result=scenes.sentiment())
        sent, claimed = at_once(send, partial(work.claim_task, by=other, at=end, project_id=project.pk))
        names = (type(sent).__name__, type(claimed).__name__)
        assert names in (("Submission", "NothingReady"), ("LeaseLost", "Task"))
        kept = KeptAnswer.objects.filter(task=task, annotator=who.user).count()
        assert (Submission.objects.filter(task=task).count(), kept) == (
            (1, 0) if names[0] == "Submission" else (0, 1)
        )


def test_two_copies_accepted_at_once_complete_the_item_once() -> None:
    project = scenes.planned(["只有一条"], overlap=2)
    for who in (mei(), scenes.wen()):
        task = work.claim_task(by=who, at=NOON, project_id=project.pk)
        work.submit(by=who, at=NOON, task_id=task.pk, result=scenes.sentiment())
    first, second = tao(), scenes.ouyang()
    ids = list(Task.objects.order_by("copy").values_list("pk", flat=True))
    with scenes.hears(ItemComplete) as ear:
        at_once(
            lambda: work.review(by=first, at=NOON, task_id=ids[0], verdict="accept"),
            lambda: work.review(by=second, at=NOON, task_id=ids[1], verdict="accept"),
        )
    assert ear.names == ["ItemComplete"]


def test_two_reviewers_take_the_only_submission_at_once_and_one_gets_it() -> None:
    scenes.submitted(scenes.opened())
    first, second = tao(), scenes.ouyang()
    found = at_once(lambda: work.take_next(by=first, at=NOON), lambda: work.take_next(by=second, at=NOON))
    assert sorted(type(one).__name__ for one in found) == ["NothingToReview", "Task"]
