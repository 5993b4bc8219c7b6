"""The demo's broker at work."""

from __future__ import annotations

import pytest

from config.stories import broker_pilot, brokerage, people
from config.stories.way import shanghai
from exchange.brokers.models import Deal, Mandate
from exchange.brokers.selectors import missing_labels
from exchange.dataspace.models import Space
from exchange.dataspace.selectors import landed_amount
from tests.exchange import market

pytestmark = pytest.mark.django_db


def test_the_demo_has_a_mandate_and_a_deal_that_lacks_records_however_often_it_is_told() -> None:
    people.settle(shanghai(2024, 10, 8))
    broker_pilot.tell()
    market.listed(by=people.actor("lin"), at=shanghai(2026, 10, 8))
    brokerage.tell()
    brokerage.tell()
    assert Mandate.objects.get().state == "active"
    deal = Deal.objects.get()
    assert (deal.state, deal.commission_fen) == ("confirmed", 1_020_00)
    assert missing_labels(deal) == ["审核记录", "交易记录"]
    space = Space.objects.get()
    assert (space.state, space.members.filter(state="joined").count()) == ("active", 3)
    assert [each.state for each in space.milestones.order_by("due_on")] == ["met", "planned", "planned"]
    assert landed_amount(space.landings.all()).yuan == "12000000.00"
