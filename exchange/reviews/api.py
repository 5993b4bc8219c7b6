"""Reviews as JSON."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from exchange.reviews import services
from exchange.reviews.schemas import AnswerIn, HideIn, ReviewIn, ReviewOut
from exchange.reviews.selectors import reviews_visible_to, visible_review
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock

router = Router()


@router.get("/", response=Page[ReviewOut])
def list_reviews(
    request: HttpRequest, product: str = "", cursor: str | None = None, limit: int = 20
) -> Page[ReviewOut]:
    """Reviews the caller may see, newest first; `product`: a product's number."""
    rows = reviews_visible_to(actor(request))
    if product:
        rows = rows.filter(product__number=product)
    found, following = cursor_page(rows, cursor=cursor, limit=limit)
    return Page[ReviewOut](items=[ReviewOut.of(each) for each in found], next=following)


def _shown(request: HttpRequest, review_id: UUID) -> ReviewOut:
    return ReviewOut.of(visible_review(actor(request), review_id))


@router.post("/orders/{uuid:order_id}", response=ReviewOut)
@idempotent
def post_review(request: HttpRequest, order_id: UUID, body: ReviewIn) -> ReviewOut:
    """Judge a completed order, or better the judgement."""
    made = services.write_review(
        by=actor(request), at=clock.now(), order_id=order_id, stars=body.stars, text=body.text
    )
    return _shown(request, made.pk)


@router.post("/{uuid:review_id}/answer", response=ReviewOut)
@idempotent
def post_answer(request: HttpRequest, review_id: UUID, body: AnswerIn) -> ReviewOut:
    """The supplier's answer."""
    services.answer_review(by=actor(request), at=clock.now(), review_id=review_id, text=body.text)
    return _shown(request, review_id)


@router.post("/{uuid:review_id}/hiding", response=ReviewOut)
@idempotent
def post_hiding(request: HttpRequest, review_id: UUID, body: HideIn) -> ReviewOut:
    """Take a review out of sight (operator)."""
    services.hide_review(by=actor(request), at=clock.now(), review_id=review_id, reason=body.reason)
    return _shown(request, review_id)
