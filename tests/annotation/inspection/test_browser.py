"""The inspection pages in a real browser: desk and phone, both languages, free of axe findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from annotation.inspection import services as inspection
from annotation.inspection.models import Lot
from annotation.inspection.selectors import sample_of
from tests.annotation import scenes
from tests.annotation.inspection import lots
from tests.annotation.inspection.test_pages import address, at
from tests.annotation.test_browser import no_wider_than_the_window, photograph
from tests.cast import NOON, zhou

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_inspection_pages_are_accessible_on_desk_and_phone_in_both_languages(live_chromium: Visit) -> None:
    project = lots.project(48)
    lots.agreed(project, lot_size=16, aql="10")
    first, second, third = lots.submitted(project)
    lots.decided(first, faulty=2)
    lots.decided(second)
    lots.drawn(third)
    lots.inspect(third, faulty=1, last=3)
    inspection.propose_plan(by=scenes.qin(), at=NOON, project_id=project.pk, lot_size=5_000)
    sample = reverse("inspection:inspect", args=[sample_of(third)[3].pk])
    pages = [address("inspection", project), at(first), at(third), sample, "/inspection/"]
    pages += [address("inspection_plan", project)]
    for width, language in ((1440, "zh-hans"), (390, "en")):
        for who in (zhou(), scenes.qin()):
            page = live_chromium.page(width=width, language=language)
            live_chromium.sign_in(page, who.user)
            for number, path in enumerate(pages):
                page.goto(path)
                photograph(page, f"lots-{str(who.user).lower()}-{number}-{width}")
                assert live_chromium.violations(page) == [], path
                assert no_wider_than_the_window(page), path


def test_the_client_inspects_a_lot_to_its_verdict_by_keyboard_and_button(live_chromium: Visit) -> None:
    project = lots.project(8)
    lots.agreed(project, aql="6.5")
    (lot,) = lots.submitted(project)
    page = live_chromium.page(width=1440, language="zh-hans")
    live_chromium.sign_in(page, zhou().user)
    page.goto(at(lot))
    page.get_by_role("button", name="抽取样本").click()
    page.get_by_role("link", name="检验下一条").click()
    while page.get_by_role("button", name="记下并继续").count():
        page.get_by_label("合格品", exact=True).check()
        page.get_by_role("button", name="记下并继续").click()
    page.get_by_role("button", name="判定接收").click()
    page.get_by_text("本批已接收：").wait_for()
    assert Lot.objects.get().state == "accepted"
