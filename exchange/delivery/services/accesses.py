"""Putting accesses on record."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from exchange.delivery.models import Access, AccessKey, Entitlement
from exchange.delivery.states import Way
from organizations.permissions import Actor


def noted(
    entitlement: Entitlement,
    *,
    version_id: UUID,
    way: Way,
    path: str,
    byte_count: int,
    at: datetime,
    by: Actor | None = None,
    key: AccessKey | None = None,
) -> Access:
    """One row of the access log; `byte_count` is what the answer was to hold, sent whole or not."""
    label = (
        by.label if by is not None else f"{key.get_kind_display()} {key.name} ({key.prefix})" if key else "—"
    )
    access = Access(
        entitlement=entitlement,
        version_id=version_id,
        way=way,
        path=path[:400],
        byte_count=byte_count,
        user=by.user if by is not None else None,
        key=key,
        actor_label=label[:200],
        accessed_at=at,
    )
    access.save(force_insert=True)
    return access
