"""Short ways to a mandate, a match and a deal, for tests that start there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from exchange.brokers import services
from exchange.brokers.models import Deal, Mandate, Match
from exchange.brokers.states import Side
from exchange.catalogue.models import Product
from exchange.delivery import services as delivery
from exchange.demands import services as demands
from exchange.demands.models import Demand
from exchange.pilots.models import Pilot
from exchange.trading import services as trading
from exchange.trading.models import Order
from kernel.money import Money
from organizations.permissions import Actor
from settlement.payments import services as payments
from tests import cast
from tests.exchange import market
from tests.exchange.pilots import pilotage
from tests.exchange.pilots.pilotage import hong, jiang

START = cast.NOON + timedelta(days=60)
END = START + timedelta(days=300)
TWO_AND_A_HALF = 250


def broker_in_pilot(by: Actor | None = None, **wanted: Any) -> Pilot:
    """合通 (or another) with a pilot in force at START."""
    pilot = pilotage.in_pilot(by=by, **wanted)
    assert pilot.began_at is not None
    assert pilot.began_at <= START
    return pilot


def terms(side: str = Side.DEMAND.value, **wanted: Any) -> services.Proposal:
    given = {
        "side": side, "starts_at": START, "ends_at": END, "commission_bp": TWO_AND_A_HALF,
        "payer": "buyer" if side == Side.DEMAND else "supplier", **wanted,
    }  # fmt: skip
    if side == Side.DEMAND:
        given = {"wish_modality": "text", "wish_labels": ("正面", "负面"),
                 "wish_budget": Money.from_yuan("80000"), **given}  # fmt: skip
    return services.Proposal(**given)


def principal(side: str) -> Actor:
    return cast.zhou() if side == Side.DEMAND else cast.lin()


def offered(
    side: str = Side.DEMAND.value, *, broker: Actor | None = None, by: Actor | None = None,
    at: datetime = START, giver: Actor | None = None, **wanted: Any,
) -> Mandate:  # fmt: skip
    giver, broker = giver or principal(side), broker or hong()
    assert giver.organization_id is not None
    assert broker.organization_id is not None
    return services.offer_mandate(
        by=by or giver, at=at, principal_id=giver.organization_id, broker_id=broker.organization_id,
        terms=terms(side, **wanted),
    )  # fmt: skip


def signed_by(mandate: Mandate, *who: Actor, at: datetime = START) -> Mandate:
    for each in who:
        services.sign_mandate(by=each, at=at, mandate_id=mandate.pk, text_sha256=mandate.text_sha256)
    mandate.refresh_from_db()
    return mandate


def active(
    side: str = Side.DEMAND.value, *, broker: Actor | None = None, giver: Actor | None = None,
    at: datetime = START, **wanted: Any,
) -> Mandate:  # fmt: skip
    """A mandate both sides have signed, running from START."""
    giver, broker = giver or principal(side), broker or hong()
    made = offered(side, broker=broker, giver=giver, at=at, **wanted)
    return signed_by(made, giver, broker, at=at)


def recorded(
    mandate: Mandate | None = None, product: Product | None = None, *, at: datetime = START
) -> Match:
    product = product or market.listed()
    return services.record_match(
        by=hong(), at=at, mandate_id=(mandate or active()).pk, product_number=product.number,
        reason="标签与需求一致，价格在预算内。",
    )  # fmt: skip


def accepted(mandate: Mandate | None = None, product: Product | None = None, **kept: Any) -> Match:
    match = recorded(mandate, product, **kept)
    return services.answer_match(
        by=cast.zhou(), at=kept.get("at", START), match_id=match.pk, is_accepted=True
    )


def proposed(match: Match | None = None, *, at: datetime = START + timedelta(hours=1)) -> Deal:
    """A deal over an order of 云山 placed after the match."""
    match = match or accepted()
    order = market.placed(match.product, at=at)
    return services.propose_deal(by=hong(), at=at, match_id=match.pk, order_number=order.number)


def confirmed(match: Match | None = None, *, at: datetime = START + timedelta(hours=1)) -> Deal:
    deal = proposed(match, at=at)
    for who in (cast.zhou(), cast.lin()):
        services.confirm_deal(by=who, at=at, deal_id=deal.pk, commission=Money(deal.commission_fen))
    deal.refresh_from_db()
    return deal


def settle(order: Order, *, at: datetime = START + timedelta(days=1)) -> Order:
    """Sign, pay, deliver and accept; with the product wired, escrow is released and the order completed."""
    for who in (cast.zhou(), cast.lin()):
        trading.sign_contract(by=who, at=at, order_id=order.pk)
    payments.pay_order(by=cast.zhou(), at=at, order_id=order.pk)
    delivery.deliver(by=cast.lin(), at=at, order_id=order.pk)
    trading.accept_order(by=cast.zhou(), at=at, order_id=order.pk)
    order.refresh_from_db()
    return order


def asked(*, by: Actor | None = None, **wanted: Any) -> Demand:
    """A published demand of 云山 for what 清蓝 sells."""
    by = by or cast.zhou()
    told = {
        "title": "商品评论情感数据", "description": "需要正面、负面标签，训练客服质检模型。", "industry": "commerce",
        "modality": "text", "budget_most_fen": 80_000_00, "deadline": START + timedelta(days=30),
        "contact_name": "周四", "contact_phone": "0763-3366123", **wanted,
    }  # fmt: skip
    made = demands.draft_demand(by=by, at=START, **told)
    return demands.publish_demand(by=by, at=START, demand_id=made.pk)


def proceedings() -> dict[str, Any]:
    """What a walk over every route needs: a mandate, a match and a deal that wait (a broker is in pilot)."""
    mandate = active()
    match = recorded(mandate)
    deal = proposed(accepted(mandate))
    return {"mandate_id": mandate.pk, "match_id": match.pk, "deal_id": deal.pk}


__all__ = ["END", "START", "hong", "jiang"]
