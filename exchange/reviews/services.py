"""Every write of reviews."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.services import record
from exchange.catalogue.permissions import EDIT_PRODUCTS, REVIEW_LISTINGS
from exchange.catalogue.services import ReasonMissing
from exchange.reviews.events import ReviewHidden, ReviewWritten
from exchange.reviews.models import LEAST_STARS, MOST_STARS, Review, Wording
from exchange.reviews.permissions import WRITE_REVIEWS
from exchange.reviews.selectors import visible_review
from exchange.trading.services import locked_order, require_side
from exchange.trading.states import OrderState, Party
from kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor

LEAST_LENGTH, MOST_LENGTH, MOST_REASON = 4, 1_000, 500


class NotCompleted(Refusal):
    """Only who has bought and received may judge."""

    code = "order_not_completed"
    message = _("订单 %(number)s 还没有完成。完成验收和结算之后才能评价。")


class AlreadyHidden(Refusal):
    """What is out of sight stays as it is."""

    code = "review_hidden"
    message = _("这条评价已被隐藏，不能再修改或回复。")


def _text(text: str) -> str:
    found = text.strip()
    if not LEAST_LENGTH <= len(found) <= MOST_LENGTH or "\x00" in found:
        words = {"least": LEAST_LENGTH, "most": MOST_LENGTH}
        raise InvalidInput(field="text", reason=gettext("请用 %(least)s 到 %(most)s 个字写清楚。") % words)
    return found


@transaction.atomic
def write_review(*, by: Actor, at: datetime, order_id: UUID, stars: int, text: str) -> Review:
    """The buyer judges a completed order, or betters its judgement; every wording is kept.

    Raises NotFound, WrongSide, NotCompleted, AlreadyHidden, InvalidInput. The same words again change nothing.
    """
    order = locked_order(order_id)
    require_side(order, by, Party.BUYER, WRITE_REVIEWS)
    review = Review.objects.select_for_update(of=("self",), no_key=True).filter(order=order).first()
    if review is None and order.state != OrderState.COMPLETED:
        raise NotCompleted(number=order.number)
    if review is not None and review.hidden_at is not None:
        raise AlreadyHidden
    if not LEAST_STARS <= stars <= MOST_STARS:
        raise InvalidInput(field="stars", reason=gettext("请选择 1 到 5 星。"))
    text = _text(text)
    if review is None:
        review = Review(
            order=order,
            product_id=order.product_id,
            author_id=order.buyer_id,
            stars=stars,
            text=text,
            written_at=at,
        )
        review.save(force_insert=True)
        announce(ReviewWritten(at=at, review_id=review.pk, by=by))
    elif (review.stars, review.text) == (stars, text):
        return review
    else:
        review.stars, review.text, review.edited_at = stars, text, at
        review.save(update_fields=["stars", "text", "edited_at"])
    Wording(review=review, stars=stars, text=text, written_by=by.user, written_at=at).save(force_insert=True)
    record(by=by, at=at, action="reviews.write", subject=review, detail={"stars": stars, "text": text})
    return review


def _locked(by: Actor, review_id: UUID) -> Review:
    """The review under lock; NotFound when the actor may not see it."""
    visible_review(by, review_id)
    rows = Review.objects.select_for_update(of=("self",), no_key=True).select_related("product")
    found = rows.filter(pk=review_id).first()
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def answer_review(*, by: Actor, at: datetime, review_id: UUID, text: str) -> Review:
    """The supplier's word beside the buyer's; writing again replaces it, the log keeps every one."""
    review = _locked(by, review_id)
    if not by.belongs_to(review.product.supplier_id):
        raise NotAllowed(permission=EDIT_PRODUCTS.label, organization=str(by.organization or "—"))
    by.require(EDIT_PRODUCTS)
    if review.hidden_at is not None:
        raise AlreadyHidden
    text = _text(text)
    if text != review.answer:
        review.answer, review.answered_at = text, at
        review.save(update_fields=["answer", "answered_at"])
        record(by=by, at=at, action="reviews.answer", subject=review, detail={"answer": text})
    return review


@transaction.atomic
def hide_review(*, by: Actor, at: datetime, review_id: UUID, reason: str) -> Review:
    """The operator takes a review out of sight, with a reason that author and supplier read."""
    review = _locked(by, review_id)
    by.require(REVIEW_LISTINGS)
    reason = reason.strip()
    if not reason:
        raise ReasonMissing(field="reason")
    if len(reason) > MOST_REASON:
        raise InvalidInput(field="reason", reason=gettext("最多 %(most)s 个字符。") % {"most": MOST_REASON})
    if review.hidden_at is None:
        review.hidden_at, review.hidden_by, review.hidden_reason = at, by.user, reason
        review.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
        record(by=by, at=at, action="reviews.hide", subject=review, detail={"reason": reason})
        announce(ReviewHidden(at=at, review_id=review.pk, by=by, reason=reason))
    return review
