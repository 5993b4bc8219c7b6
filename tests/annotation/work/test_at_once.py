"""Two people at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from annotation.work import services as work
from annotation.work.models import Review, Submission, Task
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
