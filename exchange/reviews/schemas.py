"""What reviews look like as JSON."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ninja import Schema
from pydantic import Field

from exchange.reviews.models import Review


class ReviewOut(Schema):
    """A buyer's word on a completed order."""

    id: UUID
    product: str
    author: str
    stars: int
    text: str
    written_at: datetime
    edited_at: datetime | None
    answer: str
    is_hidden: bool

    @classmethod
    def of(cls, review: Review) -> ReviewOut:
        return cls(
            id=review.pk,
            product=review.product.number,
            author=review.author.display_name,
            stars=review.stars,
            text=review.text,
            written_at=review.written_at,
            edited_at=review.edited_at,
            answer=review.answer,
            is_hidden=review.hidden_at is not None,
        )


class ReviewIn(Schema):
    """One to five stars and a text."""

    stars: int = Field(ge=1, le=5)
    text: str = Field(max_length=1_000)


class AnswerIn(Schema):
    """The supplier's answer."""

    text: str = Field(max_length=1_000)


class HideIn(Schema):
    """Why."""

    reason: str = Field(default="", max_length=500)
