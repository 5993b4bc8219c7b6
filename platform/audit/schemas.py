"""JSON shapes of the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema


class EventOut(Schema):
    """One event; `digest` is the SHA-256 of its canonical JSON."""

    id: UUID
    at: datetime
    action: str
    subject_type: str
    subject_id: UUID | None
    subject_label: str
    actor_label: str
    organization_id: UUID | None
    detail: dict[str, Any]
    digest: str


class ChainOut(Schema):
    """How far the log is sealed."""

    length: int
    head: str
    sealed_at: datetime | None
    waiting_count: int
