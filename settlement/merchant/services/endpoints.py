"""Where events go: endpoints and their secrets."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from audit.services import record
from kernel.errors import InvalidInput
from organizations.permissions import Actor
from settlement.merchant.models import EventDelivery, WebhookEndpoint
from settlement.merchant.permissions import DEVELOP
from settlement.merchant.sealing import opened, sealed
from settlement.merchant.services.locking import locked, merged, organization_of
from settlement.merchant.states import DELIVERY, DeliveryState

OVERLAP = timedelta(hours=24)
MOST = 16
_TYPE = re.compile(r"\*|[a-z_]+(?:\.[a-z_]+)+")


def _clean_url(url: str) -> str:
    parts = urlsplit(url.strip())
    schemes = ("https", "http") if settings.WEBHOOK_PRIVATE_ADDRESSES else ("https",)
    try:
        sound = parts.scheme in schemes and parts.hostname and not parts.username and parts.port != 0
    except ValueError:
        sound = False
    if not sound or len(url) > 500 or re.search(r"[\s\x00-\x1f]", url.strip()):
        raise InvalidInput(field="url", reason=_("请给出不含账号密码的 https:// 地址，最长 500 个字符。"))
    return url.strip()


def _clean_events(wanted: Sequence[str]) -> list[str]:
    found = sorted(set(wanted))
    if not found or len(found) > 100 or not all(len(e) <= 60 and _TYPE.fullmatch(e) for e in found):
        raise InvalidInput(
            field="enabled_events",
            reason=_("请列出要接收的事件类型，例如 payment_intent.succeeded；* 表示全部。"),
        )
    return found


@transaction.atomic
def create_endpoint(
    *,
    by: Actor,
    at: datetime,
    url: str,
    enabled_events: Sequence[str],
    description: str = "",
    metadata: Any = None,
) -> tuple[WebhookEndpoint, str]:
    """A new endpoint and its secret, which is shown this once."""
    organization = organization_of(by)
    by.require(DEVELOP)
    present = WebhookEndpoint.objects.filter(organization=organization, deleted_at__isnull=True)
    if present.count() >= MOST:
        raise InvalidInput(field="url", reason=_("端点已达上限。请先删除不用的端点。"))
    secret = _new_secret()
    endpoint = WebhookEndpoint(
        organization=organization, url=_clean_url(url), enabled_events=_clean_events(enabled_events),
        description=description, metadata=merged({}, metadata), created_at=at, secret_sealed=sealed(secret),
    )  # fmt: skip
    endpoint.save(force_insert=True)
    record(by=by, at=at, action="merchant.create_endpoint", subject=endpoint)
    return endpoint, secret


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"


def locked_endpoint(by: Actor, endpoint_id: UUID) -> WebhookEndpoint:
    """An endpoint that was not deleted, under lock."""
    return locked(WebhookEndpoint.objects.filter(deleted_at__isnull=True), by, endpoint_id)


@transaction.atomic
def update_endpoint(
    *,
    by: Actor,
    at: datetime,
    endpoint_id: UUID,
    url: str | None = None,
    enabled_events: Sequence[str] | None = None,
    is_enabled: bool | None = None,
    description: str | None = None,
    metadata: Any = None,
) -> WebhookEndpoint:
    """Change an endpoint. While it is disabled no new events are noted for it; what waits goes out once enabled."""
    endpoint = locked_endpoint(by, endpoint_id)
    by.require(DEVELOP)
    if url is not None:
        endpoint.url = _clean_url(url)
    if enabled_events is not None:
        endpoint.enabled_events = _clean_events(enabled_events)
    if is_enabled is not None:
        endpoint.is_enabled = is_enabled
    if description is not None:
        endpoint.description = description
    endpoint.metadata = merged(endpoint.metadata, metadata)
    endpoint.save(update_fields=["url", "enabled_events", "is_enabled", "description", "metadata"])
    record(by=by, at=at, action="merchant.update_endpoint", subject=endpoint)
    return endpoint


@transaction.atomic
def delete_endpoint(*, by: Actor, at: datetime, endpoint_id: UUID) -> WebhookEndpoint:
    """Stop an endpoint for good; what still waited for it is dropped, the events stay."""
    endpoint = locked_endpoint(by, endpoint_id)
    by.require(DEVELOP)
    endpoint.deleted_at, endpoint.is_enabled = at, False
    endpoint.save(update_fields=["deleted_at", "is_enabled"])
    waiting = EventDelivery.objects.select_for_update(of=("self",)).filter(
        endpoint=endpoint, state=DeliveryState.PENDING
    )
    for row in waiting.order_by("pk"):
        DELIVERY.move(row, "drop", by=by, at=at)
    record(by=by, at=at, action="merchant.delete_endpoint", subject=endpoint)
    return endpoint


@transaction.atomic
def roll_secret(*, by: Actor, at: datetime, endpoint_id: UUID) -> tuple[WebhookEndpoint, str]:
    """A new secret, shown this once; for a day events are signed with both."""
    endpoint = locked_endpoint(by, endpoint_id)
    by.require(DEVELOP)
    secret = _new_secret()
    endpoint.former_secret_sealed, endpoint.former_secret_until = endpoint.secret_sealed, at + OVERLAP
    endpoint.secret_sealed = sealed(secret)
    endpoint.save(update_fields=["secret_sealed", "former_secret_sealed", "former_secret_until"])
    record(by=by, at=at, action="merchant.roll_secret", subject=endpoint)
    return endpoint, secret


def secrets_in_force(endpoint: WebhookEndpoint, at: datetime) -> list[str]:
    """What events are signed with: the secret, and for a while after a change the former one."""
    found = [opened(endpoint.secret_sealed)]
    if endpoint.former_secret_until and at < endpoint.former_secret_until:
        found.append(opened(endpoint.former_secret_sealed))
    return found
