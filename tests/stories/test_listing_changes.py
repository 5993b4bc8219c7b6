"""From the listing to its changes with everybody listening: who is told, and that an exclusive sale ends the sale."""

from __future__ import annotations

import pytest

from assets.registry.events import CertificateEnding
from config import notices
from exchange.catalogue import services as catalogue
from exchange.catalogue.models import ListingRevision
from exchange.catalogue.selectors import todos
from exchange.reviews import services as reviews
from exchange.trading import services as trading
from kernel.money import Money
from notifications.models import Notification
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import market

pytestmark = pytest.mark.django_db


def told(actor: Actor) -> list[str]:
    return list(Notification.objects.filter(user=actor.user).order_by("pk").values_list("title", flat=True))


def test_each_side_hears_what_concerns_it() -> None:
    lin, zhou, gu = cast.lin(), cast.zhou(), cast.gu()
    product = market.listed()
    title = product.title
    assert f"“{title}”提交上架，等待审核" in told(gu)
    assert f"“{title}”已上架" in told(lin)
    order = market.placed(product)
    catalogue.propose(by=lin, at=NOON, product_id=product.pk, summary="另一句")
    revision = catalogue.submit_revision(by=lin, at=NOON, revision_id=ListingRevision.objects.get().pk)
    assert f"“{title}”提交变更，等待审核" in told(gu)
    assert [str(todo.title) for todo in todos(gu)] == [f"审核变更：{title}"]
    catalogue.reject_revision(by=gu, at=NOON, revision_id=revision.pk, reason="与证书不符")
    assert f"“{title}”的变更未通过，产品保持现状，请查看意见" in told(lin)
    catalogue.propose(by=lin, at=NOON, product_id=product.pk, summary="第三句")
    market.revised(product)
    assert f"“{title}”的变更已生效" in told(lin)
    question = catalogue.ask(by=zhou, at=NOON, product_id=product.pk, text="是否含方言评论？")
    assert f"有人就“{title}”提问，请回答" in told(lin)
    assert [str(todo.title) for todo in todos(lin)] == ["回答提问：是否含方言评论？"]
    catalogue.answer_question(by=lin, at=NOON, question_id=question.pk, text="不含方言。")
    assert f"供方回答了您就“{title}”的提问" in told(zhou)
    before = len(told(zhou))
    notices.tell_listing_ending(CertificateEnding(at=NOON, certificate_id=product.certificate_id, days=30))
    number = product.certificate.number
    assert told(zhou)[before:] == []  # the order is not signed yet: see test_lapse.py
    assert told(gu)[-1] == f"在售产品“{title}”的证书 {number} 将在 30 日内届满"
    assert told(lin)[-1] == f"“{title}”的证书 {number} 将在 30 日内届满，届满后自动暂停交易，请及时续展"
    assert order.amount_fen == 6_800_000


def test_an_exclusive_contract_ends_the_sale_to_everybody_else() -> None:
    product = market.listed()
    plan = market.with_plan(product, name="独家", price=Money.from_yuan("900000.00"), is_exclusive=True)
    order = trading.place_order(by=cast.zhou(), at=NOON, plan_id=plan.pk, use_statement="训练本公司模型")
    assert product.plans.filter(withdrawn_at=None).count() == 2
    trading.sign_contract(by=cast.zhou(), at=NOON, order_id=order.pk)
    trading.sign_contract(by=cast.lin(), at=NOON, order_id=order.pk)
    assert not product.plans.filter(withdrawn_at=None).exists()
    with pytest.raises(trading.NotOnSale):
        trading.place_order(
            by=cast.he(), at=NOON, plan_id=market.plan_of(product).pk, use_statement="训练本公司模型"
        )


def test_a_hidden_review_is_explained_to_its_author() -> None:
    order = trading.mark_paid(by=market.SYSTEM, at=NOON, order_id=market.contracted().pk)
    type(order).objects.filter(pk=order.pk).update(
        state="completed", delivered_at=NOON, accepted_at=NOON, completed_at=NOON
    )
    review = reviews.write_review(
        by=cast.zhou(), at=NOON, order_id=order.pk, stars=2, text="标签有误，见第三条。"
    )
    assert f"买方评价了“{order.product.title}”" in told(cast.lin())
    reviews.hide_review(by=cast.gu(), at=NOON, review_id=review.pk, reason="含广告")
    assert f"您对“{order.product.title}”的评价已被隐藏，请查看理由" in told(cast.zhou())
