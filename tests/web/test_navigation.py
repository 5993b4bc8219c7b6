"""The side navigation shows what this viewer may open, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from documents.models import Document
from notifications import services
from notifications.models import Notification
from organizations.permissions import MANAGE_MEMBERS, VERIFY_ORGANIZATIONS, Actor
from tests import cast
from tests.cast import NOON
from web import navigation
from web.navigation import NavItem

pytestmark = pytest.mark.django_db

STRANGER = Actor.anonymous()
ADMINISTRATOR = Actor(roles=frozenset({"administrator"}), kinds=frozenset({"annotation_firm"}))
OPERATOR = Actor(roles=frozenset({"registration_reviewer"}), kinds=frozenset({"exchange_operator"}))


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(navigation, "_items", [])
    navigation.register(
        NavItem("工作台", "house", "web:desk"),
        NavItem(
            "成员",
            "users",
            "web:me",
            permissions=(MANAGE_MEMBERS,),
            group=navigation.BUSINESS,
            waiting=lambda viewer: [
                Notification.objects.all(),
                Notification.objects.none(),
                Document.objects.all(),
            ],
        ),
        NavItem(
            "企业认证",
            "badge-check",
            "web:todos",
            permissions=(VERIFY_ORGANIZATIONS,),
            group=navigation.REVIEW,
        ),
        NavItem("没有的页", "x", "nowhere:list"),
    )


def labels(viewer: Actor, path: str = "/") -> list[str]:
    return [str(item.label) for group in navigation.for_viewer(viewer, path) for item in group.items]


def test_a_viewer_sees_only_what_the_role_allows() -> None:
    assert labels(ADMINISTRATOR) == ["工作台", "成员"]
    assert labels(OPERATOR) == ["工作台", "企业认证"]
    assert labels(STRANGER) == ["工作台"]


def test_groups_without_items_are_left_out() -> None:
    assert [str(group.label) for group in navigation.for_viewer(ADMINISTRATOR, "/")] == ["", "经营"]


def test_the_nearest_page_above_is_current() -> None:
    shown = [item for group in navigation.for_viewer(ADMINISTRATOR, "/me/keys/") for item in group.items]
    assert [item.is_current for item in shown] == [False, True]


def test_what_waits_is_counted_for_the_viewer_in_one_statement(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    people = [one.user for one in (cast.lin(), cast.mei(), cast.tao()) if one.user]
    services.notify(users=people, at=NOON, title="订单已付款", url="/orders/")
    with django_assert_num_queries(1):
        groups = navigation.for_viewer(ADMINISTRATOR, "/", known={"web:desk": 7})
    assert [item.count for group in groups for item in group.items] == [7, 3]


def test_no_statement_is_spoken_where_nothing_can_wait(
    django_assert_num_queries: Callable[[int], Any],
) -> None:
    with django_assert_num_queries(0):
        assert navigation.counted([Notification.objects.none()]) == [0]


def test_the_same_page_twice_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        navigation.register(NavItem("工作台", "house", "web:desk"))
