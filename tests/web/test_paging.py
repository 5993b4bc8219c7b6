"""Cursor pages: every row once, in order, both ways, whatever is added meanwhile."""

from __future__ import annotations

import pytest

from accounts.models import User
from organizations.models import Park
from tests.cast import NOON
from web.paging import paginate

pytestmark = pytest.mark.django_db


@pytest.fixture
def people() -> list[User]:
    """Seven people, two of whom share a name."""
    names = ["an", "bo", "bo", "chen", "deng", "fu", "gao"]
    return [User.objects.create(email=f"{name}{i}@example.cn", name=name) for i, name in enumerate(names)]


def names_on(
    parameters: dict[str, str], order: tuple[str, ...] = ("name", "id")
) -> tuple[list[str], str, str]:
    page = paginate(User.objects.all(), parameters, order=order, size=3)
    return [user.name for user in page], page.after, page.before


@pytest.mark.usefixtures("people")
def test_forward_and_back_again() -> None:
    first, after, before = names_on({})
    assert (first, before) == (["an", "bo", "bo"], "")
    second, after_second, before_second = names_on({"after": after})
    assert second == ["chen", "deng", "fu"]
    third, end, before_third = names_on({"after": after_second})
    assert (third, end) == (["gao"], "")
    assert names_on({"before": before_third})[0] == second
    assert names_on({"before": before_second})[0] == first


@pytest.mark.usefixtures("people")
def test_a_row_added_before_the_cursor_moves_nothing() -> None:
    after = names_on({})[1]
    User.objects.create(email="aa@example.cn", name="aa")
    assert names_on({"after": after})[0] == ["chen", "deng", "fu"]


@pytest.mark.usefixtures("people")
def test_descending_order_walks_every_row_once() -> None:
    seen: list[str] = []
    cursor = ""
    while True:
        names, cursor, _before = names_on({"after": cursor} if cursor else {}, ("-name", "-id"))
        seen += names
        if not cursor:
            break
    assert seen == ["gao", "fu", "deng", "chen", "bo", "bo", "an"]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    "typed", ["x", "!!!", "WyJhIl0", "WzEsMl0", "W251bGwsbnVsbF0", "eyJhIjoxfQ", "é", "A" * 5000]
)
def test_a_cursor_nobody_issued_leads_to_the_first_page(typed: str) -> None:
    assert names_on({"after": typed})[0] == ["an", "bo", "bo"]
    assert names_on({"before": typed})[0] == ["an", "bo", "bo"]


def test_no_rows_make_an_empty_page_without_cursors() -> None:
    page = paginate(User.objects.none(), {})
    assert (page.items, page.after, page.before) == ([], "", "")


def test_rows_a_microsecond_apart_are_all_seen() -> None:
    for microsecond in (100_001, 100_002, 100_003):
        park = Park.objects.create(name=f"园区 {microsecond}", place="441802")
        Park.objects.filter(pk=park.pk).update(recorded_at=NOON.replace(microsecond=microsecond))
    order, seen, cursor = ("-recorded_at", "-id"), [], ""
    while True:
        page = paginate(Park.objects.all(), {"after": cursor}, order=order, size=1)
        seen += [park.name for park in page]
        cursor = page.after
        if not cursor:
            break
    assert seen == ["园区 100003", "园区 100002", "园区 100001"]
