"""Scenes of annotation work: people of 清蓝, a project as far along as a test needs it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.test import Client

from annotation.projects import plans
from annotation.projects import services as projects
from annotation.projects.models import Project
from annotation.projects.services import RawItem
from annotation.work import services as work
from annotation.work.models import Task
from config import wiring
from kernel import events
from kernel.events import Event
from kernel.money import Money
from organizations.permissions import Actor
from organizations.states import Role
from tests.cast import NOON, QINGLAN, YUNSHAN, mei, organization, person, tao, zhou

SENTIMENT = (
    '<View><Text name="text" value="$text"/>'
    '<Choices name="sentiment" toName="text" choice="single" required="true">'
    '<Choice value="正面"/><Choice value="负面"/></Choices>'
    '<Labels name="aspect" toName="text"><Label value="价格"/><Label value="服务"/></Labels></View>'
)
BOXES = (
    '<View><Image name="image" value="$image"/>'
    '<RectangleLabels name="box" toName="image"><Label value="车"/><Label value="人"/></RectangleLabels>'
    "</View>"
)
REVIEWS = ("这本书很好，价格也便宜。", "服务太差，等了一小时。", "一般般，不会再来。")


def qin() -> Actor:
    """Project lead of 清蓝."""
    return person("qin", QINGLAN, Role.PROJECT_LEAD)


def wen() -> Actor:
    """A second annotator of 清蓝."""
    return person("wen", QINGLAN, Role.ANNOTATOR)


def ouyang() -> Actor:
    """A second quality reviewer of 清蓝."""
    return person("ouyang", QINGLAN, Role.QUALITY_REVIEWER)


def buyer() -> Actor:
    """Administrator of the client 云山."""
    return zhou()


def labelling_reviewer() -> Actor:
    """Somebody of 清蓝 who labels and reviews."""
    return person("bai", QINGLAN, Role.ANNOTATOR, Role.QUALITY_REVIEWER)


def signed_in(who: Actor) -> Client:
    """A browser in which this person is signed in."""
    assert who.user is not None
    client = Client()
    client.force_login(who.user)
    return client


def texts(*bodies: str) -> list[RawItem]:
    return [RawItem(f"评论-{number}.txt", body.encode()) for number, body in enumerate(bodies, 1)]


def picture(width: int = 64, height: int = 48, kind: str = "PNG", colour: str = "#2277cc") -> bytes:
    """The bytes of a plain image."""
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, kind)
    return out.getvalue()


def draft(
    *,
    config: str = SENTIMENT,
    modality: str = "text",
    client: bool = False,
    price: str = "0.35",
    hourly: str = "",
    **more: Any,
) -> Project:
    """A draft of 清蓝 for itself, or for 云山."""
    return projects.create_project(
        by=qin(),
        at=NOON,
        title=more.pop("title", "评论情感标注"),
        brief="判断评论的情感",
        modality=modality,
        labeling_config=config,
        task_price=Money.from_yuan(price),
        due_on=more.pop("due_on", date(2026, 3, 20)),
        client_id=organization(YUNSHAN).pk if client else None,
        hourly_rate=Money.from_yuan(hourly) if hourly else None,
    )


def opened(bodies: Sequence[str] = REVIEWS, **more: Any) -> Project:
    """An open project with a guideline and a ready task for each text."""
    project = draft(**more)
    projects.publish_guideline(by=qin(), at=NOON, project_id=project.pk, body="好评选正面，差评选负面。")
    projects.import_items(
        by=qin(), at=NOON, project_id=project.pk, raw=texts(*bodies), source="示例评论", licence="CC0"
    )
    return projects.open_project(by=qin(), at=NOON, project_id=project.pk)


def opened_images(count: int = 1, **more: Any) -> Project:
    """An open image project."""
    project = draft(config=BOXES, modality="image", title="路口车辆检测", **more)
    raw = [RawItem(f"路口-{n}.png", picture(64 + n, 48), "image/png") for n in range(count)]
    projects.publish_guideline(by=qin(), at=NOON, project_id=project.pk, body="贴边画框。")
    projects.import_items(by=qin(), at=NOON, project_id=project.pk, raw=raw, source="示例图像", licence="CC0")
    return projects.open_project(by=qin(), at=NOON, project_id=project.pk)


def planned(bodies: Sequence[str] = REVIEWS, **terms: Any) -> Project:
    """An open project under a quality plan of those terms."""
    project = draft(**terms.pop("project", {}))
    plans.decide_quality_plan(by=qin(), at=NOON, project_id=project.pk, **terms)
    projects.publish_guideline(by=qin(), at=NOON, project_id=project.pk, body="好评选正面，差评选负面。")
    projects.import_items(
        by=qin(), at=NOON, project_id=project.pk, raw=texts(*bodies), source="示例评论", licence="CC0"
    )
    return projects.open_project(by=qin(), at=NOON, project_id=project.pk)


@dataclass
class Ear:
    """What was announced while it listened."""

    heard: list[Event] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [type(news).__name__ for news in self.heard]


@contextmanager
def hears(*kinds: type[Event], reply: Callable[[Any], None] | None = None) -> Iterator[Ear]:
    """Listen to these news besides whoever is wired; `reply` is called with each."""
    ear, wired = Ear(), wiring.handlers()

    def listen(news: Event) -> None:
        ear.heard.append(news)
        if reply is not None:
            reply(news)

    for kind in kinds:
        wired.setdefault(kind, []).append(listen)
    events.wire(wired)
    try:
        yield ear
    finally:
        events.wire(wiring.handlers())


def sentiment(word: str = "正面") -> list[dict[str, Any]]:
    """A good answer to SENTIMENT."""
    return [{"from_name": "sentiment", "to_name": "text", "type": "choices", "value": {"choices": [word]}}]


def assigned(project: Project, to: Actor | None = None, count: int = 1) -> list[Task]:
    """Tasks of the project in the annotator's hand."""
    user = (to or mei()).user
    assert user is not None
    return work.assign_tasks(by=qin(), at=NOON, project_id=project.pk, annotator_id=user.pk, count=count)


def submitted(project: Project, count: int = 1) -> list[Task]:
    """Tasks that 梅 submitted."""
    tasks = assigned(project, count=count)
    for task in tasks:
        work.submit(by=mei(), at=NOON, task_id=task.pk, result=sentiment())
    return [Task.objects.get(pk=task.pk) for task in tasks]


def accepted(project: Project, count: int = 1) -> list[Task]:
    """Tasks that 陶 accepted."""
    tasks = submitted(project, count)
    for task in tasks:
        work.review(by=tao(), at=NOON, task_id=task.pk, verdict="accept")
    return [Task.objects.get(pk=task.pk) for task in tasks]


def delivered(*, client: bool = True, **more: Any) -> Project:
    """A project of which every task is accepted, handed over by its lead."""
    project = opened(client=client, **more)
    accepted(project, count=len(REVIEWS))
    return projects.deliver_project(by=qin(), at=NOON, project_id=project.pk)
