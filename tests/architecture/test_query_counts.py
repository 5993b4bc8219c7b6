"""A page asks the database as often with much content as with little."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, reset_queries
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.stories import sources, way
from config.stories.way import shanghai
from kernel.money import Money
from tests import cast
from tests.architecture.test_routes import _complained, _merchant, address, client_of, routes
from tests.cast import NOON
from tests.world import World, build

MOST = 60
# Following one yuan, replaying and proving the books do their work in the request on purpose.
UNCOUNTED = (
    "static/",
    "accounts/",
    "api/",
    "readyz",
    "metrics",
    "i18n/",
    "language/",
    "find/",
    "revenue/yuan/",
)


def shown_pages(world: World, clients: dict[str, Client]) -> list[tuple[str, str, str]]:
    """Role, route and address of every page that answers 200; what is kept per process is kept afterwards."""
    found = []
    for route, arguments in sorted({(route, tuple(names)) for route, _name, names in routes()}):
        if not route.startswith(UNCOUNTED):
            path = address(world, route, list(arguments))
            found += [
                (role, route, path) for role, client in clients.items() if client.get(path).status_code == 200
            ]
    return found


def counts(pages: list[tuple[str, str, str]], clients: dict[str, Client]) -> dict[str, int]:
    """Statements per page and role."""
    found = {}
    for role, route, path in pages:
        reset_queries()  # the log holds nine thousand, and there are more pages than that
        with CaptureQueriesContext(connection) as asked:
            assert clients[role].get(path).status_code == 200, path
        found[f"{role} /{route}"] = len(asked)
    return found


def add_content(world: World) -> None:
    """Three more orders and another annotation project of the same firm."""
    for day in (5, 6, 7):
        way.trade(
            world.team.lead,
            cast.zhou(),
            world.plan.pk,
            use="再次采购，训练本公司模型",
            at=shanghai(2025, 6, day),
        )
    for day in (1, 2, 3):
        _complained(world, NOON + timedelta(days=day))
        _merchant(NOON + timedelta(days=day))
    way.annotate(
        world.team, sources.reviews(4, skip=40), title="第二个项目", price=Money(30), at=shanghai(2025, 7, 1)
    )


@pytest.mark.django_db
def test_no_page_asks_more_often_when_there_is_more_to_show() -> None:
    world = build(gross=Money.from_yuan("1060.00"))
    world.proceedings["complaint_id"] = _complained(world, NOON)
    world.proceedings.update(_merchant(NOON))
    clients = {role: client_of(role) for role in ("anonymous", "lin", "zhou", "gu", "yan")}
    pages = shown_pages(world, clients)
    before = counts(pages, clients)
    add_content(world)
    after = counts(pages, clients)
    grown = {page: (before[page], after[page]) for page in before if after.get(page, 0) > before[page]}
    assert not grown
    assert not {page: asked for page, asked in after.items() if asked > MOST}
    assert len(after) > 150
