"""The pages of every kind of registration in a real browser: no violation, nothing sideways."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from assets.registry import services
from assets.registry.models import Certificate
from tests import cast
from tests.assets.conftest import TEXTS, Registration, an, concluded, follow_up, sealed_version
from tests.assets.registry.test_kinds import licence_draft, project_draft
from tests.assets.registry.test_objections import against
from tests.assets.registry.test_panels import member, seat, second_agrees
from tests.browsing import Visit
from tests.cast import NOON

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LATER = NOON + timedelta(days=60)
SIZES = [(1440, "zh-hans"), (390, "en")]


def addresses() -> dict[str, list[tuple[str, str]]]:
    """Who looks at which page, in a registry with something of every kind."""
    objected = Registration(version=sealed_version(texts=TEXTS[:1])).in_notice()
    objection = against(objected, at=NOON)
    certificate = Registration().certified()
    corrected = concluded(follow_up(certificate, "correction", at=LATER, title="改正后的名称"), at=LATER)
    certificate = Certificate.objects.get(application=corrected)
    concluded(licence_draft(certificate), at=LATER)
    change = follow_up(certificate, "change", at=LATER, use_case="供景区训练客服模型，改进回复。")
    transfer = follow_up(
        Registration(version=sealed_version(texts=TEXTS[:2])).certified(), "transfer", at=LATER
    )
    services.name_other(by=cast.lin(), at=LATER, application_id=transfer.pk, uscc=cast.BEIJIANG[1])
    important = Registration(
        version=sealed_version(texts=TEXTS[:3]), changes={"classification": "important"}
    ).judged()
    second_agrees(important)
    seat(important, cast.shen(), member("ke"), member("pan"))
    task = services.submit(by=cast.lin(), at=NOON, application_id=project_draft().pk)
    revoked = Registration(version=sealed_version()).certified()
    revocation = services.open_revocation(
        by=cast.gu(), at=LATER, certificate_id=revoked.pk, grounds="来源证明系伪造。"
    )
    page = {
        name: reverse(f"registry:{name}", args=args)
        for name, args in {
            "new": [],
            "follow_up": [certificate.number],
            "application": [change.pk],
            "elsewhere": [change.pk],
            "notices": [],
            "notice": [objected.pk],
            "object": [objected.pk],
            "objections": [],
            "objection": [objection.pk],
            "revocation": [revocation.pk],
            "queue": [],
            "review": [important.pk],
            "vote": [important.pk],
            "certificate": [certificate.number],
        }.items()
    }
    section = {
        key: reverse("registry:section", args=[change.pk, key]) for key in ("reason", "files", "asset")
    }
    return {
        "firm": [
            *((name, page[name]) for name in ("new", "follow_up", "application", "elsewhere", "objections")),
            *((f"section-{key}", address) for key, address in section.items()),
            ("revocation-holder", page["revocation"]),
            ("certificate-holder", page["certificate"]),
            ("other", reverse("registry:section", args=[transfer.pk, "other"])),
        ],
        "other": [
            ("agree", reverse("registry:application", args=[transfer.pk])),
            ("object", page["object"]),
            ("objection-objector", page["objection"]),
        ],
        "desk": [
            ("queue", page["queue"]),
            ("review-important", page["review"]),
            ("review-task", reverse("registry:review", args=[task.pk])),
            ("revocation", page["revocation"]),
        ],
        "second": [("objection", page["objection"])],
        "member": [("vote", page["vote"])],
        "anyone": [("notices", page["notices"]), ("notice", page["notice"])],
    }


@pytest.mark.parametrize(("width", "language"), SIZES)
def test_every_page_is_accessible_and_fits(live_chromium: Visit, width: int, language: str) -> None:
    cache.clear()
    for one in cast.EVERYONE:
        one()
    people = {
        "firm": cast.lin, "other": cast.he, "desk": cast.gu, "second": an, "member": cast.shen, "anyone": None,
    }  # fmt: skip
    faults: list[str] = []
    for role, walks in addresses().items():
        who, page = people[role], live_chromium.page(width=width, language=language)
        if who is not None:
            live_chromium.sign_in(page, who().user)  # type: ignore[arg-type]
        for _name, address in walks:
            faults += live_chromium.faults(page, address, widths=(width,))
    assert faults == []
