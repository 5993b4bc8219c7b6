"""The pages of delivery in a real browser: wide and narrow, Chinese and English, axe clean."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from exchange.delivery import services
from exchange.delivery.models import Meter
from kernel import clock
from tests import cast
from tests.exchange.delivery import goods

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_every_page_is_accessible_and_fits(live_chromium: Visit, width: int, language: str) -> None:
    at = clock.now()
    product = goods.product_of(goods.version_with(goods.FILES, at=at), at=at)
    bought = goods.entitled(product, at=at)
    metered = goods.entitled(product, "metered_calls", at=at, term_days=30, included_quantity=1_000)
    Meter.objects.filter(pk=metered.pk).update(call_count=863, byte_count=9_000_000)
    trial, _sample = goods.plan(product, "trial", term_days=14), goods.plan(product, "free_sample")
    services.create_token(
        by=cast.zhou(), at=at, entitlement_id=bought.pk, name="训练机", lifetime=timedelta(days=30)
    )
    file = bought.version.files.order_by("path").first()
    assert bought.order is not None
    assert file is not None
    services.hand_out_link(by=cast.zhou(), at=at, order_id=bought.order.pk, file_id=file.pk)
    walks = {
        cast.zhou: ("/deliveries/", f"/deliveries/{bought.order.pk}/", f"/deliveries/entitlements/{bought.pk}/",
                    f"/deliveries/entitlements/{metered.pk}/", f"/deliveries/claims/{trial.pk}/",
                    f"/catalogue/{product.number}/"),
        cast.he: (f"/catalogue/{product.number}/",),
        cast.lin: ("/deliveries/trace/", f"/deliveries/products/{product.number}/marking/",
                   f"/selling/{product.number}/"),
        cast.gu: (f"/deliveries/entitlements/{bought.pk}/",),
    }  # fmt: skip
    faults = []
    for who, addresses in walks.items():
        page = live_chromium.page(width=width, language=language)
        live_chromium.sign_in(page, who().user)
        for address in addresses:
            faults += live_chromium.faults(page, address, widths=(width,))
    assert faults == []


def test_a_token_is_made_and_shown_once_without_script(live_chromium: Visit) -> None:
    at = clock.now()
    bought = goods.entitled(goods.product_of(goods.version_with(goods.FILES, at=at), at=at), at=at)
    page = live_chromium.page(width=390, scripts=False)
    live_chromium.sign_in(page, cast.zhou().user)
    page.goto(f"/deliveries/entitlements/{bought.pk}/")
    page.fill("input[name=name]", "训练机")
    page.locator("form[action$='/keys/'] button").click()
    secret = page.locator("#fresh-secret").inner_text()
    assert secret.startswith("qt_")
    page.goto(f"/deliveries/entitlements/{bought.pk}/")
    assert page.locator("#fresh-secret").count() == 0
    page.click("button:has-text('吊销')")
    page.wait_for_selector("text=已吊销")
