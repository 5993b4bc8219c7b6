"""Reads of reviews that take a viewer."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.urls import reverse

from exchange.catalogue.opinions import Opinion, Opinions
from exchange.catalogue.permissions import EDIT_PRODUCTS, REVIEW_LISTINGS
from exchange.catalogue.selectors import products_visible_to
from exchange.reviews.models import Review
from exchange.reviews.permissions import WRITE_REVIEWS
from exchange.trading.models import Order
from exchange.trading.states import OrderState
from kernel.errors import NotFound
from organizations.permissions import Actor

SHOWN = 20


def reviews_visible_to(viewer: Actor) -> QuerySet[Review]:
    """Reviews of products the viewer sees; hidden ones for their author, the supplier and the operator alone.

    An author sees its own whatever became of the product.
    """
    rows = Review.objects.select_related("author", "product")
    seen = Q(product__in=products_visible_to(viewer))
    if viewer.can(REVIEW_LISTINGS):
        return rows.filter(seen)
    shown = Q(hidden_at=None)
    own = viewer.organization_id
    if own is None:
        return rows.filter(seen & shown)
    return rows.filter(Q(author=own) | Q(product__supplier=own) | (seen & shown))


def visible_review(viewer: Actor, review_id: UUID) -> Review:
    """One review; NotFound when the viewer may not see it."""
    found = reviews_visible_to(viewer).filter(pk=review_id).first()
    if found is None:
        raise NotFound
    return found


def reviewable_order(viewer: Actor, order_id: UUID) -> Order:
    """One of the viewer's own purchases, completed or reviewed before; NotFound otherwise."""
    viewer.require(WRITE_REVIEWS)
    rows = Order.objects.filter(buyer=viewer.organization_id, pk=order_id).select_related("product", "review")
    found = rows.filter(Q(state=OrderState.COMPLETED) | Q(review__isnull=False)).first()
    if found is None:
        raise NotFound
    return found


def opinions_of(viewer: Actor, product_id: UUID) -> Opinions:
    """What buyers say of a product, for its page: four queries at most."""
    rows = reviews_visible_to(viewer).filter(product=product_id)
    told = rows.filter(hidden_at=None).aggregate(number=Count("pk"), stars=Sum("stars"))
    number, stars = told["number"], told["stars"] or 0
    return Opinions(
        count=number,
        mean_tenths=(stars * 20 + number) // (2 * number) if number else 0,
        shown=[_opinion(review, viewer) for review in rows.order_by("-pk")[:SHOWN]],
        write_url=_write_url(viewer, product_id),
    )


def _opinion(review: Review, viewer: Actor) -> Opinion:
    is_suppliers = viewer.belongs_to(review.product.supplier_id) and viewer.can(EDIT_PRODUCTS)
    may_act = is_suppliers or viewer.can(REVIEW_LISTINGS)
    url = reverse("reviews:review", args=[review.pk]) if may_act else ""
    is_own = viewer.organization_id == review.author_id and viewer.can(WRITE_REVIEWS)
    if is_own:
        url = reverse("reviews:write", args=[review.order_id])
    return Opinion(
        id=review.pk,
        author=str(review.author.display_name),
        stars=review.stars,
        text=review.text,
        at=review.written_at,
        is_edited=review.edited_at is not None,
        answer=review.answer,
        hidden_reason=review.hidden_reason,
        url=url,
        is_own=is_own,
    )


def _write_url(viewer: Actor, product_id: UUID) -> str:
    if viewer.organization_id is None or not viewer.can(WRITE_REVIEWS):
        return ""
    rows = Order.objects.filter(
        buyer=viewer.organization_id, product=product_id, state=OrderState.COMPLETED, review=None
    )
    order_id = rows.order_by("-pk").values_list("pk", flat=True).first()
    return reverse("reviews:write", args=[order_id]) if order_id else ""
