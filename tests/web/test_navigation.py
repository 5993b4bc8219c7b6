"""The side navigation shows what this viewer may open, and nothing else."""

from __future__ import annotations

import pytest

from organizations.permissions import MANAGE_MEMBERS, VERIFY_ORGANIZATIONS, Actor
from web import navigation
from web.navigation import NavItem

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
            count=lambda viewer: 3,
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


def test_counts_are_asked_for_the_viewer() -> None:
    shown = [item for group in navigation.for_viewer(ADMINISTRATOR, "/") for item in group.items]
    assert [item.count for item in shown] == [None, 3]


def test_the_same_page_twice_is_a_mistake() -> None:
    with pytest.raises(AssertionError):
        navigation.register(NavItem("工作台", "house", "web:desk"))
