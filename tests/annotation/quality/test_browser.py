"""The quality pages in a real browser: desk and phone, both languages, free of axe findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from annotation.quality.models import GoldOutcome
from annotation.work.models import Task
from tests.annotation import scenes
from tests.annotation.quality import stage
from tests.annotation.quality.test_pages import SECTIONS, address, scene
from tests.annotation.test_browser import no_wider_than_the_window, photograph

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_quality_pages_are_accessible_on_desk_and_phone_in_both_languages(live_chromium: Visit) -> None:
    project = scene()
    outcome = GoldOutcome.objects.get(worker=scenes.wen().user)
    item = stage.item(project, 4)
    lead = [address(name, project) for name in SECTIONS]
    lead += [
        address("quality_adjudicate", project, item.pk),
        address("quality_gold_new", project) + "?item=2",
    ]
    worker = ["/quality/", f"/quality/outcomes/{outcome.pk}/"]
    for width, language in ((1440, "zh-hans"), (390, "en")):
        for who, pages in ((scenes.qin(), lead), (scenes.wen(), worker)):
            page = live_chromium.page(width=width, language=language)
            live_chromium.sign_in(page, who.user)
            for number, path in enumerate(pages):
                page.goto(path)
                name = path.strip("/").split("/")[-1].split("?")[0]
                photograph(page, f"{str(who.user).lower()}-{number}-{name}-{width}")
                assert live_chromium.violations(page) == [], path
                assert no_wider_than_the_window(page), path
    assert Task.objects.filter(project=project, state="accepted").count() == 12
