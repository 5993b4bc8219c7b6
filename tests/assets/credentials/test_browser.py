"""Verification, credential and log in a real browser, wide and narrow, in both languages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from assets.registry import services as registry
from assets.transparency import services as log
from tests import cast
from tests.assets import conftest as whole
from tests.assets.conftest import TEXTS, Registration, sealed_version
from tests.browsing import Visit
from tests.cast import NOON

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_is_accessible_and_fits(live_chromium: Visit, language: str) -> None:
    cache.clear()
    first, second, third = (
        Registration(version=sealed_version(texts=TEXTS[:number])).certified() for number in (1, 2, 3)
    )
    registry.suspend(by=cast.gu(), at=NOON + timedelta(days=30), certificate_id=second.pk, reason="核查")
    whole.revoke(by=cast.gu(), at=NOON + timedelta(days=30), certificate_id=third.pk, reason="来源不实")
    log.seal(at=NOON + timedelta(days=30))
    page = live_chromium.page(language=language)
    addresses = [
        reverse("transparency:log"),
        f"{reverse('transparency:log')}?q={third.number}",
        reverse("transparency:entry", args=[3]),
        reverse("credentials:detail", args=[first.number]),
        reverse("registry:certificate", args=[first.number]),
        reverse("verification:verify"),
        reverse("verification:number", args=[first.number]),
        reverse("verification:number", args=[third.number]),
    ]
    assert [fault for address in addresses for fault in live_chromium.faults(page, address)] == []


def test_a_number_is_verified_without_scripts(live_chromium: Visit) -> None:
    cache.clear()
    certificate = Registration().certified()
    log.seal(at=NOON + timedelta(days=30))
    page = live_chromium.page(width=390, scripts=False)
    page.goto(reverse("verification:verify"))
    page.get_by_label("证书编号").fill(certificate.number)
    page.get_by_role("button", name="验真", exact=True).click()
    page.get_by_role("link", name="日志第 0 条").click()
    assert page.get_by_text("证明成立").is_visible()
