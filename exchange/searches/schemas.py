"""What the JSON of saved searches looks like."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema
from pydantic import Field

from exchange.searches.models import SavedSearch


class SavedSearchOut(Schema):
    """A saved search; `new_count`: what came on sale since the caller last looked."""

    id: UUID
    name: str
    text: str
    chosen: dict[str, list[str]]
    sort: str
    sharing: str
    news: str
    saved_at: datetime
    new_count: int = 0

    @classmethod
    def of(cls, search: SavedSearch) -> SavedSearchOut:
        return cls(
            id=search.pk, name=search.name, sharing=search.sharing, news=search.news, saved_at=search.saved_at,
            new_count=getattr(search, "new_count", 0), **search.wanted,
        )  # fmt: skip


class SavedSearchIn(Schema):
    """A search to keep: text and facets as the catalogue takes them."""

    name: str
    text: str = Field(default="", max_length=100)
    chosen: dict[str, list[str]] = {}
    sort: str = ""
    sharing: str = "own"
    news: str = "at_once"
