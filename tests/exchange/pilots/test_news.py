"""Who is told what, by the product's own wiring."""

from __future__ import annotations

import pytest

from config import wiring
from exchange.pilots import events as news
from kernel.events import Event
from notifications.models import Notification
from tests import cast
from tests.exchange.pilots import pilotage

pytestmark = pytest.mark.django_db


def titles_of(name: str) -> list[str]:
    return [
        str(each.title)
        for each in Notification.objects.filter(user__email=f"{name}@example.cn").order_by("pk")
    ]


def test_every_piece_of_news_has_its_handlers_and_reaches_its_people(heard: list[Event]) -> None:
    cast.gu(), pilotage.hong(), pilotage.jiang()
    pilotage.proceedings()
    table = wiring.handlers()
    kinds = {each for each in vars(news).values() if isinstance(each, type) and issubclass(each, Event)}
    assert kinds - {Event} <= set(table)
    for event in heard:
        for handler in table[type(event)]:
            handler(event)
    for name, words in (("hong", "请签署协议"), ("hong", "年度考核已有结论"), ("jiang", "结果已公示"),
                        ("wen", "先声明有无利益冲突"), ("gu", "提出异议"), ("gu", "收到试点申报")):  # fmt: skip
        assert any(words in title for title in titles_of(name)), (name, words)
    assert not any("请签署协议" in title for title in titles_of("jiang"))
