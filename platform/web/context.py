"""The `shell` of every page: navigation, organization, notifications, made once and lazily."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from kernel.wording import listed
from organizations.permissions import EDIT_ORGANIZATION, MANAGE_KEYS, MANAGE_MEMBERS, Actor
from web import desk, navigation
from web.parts import Link, Text

TYPE_SIZE_COOKIE = "type_size"


class OrganizationChoice(NamedTuple):
    """One line of the organization switcher."""

    id: str
    name: str
    roles: str
    is_current: bool


class Shell:
    """What the frame of a page needs; each part is computed only when a template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.viewer: Actor = getattr(request, "actor", None) or Actor.anonymous()

    @property
    def is_signed_in(self) -> bool:
        return self.viewer.user is not None

    @property
    def is_large_type(self) -> bool:
        return self.request.COOKIES.get(TYPE_SIZE_COOKIE) == "large"

    @property
    def query(self) -> str:
        return self.request.GET.get("q", "") if self.request.path == navigation.resolved("web:find") else ""

    @property
    def organization(self) -> Any:
        return self.viewer.organization

    @property
    def switch_url(self) -> str:
        return navigation.resolved("organizations:switch")

    @cached_property
    def organizations(self) -> list[OrganizationChoice]:
        memberships = getattr(self.request, "memberships", [])
        return [
            OrganizationChoice(
                str(one.organization_id),
                str(one.organization),
                listed(one.role_labels),
                one.organization_id == self.viewer.organization_id,
            )
            for one in memberships
        ]

    @property
    def user_name(self) -> str:
        return str(self.viewer.user or "")

    @property
    def user_detail(self) -> str:
        return str(getattr(self.viewer.user, "email", "") or "")

    @property
    def sign_in_url(self) -> str:
        return navigation.resolved("account_login")

    @property
    def sign_up_url(self) -> str:
        return navigation.resolved("account_signup")

    @property
    def sign_out_url(self) -> str:
        return navigation.resolved("account_logout")

    @cached_property
    def account_links(self) -> list[Link]:
        viewer = self.viewer
        known: list[tuple[Text, str, str, bool]] = [
            (_("单位资料与认证"), "building-2", "organizations:detail", viewer.can(EDIT_ORGANIZATION)),
            (_("成员与邀请"), "users", "organizations:members", viewer.can(MANAGE_MEMBERS)),
            (_("API 密钥"), "key-round", "organizations:api_keys", viewer.can(MANAGE_KEYS)),
            (_("个人资料"), "user", "accounts:me", True),
            (_("登录邮箱"), "mail", "account_email", True),
            (_("修改密码"), "lock", "account_change_password", True),
            (_("两步验证"), "shield-check", "mfa_index", True),
        ]
        return [
            Link(label, url, icon=icon)
            for label, icon, name, is_open in known
            if is_open and (url := navigation.resolved(name))
        ]

    @cached_property
    def navigation(self) -> list[navigation.ShownGroup]:
        if not self.is_signed_in:
            return []
        inbox = desk.inbox()
        known = {inbox.url_name: self.unread_count} if inbox else {}
        return navigation.for_viewer(self.viewer, self.request.path, known=known)

    @cached_property
    def public_navigation(self) -> list[Link]:
        return navigation.public_links(self.request.path)

    @cached_property
    def foot_navigation(self) -> list[Link]:
        return navigation.foot_links(self.request.path)

    @property
    def inbox_url(self) -> str:
        inbox = desk.inbox()
        return navigation.resolved(inbox.url_name) if inbox and self.is_signed_in else ""

    @cached_property
    def unread_count(self) -> int:
        inbox = desk.inbox()
        return inbox.unread_count(self.viewer) if inbox and self.is_signed_in else 0

    @cached_property
    def tabbar(self) -> list[Link]:
        """The phone's bottom bar."""
        path = self.request.path
        signed_in: list[tuple[Text, str, str]] = [
            (_("工作台"), "layout-dashboard", navigation.resolved("web:desk")),
            (_("待办"), "inbox", navigation.resolved("web:todos")),
            (_("消息"), "bell", self.inbox_url),
            (_("我的"), "user", navigation.resolved("web:me")),
        ]
        visiting: list[tuple[Text, str, str]] = [
            (_("首页"), "house", navigation.resolved("web:home")),
            (_("找数据"), "search", navigation.resolved("catalogue:list")),
            (_("验真"), "badge-check", navigation.resolved("verification:verify")),
            (_("登录"), "user", self.sign_in_url),
        ]
        entries = signed_in if self.is_signed_in else visiting
        return [Link(label, url, is_current=path == url, icon=icon) for label, icon, url in entries if url]


def shell(request: HttpRequest) -> dict[str, Shell]:
    """Context processor: `shell` in every template."""
    return {"shell": Shell(request)}
