"""How `/v1/` answers: key, limit of calls, idempotency, errors in Stripe's form. Nothing here knows a resource."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from gateway import services as gateway
from gateway.api import KeyAuth
from kernel import clock
from kernel.errors import NotFound, Refusal
from organizations.permissions import Actor
from settlement.merchant import services
from settlement.merchant.refusals import PaymentFailed
from settlement.merchant.rules import key_of
from settlement.merchant.shapes import API_VERSION, Shape
from settlement.merchant.v1.expanding import expanded
from settlement.merchant.v1.reading import Given, nested, pairs_of

logger = logging.getLogger(__name__)
LONGEST_KEY = 255


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request."""

    viewer: Actor
    given: Given
    at: datetime
    path: str


Work = Callable[..., Shape]


def body_of(told: Shape) -> str:
    return json.dumps(told, ensure_ascii=False, indent=2)


def failure(
    status: int, kind: str, message: str, *, code: str = "", param: str = "", **members: Any
) -> tuple[int, Shape]:
    """An error in Stripe's form."""
    told = {"type": kind, "message": message, **members}
    if code:
        told["code"] = code
    if param:
        told["param"] = param
    return status, {"error": told}


_CODES = {"not_found": "resource_missing", "invalid_input": "parameter_invalid"}


def failure_of(refusal: Refusal) -> tuple[int, Shape]:
    """A refusal in Stripe's form; a conflict is 400, since 409 asks clients to try again."""
    if isinstance(refusal, PaymentFailed):
        return 402, {"error": refusal.told}
    if isinstance(refusal, gateway.KeyReused):
        return failure(400, "idempotency_error", str(refusal), code="idempotency_error")
    status = refusal.status if refusal.status in (402, 403, 404) else 400
    kind = "card_error" if status == 402 else "invalid_request_error"
    code = _CODES.get(refusal.code, refusal.code)
    return failure(status, kind, str(refusal), code=code, param=refusal.field)


def _token(request: HttpRequest) -> str:
    """The key in `Authorization`: Bearer, or Basic with the key as user name."""
    scheme, _space, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def _is_too_fast(token: str, at: datetime) -> bool:
    place = f"v1:{hashlib.sha256(token.encode()).hexdigest()}:{int(at.timestamp()) // 60}"
    cache.add(place, 0, timeout=120)
    try:
        return bool(cache.incr(place) > settings.PAYMENTS_CALLS_A_MINUTE)
    except ValueError:  # it ran out between the two
        return False


def _answer(status: int, told: Shape) -> HttpResponse:
    return HttpResponse(body_of(told), status=status, content_type="application/json")


def resource(**works: Work) -> Callable[..., HttpResponse]:
    """A view out of one function for each method: `resource(GET=retrieve, POST=update)`."""

    @csrf_exempt
    def view(request: HttpRequest, **ids: str) -> HttpResponse:
        response = _respond(request, works, ids)
        response["Request-Id"] = _request_id(request)
        response["Stripe-Version"] = request.headers.get("Stripe-Version", API_VERSION)
        response["Cache-Control"] = "no-store"
        return response

    view.works = works  # type: ignore[attr-defined]
    return view


def _request_id(request: HttpRequest) -> str:
    return f"req_{getattr(request, 'id', '')}"


def _respond(request: HttpRequest, works: dict[str, Work], ids: dict[str, str]) -> HttpResponse:
    at, token = clock.now(), _token(request)
    viewer = KeyAuth().authenticate(request, token) if token and "\x00" not in token else None
    if viewer is None:
        said = _("请在 Authorization 中提供有效的 API 密钥（Bearer，或以密钥为用户名的 Basic）。")
        response = _answer(*failure(401, "invalid_request_error", said))
        response["WWW-Authenticate"] = 'Bearer realm="Qingshu"'
        return response
    if _is_too_fast(token, at):
        said = _("请求过于频繁，请稍后再试。")
        return _answer(*failure(429, "invalid_request_error", said, code="rate_limit"))
    work = works.get(request.method or "")
    if work is None:
        said = _("没有这个接口：%(method)s %(path)s。") % {"method": request.method, "path": request.path}
        return _answer(*failure(405 if works else 404, "invalid_request_error", said))
    try:
        return _done(request, viewer, at, work, ids)
    except Refusal as refusal:
        return _answer(*failure_of(refusal))
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        said = _("平台暂时无法完成请求，没有产生任何变动。请用同一个 Idempotency-Key 重试。")
        return _answer(*failure(500, "api_error", said))


def _done(request: HttpRequest, viewer: Actor, at: datetime, work: Work, ids: dict[str, str]) -> HttpResponse:
    account = request.headers.get("Stripe-Account", "")
    if account and key_of("acct", account) != viewer.organization_id:
        raise NotFound(field="Stripe-Account")
    pairs = pairs_of(request)

    def told() -> tuple[int, str]:
        given = Given(nested(pairs))
        wanted = given.items("expand")
        try:
            shape, status = work(Call(viewer, given, at, request.path), **ids), 200
        except PaymentFailed as refusal:  # what happened is kept, so the transaction ends well
            return 402, body_of(failure_of(refusal)[1])
        return status, body_of(expanded(viewer, shape, wanted))

    if request.method == "GET":
        status, body = told()
        return HttpResponse(body, status=status, content_type="application/json")
    return _once(request, viewer, pairs, told)


def _once(
    request: HttpRequest, viewer: Actor, pairs: list[tuple[str, str]], told: Callable[[], tuple[int, str]]
) -> HttpResponse:
    """Do the work and keep its answer under the key; without a key do it in one transaction."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > LONGEST_KEY:
        said = _("Idempotency-Key 不能超过 %(most)s 个字符。") % {"most": LONGEST_KEY}
        return _answer(*failure(400, "invalid_request_error", said, code="idempotency_key_too_long"))
    replayed = False

    def answered() -> gateway.Answer:
        status, body = told()
        return status, "application/json", body

    with services.caused_by(_request_id(request), key):
        if not key:
            with transaction.atomic():
                status, body = told()
        else:
            caller: UUID | None = viewer.organization_id
            assert caller is not None, "a key belongs to an organization"
            content = repr(sorted(pairs)).encode()
            (status, _kind, body), replayed = gateway.answer_once(
                caller=caller,
                key=f"v1:{hashlib.sha256(key.encode()).hexdigest()}",
                fingerprint=gateway.fingerprint(request.method or "", request.path, content),
                work=answered,
                keeps=lambda status: status < 400 or status == 402,
            )
    response = HttpResponse(body, status=status, content_type="application/json")
    if key:
        response["Idempotency-Key"] = key if key.isascii() and key.isprintable() else ""
    if replayed:
        response["Idempotent-Replayed"] = "true"
    return response
