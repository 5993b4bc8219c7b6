"""Short ways to a demand and its answers, for tests that start there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from exchange.demands import services
from exchange.demands.models import Answer, Demand
from kernel.money import Money
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON

DEADLINE = NOON + timedelta(days=10)
WORDING: dict[str, Any] = {
    "title": "商品评论情感标注数据",
    "description": "用于训练客服质检模型，每条一个情感标签：正面、负面、中性。",
    "industry": "commerce",
    "kind": "dataset",
    "modality": "text",
    "quantity": 1_000,
    "budget_least_fen": 5_000_000,
    "budget_most_fen": 10_000_000,
    "deadline": DEADLINE,
    "contact_name": "周四",
    "contact_phone": "0763-3366123",
}


def drafted(*, by: Actor | None = None, at: datetime = NOON, **wording: Any) -> Demand:
    """A draft of 云山."""
    return services.draft_demand(by=by or cast.zhou(), at=at, **{**WORDING, **wording})


def published(*, by: Actor | None = None, at: datetime = NOON, **wording: Any) -> Demand:
    """A demand that takes answers."""
    demand = drafted(by=by, at=at, **wording)
    return services.publish_demand(by=by or cast.zhou(), at=at, demand_id=demand.pk)


def offered(demand: Demand, *, by: Actor | None = None, at: datetime = NOON, **offer: Any) -> Answer:
    """清蓝's answer in words."""
    values = {
        "words": "两周内按您的标签体系重新标注。",
        "price": Money(8_000_000),
        "delivery_days": 14,
        **offer,
    }
    return services.submit_answer(by=by or cast.lin(), at=at, demand_id=demand.pk, **values)
