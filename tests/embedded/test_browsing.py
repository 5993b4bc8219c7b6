"""The browser of the tests insists on what it promises."""

from __future__ import annotations

import pytest

from tests.browsing import Visit

pytestmark = pytest.mark.browser


def test_a_request_that_leaves_the_machine_is_found(live_chromium: Visit) -> None:
    page = live_chromium.page()
    page.goto("/healthz")
    page.evaluate("() => { const image = new Image(); image.src = 'http://far-away.example/pixel.png' }")
    page.wait_for_timeout(200)
    with pytest.raises(AssertionError, match=r"left the loopback.*far-away\.example"):
        live_chromium.finish()
    live_chromium.forget()


def test_an_error_on_the_console_is_found_unless_allowed(live_chromium: Visit) -> None:
    page = live_chromium.page(width=390, language="en")
    page.goto("/healthz")
    page.evaluate("() => console.error('something broke')")
    page.evaluate("() => { setTimeout(() => { throw new Error('and this') }, 0) }")
    page.wait_for_timeout(200)
    live_chromium.allowed_errors = ["something broke"]
    with pytest.raises(AssertionError, match="and this"):
        live_chromium.finish()
    live_chromium.forget()
