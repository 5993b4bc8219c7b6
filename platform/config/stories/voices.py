"""What buyers say and ask in the demo city, and a listing change that waits for the operator. All invented (示例).

Telling it again changes nothing: a product that has a review, a question or an open change keeps what it has.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from config.stories import people
from config.stories.way import shanghai
from exchange.catalogue import services as catalogue
from exchange.catalogue.models import Product, Question
from exchange.catalogue.selectors import open_revision_of
from exchange.reviews import services as reviews
from exchange.reviews.models import Review
from exchange.trading.models import Order
from kernel.money import Money
from organizations.permissions import Actor

SAID: dict[str, tuple[tuple[str, int, str, str], ...]] = {
    "qinglan": (
        ("zhou", 5, "标签与规范一致，抽查两百条只有一条有分歧；清单和哈希都对得上，接入当天就能用。",
         "谢谢。有分歧的那条已记入规范第 3 条的例子，下一版更新。"),
        ("nanling-lead", 4, "质量可靠，交付很快。偏短的评论多了一些，希望能按长度筛选。", ""),
        ("lingnan-lead", 5, "来源说明写得清楚，内部合规审查一次通过。", ""),
    ),
    "beijiang": (
        ("zhushui-lead", 4, "图书类评论的负面样本够用，规范附得完整；希望补充儿童读物。",
         "儿童读物正在标注，登记完成后作为新版本上架。"),
        ("zhou", 3, "整体可用，部分评论的语气词没有清理，训练前自己又处理了一遍。", ""),
    ),
    "feixia": (
        ("lingnan-lead", 5, "政务服务的说法很全，用来评测客服模型正合适。", ""),
    ),
}  # fmt: skip
ASKED: dict[str, tuple[tuple[str, str, str], ...]] = {
    "qinglan": (
        ("zhushui-lead", "每条评论有几个人标注？意见不同时怎么定？",
         "每条一人标注、一人复核；意见不同的退回重标，以规范第 3 条的结论句为准。"),
        ("nanling-lead", "是否包含方言评论？", "不含。评论均为普通话书面语。"),
        ("lingnan-lead", "能否每季度更新一次，老客户怎么计价？", ""),
    ),
    "yingshi": (
        ("zhou", "评论覆盖哪些年份？", "2023 年到 2024 年，具体批次见谱系。"),
    ),
}  # fmt: skip


@transaction.atomic
def tell() -> None:
    """The reviews and the questions, once."""
    for firm, said in SAID.items():
        product = _product(firm)
        if product is not None and not Review.objects.filter(product=product).exists():
            _judge(product, people.actor("lin" if firm == "qinglan" else f"{firm}-lead"), said)
    for firm, asked in ASKED.items():
        product = _product(firm)
        if product is not None and not Question.objects.filter(product=product).exists():
            _ask(product, people.actor("lin" if firm == "qinglan" else f"{firm}-lead"), asked)
    product = _product("beijiang")
    if product is not None and open_revision_of(product) is None:
        _change(product, people.actor("beijiang-lead"))


def _product(firm: str) -> Product | None:
    rows = Product.objects.filter(supplier=people.organization(firm), state="listed")
    return rows.order_by("pk").first()


def _judge(product: Product, supplier: Actor, said: tuple[tuple[str, int, str, str], ...]) -> None:
    for key, stars, text, answer in said:
        buyer = people.actor(key)
        done = Order.objects.filter(product=product, buyer=buyer.organization, state="completed")
        order = done.order_by("-placed_at").first()
        if order is None:
            continue
        assert order.completed_at is not None
        at = order.completed_at + timedelta(days=2)
        review = reviews.write_review(by=buyer, at=at, order_id=order.pk, stars=stars, text=text)
        if answer:
            reviews.answer_review(by=supplier, at=at + timedelta(days=1), review_id=review.pk, text=answer)


def _ask(product: Product, supplier: Actor, asked: tuple[tuple[str, str, str], ...]) -> None:
    for days, (key, text, answer) in enumerate(asked):
        at = shanghai(2026, 11, 10 + days)
        question = catalogue.ask(by=people.actor(key), at=at, product_id=product.pk, text=text)
        if answer:
            catalogue.answer_question(
                by=supplier, at=at + timedelta(hours=5), question_id=question.pk, text=answer
            )


def _change(product: Product, supplier: Actor) -> None:
    """A clearer summary and a subscription, handed in: the operator sees what would change."""
    at = shanghai(2026, 11, 13)
    catalogue.propose(
        by=supplier,
        at=at,
        product_id=product.pk,
        summary="图书评论情感二分类，逐条质检，适合推荐排序与选题分析。",
    )
    revision = catalogue.propose_plan(
        by=supplier, at=at, product_id=product.pk, name="按季更新版", price=Money.from_yuan("4200.00"),
        kind="subscription", term_days=90,
    )  # fmt: skip
    catalogue.submit_revision(
        by=supplier, at=at, revision_id=revision.pk, note="应买方要求补充适用场景，新增按季更新的方案"
    )
