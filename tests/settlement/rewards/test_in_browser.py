"""The procedure's pages in a real browser: wide in Chinese, narrow in English, axe clean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from kernel import clock
from organizations.permissions import Actor
from settlement.rewards import services
from settlement.rewards.models import ApplicationNotice, ApprovalBatch, BudgetLine, Declaration, Disbursement
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import steps, subsidy, test_parks
from tests.settlement.rewards.test_money import SYSTEM, reworked
from tests.settlement.rewards.test_money_pages import lifting_stands_open
from tests.settlement.rewards.test_notices import declare

if TYPE_CHECKING:
    from tests.browsing import Visit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def with_subsidy() -> Iterator[None]:
    with subsidy.offered():
        yield


def procedure() -> dict[Callable[[], Actor] | None, list[str]]:
    """A claim that is being paid back, one announced today, one declared fact; the pages of each role."""
    order = trades.sale("6800000.00")
    trades.sale("5200000.00", seller=cast.he)
    qinglan, beijiang = (
        services.draft_claim(
            by=SYSTEM, at=steps.DRAFTED, firm_id=cast.organization(firm).pk, year=2025
        )
        for firm in (cast.QINGLAN, cast.BEIJIANG)
    )  # fmt: skip
    steps.awarded(steps.announced(qinglan))
    steps.paid()
    trades.refund(order, "800000.00", at=steps.MARCH)
    reworked(qinglan)
    case = services.open_recovery(
        by=cast.shen(),
        at=steps.MARCH,
        claim_id=qinglan.pk,
        cause="二月退款使收入减少",
        due_on=date(2026, 4, 30),
    )
    services.confirm_recovery(by=cast.ruan(), at=steps.MARCH, case_id=case.pk)
    now = clock.now()
    services.confirm(by=cast.he(), at=steps.DRAFTED, claim_id=beijiang.pk)
    services.first_review(by=cast.gu(), at=now, claim_id=beijiang.pk)
    services.second_review(by=cast.shen(), at=now, claim_id=beijiang.pk)
    services.announce(by=cast.shen(), at=now, claim_id=beijiang.pk)
    services.object_publicly(
        by=Actor.anonymous(), at=now, claim_id=beijiang.pk, name="市民甲（示例）", contact="0763-0000000",
        statement="请核实与买方是否存在关联关系",
    )  # fmt: skip
    declare("increase_fen", 80_000_000)
    found = Declaration.objects.get()
    line, notice = BudgetLine.objects.get(), ApplicationNotice.objects.get()

    def at(name: str, *arguments: object) -> str:
        return reverse(f"rewards:{name}", args=arguments)

    return {
        None: [at("notices"), at("notice", notice.number), at("announced", beijiang.number), at("awards")],
        cast.lin: [
            at("index"), at("claim", qinglan.number), at("declarations"), at("declare", subsidy.ID, 2025),
            at("payee"), at("recovery", case.number),
        ],
        cast.shen: [
            at("notice", notice.number), at("claim", beijiang.number), at("claim", qinglan.number),
            at("declaration", found.pk), at("budgets"), at("budget", line.number),
            at("batch", ApprovalBatch.objects.get().number), at("disbursements"),
            at("disbursement", Disbursement.objects.get().number), at("recoveries"),
            at("recovery", case.number), at("new_budget"), at("publish"), at("audit", qinglan.number),
            at("offices"),
        ],
    }  # fmt: skip


def test_every_page_of_the_procedure(live_chromium: Visit) -> None:
    found = []
    for who, addresses in procedure().items():
        for language, width in (("zh-hans", 1440), ("en", 390)):
            page = live_chromium.page(language=language)
            if who is not None:
                live_chromium.sign_in(page, who().user)
            for address in addresses:
                found += live_chromium.faults(page, address, widths=(width,))
    assert found == []


def test_the_pages_of_recognised_parks(live_chromium: Visit) -> None:
    whole = test_parks.park()
    waiting = test_parks.applied(whole, by=cast.he())
    held = test_parks.decided(test_parks.applied(whole))
    shown = [f"/rewards/parks/{each.pk}/" for each in (whole, held)]
    visits = {
        cast.lin: ["/organization/", "/rewards/parks/", "/rewards/parks/apply/", *shown],
        cast.he: [f"/rewards/parks/{waiting.pk}/"],
        cast.shen: [
            "/rewards/parks/", "/rewards/parks/recognise/", f"/rewards/parks/{waiting.pk}/", *shown,
            f"/rewards/parks/{held.pk}/revoke/",
        ],
    }  # fmt: skip
    found = []
    for who, addresses in visits.items():
        for language, width in (("zh-hans", 1440), ("en", 390)):
            page = live_chromium.page(language=language)
            live_chromium.sign_in(page, who().user)
            for address in addresses:
                found += live_chromium.faults(page, address, widths=(width,))
    assert found == []


def test_a_recovery_on_its_way_to_being_lifted(live_chromium: Visit) -> None:
    _claim, case = lifting_stands_open()
    address, found = reverse("rewards:recovery", args=[case.number]), []

    def look() -> None:
        for who in (cast.shen, cast.ruan, cast.lin):
            for language, width in (("zh-hans", 1440), ("en", 390)):
                page = live_chromium.page(language=language)
                live_chromium.sign_in(page, who().user)
                found.extend(live_chromium.faults(page, address, widths=(width,)))

    look()
    services.propose_lift(by=cast.shen(), at=clock.now(), case_id=case.pk, reason="认定已撤销")
    case.refresh_from_db()
    look()
    services.lift_recovery(by=cast.ruan(), at=clock.now(), case_id=case.pk)
    case.refresh_from_db()
    look()
    assert (case.state, found) == ("lifted", [])
