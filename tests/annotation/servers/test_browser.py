"""The Label Studio pages in a real browser: wide and narrow, in both languages, accessible, nothing left outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from annotation.servers import services
from annotation.servers.services.reading import SYNC
from kernel import clock
from tests.annotation import scenes
from tests.annotation.servers.standin import NOBODY, StandIn, a_link
from tests.annotation.servers.test_exchange import issued, pulled, swept
from tests.cast import NOON, mei

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_pages_are_accessible_and_fit_in_both_languages(live_chromium: Visit, there: StandIn) -> None:
    link = a_link(12)
    first, second, third, fourth, *_rest = issued(link, 8)
    for issue in (first, second):
        there.annotate(there.of(issue.pk), scenes.sentiment())
    there.annotate(there.of(third.pk), scenes.sentiment("中性"))
    there.annotate(there.of(fourth.pk), scenes.sentiment(), NOBODY)
    pulled(link)
    there.remove_task(there.of(_rest[0].pk))
    swept(link)
    services.issue_tasks(by=scenes.qin(), at=NOON, link_id=link.pk, count=2)
    other = scenes.opened(["另一个项目的评论。"], title="第二个项目")
    assert other.pk != link.project_id
    for language in ("zh-hans", "en"):
        page = live_chromium.page(language=language)
        live_chromium.sign_in(page, scenes.qin().user)
        for path in ("", "new/", f"{link.server_id}/", f"links/{link.pk}/"):
            assert live_chromium.faults(page, f"/label-studio/{path}") == []


def test_the_lead_sends_tasks_and_sees_the_counters_move_without_script(
    live_chromium: Visit, there: StandIn
) -> None:
    link = a_link(2)
    page = live_chromium.page(width=390, scripts=False)
    live_chromium.sign_in(page, scenes.qin().user)
    page.goto(f"/label-studio/links/{link.pk}/")
    page.get_by_label("条数").fill("2")
    page.get_by_role("button", name="发出", exact=True).click()
    page.get_by_text("正在发出 2 条任务。").wait_for()
    assert (len(there.tasks), mei().user) == (2, link.holder)
    there.annotate(next(iter(there.tasks)), scenes.sentiment())
    services.pull(by=SYNC, at=clock.now(), link_id=link.pk)
    page.goto("/label-studio/")
    cells = page.locator("tbody tr").last.locator("td").all_inner_texts()
    assert [cell.strip() for cell in cells[2:]] == ["2", "1", "1", "0", "0", "0"]
