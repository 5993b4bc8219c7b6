"""Requests, negotiation, contract and supplements in a real browser: wide and narrow, Chinese and English."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exchange.requests import services as requests
from exchange.trading import printing, supplements
from kernel import clock
from tests import cast
from tests.exchange import deals, market

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def town() -> list[tuple[str, str]]:
    """A request in every standing with its pages; who looks at which."""
    now = clock.now()
    product = market.listed(at=now)
    refused = deals.asked(product, at=now)
    requests.refuse(
        by=cast.lin(), at=now, request_id=refused.pk, reason="人数过多，无法管控", advice="请限于五人以内"
    )
    waiting = deals.asked(product, by=cast.he(), at=now)
    talked = requests.ask(
        by=cast.zhou(), at=now, plan_id=refused.plan_id, stated=deals.stated(people_count=5),
        previous_id=refused.pk, change_note="减为五人，实名登记",
    )  # fmt: skip
    deals.offered(talked, by=cast.lin(), at=now, price=market.PRICE, note="两年须按标价")
    deals.offered(talked, by=cast.zhou(), at=now, after=1, clauses=["delete_at_end", "attribution"])
    deals.offered(talked, by=cast.lin(), at=now, after=2, clauses=["delete_at_end"], inspection_days=7)
    other = market.listed(at=now, name="另一个", title="服务评价语料库")
    order = deals.negotiated(other, at=now, clauses=["delete_at_end", "named_staff", "incident_24h"])
    printing.issue_document(by=cast.zhou(), at=now, order_id=order.pk)
    supplement = supplements.propose_supplement(
        by=cast.zhou(), at=now, order_id=order.pk, kind="amendment", reason="项目延期", term_days=730
    )
    placed = market.placed(other, by=cast.he(), at=now)
    return [
        ("zhou", "/requests/"), ("lin", f"/requests/{waiting.pk}/"), ("zhou", f"/requests/{talked.pk}/"),
        ("zhou", f"/requests/{refused.pk}/"), ("zhou", f"/requests/new/{refused.plan_id}/"),
        ("zhou", f"/orders/{order.pk}/"), ("zhou", f"/orders/{order.pk}/contract/"),
        ("lin", f"/orders/{placed.pk}/contract/"), ("zhou", f"/orders/{order.pk}/supplements/new/"),
        ("lin", f"/orders/supplements/{supplement.pk}/"), ("zhou", f"/orders/new/{refused.plan_id}/"),
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_every_page_is_accessible_and_fits(live_chromium: Visit, width: int, language: str) -> None:
    faults: list[str] = []
    pages: dict[str, Page] = {}
    for who, address in town():
        if who not in pages:
            pages[who] = live_chromium.page(width=width, language=language)
            live_chromium.sign_in(pages[who], getattr(cast, who)().user)
        faults += live_chromium.faults(pages[who], address, widths=(width,))
    assert faults == []


def test_a_deal_is_settled_without_script(live_chromium: Visit) -> None:
    request = deals.asked(market.listed(at=clock.now()), at=clock.now())
    deals.offered(request, by=cast.lin(), at=clock.now())
    page = live_chromium.page(width=390, scripts=False)
    live_chromium.sign_in(page, cast.zhou().user)
    page.goto(f"/requests/{request.pk}/")
    page.click("#offer summary")
    page.fill("input[name=price]", "48000")
    page.check("input[value=delete_at_end]")
    page.click("#offer button[type=submit]")
    page.locator("mark.changed", has_text="¥48,000.00").wait_for()
    deals.offered(request, by=cast.lin(), at=clock.now(), after=2, price=deals.PRICE)
    page.goto(f"/requests/{request.pk}/")
    page.click("button:has-text('接受第 3 版')")
    assert "/orders/" in page.url
    page.wait_for_selector("text=阅读并签署合同")
