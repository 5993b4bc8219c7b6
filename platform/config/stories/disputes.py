"""Two quarrels of the demo city: one settled by a partial refund, one before the exchange.

笔架山 sells them late in 2026, so that no firm's 2025 figures change. Told again, nothing happens.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from config.stories import people
from config.stories.way import shanghai
from exchange.acceptance import services as acceptance
from exchange.acceptance.models import Complaint
from exchange.acceptance.services import Reported
from exchange.catalogue.models import Plan
from exchange.delivery import services as delivery
from exchange.trading import services as trading
from exchange.trading.models import Order
from kernel.money import Money
from organizations.permissions import Actor
from settlement.payments import services as payments

SELLER, BUYER = "bijia", "zhushui-lead"


@transaction.atomic
def tell() -> int:
    """Both stories, once; how many complaints there are."""
    seller, buyer = people.actor(f"{SELLER}-lead"), people.actor(BUYER)
    known = Complaint.objects.filter(order__supplier=seller.organization)
    plan = (
        Plan.objects.filter(product__supplier=seller.organization, withdrawn_at=None)
        .order_by("ordinal")
        .first()
    )
    if plan is None or known.exists():
        return known.count()
    _settled(seller, buyer, plan, shanghai(2026, 11, 2))
    _disputed(seller, buyer, plan, shanghai(2026, 11, 9))
    return known.count()


def _delivered(seller: Actor, buyer: Actor, plan: Plan, at: datetime) -> Order:
    use = "评测大模型的中文情感理解能力"
    order = trading.place_order(by=buyer, at=at, plan_id=plan.pk, use_statement=use)
    trading.sign_contract(by=buyer, at=at + timedelta(minutes=20), order_id=order.pk)
    trading.sign_contract(by=seller, at=at + timedelta(hours=2), order_id=order.pk)
    payments.pay_order(by=buyer, at=at + timedelta(hours=5), order_id=order.pk)
    delivery.deliver(by=seller, at=at + timedelta(days=1), order_id=order.pk)
    return order


def _settled(seller: Actor, buyer: Actor, plan: Plan, at: datetime) -> None:
    order = _delivered(seller, buyer, plan, at)
    found = acceptance.file_complaint(
        by=buyer, at=at + timedelta(days=3), order_id=order.pk,
        defects=[Reported(kind="label_errors", text="抽查五十条，其中四条短评的情感标签与规范不符。",
                          row_ids=["r000002", "r000005"], error_rate_bp=800)],
    )  # fmt: skip
    offer = acceptance.answer(
        by=seller, at=at + timedelta(days=4), complaint_id=found.pk, kind="partial_refund",
        amount=Money(order.amount_fen // 10), text="复核属实，愿按错误比例退还一成价款。",
    )  # fmt: skip
    acceptance.accept_offer(by=buyer, at=at + timedelta(days=5), complaint_id=found.pk, offer_id=offer.pk)


def _disputed(seller: Actor, buyer: Actor, plan: Plan, at: datetime) -> None:
    order = _delivered(seller, buyer, plan, at)
    found = acceptance.file_complaint(
        by=buyer, at=at + timedelta(days=2), order_id=order.pk,
        defects=[Reported(kind="not_as_described", text="产品说明写有逐条质检，交付内容没有质检记录。")],
    )  # fmt: skip
    acceptance.answer(
        by=seller, at=at + timedelta(days=3), complaint_id=found.pk, kind="rejection",
        text="质检在标注平台逐条完成，谱系页面可以查到每条的复核人。",
    )  # fmt: skip
    acceptance.escalate(
        by=buyer, at=at + timedelta(days=5), complaint_id=found.pk,
        text="合同约定的内容应当随交付提供，不应只在平台查看。请求退还三成价款。",
    )  # fmt: skip
    acceptance.state_evidence(
        by=seller, at=at + timedelta(days=6), complaint_id=found.pk,
        text="合同第一条所列文件全部交付，根哈希一致；质检记录不在清单之内。",
    )  # fmt: skip
