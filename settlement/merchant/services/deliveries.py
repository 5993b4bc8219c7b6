"""Events on their way: claimed, sent outside any transaction, noted. At least once, in the order of each object.

A worker that dies in the middle leaves a claimed row; after its lease it is sent again with the same event id, by
which the other side knows it.
"""

from __future__ import annotations

import hashlib
import json
import random
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from audit.services import record
from kernel.errors import NotFound
from organizations.permissions import Actor
from settlement.merchant import rules, sending, shapes
from settlement.merchant.models import Event, EventDelivery, WebhookEndpoint
from settlement.merchant.permissions import DEVELOP
from settlement.merchant.services.endpoints import secrets_in_force
from settlement.merchant.services.locking import organization_of
from settlement.merchant.services.news import send_soon
from settlement.merchant.states import DELIVERY, DeliveryState
from signing import services as signing

LEASE = timedelta(seconds=60)
QUEUE = Actor.system("事件推送")
_chance = random.SystemRandom()


def due(at: datetime) -> QuerySet[EventDelivery]:
    """What may be sent now: its time has come, and no earlier event of its object still waits for that endpoint."""
    earlier = EventDelivery.objects.filter(
        endpoint=OuterRef("endpoint"),
        state=DeliveryState.PENDING,
        event__organization=OuterRef("event__organization"),
        event__object_id=OuterRef("event__object_id"),
        event__sequence__lt=OuterRef("event__sequence"),
    )
    waiting = EventDelivery.objects.filter(
        state=DeliveryState.PENDING, next_at__lte=at, endpoint__is_enabled=True
    )
    return waiting.filter(~Exists(earlier)).order_by("next_at", "pk")


@transaction.atomic
def _claim(delivery_id: UUID, at: datetime) -> EventDelivery | None:
    rows = due(at).select_for_update(of=("self",), skip_locked=True)
    row = rows.select_related("event", "endpoint").filter(pk=delivery_id).first()
    if row is None:
        return None
    row.attempt_count += 1
    row.tried_at, row.next_at = at, at + LEASE
    row.save(update_fields=["attempt_count", "tried_at", "next_at"])
    return row


def body_of(event: Event) -> bytes:
    """The event as it is sent: the same bytes at every attempt."""
    return json.dumps(shapes.event(event), ensure_ascii=False, sort_keys=True).encode()


def headers_for(endpoint: WebhookEndpoint, event: Event, body: bytes, at: datetime) -> dict[str, str]:
    """Both signatures: Stripe's form under the endpoint's secret, and ours under the published key."""
    moment = int(at.timestamp())
    token = signing.sign(
        {
            "jti": rules.public_id("evt", event.pk),
            "iat": moment,
            "aud": endpoint.url,
            "body_sha256": hashlib.sha256(body).hexdigest(),
        },
        type_="event+jwt",
    )
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Qingshu/1.0",
        "Stripe-Signature": rules.signature_header(secrets_in_force(endpoint, at), body, timestamp=moment),
        "Qingshu-Signature": token,
    }


def deliver(*, at: datetime, delivery_id: UUID) -> EventDelivery | None:
    """Send one event if it is its turn; not acknowledged means later. None when there was nothing to do."""
    row = _claim(delivery_id, at)
    if row is None:
        return None
    body = body_of(row.event)
    outcome = sending.post(row.endpoint.url, body, headers_for(row.endpoint, row.event, body, at))
    return _note(row, outcome, at)


@transaction.atomic
def _note(claimed: EventDelivery, outcome: sending.Outcome, at: datetime) -> EventDelivery:
    row = EventDelivery.objects.select_for_update(of=("self",)).get(pk=claimed.pk)
    if row.state != DeliveryState.PENDING:
        return row
    row.last_status, row.last_error = outcome.status, outcome.error[:120]
    if outcome.is_acknowledged:
        row.acknowledged_at = at
        fields = ["last_status", "last_error", "acknowledged_at"]
        DELIVERY.move(row, "acknowledge", by=QUEUE, at=at, update_fields=fields)
        _send_next(claimed)
    elif row.attempt_count == claimed.attempt_count:  # nobody has taken over meanwhile
        row.next_at = at + rules.pause_after(row.attempt_count, _chance.random())
        row.save(update_fields=["last_status", "last_error", "next_at"])
    return row


def _send_next(done: EventDelivery) -> None:
    following = EventDelivery.objects.filter(
        endpoint=done.endpoint_id,
        state=DeliveryState.PENDING,
        event__object_id=done.event.object_id,
        event__sequence__gt=done.event.sequence,
    )
    row = following.order_by("event__sequence").first()
    if row is not None:
        send_soon(row.pk)


def deliver_due(*, at: datetime, limit: int = 500) -> int:
    """Queue everything whose time has come, also what a dead worker left; how many."""
    keys = list(due(at).values_list("pk", flat=True)[:limit])
    for key in keys:
        send_soon(key)
    return len(keys)


@transaction.atomic
def replay(*, by: Actor, at: datetime, event_id: UUID, endpoint_id: UUID) -> EventDelivery:
    """Send an event again to an endpoint (or for the first time, if it did not want it then)."""
    event = Event.objects.filter(pk=event_id, organization=organization_of(by)).first()
    endpoint = WebhookEndpoint.objects.filter(
        pk=endpoint_id, organization=organization_of(by), deleted_at__isnull=True
    ).first()
    if event is None or endpoint is None:
        raise NotFound
    by.require(DEVELOP)
    EventDelivery.objects.bulk_create(
        [EventDelivery(event=event, endpoint=endpoint, next_at=at)], ignore_conflicts=True
    )
    row = EventDelivery.objects.select_for_update(of=("self",)).get(event=event, endpoint=endpoint)
    row.next_at = at
    if row.state == DeliveryState.ACKNOWLEDGED:
        row.acknowledged_at = None
        DELIVERY.move(row, "replay", by=by, at=at, update_fields=["next_at", "acknowledged_at"])
    else:
        row.save(update_fields=["next_at"])
    record(by=by, at=at, action="merchant.replay_event", subject=event, detail={"endpoint": str(endpoint.pk)})
    send_soon(row.pk)
    return row
