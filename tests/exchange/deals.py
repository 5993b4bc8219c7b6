"""Short ways to a purchase request, an offer and a signed contract, for tests that start there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from exchange.catalogue.models import Product
from exchange.requests import services as requests
from exchange.requests.models import Offer, PurchaseRequest
from exchange.requests.services import Proposal, Stated
from exchange.trading import services as trading
from exchange.trading.models import Order
from kernel.money import Money
from organizations.permissions import Actor
from tests import cast
from tests.cast import NOON
from tests.exchange import market

PRICE = Money.from_yuan("52000.00")


def stated(**other: Any) -> Stated:
    """云山's use: training a service model on its own premises, two years, twelve people."""
    values: dict[str, Any] = {
        "purpose": "training", "use_statement": "训练本公司的客服质检模型", "place": "own", "place_note": "广州机房",
        "term_days": 730, "people_count": 12, "is_training": True, "is_abroad": False, **other,
    }  # fmt: skip
    return Stated(**values)


def asked(
    product: Product | None = None, *, by: Actor | None = None, at: datetime = NOON, **other: Any
) -> PurchaseRequest:
    """A request of 云山 (or `by`) for the product's first plan."""
    product = product or market.listed(at=at)
    return requests.ask(
        by=by or cast.zhou(), at=at, plan_id=market.plan_of(product).pk, stated=stated(**other)
    )


def approved(product: Product | None = None, *, at: datetime = NOON, **kept: Any) -> PurchaseRequest:
    """A request that the supplier agreed to."""
    request = asked(product, at=at, **kept)
    return requests.approve(by=cast.lin(), at=at, request_id=request.pk)


def proposal(request: PurchaseRequest, **other: Any) -> Proposal:
    """Terms below the list price: one year, ten days to inspect."""
    values: dict[str, Any] = {
        "plan_id": request.plan_id, "price": PRICE, "licence": "training", "inspection_days": 10,
        "term_days": 365, "user_count": 12, **other,
    }  # fmt: skip
    return Proposal(**values)


def offered(
    request: PurchaseRequest, *, by: Actor, at: datetime = NOON, after: int = 0, **other: Any
) -> Offer:
    """One version of the terms, made by that person's side."""
    return requests.make_offer(
        by=by, at=at, request_id=request.pk, proposal=proposal(request, **other), after_version=after
    )


def signed(order: Order, *, at: datetime = NOON) -> Order:
    """The order with both signatures."""
    trading.sign_contract(by=cast.zhou(), at=at, order_id=order.pk)
    return trading.sign_contract(by=cast.lin(), at=at, order_id=order.pk)


def negotiated(product: Product | None = None, *, at: datetime = NOON, **other: Any) -> Order:
    """A contracted order on terms that 清蓝 offered and 云山 accepted."""
    request = asked(product, at=at)
    offered(request, by=cast.lin(), at=at, **other)
    order = requests.accept_offer(by=cast.zhou(), at=at, request_id=request.pk, version=1)
    return signed(order, at=at)
