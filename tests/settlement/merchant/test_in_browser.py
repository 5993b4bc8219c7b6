"""Merchants' pages in a real browser: wide and narrow, Chinese and English, axe clean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel.money import Money
from settlement.merchant import services
from tests import cast
from tests.settlement.merchant import shop

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def town() -> list[str]:
    """Payments of several kinds, payouts in several states, endpoints; the pages to walk."""
    by, at = cast.lin(), cast.NOON
    shop.pay_account()
    endpoint, _secret = services.create_endpoint(
        by=by,
        at=at,
        url="https://hook.invalid/qingshu/payments",
        enabled_events=["*"],
        description="财务系统",
    )
    shop.sale(8_000_000, description="客服语料标注，二期")
    services.create_intent(by=by, at=at, amount=Money(120_000), description="样例包")
    customer = services.create_customer(by=by, at=at, name="云山智能（示例）有限公司")
    method = services.create_method(by=by, at=at, kind="customer_balance")
    asked = services.create_intent(
        by=by,
        at=at,
        amount=Money(3_000_000),
        customer_id=customer.pk,
        method=method,
        description="道路影像标注",
    )
    services.confirm_intent(by=by, at=at, intent_id=asked.pk)
    small = services.create_payout(by=by, at=at, amount=Money(1_000_000), description="日常回款")
    services.settle_payout(by=shop.qian(), at=at, payout_id=small.pk)
    large = services.create_payout(by=by, at=at, amount=Money(5_500_000), description="季度回款")
    services.approve_payout(by=shop.fang(), at=at, payout_id=large.pk)
    return [
        "/merchant/", "/merchant/payouts/", f"/merchant/payouts/{large.pk}/", "/merchant/payouts/account/",
        "/merchant/developers/", f"/merchant/developers/{endpoint.pk}/",
    ]  # fmt: skip


def test_the_pages_are_sound_in_both_languages_and_widths(live_chromium: Visit) -> None:
    pages = town()
    for language in ("zh-hans", "en"):
        window = live_chromium.page(language=language)
        live_chromium.sign_in(window, cast.lin().user)
        faults = [fault for address in pages for fault in live_chromium.faults(window, address)]
        assert faults == []
    window = live_chromium.page(width=390)
    live_chromium.sign_in(window, shop.bo().user)
    assert live_chromium.faults(window, pages[2]) == []
    window.get_by_role("button", name="批准提现").wait_for()
    clerk = live_chromium.page()
    live_chromium.sign_in(clerk, shop.qian().user)
    assert live_chromium.faults(clerk, pages[1]) == []
