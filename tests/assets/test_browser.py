"""The pages in a real browser, wide and narrow, in both languages: no violation, nothing sideways."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from assets.registry import services
from tests import cast
from tests.assets.conftest import TEXTS, Registration, sealed_version
from tests.browsing import Visit
from tests.cast import NOON

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# Each page in each language and in each width; the journey's pages are walked in all four in tests/browser.
SIZES = [(1440, "zh-hans"), (390, "en")]


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
        (firm, reverse("datasets:list")),
        (firm, reverse("datasets:new")),
        (firm, reverse("datasets:detail", args=[version.dataset_id])),
        (firm, reverse("registry:list")),
        (firm, f"{reverse('registry:list')}?show=certificates"),
        (firm, reverse("registry:application", args=[draft.pk])),
        (firm, reverse("registry:section", args=[draft.pk, "use_case"])),
        (firm, reverse("registry:section", args=[draft.pk, "rights"])),
        (firm, reverse("registry:check", args=[complete.pk])),
        (firm, reverse("registry:application", args=[reviewing.pk])),
        (desk, reverse("registry:queue")),
        (desk, reverse("registry:review", args=[reviewing.pk])),
        (desk, reverse("registry:certificate", args=[certificate.number])),
        (anyone, reverse("registry:certificate", args=[certificate.number])),
        (anyone, reverse("verification:verify")),
        (anyone, f"/verify/{certificate.number}/"),
    ]
    assert [
        fault for page, address in walks for fault in live_chromium.faults(page, address, widths=(width,))
    ] == []
