"""JSON shape of a job."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Schema


class JobOut(Schema):
    """A piece of long work; `error` is one sentence, empty unless it failed."""

    id: UUID
    kind: str
    title: str
    state: str
    done_count: int
    total_count: int
    result: dict[str, Any]
    result_url: str
    error: str
    created_at: datetime
    ended_at: datetime | None
