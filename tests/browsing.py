"""A real browser for tests: Chromium from the machine, strictly on the loopback."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_HLEDGER = "NO HLEDGER FOUND: the export was not read by the program itself (install hledger)"
NOT_FOUND = "NO CHROMIUM FOUND: browser tests did not run (set CHROMIUM=/path/to/it, or install chromium)"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
LOOPBACK = ("127.0.0.1", "localhost", "::1", "")
LOCALES = {"zh-hans": "zh-CN", "en": "en-GB"}
PHONE_WIDTH = 600


def _height(width: int) -> int:
    return 844 if width < PHONE_WIDTH else 900


def find_chromium() -> str | None:
    """CHROMIUM, else the first usual name on the path."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if os.access(named, os.X_OK) else None
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser. Django's ORM may be used in the same thread while it is open."""
    executable = find_chromium()
    assert executable is not None, NOT_FOUND
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
            yield browser
            browser.close()
    finally:
        if before is None:
            del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Visit:
    """Pages of one test on the live server; at the end nothing may have gone wrong on any of them."""

    browser: Browser
    address: str
    allowed_errors: list[str] = field(default_factory=list)
    _contexts: list[BrowserContext] = field(default_factory=list)
    _strangers: list[str] = field(default_factory=list)
    _errors: list[str] = field(default_factory=list)

    def page(
        self,
        *,
        width: int = 1440,
        language: str = "zh-hans",
        cookies: dict[str, str] | None = None,
        scripts: bool = True,
    ) -> Page:
        """A fresh window (own cookies). Relative addresses lead to the live server: `page.goto("/")`."""
        context = self.browser.new_context(
            base_url=self.address,
            viewport={"width": width, "height": _height(width)},
            locale=LOCALES[language],
            timezone_id="Asia/Shanghai",
            has_touch=width < PHONE_WIDTH,
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        context.set_default_timeout(40_000)
        for name, value in {"django_language": language, **(cookies or {})}.items():
            context.add_cookies([{"name": name, "value": value, "url": self.address}])
        context.on("request", self._note_request)
        context.on("console", self._note_console)
        context.on("weberror", lambda problem: self._errors.append(f"script error: {problem.error}"))
        self._contexts.append(context)
        return context.new_page()

    def sign_in(self, page: Page, user: object, *, is_confirmed: bool = False) -> None:
        """Give the window a session of that user, without the sign-in form.

        `is_confirmed`: as if the person had just entered the password again, which moving money asks for.
        """
        from django.test import Client

        from tests.sessions import confirm_identity

        client = Client()
        client.force_login(user)  # type: ignore[arg-type]
        if is_confirmed:
            confirm_identity(client)
        page.context.add_cookies(
            [{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": self.address}]
        )

    def violations(self, page: Page) -> list[str]:
        """What axe finds on the page, one line each; an accessible page gives []."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(page).response["violations"]
        return [f"{each['id']}: {each['nodes'][0]['html'][:200]} ({len(each['nodes'])}×)" for each in found]

    def faults(self, page: Page, address: str, *, widths: tuple[int, ...] = (1440, 390)) -> list[str]:
        """Open the page and look at it in every width: what axe finds, and whether it scrolls sideways."""
        answer = page.goto(address)
        assert answer is not None
        if answer.status != 200:
            return [f"{address}: answers {answer.status}"]
        found = []
        for width in widths:
            page.set_viewport_size({"width": width, "height": _height(width)})
            page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            shots = os.environ.get("SCREENSHOTS")
            if shots:
                name = re.sub(r"\W+", "-", address).strip("-") or "home"
                language = page.locator("html").get_attribute("lang")
                page.screenshot(path=Path(shots) / f"{name}-{width}-{language}.png", full_page=True)
            found += [f"{address} at {width}: {fault}" for fault in self.violations(page)]
            wide, shown = page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
            )
            if wide > shown:
                found.append(f"{address} at {width}: scrolls sideways, {wide} > {shown}")
        return found

    def finish(self) -> None:
        """Close the windows and insist: no request left the machine, no error on any console."""
        while self._contexts:
            self._contexts.pop().close()
        assert self._strangers == [], f"requests left the loopback: {self._strangers}"
        errors = [
            each for each in self._errors if not any(allowed in each for allowed in self.allowed_errors)
        ]
        assert errors == [], f"errors on the console: {errors}"

    def forget(self) -> None:
        """Drop what was noted so far (for pages that are meant to go wrong)."""
        self._strangers.clear()
        self._errors.clear()

    def _note_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and (parts.hostname or "") not in LOOPBACK:
            self._strangers.append(request.url)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._errors.append(f"{message.text} ({message.location.get('url', '')})")
