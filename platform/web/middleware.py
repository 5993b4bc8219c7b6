"""What every page answer carries: a reference number, the security headers, and no write on a read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from accounts.reauthentication import IdentityNotConfirmed, confirmation_of
from kernel.errors import Refusal
from kernel.records import new_id
from web import errors

Answer = Callable[[HttpRequest], HttpResponse]
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class RequestIdMiddleware:
    """Gives each request a number (`request.id`), takes the proxy's when it is sound, and returns it."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request.id = given if _REQUEST_ID.fullmatch(given) else new_id().hex  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response


class ContentSecurityPolicyMiddleware:
    """A strict Content-Security-Policy: nothing inline or evaluated, no other host but the object store.

    A view may name the hashes of style blocks that its page needs, by `allow_styles`.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    @cached_property
    def policy(self) -> str:
        store = " ".join(getattr(settings, "CSP_OBJECT_STORE_ORIGINS", ()))
        return "; ".join(
            part.strip()
            for part in (
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                f"img-src 'self' data: blob: {store}",
                f"media-src 'self' blob: {store}",
                "font-src 'self'",
                f"connect-src 'self' {store}",
                f"form-action 'self' {store}",
                "manifest-src 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
                "object-src 'none'",
            )
        )

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        hashes = "".join(f" '{each}'" for each in getattr(response, "style_hashes", ()))
        policy = self.policy.replace("style-src 'self'", f"style-src 'self'{hashes}")
        response.setdefault("Content-Security-Policy", policy)
        response.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        )
        response.setdefault("X-Content-Type-Options", "nosniff")
        response.setdefault("Referrer-Policy", "same-origin")
        response.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        return response


def allow_styles(response: HttpResponse, hashes: Iterable[str]) -> None:
    """Let this one answer's page put in the style blocks with these hashes (`sha256-…`), and no others."""
    response.style_hashes = tuple(hashes)  # type: ignore[attr-defined]


class WriteOnRead(AssertionError):
    """A GET, HEAD or OPTIONS request tried to change the database."""


_WRITE = re.compile(
    r"""\b(?:insert\s+into|delete\s+from|merge\s+into|truncate(?:\s+table)?|update)\s+(?:only\s+)?"?(\w+)""",
    re.IGNORECASE,
)
_READ_FIRST = re.compile(
    r"\s*\(?\s*(?:select|show|explain|savepoint|release|rollback|commit|begin|declare|fetch|close|set)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"'(?:[^']|'')*'")
# What sign-in keeps for itself on any request: sessions, and its own record of addresses and devices.
ALWAYS_WRITABLE = frozenset({"django_session", "account_emailaddress", "usersessions_usersession"})


def written_table(sql: str) -> str:
    """The table a statement writes to, or nothing for a read."""
    if _READ_FIRST.match(sql):
        return ""
    found = _WRITE.search(_QUOTED.sub("''", sql))
    return found.group(1).lower() if found else ""


class ReadOnlyOnGetMiddleware:
    """Lets GET, HEAD and OPTIONS read only; sessions and the tables in READ_ONLY_GUARD_TABLES may change."""

    METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self.writable = ALWAYS_WRITABLE | frozenset(getattr(settings, "READ_ONLY_GUARD_TABLES", ()))

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in self.METHODS:
            return self.get_response(request)

        def refuse_writes(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
            table = written_table(sql)
            if table and table not in self.writable:
                raise WriteOnRead(f"{request.method} {request.path} writes to {table}")
            return execute(sql, params, many, context)

        with ExitStack() as guards:
            for name in connections:
                guards.enter_context(connections[name].execute_wrapper(refuse_writes))
            return self.get_response(request)


class RefusalMiddleware:
    """Shows a refusal that a page did not put on a form: its own status, sentence and reference number.

    Who has to confirm who they are is led to where that is done.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, IdentityNotConfirmed) and exception.back:
            messages.info(request, _("请先确认身份，确认后回到原页面再提交一次。"))
            return confirmation_of(request, back=exception.back)
        return errors.refused(request, exception) if isinstance(exception, Refusal) else None
