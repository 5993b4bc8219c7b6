"""The pages in a real browser, wide and narrow, in both languages: no violation, nothing sideways."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Page

from assets.registry import services
from tests import cast
from tests.assets.conftest import TEXTS, Registration, sealed_version
from tests.browsing import Visit
from tests.cast import NOON

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SIZES = [(1440, "zh-hans"), (1440, "en"), (390, "zh-hans"), (390, "en")]


def _look(visit: Visit, page: Page, address: str, name: str) -> None:
    answer = page.goto(address)
    assert answer is not None
    assert answer.status == 200, address
    shots = os.environ.get("SCREENSHOTS")
    if shots:
        page.screenshot(path=Path(shots) / f"{name}.png", full_page=True)
    assert visit.violations(page) == [], address
    wide, shown = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= shown, f"{address} scrolls sideways: {wide} > {shown}"


@pytest.mark.parametrize(("width", "language"), SIZES)
def test_every_page_is_accessible_and_fits(live_chromium: Visit, width: int, language: str) -> None:
    cache.clear()
    version = sealed_version()
    draft = Registration(version=sealed_version(texts=TEXTS[:1]), changes={"use_case": ""}).draft()
    complete = Registration(version=sealed_version(texts=TEXTS[:2])).draft()
    reviewing = Registration(version=sealed_version(texts=TEXTS[:3])).in_review()
    services.record_finding(
        by=cast.gu(),
        at=NOON,
        application_id=reviewing.pk,
        check_code="source",
        verdict="fail",
        remark="缺授权书",
    )
    certificate = Registration(version=version).certified()
    services.issue_document(by=cast.gu(), at=NOON + timedelta(days=21), certificate_id=certificate.pk)
    firm, desk, anyone = (live_chromium.page(width=width, language=language) for _n in range(3))
    live_chromium.sign_in(firm, cast.lin().user)  # type: ignore[arg-type]
    live_chromium.sign_in(desk, cast.gu().user)  # type: ignore[arg-type]
    walks = [
        (firm, reverse("datasets:list"), "datasets"),
        (firm, reverse("datasets:new"), "dataset-new"),
        (firm, reverse("datasets:detail", args=[version.dataset_id]), "dataset"),
        (firm, reverse("registry:list"), "applications"),
        (firm, f"{reverse('registry:list')}?show=certificates", "certificates"),
        (firm, reverse("registry:application", args=[draft.pk]), "task-list"),
        (firm, reverse("registry:section", args=[draft.pk, "use_case"]), "section"),
        (firm, reverse("registry:section", args=[draft.pk, "rights"]), "section-rights"),
        (firm, reverse("registry:check", args=[complete.pk]), "check"),
        (firm, reverse("registry:application", args=[reviewing.pk]), "application"),
        (desk, reverse("registry:queue"), "queue"),
        (desk, reverse("registry:review", args=[reviewing.pk]), "review"),
        (desk, reverse("registry:certificate", args=[certificate.number]), "certificate-desk"),
        (anyone, reverse("registry:certificate", args=[certificate.number]), "certificate"),
        (anyone, reverse("verification:verify"), "verify"),
        (anyone, f"/verify/{certificate.number}/", "verified"),
    ]
    for page, address, name in walks:
        _look(live_chromium, page, address, f"{name}-{width}-{language}")
