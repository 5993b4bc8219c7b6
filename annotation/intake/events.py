"""News of data on its way in."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class ItemsRanked(Event):
    """A model is unsure of these items of a project: (item, 0 to 1000), the more unsure the higher."""

    project_id: UUID
    ranks: tuple[tuple[UUID, int], ...]
