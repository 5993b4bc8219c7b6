"""What every JSON endpoint shares: sign-in, problem documents, idempotency, pages of a list.

A domain's `api.py` makes a `ninja.Router()` and uses, from here: `actor(request)`, `idempotent`, `Page`,
`cursor_page`. `config/api.py` mounts the routers.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import wraps
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from ninja import Schema
from ninja.decorators import decorate_view
from ninja.security import HttpBearer, SessionAuth

from accounts.reauthentication import require_recent_authentication
from gateway import services
from kernel import clock
from kernel.errors import InvalidInput, Refusal
from organizations.models import ApiKey
from organizations.permissions import Actor

PROBLEM = "application/problem+json"
T = TypeVar("T")
M = TypeVar("M", bound=Model)


def actor(request: HttpRequest) -> Actor:
    """Who calls."""
    return cast(Actor, request.actor)  # type: ignore[attr-defined]


def confirmed_actor(request: HttpRequest) -> Actor:
    """Who calls, where money moves or a signature binds: a person in a browser has confirmed a short while ago who it is,
    a program proves it by its key.
    """
    found = actor(request)
    if found.scopes is None:
        require_recent_authentication(request)
    return found


class KeyAuth(HttpBearer):
    """`Authorization: Bearer qs_…` with an organization's API key; its scopes narrow what it may do."""

    def authenticate(self, request: HttpRequest, token: str) -> Actor | None:
        prefix, _dot, secret = token.partition(".")
        key = ApiKey.objects.select_related("organization", "created_by").filter(prefix=prefix).first()
        now = clock.now()
        if key is None or key.revoked_at or key.expires_at <= now:
            return None
        if not hmac.compare_digest(key.secret_sha256, hashlib.sha256(secret.encode()).hexdigest()):
            return None
        membership = key.created_by.memberships.filter(organization=key.organization, ended_at=None).first()
        if membership is None:
            return None
        found = Actor(
            user=key.created_by,
            organization=key.organization,
            roles=frozenset(membership.roles),
            kinds=frozenset(key.organization.kinds),
            scopes=frozenset(key.scopes),
            name=_("密钥 %(name)s") % {"name": key.name},
        )
        request.actor = found  # type: ignore[attr-defined]
        return found


class PageSession(SessionAuth):
    """The browser's own session (with CSRF check), for a person who acts for an organization."""

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:
        found = actor(request)
        return found if found.is_signed_in and found.organization else None


AUTH = [KeyAuth(), PageSession()]


def problem(request: HttpRequest, status: int, code: str, detail: str, **members: Any) -> HttpResponse:
    """A problem document (RFC 9457): `type` names the code, `detail` says what to do."""
    body = {
        "type": f"/errors/{code}", "title": code, "status": status, "detail": detail,
        "instance": getattr(request, "request_id", ""), **members,
    }  # fmt: skip
    return JsonResponse(body, status=status, content_type=PROBLEM, json_dumps_params={"ensure_ascii": False})


def refusal_problem(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The problem document of one refusal."""
    extra = {"field": refusal.field} if refusal.field else {}
    return problem(request, refusal.status, refusal.code, str(refusal), **extra)


def _idempotent(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        def work() -> services.Answer:
            response = view(request, *args, **kwargs)
            return response.status_code, response["Content-Type"], response.content.decode()

        if request.headers.get("Authorization"):  # this runs before the operation's own authentication
            KeyAuth()(request)
        caller = actor(request).organization_id or actor(request).user_id
        if caller is None:
            return view(request, *args, **kwargs)  # which answers 401
        try:
            (status, media_type, body), replayed = services.answer_once(
                caller=caller,
                key=request.headers.get("Idempotency-Key", ""),
                fingerprint=services.fingerprint(request.method or "", request.get_full_path(), request.body),
                work=work,
            )
        except Refusal as refusal:
            return refusal_problem(request, refusal)
        response = HttpResponse(body, status=status, content_type=media_type)
        if replayed:
            response["Idempotent-Replayed"] = "true"
        return response

    return answered


idempotent = decorate_view(_idempotent)
"""Decorator under `@router.post(...)`: the request needs an Idempotency-Key header and is done once."""


class Page(Schema, Generic[T]):
    """One page of a list; `next` is the cursor of the following page, null at the end."""

    items: list[T]
    next: str | None = None


def cursor_page(rows: QuerySet[M], *, cursor: str | None, limit: int) -> tuple[list[M], str | None]:
    """Newest first by id (UUIDv7 is time-ordered); `cursor` is the id of the previous page's final row."""
    if not 1 <= limit <= 100:
        raise InvalidInput(field="limit", reason=_("limit 应在 1 到 100 之间。"))
    if cursor:
        try:
            rows = rows.filter(pk__lt=UUID(cursor))
        except ValueError as error:
            raise InvalidInput(field="cursor", reason=_("cursor 无效，请使用上一页返回的 next。")) from error
    found = list(rows.order_by("-pk")[: limit + 1])
    more = len(found) > limit
    return found[:limit], str(found[limit - 1].pk) if more else None
