"""Telling of what happened: the event's row and its deliveries are written in the transaction that made it true."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from settlement.merchant.models import Event, EventDelivery, WebhookEndpoint
from settlement.merchant.rules import is_wanted
from settlement.merchant.shapes import Shape

_origin: ContextVar[tuple[str, str]] = ContextVar("origin", default=("", ""))


@contextmanager
def caused_by(request_id: str, idempotency_key: str) -> Iterator[None]:
    """Events told inside the block name this request."""
    token = _origin.set((request_id, idempotency_key))
    try:
        yield
    finally:
        _origin.reset(token)


def tell(
    organization_id: UUID, kind: str, told: Shape, *, at: datetime, previous: dict[str, Any] | None = None
) -> Event:
    """Write an event of this type about the object `told`, for every endpoint that wants it.

    The caller holds the object's lock, so that its events are numbered without gaps.
    """
    request_id, idempotency_key = _origin.get()
    known = Event.objects.filter(organization=organization_id, object_id=told["id"])
    event = Event.objects.create(
        organization_id=organization_id,
        type=kind,
        object_id=told["id"],
        sequence=1 + (known.aggregate(newest=Max("sequence"))["newest"] or 0),
        data={"object": told, **({"previous_attributes": previous} if previous else {})},
        created_at=at,
        request_id=request_id,
        idempotency_key=idempotency_key,
    )
    endpoints = WebhookEndpoint.objects.filter(
        organization=organization_id, is_enabled=True, deleted_at__isnull=True
    )
    wanted = [each for each in endpoints if is_wanted(kind, each.enabled_events)]
    rows = [EventDelivery(event=event, endpoint=each, next_at=at) for each in wanted]
    EventDelivery.objects.bulk_create(rows)
    for row in rows:
        send_soon(row.pk)
    return event


def send_soon(delivery_id: UUID) -> None:
    """Queue one delivery once the transaction is done; what gets lost is found by `deliver_due`."""
    from settlement.merchant.tasks import deliver

    transaction.on_commit(lambda: deliver.delay(str(delivery_id)), robust=True)
