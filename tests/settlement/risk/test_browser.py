"""The pages of the risk watch in a real browser: wide and narrow, Chinese and English, axe clean."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from config import effects
from kernel.money import Money
from settlement.risk import selectors, services
from settlement.risk.models import Finding
from tests import cast
from tests.settlement.risk import town

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def watched() -> dict[str, tuple[str, object]]:
    """A ring with a case before and one after its decision, declarations; pages and who sees them."""
    selectors.register_reward(effects.reward_with_less)
    town.ring_of("5300000.00")
    services.declare_holding(
        by=town.jia(), at=town.FEBRUARY, firm_id=town.jia().organization_id, holder_name="乙数据（示例）有限公司",
        holder_code=town.YI[1], share_bp=3_000,
    )  # fmt: skip
    services.declare_trait(
        by=town.jia(),
        at=town.FEBRUARY,
        firm_id=town.jia().organization_id,
        kind="bank_account",
        value="6222 0000 1234",
    )
    town.scanned()
    case = town.case_of(kinds=("round_trip", "related_party"))
    services.begin(by=cast.gu(), at=town.FEBRUARY, case_id=case.pk)
    services.state_answer(
        by=town.jia(), at=town.FEBRUARY, case_id=case.pk, text="三笔交易用途不同，附使用记录。"
    )
    done = town.case_of(town.yi)
    town.decided(done)
    finding = Finding.objects.filter(kind="round_trip", firm=town.jia().organization_id).get()
    assert Money(finding.amount_fen) == Money.from_yuan("5618000.00")
    own = town.jia().organization_id
    return {
        "board": ("/risk/", cast.gu), "filtered": ("/risk/?kind=round_trip&state=in_case&score=50", cast.shen),
        "finding": (f"/risk/findings/{finding.pk}/", cast.gu), "firm": (f"/risk/firms/{town.bing().organization_id}/?year=2025", cast.gu),
        "cases": ("/risk/cases/", cast.yan), "case": (f"/risk/cases/{case.pk}/", cast.gu),
        "decided": (f"/risk/cases/{done.pk}/", cast.gu), "parameters": ("/risk/parameters/", cast.yan),
        "hearing": (f"/risk/hearings/{case.pk}/", town.jia), "told": (f"/risk/hearings/{done.pk}/", town.yi),
        "ownership": ("/risk/ownership/", town.jia), "ownership_of": (f"/risk/ownership/{own}/", cast.gu),
    }  # fmt: skip


@pytest.mark.parametrize(("width", "language"), [(1440, "zh-hans"), (390, "en")])
def test_every_page_is_accessible_and_fits(live_chromium: Visit, width: int, language: str) -> None:
    faults, pages = [], {}
    folder = os.environ.get("RISK_SCREENS")
    for name, (address, who) in watched().items():
        key = who.__name__
        if key not in pages:
            pages[key] = live_chromium.page(width=width, language=language)
            live_chromium.sign_in(pages[key], who().user)
        faults += live_chromium.faults(pages[key], address, widths=(width,))
        if folder:
            pages[key].screenshot(path=f"{folder}/{name}-{width}.png", full_page=True)
    assert faults == []
