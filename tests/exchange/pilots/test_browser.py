"""The pilot's pages in a real browser: wide and narrow, Chinese and English, axe clean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kernel import clock
from organizations.permissions import Actor
from tests import cast
from tests.exchange.pilots import pilotage

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def addresses() -> list[tuple[str, Actor | None]]:
    """Every kind of page with who looks at it."""
    open_things = pilotage.proceedings()
    now = clock.now()
    from datetime import timedelta

    call = pilotage.published(
        at=now,
        title="正在征集的批次（示例）",
        closes_at=now + timedelta(days=30),
        documents_wanted="营业执照\n案例证明",
    )
    draft = pilotage.written(call, at=now)
    reviewed = pilotage.published(title="评审中的批次（示例）")
    bids = [pilotage.applied(reviewed, by=who) for who in (pilotage.hong(), pilotage.jiang())]
    pilotage.closed(reviewed)
    wen, qiu, pei = pilotage.experts()
    pilotage.scored(bids[0], qiu)
    pilotage.scored(bids[0], pei, capability=20, security=20)
    pilotage.scored(bids[0], cast.gu())
    waiting = pilotage.seated(bids[1], wen)
    cleared = pilotage.seated(bids[0], wen)
    from exchange.pilots import services

    services.declare(by=wen, at=pilotage.REVIEW, seat_id=cleared.pk, has_conflict=False)
    hong, gu = pilotage.hong(), cast.gu()
    pilot, board = f"/pilots/{open_things['pilot_id']}/", f"/pilots/board/{reviewed.number}/"
    return [
        ("/pilots/", None), (f"/pilots/rounds/{open_things['call_number']}/", None), ("/pilots/brokers/", None),
        ("/pilots/mine/", hong), (f"/pilots/rounds/{call.number}/apply/", hong),
        (f"/pilots/applications/{draft.pk}/", hong), (f"/pilots/applications/{draft.pk}/sections/levels/", hong),
        (f"/pilots/applications/{draft.pk}/sections/files/", hong), (pilot, hong), (f"{pilot}agreement/", hong),
        (f"/pilots/demands/{open_things['demand_id']}/report/", hong),
        ("/pilots/scoring/", wen), (f"/pilots/scoring/{waiting.pk}/", wen), (f"/pilots/scoring/{cleared.pk}/", wen),
        ("/pilots/board/", gu), ("/pilots/board/new/", gu), (board, gu), (pilot, gu),
        (f"/pilots/applications/{bids[1].pk}/appoint/", gu), (f"/pilots/applications/{open_things['bid_id']}/", gu),
        (f"/pilots/objections/{open_things['dissent_id']}/", gu),
        (f"/pilots/board/{pilotage.drafted(at=now, closes_at=now + timedelta(days=9)).number}/scale/", gu),
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_every_page_is_accessible_and_fits(live_chromium: Visit, width: int, language: str) -> None:
    faults: list[str] = []
    pages: dict[str, Page] = {}
    for address, who in addresses():
        key = who.label if who else ""
        if key not in pages:
            pages[key] = live_chromium.page(width=width, language=language)
            if who is not None:
                live_chromium.sign_in(pages[key], who.user)
        faults += live_chromium.faults(pages[key], address, widths=(width,))
    assert faults == []
