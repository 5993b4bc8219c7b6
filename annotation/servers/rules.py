"""Pure parts of the exchange with a Label Studio server: what a task carries, what an answer means, which counters add up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from annotation.labelstudio.rules import canonical, digest_of
from annotation.servers.states import IssueState

TASK_MARK, CHUNK_MARK, NOTE_MARK = "qingshu_task", "qingshu_chunk", "qingshu_returned"
CHUNK_SIZE = 100
TITLE_LENGTH = range(3, 51)  # what Label Studio takes
OVERLAP = timedelta(minutes=5)
"""How far before the newest time read the next pull begins: a change may be stamped before it can be seen."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One annotation as a server tells it."""

    remote_id: int
    remote_task_id: int
    task_mark: str
    author: str
    is_skip: bool
    result: Any
    sha256: str
    updated_at: datetime


def title_of(number: str, title: str) -> str:
    """The name of a project there: ours, cut to what the server takes, told apart by its number."""
    room = TITLE_LENGTH.stop - 1 - len(number) - 1
    return f"{number} {title[:room]}"


def written_task(fields: Mapping[str, str], issue_id: UUID, chunk_id: UUID, note: str = "") -> dict[str, Any]:
    """A task as it is imported there: its fields and our marks, nothing else."""
    marks = {TASK_MARK: str(issue_id), CHUNK_MARK: str(chunk_id)}
    return {"data": {**fields, **marks, **({NOTE_MARK: note} if note else {})}}


def unique_id_of(submission_id: UUID, link_id: UUID) -> UUID:
    """The id under which a former result is written there: the same at every try."""
    return uuid5(link_id, str(submission_id))


def marks_of(tasks: Iterable[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Which of our tasks stand there, each with every number it has (the lowest first)."""
    found: dict[str, list[int]] = {}
    for task in tasks:
        mark = str((task.get("data") or {}).get(TASK_MARK, ""))
        if mark:
            found.setdefault(mark, []).append(int(task["id"]))
    return {mark: sorted(numbers) for mark, numbers in found.items()}


def heard_of(task: Mapping[str, Any], authors: Mapping[int, str]) -> list[Heard]:
    """The annotations of one task, the oldest first."""
    mark = str((task.get("data") or {}).get(TASK_MARK, ""))
    found = []
    for told in task.get("annotations") or []:
        result = _storable(told.get("result"))
        found.append(
            Heard(
                remote_id=int(told["id"]),
                remote_task_id=int(task["id"]),
                task_mark=mark,
                author=author_of(told.get("completed_by"), authors),
                is_skip=bool(told.get("was_cancelled")),
                result=result,
                sha256=digest_of(result),
                updated_at=moment_of(told["updated_at"]),
            )
        )
    return sorted(found, key=lambda heard: heard.remote_id)


def _storable(result: Any) -> Any:
    """The result, or None for what JSON in the database cannot hold (NaN, lone surrogates, NUL)."""
    try:
        text = canonical(result)
        text.encode()
    except (ValueError, TypeError, RecursionError):
        return None
    return None if "\\u0000" in text else result


def author_of(told: Any, authors: Mapping[int, str]) -> str:
    """The e-mail address of who made an annotation, in lower case; empty when the server does not say."""
    if isinstance(told, Mapping):
        return str(told.get("email") or "").lower()
    return authors.get(told, "") if isinstance(told, int) else ""


def moment_of(told: str) -> datetime:
    """A time as the server writes it."""
    return datetime.fromisoformat(told)


def written_moment(at: datetime) -> str:
    """A time as the server's filters read it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class Counters:
    """The published sum of a link: issued = submitted + open + expired; anything else is a gap."""

    waiting: int
    issued: int
    submitted: int
    open: int
    expired: int
    aside: int
    gone: int

    @property
    def gap(self) -> int:
        return self.issued - self.submitted - self.open - self.expired


def counters_of(by_state: Mapping[str, int], submitted: int, *, aside: int, gone: int) -> Counters:
    """`by_state` counts issues by state; `submitted` those that really have a submission."""
    waiting = by_state.get(IssueState.WAITING, 0)
    return Counters(
        waiting=waiting,
        issued=sum(by_state.values()) - waiting,
        submitted=submitted,
        open=by_state.get(IssueState.OPEN, 0),
        expired=by_state.get(IssueState.EXPIRED, 0),
        aside=aside,
        gone=gone,
    )


def chunks(rows: Sequence[Any], size: int = CHUNK_SIZE) -> list[Sequence[Any]]:
    """The rows in pieces of one import."""
    return [rows[at : at + size] for at in range(0, len(rows), size)]
