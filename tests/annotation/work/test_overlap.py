"""Several people label one item, blind."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from annotation.projects.models import Project
from annotation.projects.plans import OverlapLowered, PlanFixed, decide_quality_plan
from annotation.work import services as work
from annotation.work.events import ItemComplete, TaskConcluded, TaskSubmitted, TasksWanted
from annotation.work.models import Task
from annotation.work.selectors import offers_for
from kernel.errors import InvalidInput, NotAllowed, NotFound
from tests.annotation import scenes
from tests.annotation.scenes import hears
from tests.cast import NOON, he, mei, tao, yan

pytestmark = pytest.mark.django_db


def copies(project: Project) -> list[tuple[int, int]]:
    rows = Task.objects.filter(project=project).order_by("pk")
    return [(task.item.ordinal, task.copy) for task in rows]


def test_every_item_has_as_many_tasks_as_the_plan_says_first_copies_first() -> None:
    project = scenes.planned(["甲", "乙"], overlap=3)
    assert copies(project) == [(1, 0), (2, 0), (1, 1), (2, 1), (1, 2), (2, 2)]


def test_more_copies_of_a_published_project_are_made_and_none_is_taken_back() -> None:
    project = scenes.planned(["甲", "乙"], overlap=1)
    decide_quality_plan(by=scenes.qin(), at=NOON, project_id=project.pk, overlap=2)
    assert copies(project) == [(1, 0), (2, 0), (1, 1), (2, 1)]
    with pytest.raises(OverlapLowered):
        decide_quality_plan(by=scenes.qin(), at=NOON, project_id=project.pk, overlap=1)
    assert project.quality_plans.count() == 2


def test_nobody_is_given_two_copies_of_an_item() -> None:
    project = scenes.planned(["甲", "乙"], overlap=2)
    mine = scenes.assigned(project, count=10)
    assert [(task.item.ordinal, task.copy) for task in mine] == [(1, 0), (2, 0)]
    with pytest.raises(work.NothingReady):
        scenes.assigned(project, count=1)
    assert offers_for(mei()) == []
    assert [offer.ready_count for offer in offers_for(scenes.wen())] == [2]
    theirs = scenes.assigned(project, to=scenes.wen(), count=10)
    assert [(task.item.ordinal, task.copy) for task in theirs] == [(1, 1), (2, 1)]


def test_the_database_itself_refuses_two_copies_in_one_hand() -> None:
    project = scenes.planned(["甲"], overlap=2)
    scenes.assigned(project)
    with pytest.raises(IntegrityError, match="task_item_annotator_once"), transaction.atomic():
        Task.objects.filter(project=project, copy=1).update(annotator=mei().user)


def test_who_claims_twice_gets_two_different_items() -> None:
    project = scenes.planned(["甲", "乙"], overlap=2)
    first = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    work.submit(by=mei(), at=NOON, task_id=first.pk, result=scenes.sentiment())
    second = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    assert (first.item.ordinal, second.item.ordinal) == (1, 2)


def test_what_one_skipped_is_offered_to_others_only() -> None:
    project = scenes.planned(["甲"], overlap=2)
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    work.skip(by=mei(), at=NOON, task_id=task.pk, reason="乱码")
    with pytest.raises(work.NothingReady):
        work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    with pytest.raises(work.NothingReady):
        scenes.assigned(project, to=mei(), count=2)
    assert scenes.assigned(project, to=scenes.wen(), count=2)[0].copy == 1


def test_who_reviewed_an_item_does_not_label_another_copy_of_it() -> None:
    project = scenes.planned(["甲"], overlap=2)
    task = work.claim_task(by=mei(), at=NOON, project_id=project.pk)
    work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment())
    both = scenes.labelling_reviewer()
    work.review(by=both, at=NOON, task_id=task.pk, verdict="accept")
    with pytest.raises(work.NothingReady):
        work.claim_task(by=both, at=NOON, project_id=project.pk)


def test_who_labelled_a_copy_does_not_review_another() -> None:
    project = scenes.planned(["甲"], overlap=2)
    both = scenes.labelling_reviewer()
    for who in (mei(), both):
        task = work.claim_task(by=who, at=NOON, project_id=project.pk)
        work.submit(by=who, at=NOON, task_id=task.pk, result=scenes.sentiment())
    other = Task.objects.get(copy=0)
    with pytest.raises(work.OwnWork):
        work.review(by=both, at=NOON, task_id=other.pk, verdict="accept")


def test_the_news_of_an_item_come_when_its_last_copy_is_done() -> None:
    project = scenes.planned(["甲"], overlap=2)
    with hears(TaskSubmitted, TaskConcluded, ItemComplete) as ear:
        for who in (mei(), scenes.wen()):
            task = work.claim_task(by=who, at=NOON, project_id=project.pk)
            work.submit(by=who, at=NOON, task_id=task.pk, result=scenes.sentiment())
            work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    assert ear.names == ["TaskSubmitted", "TaskConcluded"] * 2 + ["ItemComplete"]


def test_a_listener_may_name_the_items_that_come_first_and_may_refuse() -> None:
    project = scenes.planned(["甲", "乙", "丙"], overlap=1)
    wanted = project.items.get(ordinal=3).pk
    with hears(TasksWanted, reply=lambda news: news.preferred.append(wanted)):
        assert work.claim_task(by=mei(), at=NOON, project_id=project.pk).item.ordinal == 3

    def refuse(news: TasksWanted) -> None:
        raise InvalidInput(field="", reason="不合格")

    with hears(TasksWanted, reply=refuse), pytest.raises(InvalidInput):
        work.claim_task(by=scenes.wen(), at=NOON, project_id=project.pk)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("overlap", 0), ("overlap", 10), ("lease_minutes", 4), ("lease_minutes", 10_081), ("review_share_bp", -1),
        ("review_share_bp", 10_001), ("attempt_limit", 0), ("attempt_limit", 21), ("idle_minutes", 0), ("idle_minutes", 61),
    ],
)  # fmt: skip
def test_each_number_of_a_plan_has_bounds(field: str, value: int) -> None:
    project = scenes.draft()
    terms: dict[str, Any] = {field: value}
    with pytest.raises(InvalidInput) as refused:
        decide_quality_plan(by=scenes.qin(), at=NOON, project_id=project.pk, **terms)
    assert refused.value.field == field
    assert project.quality_plans.count() == 0


def test_the_same_plan_again_is_the_plan_in_force() -> None:
    project = scenes.draft()
    first = decide_quality_plan(by=scenes.qin(), at=NOON, project_id=project.pk, overlap=2)
    again = decide_quality_plan(by=scenes.qin(), at=NOON, project_id=project.pk, overlap=2)
    assert (first, first.version) == (again, 1)


def test_only_the_lead_decides_the_plan_and_not_after_the_delivery() -> None:
    project = scenes.delivered()
    for who, refusal in ((he(), NotFound), (mei(), NotFound), (tao(), NotAllowed), (yan(), NotAllowed)):
        with pytest.raises(refusal):
            decide_quality_plan(by=who, at=NOON, project_id=project.pk)
    with pytest.raises(PlanFixed):
        decide_quality_plan(by=scenes.qin(), at=NOON, project_id=project.pk)
