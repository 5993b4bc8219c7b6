"""Writing and sealing the audit log.

An event is written by `record` inside the transaction of the deed. `seal` chains finished events in
batches (one sealer at a time), so that posting never waits for a chain head.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import translation

from audit.models import AuditEvent, ChainLink
from kernel.states import By

GENESIS = "0" * 64
_SEALER_LOCK = 0x51_5C_41  # advisory lock of the one sealer
_MEMBERS = (
    "at", "action", "subject_type", "subject_id", "subject_label",
    "user_id", "organization_id", "actor_label", "detail",
)  # fmt: skip


# The oldest transaction of this database that is still writing, else the next one to begin. Transactions of other
# databases on the same server write nothing here. Their 32-bit numbers are read in the epoch of the newest.
_HORIZON = """
WITH newest AS MATERIALIZED (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next)
SELECT min(CASE WHEN writer.full_id > next THEN writer.full_id - 4294967296 ELSE writer.full_id END)
FROM newest, LATERAL (
  SELECT next AS full_id
  UNION ALL
  SELECT next - next % 4294967296 + backend_xid::text::bigint
  FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL
) AS writer
"""
_WRITTEN = ("id", *(name for name in _MEMBERS if name != "detail"), "digest")
_INSERT = (
    f"INSERT INTO audit_auditevent (recorded_at, {', '.join(_WRITTEN)}, detail)"
    f" VALUES (now(), {', '.join(['%s'] * len(_WRITTEN))}, %s::jsonb)"
)


def canonical(members: dict[str, Any]) -> str:
    """JSON with sorted keys and no spaces; dates as ISO 8601 in UTC, ids as text."""

    def plain(value: Any) -> Any:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    return json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=plain)


def digest_of(event: AuditEvent) -> str:
    """SHA-256 (hex) of the event's id and told members, as stored."""
    members = {name: getattr(event, name) for name in _MEMBERS}
    members["id"] = str(event.id)
    members["at"] = event.at.astimezone(UTC)
    return hashlib.sha256(canonical(members).encode()).hexdigest()


def record(
    *,
    by: By,
    at: datetime,
    action: str,
    subject: models.Model | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEvent:
    """Write what `by` did to `subject` at `at`; `detail` holds plain JSON values (amounts in fen).

    Must run in the transaction of the deed, so both stay or neither does.
    """
    assert connection.in_atomic_block, "audit.record() needs the deed's transaction"
    with translation.override(settings.LANGUAGE_CODE):  # kept for ever, whatever language the writer speaks
        label = str(subject)[:300] if subject is not None else ""
    event = AuditEvent(
        at=at,
        action=action,
        subject_type=subject._meta.label if subject is not None else "",
        subject_id=subject.pk if subject is not None else None,
        subject_label=label,
        user_id=by.user_id,
        organization_id=by.organization_id,
        actor_label=by.label[:200],
        detail=json.loads(canonical(detail or {})),
    )
    event.digest = digest_of(event)
    with connection.cursor() as cursor:  # one fixed statement: this runs with every write of the product
        cursor.execute(_INSERT, [getattr(event, name) for name in _WRITTEN] + [canonical(event.detail)])
    return event


def link_hash(previous: str, digest: str) -> str:
    """The chain's step: SHA-256 over the previous link's hash and the event's digest (hex text)."""
    return hashlib.sha256(f"{previous}{digest}".encode()).hexdigest()


@transaction.atomic
def seal(*, at: datetime, limit: int = 10_000) -> int:
    """Chain up to `limit` events of finished transactions, oldest write first; how many were sealed.

    A second sealer at the same time does nothing and returns 0.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SEALER_LOCK])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(_HORIZON)
        (horizon,) = cursor.fetchone()
    final = ChainLink.objects.order_by("-position").first()
    position, previous = (final.position, final.hash) if final else (0, GENESIS)
    waiting = AuditEvent.objects.filter(link=None, transaction_id__lt=horizon).order_by(
        "transaction_id", "id"
    )
    links = []
    for event_id, digest in waiting.values_list("id", "digest")[:limit]:
        position += 1
        current = link_hash(previous, digest)
        links.append(
            ChainLink(
                position=position, event_id=event_id, previous_hash=previous, hash=current, sealed_at=at
            )
        )
        previous = current
    ChainLink.objects.bulk_create(links, batch_size=2_000)
    return len(links)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of the whole log found; `fault` is empty when nothing was changed.

    `position` is the first bad place in the chain, 0 when the bad event is not sealed yet.
    """

    event_count: int
    head: str
    fault: str = ""
    position: int = 0
    event_id: str = ""

    @property
    def is_sound(self) -> bool:
        return not self.fault


Link = tuple[int, str, str, Any]  # position, previous hash, hash, event id


def _batches(size: int = 2_000) -> Iterator[list[Link]]:
    rows = ChainLink.objects.order_by("position").values_list("position", "previous_hash", "hash", "event_id")
    links = rows.iterator(chunk_size=size)
    while batch := list(islice(links, size)):
        yield batch


def verify() -> Verdict:
    """Recompute every digest and every link in order, then the digests of events that wait for sealing.

    Reads in batches, so memory does not grow with the log. The first fault ends the check.
    """
    position, head = 0, GENESIS
    for batch in _batches():
        events = AuditEvent.objects.in_bulk([link[3] for link in batch])
        for link in batch:
            fault = _fault(link, position, head, events.get(link[3]))
            if fault:
                return Verdict(position, head, fault, position + 1, str(link[3]))
            position, head = link[0], link[2]
    waiting = 0
    rows = AuditEvent.objects.filter(link=None).order_by("transaction_id", "id")
    for event in rows.iterator(chunk_size=2_000):
        if digest_of(event) != event.digest:
            return Verdict(position + waiting, head, "event_changed", 0, str(event.pk))
        waiting += 1
    return Verdict(position + waiting, head)


def _fault(link: Link, position: int, head: str, event: AuditEvent | None) -> str:
    """What is wrong with the link after `position`: a gap, its event gone or changed, no sequel."""
    place, previous, current, _event_id = link
    if place != position + 1:
        return "link_missing"
    if event is None:
        return "event_missing"
    digest = digest_of(event)
    if digest != event.digest:
        return "event_changed"
    if previous != head or current != link_hash(head, digest):
        return "link_changed"
    return ""
