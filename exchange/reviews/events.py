"""News of reviews."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event
from organizations.permissions import Actor


@dataclass(frozen=True, kw_only=True)
class ReviewWritten(Event):
    """A buyer said something about what it bought."""

    review_id: UUID
    by: Actor


@dataclass(frozen=True, kw_only=True)
class ReviewHidden(Event):
    """The operator took a review out of sight, with the reason."""

    review_id: UUID
    by: Actor
    reason: str
