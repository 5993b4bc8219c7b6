"""News of revenue."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class RevenueChanged(Event):
    """What counts in a firm's year is no longer what it was; `cause` is one sentence for people."""

    firm_id: UUID
    year: int
    cause: str
    by: Actor
