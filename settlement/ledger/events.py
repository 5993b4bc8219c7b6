"""What the ledger announces."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class HoldDue(Event):
    """A hold has come to its end and is about to expire. Told before the hold is locked, so that the owner of its fact
    can lock what is its own first."""

    hold_id: UUID
    fact_type: str
    fact_id: UUID
