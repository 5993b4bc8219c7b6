"""The data spaces' pages in a real browser: wide and narrow, Chinese and English, axe clean."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exchange.dataspace import services
from kernel import clock
from organizations.permissions import Actor
from tests import cast
from tests.exchange.brokers import brokerage
from tests.exchange.brokers.brokerage import START, hong
from tests.exchange.dataspace import spacing

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def addresses() -> list[tuple[str, Actor]]:
    """Every kind of page with who looks at it."""
    space = spacing.active()
    waiting = spacing.applied(title="陶瓷行业流通平台（示例）", kind="circulation_platform")
    spacing.joined(space, cast.lin())
    spacing.invited(space, cast.zhou())
    shared = spacing.put(space, spacing.hidden())
    spacing.verified(space)
    landing, milestone = spacing.claimed(space, yuan="3000000"), space.milestones.get()
    spacing.planned(space, title="质检产品上线", days=10)
    services.record_result(
        by=hong(), at=START, space_id=space.pk, kind="standard", title="陶瓷缺陷标注规范（示例）",
        statement="五家企业共同使用的标注规范。", reached_on=clock.business_date(START),
    )  # fmt: skip
    spacing.reported(milestone)
    brokerage.confirmed()
    own, lin, zhou, gu, shen = f"/spaces/{space.pk}/", cast.lin(), cast.zhou(), cast.gu(), cast.shen()
    return [
        ("/spaces/", hong()), ("/spaces/new/", hong()), (own, hong()), (f"{own}members/", hong()),
        (f"{own}members/invite/", hong()), (f"{own}rules/new/", hong()), (f"{own}products/", hong()),
        (f"{own}progress/", hong()), (f"{own}landings/new/", hong()), (f"{own}moves/close/", hong()),
        (f"{own}products/", lin), (f"/spaces/products/{shared.pk}/take/", lin), (f"{own}leave/", lin),
        (own, zhou), (f"{own}rules/", zhou), (f"{own}products/", zhou),
        (f"/spaces/{waiting.pk}/decide/", gu), (f"/spaces/landings/{landing.pk}/decide/", gu),
        (f"/spaces/milestones/{milestone.pk}/decide/", gu), ("/spaces/pilot/", shen), (f"{own}progress/", shen),
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_every_page_is_accessible_and_fits(
    live_chromium: Visit, width: int, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: START + timedelta(days=20))
    faults: list[str] = []
    pages: dict[str, Page] = {}
    for number, (address, who) in enumerate(addresses()):
        key = who.label
        if key not in pages:
            pages[key] = live_chromium.page(width=width, language=language)
            live_chromium.sign_in(pages[key], who.user)
        faults += live_chromium.faults(pages[key], address, widths=(width,))
        if "SHOTS" in os.environ:
            pages[key].screenshot(
                path=Path(os.environ["SHOTS"]) / f"{width}-{number:02d}.png", full_page=True
            )
    assert faults == []
