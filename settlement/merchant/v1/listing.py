"""Lists: newest first, by cursor, over one table or several whose ids share one order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from kernel.errors import InvalidInput, NotFound
from settlement.merchant.rules import key_of
from settlement.merchant.shapes import Shape, listing
from settlement.merchant.v1.answering import Call

Shown = Callable[[list[Any]], list[Shape]]


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one table, how they are shown, and which column tells when they came about."""

    rows: QuerySet[Any]
    shown: Shown
    moment: str = "created_at"


def one_by_one(shape: Callable[[Any], Shape]) -> Shown:
    """Show rows each for itself."""
    return lambda rows: [shape(row) for row in rows]


def _place(sources: Sequence[Source], name: str, text: str, prefix: str, lookup: str) -> Any:
    """The primary key behind a cursor; NotFound when the caller has no such thing."""
    key = key_of(prefix, text)
    for source in sources if key else ():
        found = source.rows.filter(**{lookup: key}).values_list("pk", flat=True).first()
        if found is not None:
            return found
    raise NotFound(field=name)


def listed(call: Call, prefix: str, sources: Sequence[Source], *, lookup: str = "pk") -> Shape:
    """One page. `lookup` is the column that public ids name, when it is not the key that orders the rows."""
    given = call.given
    limit = given.integer("limit", least=1, most=100) or 10
    after, before = given.text("starting_after"), given.text("ending_before")
    if after and before:
        raise InvalidInput(field="ending_before", reason=_("starting_after 和 ending_before 只能给一个。"))
    within = given.moments("created")
    given.done()
    found: list[tuple[Any, Any, Source]] = []
    name, text = ("starting_after", after) if after else ("ending_before", before)
    place = _place(sources, name, text, prefix, lookup) if text else None
    for source in sources:
        rows = source.rows.filter(**{f"{source.moment}__{look}": at for look, at in within.items()})
        if place is not None:
            rows = rows.filter(**{"pk__gt" if before else "pk__lt": place})
        rows = rows.order_by("pk" if before else "-pk")[: limit + 1]
        found += [(row.pk, row, source) for row in rows]
    found.sort(key=lambda each: each[0], reverse=not before)
    has_more, found = len(found) > limit, found[:limit]
    if before:
        found.reverse()
    shown: dict[Any, Shape] = {}
    for source in sources:
        mine = [row for _pk, row, its in found if its is source]
        shown.update(zip((row.pk for row in mine), source.shown(mine), strict=True))
    return listing(call.path, [shown[pk] for pk, _row, _source in found], has_more=has_more)
