"""News of pay."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class RunPaid(Event):
    """A pay run was posted and its file for the bank made."""

    run_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ItemReturned(Event):
    """The bank gave an annotator's pay back."""

    item_id: UUID
    by: Actor
