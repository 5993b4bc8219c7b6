"""A stage for tests of quality: three annotators of 清蓝, several copies of each item, gold and a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from annotation.projects import plans
from annotation.projects import services as projects
from annotation.projects.models import Item, Project
from annotation.quality import services as quality
from annotation.quality.models import GoldAnswer, GoldPlan
from annotation.work import services as work
from annotation.work.models import Submission, Task
from organizations.permissions import Actor
from organizations.states import Role
from tests.annotation import scenes
from tests.cast import NOON, QINGLAN, mei, person, tao

TERMS = {
    "lease_minutes": 120,
    "review_share_bp": 10_000,
    "has_second_review": False,
    "review_firm_id": None,
    "attempt_limit": 3,
    "idle_minutes": 5,
}
CHOICE = (
    '<View><Text name="text" value="$text"/>'
    '<Choices name="sentiment" toName="text" choice="single" required="true">'
    '<Choice value="正面"/><Choice value="负面"/><Choice value="中性"/></Choices></View>'
)


def su() -> Actor:
    """A third annotator of 清蓝."""
    return person("su", QINGLAN, Role.ANNOTATOR)


TRIO = (mei, scenes.wen, su)


def opened(
    count: int = 6, *, overlap: int = 1, review: int = 10_000, config: str = CHOICE, **more: Any
) -> Project:
    """An open project of so many texts, each to be labelled by `overlap` people."""
    project = scenes.draft(config=config, **more)
    projects.publish_guideline(
        by=scenes.qin(), at=NOON, project_id=project.pk, body="好评选正面，差评选负面。"
    )
    bodies = [f"第 {number} 条评论，写得不短不长。" for number in range(1, count + 1)]
    projects.import_items(
        by=scenes.qin(),
        at=NOON,
        project_id=project.pk,
        raw=scenes.texts(*bodies),
        source="示例",
        licence="CC0",
    )
    terms = TERMS | {"overlap": overlap, "review_share_bp": review}
    plans.decide_quality_plan(by=scenes.qin(), at=NOON, project_id=project.pk, **terms)
    return projects.open_project(by=scenes.qin(), at=NOON, project_id=project.pk)


def planned(project: Project, **shares: Any) -> GoldPlan:
    """A gold plan; what is not given is 0 or usual."""
    usual: dict[str, Any] = {
        "hidden_share": 0,
        "training_count": 0,
        "screening_count": 0,
        "pass_share": 8_000,
        "reveal_after": 3,
        "poor": 6_000,
        "good": 9_000,
        "sure": 6_000,
        "method": "majority",
    }
    return quality.set_plan(by=scenes.qin(), at=NOON, project_id=project.pk, **(usual | shares))


def item(project: Project, ordinal: int) -> Item:
    return project.items.get(ordinal=ordinal)


def gold(project: Project, ordinal: int, word: str = "正面", role: str = "hidden", **more: Any) -> GoldAnswer:
    """The lead's gold for the item of that number."""
    return quality.make_gold(
        by=scenes.qin(), at=NOON, project_id=project.pk, item_id=item(project, ordinal).pk,
        result=scenes.sentiment(word), role=role, **more,
    )  # fmt: skip


def answer(who: Actor, task: Task, word: str = "正面", *, at: datetime = NOON) -> Submission:
    return work.submit(by=who, at=at, task_id=task.pk, result=scenes.sentiment(word))


def claim(who: Actor, project: Project, *, at: datetime = NOON) -> Task:
    return work.claim_task(by=who, at=at, project_id=project.pk)


def accept(task: Task, *, at: datetime = NOON) -> None:
    work.review(by=tao(), at=at, task_id=task.pk, verdict="accept")


def labelled(project: Project, words: Mapping[int, Sequence[str]], *, at: datetime = NOON) -> None:
    """Mei, Wen and Su label every item as `words` says, by its number, and everything is accepted."""
    width = max(len(given) for given in words.values())
    for place, who in enumerate(actor() for actor in TRIO[:width]):
        assert who.user is not None
        tasks = work.assign_tasks(
            by=scenes.qin(), at=at, project_id=project.pk, annotator_id=who.user.pk, count=len(words)
        )
        for number, task in enumerate(sorted(tasks, key=lambda each: each.item.ordinal)):
            moment = at + timedelta(minutes=number + 1)
            answer(who, task, words[task.item.ordinal][place], at=moment)
            if Task.objects.get(pk=task.pk).state == "submitted":
                accept(task, at=moment + timedelta(hours=1))
