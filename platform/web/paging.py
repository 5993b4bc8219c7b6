"""Cursor pages: stable under inserts and as fast on page 1000 as on page 1."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from django.core.exceptions import FieldError, ValidationError
from django.db.models import Model, Q, QuerySet

M = TypeVar("M", bound=Model)
PAGE_SIZE = 20


@dataclass(frozen=True, slots=True)
class CursorPage(Generic[M]):
    """Some rows, and the cursors that lead further; an empty cursor means there is nothing there."""

    items: list[M]
    after: str
    before: str

    def __iter__(self) -> Any:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def _exactly(value: Any) -> str:
    """Moments to the microsecond, so that none between two pages is passed over; ids and days as text."""
    return value.isoformat() if isinstance(value, date) else str(value)


def _encode(row: Model, order: tuple[str, ...]) -> str:
    values = []
    for name in order:
        value: Any = row
        for part in name.lstrip("-").split("__"):
            value = getattr(value, part)
        values.append(value)
    plain = json.dumps(values, default=_exactly, separators=(",", ":"))
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _decode(cursor: str, length: int) -> list[Any] | None:
    """The sort values in a cursor, or None when someone has typed it."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    is_sound = isinstance(values, list) and len(values) == length
    return values if is_sound and all(isinstance(v, str | int) for v in values) else None


def _beyond(order: tuple[str, ...], values: list[Any], *, backwards: bool) -> Q:
    """Rows after the one with these values, nested so that an index is entered there and not read from its beginning:
    first at most a, and (first below a, or second at most b, and ...)."""
    beyond = Q()
    for name, value in reversed(list(zip(order, values, strict=True))):
        bare = name.lstrip("-")
        way = "lt" if name.startswith("-") != backwards else "gt"
        further = Q(**{f"{bare}__{way}": value})
        beyond = Q(**{f"{bare}__{way}e": value}) & (further | beyond) if beyond else further
    return beyond


Take = Callable[[QuerySet[M], Q, tuple[str, ...], int], list[M]]


def _in_order(rows: QuerySet[M], beyond: Q, order: tuple[str, ...], count: int) -> list[M]:
    return list(rows.filter(beyond).order_by(*order)[:count])


def paginate(
    rows: QuerySet[M],
    parameters: Mapping[str, str],
    *,
    order: tuple[str, ...] = ("-id",),
    size: int = PAGE_SIZE,
    take: Take[M] = _in_order,
) -> CursorPage[M]:
    """One page of `rows`; `parameters` is `request.GET` (after, before).

    `take`: how the first `count` rows beyond a cursor are read, where one statement over `rows` is not the best.
    `order` ends in a unique column; ids are time-ordered, so that the newest come first by default.
    A cursor nobody issued leads to the first page.
    """
    backwards = bool(parameters.get("before")) and not parameters.get("after")
    cursor = parameters.get("after") or parameters.get("before") or ""
    values = _decode(cursor, len(order)) if cursor else None
    backwards = backwards and values is not None
    turned = tuple(n[1:] if n.startswith("-") else f"-{n}" for n in order) if backwards else order
    try:
        beyond = _beyond(order, values, backwards=backwards) if values is not None else Q()
        found = take(rows, beyond, turned, size + 1)
    except (ValidationError, FieldError, ValueError, TypeError):
        return paginate(rows, {}, order=order, size=size, take=take)
    has_more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    if not found and backwards:
        return paginate(rows, {}, order=order, size=size, take=take)
    if not found:
        return CursorPage([], "", "")
    has_next = has_more or backwards
    has_previous = has_more if backwards else values is not None
    return CursorPage(
        found,
        _encode(found[-1], order) if has_next else "",
        _encode(found[0], order) if has_previous else "",
    )
