"""The demand board and saved searches in a real browser: wide and narrow, Chinese and English, axe clean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from exchange.catalogue.searching import read_wanted
from exchange.demands import services
from exchange.searches import services as searches
from organizations.permissions import Actor
from tests import cast
from tests.exchange import market
from tests.exchange.demands import board

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def town() -> list[tuple[str, Actor | None]]:
    """A demand with answers and talk; every page with who looks at it."""
    at = datetime.now(UTC)
    product = market.listed(at=at)
    lin = cast.lin().organization_id
    demand = board.published(at=at, deadline=at + timedelta(days=9), invited=[lin])
    draft = board.drafted(
        at=at, title="门诊病历文本片段标注", industry="health", deadline=at + timedelta(days=9)
    )
    open_one = board.published(at=at, title="农田地块影像", industry="agriculture", deadline=at + timedelta(days=3),
                               budget_least_fen=None, budget_most_fen=None)  # fmt: skip
    answer = services.submit_answer(by=cast.lin(), at=at, demand_id=demand.pk, product_number=product.number)
    board.offered(demand, by=cast.he(), at=at)
    services.send_message(by=cast.zhou(), at=at, answer_id=answer.pk, text="能否说明负面样本的占比？")
    searches.save_search(
        by=cast.zhou(), at=at, wanted=read_wanted("评论", {"modality": ["text"]}), name="评论文本"
    )
    zhou = cast.zhou()
    return [
        ("/demands/", None), ("/demands/", cast.he()), (f"/demands/{demand.number}/", zhou), (f"/demands/{open_one.number}/", None),
        (f"/demands/{draft.number}/", zhou), (f"/demands/{open_one.number}/", cast.gu()), ("/demands/mine/", zhou),
        ("/demands/new/", zhou), (f"/demands/answers/{answer.pk}/", zhou), (f"/demands/answers/{answer.pk}/", cast.lin()),
        (f"/demands/{open_one.number}/respond/", cast.lin()), ("/demands/answers/", cast.lin()),
        ("/searches/", zhou), ("/searches/new/?q=评论", zhou), ("/catalogue/?q=评论", zhou),
    ]  # fmt: skip


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_every_page_is_accessible_and_fits(live_chromium: Visit, width: int, language: str) -> None:
    pages: dict[str, Page] = {}
    faults = []
    for address, who in town():
        key = who.label if who else ""
        if key not in pages:
            pages[key] = live_chromium.page(width=width, language=language)
            if who is not None:
                live_chromium.sign_in(pages[key], who.user)
        faults += live_chromium.faults(pages[key], address, widths=(width,))
    assert faults == []
