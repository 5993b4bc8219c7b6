"""The ground's pages in a real browser: reachable by everyone, and files go straight to the store."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest

from audit.models import AuditEvent
from documents import services
from documents.models import Document
from kernel import clock
from organizations import services as organizations
from tests.browsing import Visit
from tests.cast import PASSWORD, gu, lin, mei, yan

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PDF = b"%PDF-1.7\n%%EOF"
FIRM = (
    "/organization/",
    "/organization/edit/",
    "/organization/members/",
    "/organization/members/invite/",
    "/organization/keys/",
    "/accounts/me/",
    "/documents/",
    "/documents/upload/",
    "/jobs/",
    "/notifications/",
)


def signed_in(visit: Visit, name: str, **window: Any) -> Any:
    page = visit.page(**window)
    page.goto("/accounts/login/")
    page.fill("input[name=login]", f"{name}@example.cn")
    page.fill("input[name=password]", PASSWORD)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url(lambda address: "/accounts/login" not in address)
    return page


@pytest.mark.parametrize(("language", "width"), [("zh-hans", 390), ("en", 1440)])
def test_every_page_is_accessible_and_fits(live_chromium: Visit, language: str, width: int) -> None:
    for person in (lin, mei, gu, yan):
        person()
    services.store_upload(
        by=lin(), at=clock.now(), purpose="evidence", name="证明（示例）.pdf", file=BytesIO(PDF)
    )
    organizations.invite(by=lin(), at=clock.now(), email="wang@example.cn", roles=["annotator"])
    walks = {
        "lin": FIRM,
        "gu": ("/organization/verifications/",),
        "yan": ("/audit/", f"/audit/{AuditEvent.objects.latest('at').pk}/"),
    }
    for name, addresses in walks.items():
        page = signed_in(live_chromium, name, width=width, language=language)
        faults = [
            fault for address in addresses for fault in live_chromium.faults(page, address, widths=(width,))
        ]
        assert faults == []


def test_a_file_goes_straight_to_the_store_and_comes_back(live_chromium: Visit) -> None:
    lin()
    page = signed_in(live_chromium, "lin", width=1440)
    page.goto("/documents/upload/?purpose=evidence&next=/organization/")
    page.set_input_files(
        "input[type=file]", files=[{"name": "证明.pdf", "mimeType": "application/pdf", "buffer": PDF}]
    )
    page.click("form[data-direct-upload] button")
    page.wait_for_url("**/organization/?document=*")
    document = Document.objects.get()
    assert (document.name, document.state, document.purpose) == ("证明.pdf", "stored", "evidence")
    # It was announced first, so it did not come through the site's own form.
    steps = AuditEvent.objects.filter(subject_id=document.pk).order_by("at").values_list("action", flat=True)
    assert list(steps) == ["documents.expect", "documents.stored"]
    page.goto("/documents/")
    with page.expect_download() as download:
        page.locator("tbody form button").click()
    assert download.value.suggested_filename == "证明.pdf"
