"""News of deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class OrderDelivered(Event):
    """The files are open to the buyer; the inspection period runs."""

    order_id: UUID
    by: Actor
