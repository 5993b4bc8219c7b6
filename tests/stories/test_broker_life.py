"""A broker's whole life: called, scored, selected, signed, mandated, matched, paid, on record, assessed, gone."""

from __future__ import annotations

from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from exchange.brokers import selectors, services
from exchange.brokers.models import Deal
from exchange.delivery import services as delivery
from exchange.pilots import services as pilots
from exchange.pilots.models import Pilot
from exchange.trading import services as trading
from kernel import clock
from kernel.money import Money
from organizations.permissions import Actor
from settlement.ledger.models import Account, Posting, Purpose
from settlement.payments import services as payments
from tests import cast
from tests.exchange import market
from tests.exchange.brokers import brokerage
from tests.exchange.brokers.brokerage import START, hong, jiang
from tests.exchange.pilots import pilotage

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def books() -> dict[str, str]:
    """The balances of the three sides and what lies in escrow, in yuan; the whole always balances."""
    assert sum(Posting.objects.values_list("amount_fen", flat=True)) == 0
    held = {
        name: sum(
            Account.objects.filter(organization=who().organization_id, purpose=Purpose.WALLET).values_list(
                "posted_fen", flat=True
            )
        )
        for name, who in {"清蓝": cast.lin, "合通": hong, "江岸": jiang}.items()
    }
    held["托管"] = sum(Account.objects.filter(purpose=Purpose.ESCROW).values_list("posted_fen", flat=True))
    return {name: Money(abs(fen)).yuan for name, fen in held.items()}


def balances(firm: str = "0.00", broker: str = "0.00", escrow: str = "0.00") -> dict[str, str]:
    return {"清蓝": firm, "合通": broker, "江岸": "0.00", "托管": escrow}


def _into_the_pilot() -> tuple[Pilot, Pilot]:
    """One round, two applications of two types, three scorers each, a result in notice, two agreements."""
    call = pilotage.published()
    bids = [
        pilotage.applied(call, by=hong(), broker_type="data_enabling"),
        pilotage.applied(call, by=jiang(), broker_type="technology_enabling"),
    ]
    assert [bid.state for bid in bids] == ["applied", "applied"]
    pilotage.closed(call)
    for bid in bids:
        for expert in pilotage.experts():
            pilotage.scored(bid, expert)
    call = pilotage.announced(call)
    for bid in bids:
        bid.refresh_from_db()
    assert {(bid.state, bid.rank, bid.mean_centi) for bid in bids} == {("reviewed", 1, 7_950)}
    assert call.notice_until is not None
    pilots.conclude_result(by=cast.gu(), at=clock.end_of(call.notice_until), round_id=call.pk)
    signed = []
    for who, bid in zip((hong(), jiang()), bids, strict=True):
        pilot = Pilot.objects.get(application=bid)
        at = pilot.agreement.drawn_up_at + DAY
        for side in (who, cast.gu()):
            pilots.sign_agreement(by=side, at=at, pilot_id=pilot.pk, text_sha256=pilot.agreement.text_sha256)
        pilot.refresh_from_db()
        assert (pilot.state, pilot.grade) == ("in_pilot", "B")
        signed.append(pilot)
    return signed[0], signed[1]


def _keep_records(deal: Deal, by: Actor) -> None:
    for kind, words, fact in (
        ("source_demanded", "已书面要求供方说明数据来源。", "statement"),
        ("source_received", "供方提供登记证书，编号核对无误。", "certificate"),
        ("review", "来源、身份和用途均已核对，同意撮合。", "statement"),
    ):
        services.keep_record(
            by=by, at=START + 2 * DAY, deal_id=deal.pk, kind=kind, statement=words, fact=fact
        )


