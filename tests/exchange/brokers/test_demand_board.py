"""Supply-side matches with the demand board, orders under a match's number, brokers that have graduated."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from exchange.brokers import selectors, services
from exchange.brokers.models import Deal, Mandate, Match
from exchange.catalogue.models import Product
from exchange.demands.models import Demand
from exchange.pilots import services as pilots
from exchange.pilots.models import Pilot
from exchange.pilots.rules import Facts
from exchange.trading import services as trading
from exchange.trading.models import Order
from kernel import clock
from kernel.errors import NotFound
from kernel.money import Money
from notifications.models import Notification
from organizations.permissions import Actor
from tests import cast
from tests.exchange import market
from tests.exchange.brokers import brokerage
from tests.exchange.brokers.brokerage import END, START, hong, jiang

pytestmark = pytest.mark.django_db
HOUR = START + timedelta(hours=1)


def matched(mandate: Mandate, demand: Demand, product: Product, *, by: Actor | None = None) -> Match:
    return services.record_demand_match(
        by=by or hong(), at=START, mandate_id=mandate.pk, demand_number=demand.number,
        product_number=product.number, reason="标签和预算都合适。",
    )  # fmt: skip


def ordered(product: Product, code: str, yuan: str) -> Order:
    return trading.place_order(
        by=cast.zhou(), at=HOUR, plan_id=market.plan_of(product).pk, use_statement="训练本公司的客服质检模型",
        referral=code, commission=Money.from_yuan(yuan),
    )  # fmt: skip


def test_a_supply_side_broker_finds_demands_for_the_mandated_products_with_reasons() -> None:
    brokerage.broker_in_pilot()
    product, mandate = market.listed(), brokerage.active("supply")
    other = brokerage.asked(
        title="红外热成像巡检视频", description="输电线路巡检。", industry="energy", modality="image"
    )
    demand = brokerage.asked()
    (found,) = selectors.wanted_of(mandate, START)
    assert (found.demand, found.product) == (demand, product)
    assert {reason.code for reason in found.match.reasons} >= {"industry", "modality", "budget", "labels"}
    assert other not in [each.demand for each in selectors.wanted_of(mandate, START)]
    match = matched(mandate, demand, product)
    assert (match.score, match.demand, match.state) == (found.match.score, demand, "recorded")
    assert selectors.wanted_of(mandate, START) == []
    with pytest.raises(services.AlreadyMatched):
        matched(mandate, demand, product)


def test_a_match_with_the_board_keeps_to_the_mandate_and_to_what_the_broker_finds() -> None:
    brokerage.broker_in_pilot()
    product, demand = market.listed(), brokerage.asked()
    narrow = brokerage.active("supply", scope="industries", industries=("health",))
    assert selectors.wanted_of(narrow, START) == []
    with pytest.raises(services.OutsideMandate):
        matched(narrow, demand, product)
    wide = brokerage.active("supply")
    own = brokerage.asked(by=cast.he())
    assert {each.demand for each in selectors.wanted_of(wide, START)} == {demand, own}
    with pytest.raises(services.OutsideMandate):
        services.record_demand_match(
            by=hong(), at=START + timedelta(days=31), mandate_id=wide.pk, demand_number=demand.number,
            product_number=product.number, reason="截止之后才推荐。",
        )  # fmt: skip
    with pytest.raises(services.MandateNotInForce):
        matched(brokerage.active(), demand, product)
    for stranger in (jiang(), cast.zhou()):
        with pytest.raises(NotFound):
            matched(wide, demand, product, by=stranger)
    assert Match.objects.count() == 0


def test_the_buyer_of_a_demand_sees_what_its_supplier_agreed_to(product_wired: None) -> None:
    brokerage.broker_in_pilot()
    product, demand = market.listed(), brokerage.asked()
    match = matched(brokerage.active("supply"), demand, product)
    with pytest.raises(NotFound):
        selectors.match_for(cast.zhou(), match.pk)
    services.answer_match(by=cast.lin(), at=START, match_id=match.pk, is_accepted=True)
    assert selectors.match_for(cast.zhou(), match.pk) == match
    with pytest.raises(NotFound):
        selectors.match_for(cast.he(), match.pk)
    titles = Notification.objects.filter(user=cast.zhou().user_id).values_list("title", flat=True)
    assert f"经纪人为贵单位的数据需求推荐了产品，撮合编号 {match.number}" in titles


def test_an_order_under_a_matchs_number_carries_the_broker(product_wired: None) -> None:
    brokerage.broker_in_pilot()
    product, demand = market.listed(), brokerage.asked()
    match = matched(brokerage.active("supply"), demand, product)
    with pytest.raises(services.UnknownMatch):
        ordered(product, match.number, "1700.00")  # the supplier has not agreed yet
    services.answer_match(by=cast.lin(), at=START, match_id=match.pk, is_accepted=True)
    with pytest.raises(services.OtherCommission):
        ordered(product, match.number, "0.00")
    with pytest.raises(services.UnknownMatch):
        ordered(market.listed(title="另一个商品评论数据集"), match.number, "1700.00")
    assert Order.objects.count() == 0
    order = ordered(product, match.number.lower(), "1700.00")
    deal = Deal.objects.get()
    assert (deal.order, deal.match, deal.commission_fen, deal.state) == (order, match, 1_700_00, "proposed")
    assert (deal.buyer_confirmed_at, deal.supplier_confirmed_at) == (HOUR, None)
    services.confirm_deal(by=cast.lin(), at=HOUR, deal_id=deal.pk, commission=Money(1_700_00))
    brokerage.settle(order)
    deal.refresh_from_db()
    assert deal.state == "completed"


def test_nobody_else_orders_under_the_number(product_wired: None) -> None:
    brokerage.broker_in_pilot()
    product = market.listed()
    match = brokerage.accepted(product=product)
    with pytest.raises(services.UnknownMatch):
        trading.place_order(
            by=cast.he(), at=HOUR, plan_id=market.plan_of(product).pk, use_statement="训练本公司的客服质检模型",
            referral=match.number, commission=Money.from_yuan("1700.00"),
        )  # fmt: skip
    assert selectors.referral_for(cast.he(), market.plan_of(product), match.number, HOUR) is None
    assert selectors.referral_for(cast.zhou(), market.plan_of(product), match.number, END) is None
    told = selectors.referral_for(cast.zhou(), market.plan_of(product), match.number, HOUR)
    assert told is not None
    assert (told.commission.yuan, told.parts) == ("1700.00", (("需方", Money(1_700_00)),))


def test_the_ordering_page_shows_the_commission_before_the_order(
    product_wired: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: HOUR)
    brokerage.broker_in_pilot()
    product = market.listed()
    match = brokerage.accepted(product=product)
    client = Client()
    client.force_login(cast.zhou().user)  # type: ignore[arg-type]
    address = reverse("trading:place", args=[market.plan_of(product).pk])
    assert (
        f"{address}?match={match.number}"
        in client.get(reverse("brokers:match", args=[match.pk])).content.decode()
    )
    use = {"use_statement": "训练本公司的客服质检模型", "idempotency_key": "1", "match_code": match.number}
    typed = client.post(address, use)  # typed without having seen the commission
    assert typed.status_code == 422
    assert "佣金合计为 ¥1,700.00" in typed.content.decode()
    assert Order.objects.count() == 0
    shown = client.get(f"{address}?match={match.number}").content.decode()
    found = re.search(r'name="commission_fen" value="(\d+)"', shown)
    assert found is not None
    assert found[1] == "170000"
    again = {**use, "idempotency_key": "2", "commission_fen": found[1]}
    first, second = client.post(address, again), client.post(address, again)
    assert first["Location"] == second["Location"]
    assert Deal.objects.get().order_id == Order.objects.get().pk


def test_the_pages_of_the_board_match(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: HOUR)
    brokerage.broker_in_pilot()
    product, demand, mandate = market.listed(), brokerage.asked(), brokerage.active("supply")
    client = Client()
    client.force_login(hong().user)  # type: ignore[arg-type]
    address = reverse("brokers:record_match", args=[mandate.pk])
    assert demand.title in client.get(address).content.decode()
    wanted = {"wanted": f"{demand.number} {product.number}", "reason": "标签和预算都合适。"}
    assert client.post(address, wanted).status_code == 302
    match = Match.objects.get()
    page = client.get(reverse("brokers:match", args=[match.pk])).content.decode()
    assert demand.title in page
    assert client.post(address, wanted).status_code == 422


def graduated() -> Pilot:
    """合通 after two good years."""
    pilot = brokerage.broker_in_pilot()
    assert pilot.until is not None
    facts = Facts(
        deals=12,
        amount_fen=1_000_000_00,
        complete_records=72,
        required_records=72,
        ratings_count=6,
        ratings_sum=30,
    )
    year = clock.business_year(pilot.until)
    at = clock.start_of(pilot.until.date().replace(year=year + 1, month=1, day=5))
    pilots.assess(by=cast.gu(), at=at, pilot_id=pilot.pk, year=year, facts=facts)
    pilots.decide(
        by=cast.gu(), at=at, pilot_id=pilot.pk, verdict="graduate", reasons="试点期满，各项指标达到结业线。"
    )
    pilot.refresh_from_db()
    return pilot


def test_a_graduated_broker_goes_on_taking_mandates(product_wired: None) -> None:
    pilot = graduated()
    assert (pilot.state, pilot.ended_at is not None) == ("graduated", True)
    assert pilot.ended_at is not None
    later = pilot.ended_at + timedelta(days=30)
    terms: dict[str, Any] = {"starts_at": later, "ends_at": later + timedelta(days=300)}
    mandate = brokerage.active(at=later, **terms)
    assert (mandate.state, mandate.pilot) == ("active", pilot)
    assert selectors.is_in_force(mandate, later)
    assert hong().organization in selectors.brokers_at_work(later)
    assert selectors.pilots_to_assess(cast.gu(), later) == []  # no yearly assessment any more
    with pytest.raises(services.NotABroker):
        brokerage.offered(broker=jiang(), at=later, **terms)
