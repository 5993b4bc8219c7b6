"""The demo city: two years of trade, made through the services, with the figures it promises."""

from __future__ import annotations

import pytest

from config.stories import city, people
from config.stories.way import shanghai
from exchange.catalogue.models import Product
from exchange.trading.models import Order
from settlement.ledger import selectors as ledger
from settlement.revenue import selectors as revenue
from settlement.rewards.models import Claim

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def counted(firm: str) -> int:
    return revenue.annual(people.organization(firm).pk, 2025).counted_fen


def claim(firm: str) -> Claim:
    return Claim.objects.select_related("decision").get(firm=people.organization(firm), year=2025)


def test_the_city_stands_as_promised_and_is_loaded_once() -> None:
    told: list[str] = []
    assert city.load(say=told.append, at=shanghai(2026, 11, 20), processes=1)
    assert Order.objects.count() >= 2_000
    assert not city.load(say=told.append, at=shanghai(2026, 11, 21))

    assert counted("qinglan") > 500_000_000
    assert counted("beijiang") == 499_999_999
    assert counted("feixia") > 10_000_000_000
    outcomes = {firm: claim(firm).decision for firm in ("qinglan", "beijiang", "feixia")}
    assert (outcomes["beijiang"].outcome, outcomes["beijiang"].amount_fen) == ("not_eligible", 0)
    assert (outcomes["feixia"].outcome, outcomes["feixia"].amount_fen) == ("granted", 100_000_000)
    assert outcomes["qinglan"].amount_fen == counted("qinglan") // 100
    assert claim("feixia").state == "approved"

    lapsed = Product.objects.get(supplier=people.organization("lianjiang"))
    assert (lapsed.state, lapsed.certificate.state) == ("suspended", "cancelled")
    assert Order.objects.filter(supplier=people.organization("yingshi"), state="refunded").count() == 2
    assert ledger.prove().is_sound
    for firm in ("qinglan", "beijiang", "feixia", "lianjiang", "yingshi", "bijia"):
        assert revenue.recomputation(people.organization(firm).pk, 2025).is_equal