def test_a_brokers_life_from_the_call_to_the_handover() -> None:
    pilot, _other = _into_the_pilot()

    # mandates of both sides, a match, an order under its number
    product = market.listed()
    supply = brokerage.active("supply", commission_bp=0, commission=Money(500_00))
    demand = brokerage.active()
    match = services.record_match(
        by=hong(), at=START, mandate_id=demand.pk, product_number=product.number, reason="标签与需求一致。"
    )
    assert (match.score, match.supply_mandate) == (100, supply)
    services.answer_match(by=cast.zhou(), at=START, match_id=match.pk, is_accepted=True)
    order = trading.place_order(
        by=cast.zhou(), at=START + HOUR, plan_id=market.plan_of(product).pk,
        use_statement="训练本公司的客服质检模型", referral=match.number, commission=Money(2_200_00),
    )  # fmt: skip
    deal = Deal.objects.get(order=order)
    assert (deal.state, deal.commission_fen) == ("proposed", 2_200_00)
    services.confirm_deal(by=cast.lin(), at=START + HOUR, deal_id=deal.pk, commission=Money(2_200_00))
    assert books() == balances()

    # the money: into escrow, then to the supplier, the exchange and the broker in one breath
    for who in (cast.zhou(), cast.lin()):
        trading.sign_contract(by=who, at=START + DAY, order_id=order.pk)
    payments.pay_order(by=cast.zhou(), at=START + DAY, order_id=order.pk)
    assert books() == balances(escrow="68000.00")
    delivery.deliver(by=cast.lin(), at=START + DAY, order_id=order.pk)
    assert books() == balances(escrow="68000.00")
    trading.accept_order(by=cast.zhou(), at=START + 2 * DAY, order_id=order.pk)
    after_sale = balances(firm="66140.00", broker="2200.00")  # 68,000 − 2 % fee − 500; 2.5 % + 500
    assert books() == after_sale
    deal.refresh_from_db()
    order.refresh_from_db()
    assert (deal.state, order.state) == ("completed", "completed")

    # what the law wants on record, and the buyer's word
    assert selectors.missing_labels(deal) == ["要求说明数据来源", "收到数据来源说明", "审核记录"]
    _keep_records(deal, hong())
    assert selectors.missing_labels(selectors.deal_for(hong(), deal.pk)) == []
    services.rate_deal(by=cast.zhou(), at=START + 3 * DAY, deal_id=deal.pk, stars=5, words="核对仔细。")

    # the year is assessed from these facts: one deal is too few, whatever else is in order
    new_year = clock.start_of(date(2027, 1, 4))
    assessment = services.assess_year(by=cast.gu(), at=new_year, pilot_id=pilot.pk, year=2026)
    assert assessment.facts == {
        "deals": 1, "amount_fen": 68_000_00, "disputes": 0, "complete_records": 6, "required_records": 6,
        "ratings_count": 1, "ratings_sum": 5,
    }  # fmt: skip
    assert (assessment.total_centi, assessment.proposal) == (5_844, "improve")
    pilots.decide(
        by=cast.gu(), at=new_year, pilot_id=pilot.pk, verdict="exit", reasons="撮合数量不足，经协商退出试点。"
    )
    pilot.refresh_from_db()
    assert pilot.state == "exited"

    # nothing passes by itself: the buyer hands its mandate over, the firm ends its own
    for mandate in (supply, demand):
        mandate.refresh_from_db()
        assert mandate.state == "handing_over"
    with pytest.raises(services.NotABroker):
        brokerage.offered(at=new_year, starts_at=new_year, ends_at=new_year + 90 * DAY)
    successor = jiang()
    assert successor.organization_id is not None
    following = services.hand_over(
        by=cast.zhou(), at=new_year + DAY, mandate_id=demand.pk, broker_id=successor.organization_id
    )
    services.end_mandate(
        by=cast.lin(), at=new_year + DAY, mandate_id=supply.pk, reason="另行委托，不再继续。"
    )
    assert (following.state, following.follows, following.ends_at) == ("offered", demand, demand.ends_at)
    brokerage.signed_by(following, cast.zhou(), successor, at=new_year + 2 * DAY)
    assert following.state == "active"
    for mandate in (supply, demand):
        mandate.refresh_from_db()
        assert mandate.state == "ended"

    # the books stand as the sale left them, the records stay, the year's revenue proves
    assert books() == after_sale
    call_command("revenue_check", stdout=StringIO())
    assert order.revenue_lines.get().fee_fen == -1_860_00  # the exchange's 1,360 and the broker's 500
