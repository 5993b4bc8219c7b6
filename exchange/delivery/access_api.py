"""What every way in by a program shares: who calls, by token, API key or session."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from ninja.security import HttpBasicAuth, HttpBearer

from exchange.delivery import services
from exchange.delivery.models import AccessKey, Entitlement
from exchange.delivery.selectors import named_by, visible_entitlement
from exchange.delivery.services.keys import TOKEN_MARK
from gateway.api import AUTH, actor
from kernel import clock
from kernel.errors import NotFound
from organizations.permissions import Actor


class TokenAuth(HttpBearer):
    """`Authorization: Bearer qt_…`: an access token of one entitlement."""

    def authenticate(self, request: HttpRequest, token: str) -> AccessKey | None:
        return services.read_token(token, clock.now()) if token.startswith(TOKEN_MARK) else None


class TokenBasic(HttpBasicAuth):
    """The same token as the password of Basic, for programs that know no other way; any user name."""

    def authenticate(self, request: HttpRequest, username: str, password: str) -> AccessKey | None:
        return services.read_token(password, clock.now()) if password.startswith(TOKEN_MARK) else None


TOKEN_AUTH = [TokenAuth(), TokenBasic(), *AUTH]


def reading(request: HttpRequest, named: str) -> tuple[Entitlement, Actor | None, AccessKey | None]:
    """The entitlement that the caller may read from now, and who calls. Raises TokenOfAnother, NotFound, WrongSide …"""
    held = request.auth  # type: ignore[attr-defined]
    if isinstance(held, AccessKey):
        entitlement = held.entitlement
        wanted = Entitlement.objects.filter(named_by(named)).values_list("pk", flat=True).first()
        if wanted is None:
            raise NotFound
        if wanted != entitlement.pk:
            raise services.TokenOfAnother(number=entitlement.number)
        return entitlement, None, held
    by = actor(request)
    entitlement = visible_entitlement(by, named)
    services.require_own(by, entitlement)
    return entitlement, by, None


def now() -> datetime:
    """The time of a request."""
    return clock.now()
