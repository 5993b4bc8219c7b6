"""Who is told what of broking, by the product's own wiring."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config import wiring
from exchange.brokers import events as news
from exchange.pilots import services as pilots
from kernel.events import Event
from notifications.models import Notification
from tests import cast
from tests.exchange.brokers import brokerage
from tests.exchange.brokers.brokerage import START

pytestmark = pytest.mark.django_db


def titles_of(name: str) -> list[str]:
    rows = Notification.objects.filter(user__email=f"{name}@example.cn").order_by("pk")
    return [str(each.title) for each in rows]


def told(name: str, words: str) -> bool:
    return any(words in title for title in titles_of(name))


def test_every_piece_of_news_reaches_its_people(product_wired: None) -> None:
    kinds = {each for each in vars(news).values() if isinstance(each, type) and issubclass(each, Event)}
    assert kinds - {Event} <= set(wiring.handlers())
    pilot = brokerage.broker_in_pilot()
    deal = brokerage.confirmed()
    brokerage.settle(deal.order)
    pilots.exit_pilot(
        by=cast.gu(),
        at=START + timedelta(days=30),
        pilot_id=pilot.pk,
        reason="多次未按要求留存记录，退出试点。",
    )
    assert told("hong", "等待贵单位签署")
    assert told("hong", "已有答复")
    assert told("hong", "佣金已划付")
    assert told("zhou", "双方已签署")
    assert told("zhou", "请答复")
    assert told("zhou", "等待贵单位确认佣金")
    assert told("zhou", "请评价经纪服务")
    assert told("zhou", "请选择移交或终止")
    assert told("lin", "等待贵单位确认佣金")
    assert not told("lin", "请答复")
