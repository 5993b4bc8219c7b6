"""Broking's pages in a real browser: wide and narrow, Chinese and English, axe clean."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kernel import clock
from organizations.permissions import Actor
from tests import cast
from tests.exchange import market
from tests.exchange.brokers import brokerage
from tests.exchange.brokers.brokerage import START, hong

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def addresses() -> list[tuple[str, Actor]]:
    """Every kind of page with who looks at it."""
    pilot = brokerage.broker_in_pilot()
    mandate = brokerage.active()
    supply = brokerage.active("supply")
    brokerage.asked()
    offer = brokerage.offered(scope="industries", industries=("health", "commerce"), by=hong())
    market.listed(title="另一个商品评论数据集")
    match = brokerage.recorded(mandate)
    waiting = brokerage.proposed(brokerage.accepted(mandate))
    deal = brokerage.confirmed(brokerage.accepted(mandate))
    agreed = brokerage.accepted(mandate)
    place = f"/orders/new/{market.plan_of(agreed.product).pk}/?match={agreed.number}"
    zhou, gu = cast.zhou(), cast.gu()
    return [
        ("/brokers/", hong()), ("/brokers/deals/", hong()), ("/brokers/mandates/new/", hong()),
        (f"/brokers/mandates/{mandate.pk}/", hong()), (f"/brokers/mandates/{mandate.pk}/match/", hong()),
        (f"/brokers/deals/{deal.pk}/", hong()), (f"/brokers/deals/{deal.pk}/records/", hong()),
        (f"/brokers/mandates/{supply.pk}/match/", hong()), (f"/brokers/matches/{agreed.pk}/", zhou), (place, zhou),
        ("/brokers/mandates/new/", zhou), (f"/brokers/mandates/{offer.pk}/", zhou),
        (f"/brokers/mandates/{offer.pk}/text/", zhou), (f"/brokers/mandates/{offer.pk}/end/", zhou),
        (f"/brokers/matches/{match.pk}/", zhou), (f"/brokers/deals/{waiting.pk}/", zhou),
        ("/brokers/board/", gu), (f"/brokers/assess/{pilot.pk}/2026/", gu),
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_every_page_is_accessible_and_fits(
    live_chromium: Visit, width: int, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: START + timedelta(hours=2))
    faults: list[str] = []
    pages: dict[str, Page] = {}
    for number, (address, who) in enumerate(addresses()):
        key = who.label
        if key not in pages:
            pages[key] = live_chromium.page(width=width, language=language)
            live_chromium.sign_in(pages[key], who.user)
        faults += live_chromium.faults(pages[key], address, widths=(width,))
        if "SHOTS" in os.environ:
            pages[key].screenshot(
                path=Path(os.environ["SHOTS"]) / f"{width}-{number:02d}.png", full_page=True
            )
    assert faults == []
