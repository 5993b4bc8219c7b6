"""The pages of money in a real browser: both languages, desk and phone, free of axe findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from organizations.permissions import Actor
from settlement.ledger.models import Account, Entry
from settlement.payments import services
from tests import cast
from tests.exchange import market
from tests.settlement.payments.deals import NOON, project, refund, sold

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 1440), ("en", 390)])
def test_the_pages_of_money_are_accessible(live_chromium: Visit, language: str, width: int) -> None:
    order = sold()
    refund(order, 68_000)
    waiting = market.contracted(order.product)
    services.pay_annotators(by=Actor.system("测试"), at=NOON, project_id=project(mei=3, ning=5).pk)
    wallet, entry = Account.objects.get(purpose="wallet"), Entry.objects.get(kind="refund")
    visits = {
        cast.lin: [
            reverse("ledger:index"),
            reverse("ledger:statement", args=[wallet.pk]),
            reverse("ledger:entry", args=[entry.pk]),
            reverse("payments:list"),
            reverse("payments:refunds"),
            reverse("payments:refund", args=[order.pk]),
        ],
        cast.yan: [
            reverse("ledger:index"),
            reverse("ledger:accounts"),
            reverse("payments:detail", args=[order.pk]),
        ],
        cast.zhou: [reverse("payments:pay", args=[waiting.pk])],
        cast.mei: [reverse("payments:earnings")],
    }
    for who, addresses in visits.items():
        page = live_chromium.page(width=width, language=language)
        live_chromium.sign_in(page, who().user)
        for address in addresses:
            assert live_chromium.faults(page, address, widths=(width,)) == []


def test_a_buyer_pays_with_and_without_scripts(live_chromium: Visit) -> None:
    for scripts in (True, False):
        order = market.contracted()
        page = live_chromium.page(scripts=scripts)
        live_chromium.sign_in(page, cast.zhou().user, is_confirmed=True)
        page.goto(reverse("payments:pay", args=[order.pk]))
        page.get_by_role("button", name="确认付款").click()
        page.wait_for_url(f"**{reverse('trading:order', args=[order.pk])}")
        assert page.get_by_text("款项已进入托管，供方可以交付了。").is_visible()
