"""The shell and every component in a real browser: accessible, in both languages, wide and narrow."""

from __future__ import annotations

import pytest

from tests import cast
from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LANGUAGES = ("zh-hans", "en")


PUBLIC = ("/help/", "/find/?q=x", "/accounts/login/", "/accounts/signup/")


@pytest.mark.parametrize("language", LANGUAGES)
def test_public_pages_are_accessible(live_chromium: Visit, language: str) -> None:
    page = live_chromium.page(language=language)
    assert [fault for address in PUBLIC for fault in live_chromium.faults(page, address)] == []


def test_every_component_is_accessible(live_chromium: Visit) -> None:
    page = live_chromium.page()
    live_chromium.sign_in(page, cast.person("fang", cast.BASE).user)
    assert live_chromium.faults(page, "/design/") == []


def test_work_pages_are_accessible(live_chromium: Visit) -> None:
    page = live_chromium.page()
    live_chromium.sign_in(page, cast.lin().user)
    assert [fault for address in ("/todos/", "/me/") for fault in live_chromium.faults(page, address)] == []


def test_targets_on_a_phone_are_large_enough(live_chromium: Visit) -> None:
    page = live_chromium.page(width=390)
    live_chromium.sign_in(page, cast.person("fang", cast.BASE).user)
    page.goto("/design/")
    small = page.evaluate(
        """() => [...document.querySelectorAll('button, .btn, .input, select, .tabbar a, a.chip, summary')]
            .filter(e => e.offsetParent && e.getBoundingClientRect().height < 43.5)
            .map(e => e.outerHTML.slice(0, 90))"""
    )
    assert small == []


def test_controls_stand_out_from_their_ground(live_chromium: Visit) -> None:
    """Borders of inputs reach 3:1 against white (WCAG 1.4.11), which axe does not measure."""
    page = live_chromium.page()
    page.goto("/accounts/login/")
    colour = page.evaluate("getComputedStyle(document.querySelector('.input')).borderTopColor")
    channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 3


def test_the_keyboard_reaches_search_and_closes_menus(live_chromium: Visit) -> None:
    page = live_chromium.page()
    live_chromium.sign_in(page, cast.lin().user)
    page.goto("/desk/")
    page.keyboard.press("Control+k")
    assert page.evaluate("document.activeElement.id") == "q"
    menu = page.locator("details.menu-user")
    menu.locator("summary").click()
    assert menu.get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None


def test_without_scripts_one_can_switch_the_language_and_the_type_size(live_chromium: Visit) -> None:
    page = live_chromium.page(scripts=False)
    page.goto("/help/")
    page.get_by_role("button", name="Switch to English").click()
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.url.endswith("/help/")
    page.locator("form[action='/type-size/'] button").first.click()
    assert page.locator("html").get_attribute("class") == "large-type"


def test_decision_pages_print_without_controls(live_chromium: Visit) -> None:
    page = live_chromium.page()
    live_chromium.sign_in(page, cast.person("fang", cast.BASE).user)
    page.goto("/design/")
    page.emulate_media(media="print")
    for hidden in (".top", ".side", "#decide", ".judge"):
        assert not page.locator(hidden).first.is_visible()
    assert page.locator(".chain").is_visible()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_documentation_of_the_api_opens(live_chromium: Visit, language: str) -> None:
    page = live_chromium.page(language=language)
    page.goto("/api/docs")
    page.locator("#swagger-ui .opblock").first.wait_for()
    assert page.title() == "清数 Qingshu API"
    assert page.locator("html").get_attribute("lang") == ("en" if language == "en" else "zh-CN")
