"""Who has bought and received may judge, once an order; the supplier answers, the operator may hide."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import DatabaseError
from django.test import Client

from exchange.catalogue.services import ReasonMissing
from exchange.reviews import services as reviews
from exchange.reviews.events import ReviewHidden, ReviewWritten
from exchange.reviews.models import Review, Wording
from exchange.reviews.selectors import opinions_of
from exchange.trading.models import Order
from exchange.trading.services import WrongSide
from kernel.errors import InvalidInput, NotAllowed, NotFound
from kernel.events import Event
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import market

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(days=3)


def judged(order: Order | None = None, *, stars: int = 4) -> Review:
    order = order or market.completed()
    return reviews.write_review(
        by=cast.zhou(), at=LATER, order_id=order.pk, stars=stars, text="标签准确，交付很快。"
    )


def test_a_completed_order_is_judged_once_and_every_wording_is_kept(nobody_listens: list[Event]) -> None:
    order = market.completed()
    first = judged(order)
    assert isinstance(nobody_listens[-1], ReviewWritten)
    assert judged(order) == first
    better = reviews.write_review(
        by=cast.zhou(), at=LATER + timedelta(days=1), order_id=order.pk, stars=5, text="补发后很好。"
    )
    assert (better.pk, better.stars, better.edited_at) == (first.pk, 5, LATER + timedelta(days=1))
    assert list(Wording.objects.order_by("pk").values_list("stars", flat=True)) == [4, 5]
    told = opinions_of(Actor.anonymous(), order.product_id)
    assert (told.count, told.mean, told.shown[0].is_edited, told.write_url) == (1, "5.0", True, "")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE reviews_wording SET stars = 1")
    with pytest.raises(IntegrityError), transaction.atomic():
        Review.objects.update(stars=6)


def test_only_the_buyer_judges_and_only_when_it_is_done() -> None:
    order = market.delivered()
    with pytest.raises(reviews.NotCompleted):
        judged(order)
    with pytest.raises(WrongSide):
        reviews.write_review(by=cast.lin(), at=LATER, order_id=order.pk, stars=5, text="自己夸自己。")
    with pytest.raises(NotFound):
        reviews.write_review(by=cast.he(), at=LATER, order_id=order.pk, stars=1, text="从未买过。")
    assert not Review.objects.exists()


@pytest.mark.parametrize(
    ("field", "stars", "text"),
    [("stars", 0, "还可以吧"), ("stars", 6, "还可以吧"), ("text", 3, "差"), ("text", 3, "长" * 1_001)],
)
def test_nonsense_names_its_field(field: str, stars: int, text: str) -> None:
    order = market.completed()
    with pytest.raises(InvalidInput) as refused:
        reviews.write_review(by=cast.zhou(), at=LATER, order_id=order.pk, stars=stars, text=text)
    assert refused.value.field == field


def test_the_supplier_answers_and_the_operator_hides_with_a_reason(nobody_listens: list[Event]) -> None:
    review = judged()
    with pytest.raises(NotAllowed):
        reviews.answer_review(by=cast.he(), at=LATER, review_id=review.pk, text="谢谢惠顾。")
    reviews.answer_review(by=cast.lin(), at=LATER, review_id=review.pk, text="谢谢惠顾。")
    page = Client().get(f"/catalogue/{review.product.number}/").content.decode()
    assert "标签准确，交付很快。" in page
    assert "谢谢惠顾。" in page
    with pytest.raises(NotAllowed):
        reviews.hide_review(by=cast.lin(), at=LATER, review_id=review.pk, reason="不喜欢")
    with pytest.raises(ReasonMissing):
        reviews.hide_review(by=cast.gu(), at=LATER, review_id=review.pk, reason=" ")
    reviews.hide_review(by=cast.gu(), at=LATER, review_id=review.pk, reason="含广告")
    assert isinstance(nobody_listens[-1], ReviewHidden)
    assert opinions_of(Actor.anonymous(), review.product_id).count == 0
    assert len(opinions_of(cast.zhou(), review.product_id).shown) == 1
    with pytest.raises(reviews.AlreadyHidden):
        judged(review.order, stars=1)


def test_the_pages_lead_through_it() -> None:
    order = market.completed()
    buyer, supplier, operator = Client(), Client(), Client()
    for client, who in ((buyer, cast.zhou), (supplier, cast.lin), (operator, cast.gu)):
        user = who().user
        assert user is not None
        client.force_login(user)
    address = f"/reviews/orders/{order.pk}/"
    assert address in buyer.get(f"/catalogue/{order.product.number}/").content.decode()
    assert supplier.get(address).status_code in (403, 404)
    assert buyer.post(address, {"stars": "9", "text": "好"}).status_code == 422
    assert buyer.post(address, {"stars": "4", "text": "标签准确，交付很快。"}).status_code == 302
    review = Review.objects.get()
    assert (
        supplier.post(f"/reviews/{review.pk}/", {"part": "answer", "text": "谢谢惠顾。"}).status_code == 302
    )
    assert operator.post(f"/reviews/{review.pk}/", {"part": "hide", "reason": ""}).status_code == 422
    assert buyer.get(f"/reviews/{review.pk}/").status_code == 403
    assert operator.post(f"/reviews/{review.pk}/", {"part": "hide", "reason": "含广告"}).status_code == 302
    review.refresh_from_db()
    assert (review.answer, review.hidden_reason) == ("谢谢惠顾。", "含广告")


def test_a_page_with_many_reviews_asks_as_often_as_with_one() -> None:
    product = market.listed()
    judged(market.completed(product))
    from django.test.utils import CaptureQueriesContext

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert Client().get(f"/catalogue/{product.number}/").status_code == 200
        return len(queries)

    before = asked()
    for _i in range(3):
        judged(market.completed(product))
    assert asked() == before
