"""News of saved searches."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from kernel.events import Event


@dataclass(frozen=True, kw_only=True)
class SearchMatched(Event):
    """`count` products that the owner was not told of match a saved search; `product_id`: the newest of them."""

    search_id: UUID
    product_id: UUID
    count: int
