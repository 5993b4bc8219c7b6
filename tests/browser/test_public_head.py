"""The head of the public pages fits every window, in both languages."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDTHS = (320, 390, 600, 768, 901, 1024, 1100, 1180, 1280, 1366, 1440, 1600, 1920)


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_head_of_the_public_pages_fits_every_window(live_chromium: Visit, language: str) -> None:
    page = live_chromium.page(language=language)
    page.goto(reverse("web:help"))
    too_wide = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        needed, shown = page.evaluate(
            "[document.querySelector('.public .top').scrollWidth, document.documentElement.clientWidth]"
        )
        if needed > shown:
            too_wide.append((width, needed))
    assert too_wide == []
