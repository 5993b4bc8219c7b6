"""A stage for lot inspection: a project of 清蓝 for 云山, a plan on which both agreed, lots under inspection."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from annotation.inspection import services as inspection
from annotation.inspection.models import InspectionPlan, Lot
from annotation.inspection.selectors import sample_of
from annotation.projects.models import Project
from annotation.work import services as work
from annotation.work.models import Task
from organizations.permissions import Actor
from organizations.states import Role
from tests.annotation import scenes
from tests.cast import NOON, YUNSHAN, mei, person, tao, zhou

VALUE = "山水清远之间随机写下的一句话，无人猜到"


def fu() -> Actor:
    """A second person of 云山, who buys."""
    return person("fu", YUNSHAN, Role.PURCHASER)


def project(count: int = 20, *, done: int | None = None, client: bool = True, **more: Any) -> Project:
    """A project in progress of so many texts, of which `done` (all unless told) are accepted."""
    bodies = [f"第 {number} 条评论，写得不短不长。" for number in range(1, count + 1)]
    made = scenes.opened(bodies, client=client, **more)
    accept(made, count if done is None else done)
    made.refresh_from_db()
    return made


def accept(made: Project, count: int) -> None:
    """So many more tasks that 梅 labelled and 陶 accepted."""
    if count:
        scenes.accepted(made, count)


def agreed(made: Project, **terms: Any) -> InspectionPlan:
    """A plan that the firm's lead proposed and the client agreed to."""
    plan = inspection.propose_plan(by=scenes.qin(), at=NOON, project_id=made.pk, **terms)
    return inspection.answer_plan(by=zhou(), at=NOON, plan_id=plan.pk, is_agreed=True)


def submitted(made: Project, **more: Any) -> list[Lot]:
    return inspection.submit_lots(by=scenes.qin(), at=NOON, project_id=made.pk, **more)


def drawn(lot: Lot, by: Actor | None = None) -> Lot:
    return inspection.draw_sample(by=by or zhou(), at=NOON, lot_id=lot.pk)


def inspect(lot: Lot, faulty: int = 0, by: Actor | None = None, *, last: int | None = None) -> None:
    """Inspect the sample (its first `last` items): the first `faulty` of it do not conform."""
    for row in list(sample_of(lot))[:last]:
        finding: dict[str, Any] = {"is_conforming": True}
        if row.place <= faulty:
            finding = {"is_conforming": False, "fault": "wrong_label", "reason": "应为负面。"}
        inspection.inspect_item(by=by or zhou(), at=NOON, sample_id=row.pk, **finding)


def decided(lot: Lot, faulty: int = 0, scope: str = "whole", by: Actor | None = None) -> Lot:
    """Drawn, inspected with so many faults, judged."""
    drawn(lot, by)
    inspect(lot, faulty, by)
    return inspection.decide_lot(by=by or zhou(), at=NOON, lot_id=lot.pk, rework_scope=scope)


def rework(made: Project, word: str = "负面", *, but: Collection[Any] = ()) -> int:
    """梅 does what came back, 陶 accepts it; how many."""
    tasks = list(Task.objects.filter(project=made, state="returned").exclude(item__in=but).order_by("pk"))
    for task in tasks:
        work.resume(by=mei(), at=NOON, task_id=task.pk)
        work.submit(by=mei(), at=NOON, task_id=task.pk, result=scenes.sentiment(word))
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    return len(tasks)
