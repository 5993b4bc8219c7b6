"""The page of exports in a real browser: wide in Chinese, on a phone in English."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.core.cache import cache
from django.urls import reverse

from assets.exports import services
from tests import cast
from tests.assets.exports import scenes
from tests.browsing import Visit
from tests.cast import NOON

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_a_firm_makes_and_downloads_an_export(live_chromium: Visit, width: int, language: str) -> None:
    cache.clear()
    version = scenes.street()
    services.produce(version_id=version.pk, format="folder", at=NOON, advance=lambda _count: None)
    page = live_chromium.page(width=width, language=language)
    live_chromium.sign_in(page, cast.lin().user)
    page.goto(reverse("datasets:detail", args=[version.dataset_id]))
    address = reverse("exports:version", args=[version.pk])
    page.locator(f"a[href='{address}']").click()
    page.locator(f"form[action$='/{version.pk}/coco/make/'] button").click()
    with page.expect_download() as got:  # the task runs at once here, so the file is there
        page.locator(f"form[action$='/{version.pk}/coco/download/'] button").click()
    assert got.value.suggested_filename == f"{version.dataset.number}-v1-coco.zip"
    page.locator("details.more > summary").first.click()
    shots = os.environ.get("SCREENSHOTS")
    if shots:
        page.screenshot(path=Path(shots) / f"exports-{width}-{language}.png", full_page=True)
    assert live_chromium.violations(page) == []
    wide, shown = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= shown, f"{address} scrolls sideways: {wide} > {shown}"
