"""What stands on the work desk: domains register what waits and what counts for a viewer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from kernel import clock
from organizations.permissions import Actor
from web.parts import Fact, Moment, Text, TodoCard

Todo = TodoCard
Figure = Fact
TodoProvider = Callable[[Actor], Iterable[Todo]]
FigureProvider = Callable[[Actor], Iterable[Figure]]
PublicFigureProvider = Callable[[], Iterable[Figure]]


@dataclass(frozen=True, slots=True)
class Inbox:
    """Where notifications come from: how many are unread, the newest few, and their page."""

    unread_count: Callable[[Actor], int]
    latest: Callable[[Actor], Sequence[Moment]]
    url_name: str


@dataclass(frozen=True, slots=True)
class Door:
    """An entry on the public home page."""

    label: Text
    detail: Text
    icon: str
    url_name: str
    tone: str = "blue"


_todos: list[TodoProvider] = []
_figures: list[FigureProvider] = []
_public_figures: list[PublicFigureProvider] = []
_doors: list[Door] = []
_inbox: list[Inbox] = []


def register_todos(provider: TodoProvider) -> None:
    """Let `provider` say what waits for a viewer; it must take a constant number of queries."""
    _todos.append(provider)


def register_figures(provider: FigureProvider) -> None:
    """Let `provider` say which figures a viewer sees on the desk."""
    _figures.append(provider)


def register_public_figures(provider: PublicFigureProvider) -> None:
    """Let `provider` say which live figures stand on the home page."""
    _public_figures.append(provider)


def register_door(door: Door) -> None:
    """Add an entry to the home page."""
    _doors.append(door)


def register_inbox(inbox: Inbox) -> None:
    """Name the one source of notifications."""
    assert not _inbox, "there is one inbox"
    _inbox.append(inbox)


def _due(todo: Todo) -> tuple[bool, datetime]:
    due = todo.due_at
    if due is None:
        return True, datetime.max.replace(tzinfo=UTC)
    if isinstance(due, datetime):
        return False, due
    return False, datetime.combine(due, time.max, clock.SHANGHAI)


def todos_for(viewer: Actor) -> list[Todo]:
    """Everything that waits for the viewer, the nearest deadline first, undated last."""
    return sorted((todo for provider in _todos for todo in provider(viewer)), key=_due)


def figures_for(viewer: Actor) -> list[Figure]:
    """The viewer's figures, in order of registration."""
    return [figure for provider in _figures for figure in provider(viewer)]


def public_figures() -> list[Figure]:
    """The live figures of the home page."""
    return [figure for provider in _public_figures for figure in provider()]


def doors() -> list[Door]:
    """The entries of the home page."""
    return list(_doors)


def inbox() -> Inbox | None:
    """The source of notifications, when one is registered."""
    return _inbox[0] if _inbox else None


def is_late(todo: Todo, today: date) -> bool:
    """Whether the deadline has passed."""
    if todo.due_at is None:
        return False
    due = clock.business_date(todo.due_at) if isinstance(todo.due_at, datetime) else todo.due_at
    return due < today
