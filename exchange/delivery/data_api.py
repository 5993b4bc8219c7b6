"""Data services: rows of a product's tables, counted once each."""

from __future__ import annotations

import hashlib
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router
from ninja.throttling import AuthRateThrottle

from exchange.delivery import selectors, services, tables
from exchange.delivery.access_api import TOKEN_AUTH
from exchange.delivery.models import AccessKey, Entitlement
from exchange.delivery.permissions import DOWNLOAD
from exchange.delivery.selectors import Item
from exchange.delivery.states import EntitlementState
from exchange.trading.services import WrongSide
from exchange.trading.states import Party
from gateway.api import actor
from kernel import clock
from kernel.errors import InvalidInput, NotFound
from kernel.records import new_id
from organizations.permissions import Actor

router = Router()


def _entitled(request: HttpRequest, number: str) -> tuple[Entitlement, Actor | None, AccessKey | None]:
    """The entitlement to the product that the caller uses: the token's, else the organization's newest that runs."""
    held = request.auth  # type: ignore[attr-defined]
    if isinstance(held, AccessKey):
        if held.entitlement.product.number != number:
            raise services.TokenOfAnother(number=held.entitlement.number)
        return held.entitlement, None, held
    by, at = actor(request), clock.now()
    rows = selectors.entitlements_visible_to(by).filter(product__number=number)
    own = rows.filter(organization=by.organization).select_related("product", "meter", "order", "plan")
    found = list(own.defer("product__search").order_by("-pk"))
    if not found:
        if rows.exists():
            raise WrongSide(party=Party.BUYER.label)
        raise NotFound
    by.require(DOWNLOAD)
    running = [
        each for each in found if each.state == EntitlementState.ACTIVE and selectors.is_running(each, at)
    ]
    counted = [each for each in running if each.quota_unit and services.usage_of(each).left]
    return (counted or running or found)[0], by, None


def _table(entitlement: Entitlement, version: Any, path: str) -> Item:
    found = selectors.tables_of(entitlement, version)
    for item in found:
        if not path or item.path == path:
            return item
    names = "、".join(item.path for item in found[:10]) or "—"
    raise InvalidInput(
        field="table",
        reason=_("没有名为“%(table)s”的表，可用的表：%(names)s。") % {"table": path, "names": names},
    )


@router.get("/{number}/rows", auth=TOKEN_AUTH, response={200: None}, throttle=[AuthRateThrottle("600/m")])
def get_rows(
    request: HttpRequest,
    number: str,
    columns: str = "",
    where: list[str] = Query([]),  # type: ignore[type-arg]  # noqa: B008
    limit: int = 100,
    cursor: str = "",
    table: str = "",
    version: int | None = None,
) -> HttpResponse:
    """Rows of a product that the caller is entitled to: `columns=a,b`, `where=a:ge:3` (eq, ge, gt, le, lt; repeatable),
    `limit` up to 1000, `cursor` of the page before.

    Each answered request counts once; `Request-Id` makes a retry free. What is left is told in `Quota-…` headers.
    """
    entitlement, by, key = _entitled(request, number)
    at = clock.now()
    services.require_open(entitlement, at, files=False)
    request_id = request.headers.get("Request-Id", "").strip() or new_id().hex
    if len(request_id) > 80 or not request_id.isprintable():
        raise InvalidInput(field="Request-Id", reason=_("Request-Id 应为不超过 80 个可见字符。"))
    services.require_quota(entitlement, request_id)
    found = selectors.version_in(entitlement, version)
    item = _table(entitlement, found, table)
    names = [name for name in (each.strip() for each in columns.split(",")) if name]
    rows = tables.ask(item, tables.Question(names, where, limit, cursor))
    body = tables.as_body(rows)
    asked = "\x1f".join((item.sha256, *names, "|", *where, str(limit), cursor))
    usage, is_counted = services.metered(
        entitlement, at=at, request_id=request_id, fingerprint=hashlib.sha256(asked.encode()).hexdigest(),
        byte_count=len(body), row_count=len(rows.items), version_id=found.pk, path=item.path, by=by, key=key,
    )  # fmt: skip
    response = HttpResponse(body, content_type="application/json")
    response["Request-Id"] = request_id
    response["Quota-Counted"] = "1" if is_counted else "0"
    response["Quota-Used"] = str(usage.used)
    if usage.amount is not None:
        response["Quota-Unit"] = usage.unit
        response["Quota-Limit"] = str(usage.amount)
        response["Quota-Remaining"] = str(usage.left)
    response["Cache-Control"] = "private, no-store"
    return response
