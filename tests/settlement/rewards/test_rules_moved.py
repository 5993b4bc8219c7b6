"""Rules released between the draft and the firm's word: told in yuan, confirmed as seen, kept after that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from django.test import Client

from audit.models import AuditEvent
from config import wiring
from kernel import clock, events
from notifications.models import Notification
from settlement.rewards import measures, selectors, services
from settlement.rewards.models import Claim, ReleaseNews, RuleRelease
from settlement.rewards.states import ClaimState
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import steps
from tests.settlement.rewards.steps import DRAFTED, MARCH
from tests.settlement.rewards.test_money import reworked

pytestmark = pytest.mark.django_db
MEASURE, NEXT = selectors.MEASURE, "2026-twice"
LATER = DRAFTED + timedelta(hours=2)


@pytest.fixture(autouse=True)
def twice_the_rate(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A version that differs in one row: two per cent instead of one."""
    now = measures.version_of(MEASURE)
    rows = tuple(
        replace(row, value=Fraction(1, 50)) if row.name == "reward_rate" else row for row in now.parameters
    )
    monkeypatch.setitem(measures.VERSIONS, (MEASURE, NEXT), replace(now, name=NEXT, parameters=rows))
    before = dict(events._handlers)
    events.wire(wiring.handlers())
    with clock.moved_to(LATER):
        yield
    events._handlers.clear()
    events._handlers.update(before)


def released(version: str, hours: int) -> RuleRelease:
    at = DRAFTED + timedelta(hours=hours)
    found = services.propose_release(by=cast.shen(), at=at, note="示例发布", version=version)
    return services.approve_release(by=cast.ruan(), at=at, release_id=found.pk)


def drafted_before() -> tuple[Claim, RuleRelease]:
    """A statement drafted under the first release; the second one is in force since."""
    trades.sale("6800000.00")
    released(measures.CURRENT_VERSION, -2)
    steps.notice()
    firm = cast.organization(cast.QINGLAN)
    claim = services.draft_claim(by=cast.lin(), at=DRAFTED, firm_id=firm.pk, year=2025)
    return claim, released(NEXT, 1)


def test_the_firm_is_told_in_yuan_and_confirms_what_it_sees() -> None:
    claim, second = drafted_before()
    with pytest.raises(services.RulesChanged) as refusal:
        services.confirm(by=cast.lin(), at=LATER, claim_id=claim.pk)
    for told in (second.number, "¥68,000.00", "¥136,000.00"):
        assert told in str(refusal.value)
    claim.refresh_from_db()
    assert (claim.state, claim.decision.amount_fen) == (ClaimState.DRAFTED, 6_800_000)
    assert services.tell_release(at=LATER) == 1
    assert services.tell_release(at=LATER) == 0
    news = ReleaseNews.objects.get()
    assert (news.release_id, news.former_fen, news.now_fen) == (second.pk, 6_800_000, 13_600_000)
    letter = Notification.objects.filter(user=cast.lin().user_id, title__contains="规则已更新").get()
    assert "¥68,000.00 变为 ¥136,000.00" in letter.title
    assert AuditEvent.objects.filter(action="rewards.tell_release").count() == 1
    seen = claim.decision.decision_sha256
    services.redraft_claim(by=cast.lin(), at=LATER, claim_id=claim.pk)
    with pytest.raises(services.StatementChanged):
        services.confirm(by=cast.lin(), at=LATER, claim_id=claim.pk, shown=seen)
    claim.refresh_from_db()
    shown = claim.decision.decision_sha256
    services.confirm(by=cast.lin(), at=LATER, claim_id=claim.pk, shown=shown)
    claim.refresh_from_db()
    assert (claim.state, claim.decision.amount_fen, claim.decision.release_id) == (
        ClaimState.CONFIRMED, 13_600_000, second.pk,
    )  # fmt: skip


def test_what_was_confirmed_stays_under_its_text_through_review_and_later_facts() -> None:
    order = trades.sale("6800000.00")
    first = released(measures.CURRENT_VERSION, -2)
    firm = cast.organization(cast.QINGLAN)
    claim = services.draft_claim(by=cast.lin(), at=DRAFTED, firm_id=firm.pk, year=2025)
    steps.notice()
    services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)
    released(NEXT, 1)
    services.first_review(by=cast.gu(), at=LATER, claim_id=claim.pk, opinion="相符")
    services.second_review(by=cast.shen(), at=LATER, claim_id=claim.pk, opinion="同意")
    services.announce(by=cast.shen(), at=LATER, claim_id=claim.pk)
    assert steps.awarded(claim).amount_fen == 6_800_000
    trades.refund(order, "800000.00", at=MARCH)
    reworked(claim)
    claim.refresh_from_db()
    assert claim.decision is not None
    assert (claim.decision.policy_version, claim.decision.release_id) == (measures.CURRENT_VERSION, first.pk)
    assert claim.decision.amount_fen == 6_000_000


def test_the_page_tells_before_and_after_and_offers_no_blind_confirmation() -> None:
    claim, second = drafted_before()
    lin = Client(headers={"accept-language": "zh-hans"})
    assert cast.lin().user is not None
    lin.force_login(cast.lin().user)
    here = f"/rewards/{claim.number}/"
    page = lin.get(here).content.decode()
    assert f"测算之后发布了规则 {second.number}" in page
    assert "由 ¥68,000.00 变为 ¥136,000.00，相差 ¥68,000.00" in page
    assert "按现行规则重新测算" in page
    assert f"{here}confirm/" not in page
    assert lin.post(f"{here}confirm/", {"idempotency_key": "1"}).status_code == 409
    assert lin.post(f"{here}redraft/", {"idempotency_key": "2"}).status_code == 302
    page = lin.get(here).content.decode()
    assert "为 ¥68,000.00，现为 ¥136,000.00，相差 ¥68,000.00" in page
    claim.refresh_from_db()
    assert claim.decision is not None
    told = {"idempotency_key": "3", "shown": claim.decision.decision_sha256}
    assert lin.post(f"{here}confirm/", told).status_code == 302


def test_a_statement_from_before_the_first_release_goes_on_while_it_says_the_same() -> None:
    trades.sale("6800000.00")
    steps.notice()
    firm = cast.organization(cast.QINGLAN)
    claim = services.draft_claim(by=cast.lin(), at=DRAFTED, firm_id=firm.pk, year=2025)
    released(measures.CURRENT_VERSION, 1)
    assert services.confirm(by=cast.lin(), at=LATER, claim_id=claim.pk).state == ClaimState.CONFIRMED


def test_a_statement_from_before_the_first_release_does_not_go_on_under_another_text() -> None:
    trades.sale("6800000.00")
    steps.notice()
    firm = cast.organization(cast.QINGLAN)
    claim = services.draft_claim(by=cast.lin(), at=DRAFTED, firm_id=firm.pk, year=2025)
    released(NEXT, 1)
    with pytest.raises(services.RulesChanged):
        services.confirm(by=cast.lin(), at=LATER, claim_id=claim.pk)
