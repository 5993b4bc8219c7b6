"""A stand-in for a server's API, in memory: for what is decided here. What a server really does is asked of a real
one in test_real_server.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from annotation.servers import services
from annotation.servers.models import Link, Server
from annotation.servers.remote import RemoteFault
from annotation.servers.rules import CHUNK_MARK, TASK_MARK
from organizations.permissions import Actor
from tests.annotation import scenes
from tests.cast import NOON, mei

PEOPLE = {1: "admin@labels.example.cn", 2: "mei@example.cn", 3: "wen@example.cn", 4: "nobody@elsewhere.cn"}
MEI, WEN, NOBODY = 2, 3, 4


class StandIn:
    """Answers like `Remote`; `fails` holds the faults of the next calls by name, before or after they took effect."""

    def __init__(self) -> None:
        self.tasks: dict[int, dict[str, Any]] = {}
        self.made: list[dict[str, Any]] = []
        self.clock = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
        self.number = 0
        self.fails: list[tuple[str, str, str]] = []  # call, before|after, code
        self.written: dict[str, int] = {}
        self.hooks: list[str] = []

    def _tick(self) -> str:
        self.clock += timedelta(seconds=1)
        return self.clock.isoformat().replace("+00:00", "Z")

    def _fault(self, call: str, when: str) -> None:
        for planned in self.fails:
            if planned[:2] == (call, when):
                self.fails.remove(planned)
                raise RemoteFault(planned[2])

    def _next(self) -> int:
        self.number += 1
        return self.number

    # what people do there

    def annotate(self, task: int, result: Any, who: int = MEI, *, skip: bool = False) -> int:
        number = self._next()
        at = self._tick()
        told = {"id": number, "result": result, "completed_by": who, "was_cancelled": skip, "updated_at": at}
        self.tasks[task]["annotations"].append(told)
        self.tasks[task]["updated_at"] = at
        return number

    def change(self, number: int, result: Any) -> None:
        for task in self.tasks.values():
            for told in task["annotations"]:
                if told["id"] == number:
                    told["result"], told["updated_at"] = result, self._tick()
                    task["updated_at"] = told["updated_at"]

    def delete(self, number: int) -> None:
        for task in self.tasks.values():
            task["annotations"] = [told for told in task["annotations"] if told["id"] != number]

    # what is asked

    def version(self) -> str:
        self._fault("version", "before")
        return "1.23.2"

    def projects(self) -> list[dict[str, Any]]:
        return self.made

    def new_project(self, title: str, config: str, description: str) -> int:
        self.made.append({"id": len(self.made) + 7, "title": title, "description": description})
        self._fault("new_project", "after")
        return int(self.made[-1]["id"])

    def people(self) -> dict[int, str]:
        self._fault("people", "before")
        return dict(PEOPLE)

    def send_tasks(self, project: int, tasks: list[dict[str, Any]]) -> None:
        self._fault("send_tasks", "before")
        for task in tasks:
            number = self._next()
            self.tasks[number] = {**task, "id": number, "annotations": [], "updated_at": self._tick()}
        self._fault("send_tasks", "after")

    def of_chunk(self, project: int, chunk_id: str) -> list[dict[str, Any]]:
        return [task for task in self.tasks.values() if task["data"][CHUNK_MARK] == chunk_id]

    def changed_since(self, project: int, at: datetime | None) -> Iterator[list[dict[str, Any]]]:
        self._fault("changed_since", "before")
        since = (at or NOON - timedelta(days=1)).isoformat()
        rows = sorted(self.tasks.values(), key=lambda task: task["updated_at"])
        yield [task for task in rows if task["updated_at"] >= since]

    def everything(self, project: int, above: int = 0) -> Iterator[list[dict[str, Any]]]:
        for number in sorted(self.tasks):
            if number > above:
                yield [self.tasks[number]]

    def write_annotation(self, task: int, result: Any, unique_id: str, author: int | None) -> None:
        if unique_id not in self.written:
            self.written[unique_id] = self.annotate(task, result, author or 1)
        self._fault("write_annotation", "after")

    def write_data(self, task: int, fields: dict[str, Any]) -> None:
        self.tasks[task]["data"] = fields

    def remove_task(self, task: int) -> None:
        self.tasks.pop(task, None)

    def want_hints(self, project: int, url: str, secret: str) -> None:
        self.hooks.append(secret)

    def of(self, issue_id: Any) -> int:
        """The number of one of our tasks there."""
        (number,) = [n for n, task in self.tasks.items() if task["data"][TASK_MARK] == str(issue_id)]
        return number


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, settings: Any) -> StandIn:
    """The stand-in, in the place of every server."""
    settings.LABELSTUDIO_PRIVATE_ADDRESSES = True
    found = StandIn()
    for module in ("connecting", "sending", "reading"):
        monkeypatch.setattr(f"annotation.servers.services.{module}.remote_of", lambda _server: found)
    return found


def a_server(by: Actor | None = None) -> Server:
    """A server of 清蓝 that passed its check."""
    lead = by or scenes.qin()
    server = services.add_server(
        by=lead, at=NOON, name="一号服务器", address="http://127.0.0.1:8080", token="secret-token-1"
    )
    return services.check_server(by=lead, at=NOON, server_id=server.pk)


def a_link(count: int = 3, **more: Any) -> Link:
    """A project of `count` reviews on a server, 梅 keeps what is sent."""
    project = scenes.opened(bodies=[f"第 {n} 条评论，很好。" for n in range(count)], **more)
    user = mei().user
    assert user is not None
    scenes.wen()
    return services.connect_project(
        by=scenes.qin(), at=NOON, server_id=a_server().pk, project_id=project.pk, holder_id=user.pk
    )
