"""The marketplace in a real browser: wide and narrow, Chinese and English, axe clean."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from exchange.tenders import services
from exchange.tenders.models import Bid
from kernel import clock
from kernel.money import Money
from organizations.permissions import Actor
from tests import cast
from tests.exchange.tenders import hall

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def town() -> list[tuple[str, Actor | None]]:
    """A tender that takes bids and a signed contract with a lot to inspect; every page with who looks at it."""
    now = datetime.now(UTC)
    holds = date(2030, 1, 1)
    open_one = services.draft_tender(
        by=cast.zhou(), at=now, samples=hall.raw(hall.REVIEWS[:2]),
        **{**hall.WORDING, "title": "商品评论情感标注", "deadline": now + timedelta(days=5), "due_on": holds},
    )  # fmt: skip
    services.publish_tender(by=cast.zhou(), at=now, tender_id=open_one.pk)
    services.ask_question(by=cast.lin(), at=now, tender_id=open_one.pk, question="有中性吗？")
    services.draw_up_bid(
        by=cast.lin(), at=now, tender_id=open_one.pk, unit="item", unit_price=Money(120), task_pay=Money(30),
        people_count=3, days=10, plan="三人标注，一人全检。", valid_until=holds,
    )  # fmt: skip
    tender = hall.published()
    hall.submitted(tender, by=cast.he(), unit_price=Money(12_000), valid_until=holds)
    hall.submitted(tender, word="负面", valid_until=holds)
    bid = Bid.objects.get(tender=tender, firm=cast.lin().organization)
    opened = hall.published(title="酒店评论二期")
    hall.submitted(opened, valid_until=holds)
    with clock.moved_to(hall.OPENED):
        engagement = services.award_bid(by=cast.zhou(), at=hall.OPENED, bid_id=bid.pk, reason="试标全对")
    unsigned = f"/tenders/contracts/{engagement.number}/text/"
    for side in (cast.lin(), cast.zhou()):
        services.sign_contract(by=side, at=now, engagement_id=engagement.pk)
    lot = engagement.milestones.order_by("ordinal").first()
    assert lot is not None
    services.mark_funded(by=cast.zhou(), at=now, milestone_id=lot.pk)
    services.deliver_lot(by=cast.lin(), at=now, milestone_id=lot.pk)
    zhou, lin = cast.zhou(), cast.lin()
    here = f"/tenders/{open_one.number}/"
    return [
        ("/tenders/", None), (here, None), (here, lin), (here, zhou), ("/tenders/new/", zhou), ("/tenders/mine/", zhou),
        (f"{here}bid/", lin), (f"{here}bid/samples/1/", lin), ("/tenders/bids/", lin),
        (f"/tenders/{opened.number}/compare/", zhou), (f"/tenders/{tender.number}/compare/", zhou), (unsigned, zhou),
        ("/tenders/contracts/", lin), (f"/tenders/contracts/{engagement.number}/", zhou),
        (f"/lots/contracts/{engagement.number}/fund/", zhou), ("/providers/", None),
        (f"/providers/{cast.QINGLAN[1]}/", None),
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_every_page_is_accessible_and_fits(live_chromium: Visit, width: int, language: str) -> None:
    pages: dict[str, Page] = {}
    faults = []
    for address, who in town():
        key = who.label if who else ""
        if key not in pages:
            pages[key] = live_chromium.page(width=width, language=language)
            if who is not None:
                live_chromium.sign_in(pages[key], who.user)
        faults += live_chromium.faults(pages[key], address, widths=(width,))
    assert faults == []
