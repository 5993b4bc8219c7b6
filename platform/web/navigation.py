"""The side navigation: domains register items (in `config/wiring.py`), each viewer sees what is theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from organizations.permissions import Actor, Permission
from web.parts import Link, Text

Waiting = Callable[[Actor], Iterable[QuerySet[Any]]]

WORK, PRODUCTION, BUSINESS, REVIEW, OPERATION, RULES = (
    "",
    _("生产"),
    _("经营"),
    _("审核"),
    _("运行"),
    _("规则与留痕"),
)
GROUPS: tuple[Text, ...] = (WORK, PRODUCTION, BUSINESS, REVIEW, OPERATION, RULES)


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the side navigation.

    Shown when `url_name` resolves and the viewer holds one of `permissions` (none: everyone signed in).
    `waiting` answers the rows that wait there for the viewer, as one or more cheap queries (none: no figure is
    shown); the figures of all items are counted in one statement.
    """

    label: Text
    icon: str
    url_name: str
    permissions: tuple[Permission, ...] = ()
    group: Text = WORK
    waiting: Waiting | None = None
    is_urgent: bool = False


@dataclass(frozen=True, slots=True)
class ShownItem:
    """An item as one viewer sees it."""

    label: Text
    icon: str
    url: str
    count: int | None
    is_current: bool
    is_urgent: bool


@dataclass(slots=True)
class ShownGroup:
    """A heading and its items."""

    label: Text
    items: list[ShownItem] = field(default_factory=list)


_items: list[NavItem] = []
_public: list[tuple[Text, str]] = []
_foot: list[tuple[Text, str]] = []


def register(*items: NavItem) -> None:
    """Add items to the side navigation, in this order; the same url name twice is a mistake."""
    for item in items:
        assert all(item.url_name != known.url_name for known in _items), (
            f"{item.url_name} is in the navigation"
        )
        _items.append(item)


def register_public(label: Text, url_name: str) -> None:
    """Add an entry to the head of the public pages."""
    assert all(url_name != known for _label, known in _public), f"{url_name} is in the public navigation"
    _public.append((label, url_name))


def register_foot(label: Text, url_name: str) -> None:
    """Add an entry to the foot of the public pages."""
    assert all(url_name != known for _label, known in _foot), f"{url_name} is in the foot"
    _foot.append((label, url_name))


def resolved(url_name: str) -> str:
    """The address of a named page, or nothing when this installation does not have it."""
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def _is_under(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(url if url.endswith("/") else f"{url}/"))


def counted(queries: Sequence[QuerySet[Any]]) -> list[int]:
    """How many rows each query has, all counted in one statement."""
    counts, parts = [0] * len(queries), []
    parameters: list[Any] = []
    for place, query in enumerate(queries):
        try:
            sql, values = query.order_by().values("pk").query.sql_with_params()
        except EmptyResultSet:
            continue
        parts.append(f"SELECT {place} AS place, count(*) FROM ({sql}) AS waiting_{place}")
        parameters += values
    if parts:
        with connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(parts), parameters)
            for place, count in cursor.fetchall():
                counts[place] = count
    return counts


def for_viewer(viewer: Actor, path: str, *, known: Mapping[str, int] | None = None) -> list[ShownGroup]:
    """The groups and items that this viewer may open; the longest address above `path` is current.

    `known` gives figures that the page has already, by url name.
    """
    open_items = [
        (item, url)
        for item in _items
        if (not item.permissions or any(map(viewer.can, item.permissions)))
        and (url := resolved(item.url_name))
    ]
    current = max((url for _item, url in open_items if _is_under(path, url)), key=len, default="")
    groups = {str(label): ShownGroup(label) for label in GROUPS}
    figures = dict(known or {}) | _figures(viewer, [item for item, _url in open_items])
    for item, url in open_items:
        group = groups.setdefault(str(item.group), ShownGroup(item.group))
        count = figures.get(item.url_name)
        group.items.append(ShownItem(item.label, item.icon, url, count, url == current, item.is_urgent))
    return [group for group in groups.values() if group.items]


def _figures(viewer: Actor, items: Iterable[NavItem]) -> dict[str, int]:
    asked = [(item.url_name, query) for item in items if item.waiting for query in item.waiting(viewer)]
    found: dict[str, int] = {}
    for (url_name, _query), count in zip(asked, counted([query for _name, query in asked]), strict=True):
        found[url_name] = found.get(url_name, 0) + count
    return found


def public_links(path: str) -> list[Link]:
    """The entries in the head of the public pages that this installation has."""
    return _links(_public, path)


def foot_links(path: str) -> list[Link]:
    """The entries in the foot of the public pages that this installation has."""
    return _links(_foot, path)


def _links(entries: list[tuple[Text, str]], path: str) -> list[Link]:
    links = [(label, resolved(url_name)) for label, url_name in entries]
    return [Link(label, url, is_current=_is_under(path, url)) for label, url in links if url]
