"""Puts `request.actor` on every request: who acts, for which organization."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from accounts.models import User
from organizations.models import Membership
from organizations.permissions import Actor

SESSION_KEY = "current_organization"


def memberships_of(user: User) -> list[Membership]:
    """The person's present memberships, by organization name."""
    found = user.memberships.filter(ended_at=None).select_related("organization", "user")
    return list(found.order_by("organization__name", "pk"))


class CurrentOrganizationMiddleware:
    """Reads the chosen organization from the session (the first membership otherwise); never writes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.memberships = []  # type: ignore[attr-defined]
        request.actor = Actor.anonymous()  # type: ignore[attr-defined]
        if request.user.is_authenticated:
            user = request.user
            memberships = memberships_of(user)
            chosen = self._chosen(request, memberships)
            request.memberships = memberships  # type: ignore[attr-defined]
            request.actor = Actor.of(chosen) if chosen else Actor(user=user)  # type: ignore[attr-defined]
        return self.get_response(request)

    @staticmethod
    def _chosen(request: HttpRequest, memberships: list[Membership]) -> Membership | None:
        wanted = request.session.get(SESSION_KEY)
        for membership in memberships:
            if wanted and membership.organization_id == UUID(wanted):
                return membership
        return memberships[0] if memberships else None
