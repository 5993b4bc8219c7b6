"""The journey's pages in a real browser: every role's page, both languages, desk and phone, free of axe findings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from organizations.permissions import Actor
from tests import cast
from tests.world import World, build

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def pages_of(world: World) -> dict[Callable[[], Actor] | None, list[tuple[str, str]]]:
    """Per role: the addresses, and a figure or number that must stand on each."""
    order, line = world.order, world.order.revenue_lines.get()
    certificate, claim = world.certificate.number, world.claim.number
    return {
        None: [
            (reverse("web:home"), ""),
            (reverse("catalogue:list"), "5,300,000.00"),
            (reverse("catalogue:product", args=[world.product.number]), "5,300,000.00"),
            (reverse("verification:number", args=[certificate]), certificate),
            (reverse("rewards:policy"), "5,000,000"),
        ],
        cast.lin: [
            (reverse("web:desk"), "5,194,000.00"),
            (reverse("projects:detail", args=[world.project.pk]), world.project.number),
            (reverse("datasets:detail", args=[world.version.dataset_id]), world.version.root_hash[:8]),
            (reverse("registry:certificate", args=[certificate]), certificate),
            (reverse("trading:order", args=[order.pk]), order.number),
            (reverse("filings:voucher", args=[order.filing.pk]), order.filing.voucher_number or ""),
            (reverse("ledger:index"), "5,194,000.00"),
            (f"{reverse('revenue:index')}?year=2025", "5,000,000.00"),
            (reverse("revenue:line", args=[line.pk]), order.filing.voucher_number or ""),
            (reverse("rewards:claim", args=[claim]), "50,000.00"),
        ],
        cast.zhou: [(reverse("trading:order", args=[order.pk]), "5,300,000.00")],
        cast.gu: [
            (reverse("registry:queue"), ""),
            (reverse("rewards:review"), ""),
            (reverse("rewards:claim", args=[claim]), "50,000.00"),
        ],
        cast.yan: [(reverse("audit:list"), "")],
    }


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_journeys_pages_are_right_in_every_role(live_chromium: Visit, language: str) -> None:
    world = build()
    for who, addresses in pages_of(world).items():
        page = live_chromium.page(language=language)
        if who is not None:
            live_chromium.sign_in(page, who().user)
        for address, figure in addresses:
            assert live_chromium.faults(page, address) == []
            assert figure in page.content(), address
            assert page.locator("html").get_attribute("lang") == ("en" if language == "en" else "zh-CN")
