"""Reviews that take another way: passed on, a second opinion, on hold, taken back, agreed under another reading."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from audit.models import AuditEvent
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, SelfReview
from kernel.states import MoveNotAllowed
from settlement.rewards import referrals, selectors, services
from settlement.rewards.models import Adjustment, Claim, Hold
from settlement.rewards.states import ClaimState
from tests import cast
from tests.settlement.rewards import steps
from tests.settlement.rewards.test_procedure import DRAFTED, drafted
from tests.settlement.risk import town

pytestmark = pytest.mark.django_db
READING: dict[str, Any] = {"question": "recognition", "reading": "accrual"}


@pytest.fixture(autouse=True)
def in_january_2026() -> Iterator[None]:
    with clock.moved_to(DRAFTED):
        yield


def confirmed() -> Claim:
    """清蓝's claim with the exchange for its first review."""
    claim = drafted()
    steps.notice()
    return services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)


def agree(claim: Claim, **more: Any) -> Claim:
    return services.first_review(**{"by": cast.gu(), "at": DRAFTED, "claim_id": claim.pk, **more})


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_a_stage_that_was_passed_on_is_decided_by_the_assignee_alone() -> None:
    claim, ding = confirmed(), town.ding()
    assert ding.user_id is not None
    services.assign(
        by=cast.gu(), at=DRAFTED, claim_id=claim.pk, assignee_id=ding.user_id, reason="熟悉该企业"
    )
    with pytest.raises(services.AssignedToOther, match="转交"):
        agree(claim)
    with pytest.raises(services.AssignedToOther):
        services.reject(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason="不符")
    agree(claim, by=ding)
    claim.refresh_from_db()
    assert claim.state == ClaimState.FIRST_REVIEWED
    assert referrals.assignment_of(claim) is None  # the next stage belongs to nobody yet
    assert AuditEvent.objects.filter(action="rewards.assign").count() == 1


def test_a_claim_is_passed_on_only_to_a_reviewer_of_the_same_office_and_with_a_reason() -> None:
    claim, ding, shen, lin = confirmed(), town.ding().user_id, cast.shen().user_id, cast.lin().user_id
    assert ding
    assert shen
    assert lin
    given: dict[str, Any] = {"by": cast.gu(), "at": DRAFTED, "claim_id": claim.pk}
    with pytest.raises(InvalidInput):
        services.assign(**given, assignee_id=shen, reason="请办理")
    with pytest.raises(InvalidInput):
        services.assign(**given, assignee_id=lin, reason="请办理")
    with pytest.raises(InvalidInput):
        services.assign(**given, assignee_id=ding, reason=" ")
    with pytest.raises(NotAllowed):
        services.assign(**{**given, "by": cast.shen()}, assignee_id=shen, reason="复审先看")


def test_nobody_agrees_before_the_second_opinion_is_there_and_the_reviewer_still_decides() -> None:
    claim, ding = confirmed(), town.ding()
    assert ding.user_id is not None
    asked = services.consult(
        by=cast.gu(),
        at=DRAFTED,
        claim_id=claim.pk,
        colleague_id=ding.user_id,
        question="年末大额订单是否真实？",
    )
    with pytest.raises(services.OpinionAwaited):
        agree(claim)
    with pytest.raises(services.NotAsked):
        services.give_opinion(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, is_in_favour=True, opinion="同意")
    with pytest.raises(InvalidInput):
        services.consult(
            by=cast.gu(), at=DRAFTED, claim_id=claim.pk, colleague_id=ding.user_id, question="再问一次"
        )
    answer = services.give_opinion(
        by=ding, at=DRAFTED, claim_id=claim.pk, is_in_favour=False, opinion="建议核对交付记录"
    )
    assert answer.consultation_id == asked.pk
    assert agree(claim).state == ClaimState.FIRST_REVIEWED


def test_nothing_is_decided_on_hold_until_it_is_resumed_or_its_day_is_over() -> None:
    claim = confirmed()
    until = clock.business_date(DRAFTED) + timedelta(days=10)
    given: dict[str, Any] = {"by": cast.gu(), "at": DRAFTED, "claim_id": claim.pk}
    services.hold(**given, reason="等待税务回函", until=until)
    for verb in (services.return_, services.reject):
        with pytest.raises(services.ClaimOnHold, match=until.isoformat()):
            verb(**given, reason="补正")
    with pytest.raises(services.ClaimOnHold):
        services.hold(**given, reason="再等", until=until)
    services.resume(**given)
    with pytest.raises(services.NotOnHold):
        services.resume(**given)
    services.hold(**given, reason="再等一次", until=until)
    assert agree(claim, at=DRAFTED + timedelta(days=11)).state == ClaimState.FIRST_REVIEWED
    with pytest.raises(DatabaseError), transaction.atomic():
        Hold.objects.update(reason="改写")


@pytest.mark.parametrize("days", [0, -1, 61])
def test_a_hold_ends_on_a_day_to_come_within_sixty_days(days: int) -> None:
    claim = confirmed()
    until = clock.business_date(DRAFTED) + timedelta(days=days)
    with pytest.raises(InvalidInput):
        services.hold(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason="等待", until=until)


def test_the_days_on_hold_do_not_count_for_the_deadline() -> None:
    claim = confirmed()
    moves = selectors.transitions_of(claim)
    plain = referrals.deadline_of(claim, moves, DRAFTED)
    assert plain is not None
    assert (plain.day, plain.left_days) == (date(2026, 1, 19), 5)  # five working days after a Monday
    services.hold(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason="等待回函", until=date(2026, 1, 14))
    later = referrals.deadline_of(claim, moves, DRAFTED)
    assert later is not None
    assert later.day == date(2026, 1, 21)
    overdue = referrals.deadline_of(claim, moves, DRAFTED + timedelta(days=20))
    assert overdue is not None
    assert overdue.is_overdue


def test_a_review_is_taken_back_by_its_author_before_the_next_step() -> None:
    claim = agree(confirmed())
    with pytest.raises(services.NotYourReview):
        services.take_back(by=town.ding(), at=DRAFTED, claim_id=claim.pk, reason="漏看")
    services.take_back(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason="漏看了一笔退款")
    claim.refresh_from_db()
    assert (claim.state, claim.first_reviewer) == (ClaimState.CONFIRMED, None)
    agree(claim)
    services.second_review(by=cast.shen(), at=DRAFTED, claim_id=claim.pk)
    with pytest.raises(services.NotYourReview):
        services.take_back(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason="太晚")
    services.take_back(by=cast.shen(), at=DRAFTED, claim_id=claim.pk, reason="重新核对")
    services.hold(by=cast.shen(), at=DRAFTED, claim_id=claim.pk, reason="等待回函", until=date(2026, 1, 20))
    with pytest.raises(services.NextStepBegun):
        services.take_back(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason="太晚")


def test_agreeing_under_another_reading_recomputes_by_the_rules_and_asks_the_firm_again() -> None:
    claim = confirmed()
    before = claim.decision
    made = services.adjust(
        by=cast.gu(), at=DRAFTED, claim_id=claim.pk, **READING, reason="合同约定按验收确认收入"
    )
    claim.refresh_from_db()
    assert claim.state == ClaimState.DRAFTED
    assert claim.decision_id == made.decision_id
    assert claim.decision_id != before.pk  # type: ignore[union-attr]
    assert claim.decision.interpretation["recognition"] == "accrual"  # type: ignore[union-attr]
    assert selectors.replay(made.decision_id).is_same
    # the firm confirms, and both reviews follow; later computations keep the reading
    services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)
    agree(claim)
    services.return_(by=cast.shen(), at=DRAFTED, claim_id=claim.pk, reason="补正")
    services.redraft_claim(by=cast.gu(), at=DRAFTED, claim_id=claim.pk)
    claim.refresh_from_db()
    assert claim.decision.interpretation["recognition"] == "accrual"  # type: ignore[union-attr]
    with pytest.raises(DatabaseError), transaction.atomic():
        Adjustment.objects.update(reason="改写")


def test_an_adjustment_names_another_offered_reading_and_a_reason() -> None:
    claim = confirmed()
    given: dict[str, Any] = {"by": cast.gu(), "at": DRAFTED, "claim_id": claim.pk}
    for question, reading in (("recognition", "cash"), ("recognition", "mine"), ("amount", "1000000")):
        with pytest.raises(InvalidInput):
            services.adjust(**given, question=question, reading=reading, reason="理由")
    with pytest.raises(InvalidInput):
        services.adjust(**given, **READING, reason="")


def test_the_firm_itself_and_claims_that_are_not_under_review_take_none_of_these_ways() -> None:
    claim = drafted()
    with pytest.raises(services.NotUnderReview):
        services.hold(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason="等", until=date(2026, 1, 20))
    with pytest.raises(MoveNotAllowed):
        services.take_back(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason="撤回")
    claim = confirmed()
    with pytest.raises(NotAllowed):
        services.hold(by=cast.lin(), at=DRAFTED, claim_id=claim.pk, reason="等", until=date(2026, 1, 20))
    assert SelfReview.code == "self_review"


def test_the_page_offers_the_ways_and_acts_on_them_without_script() -> None:
    claim, ding = confirmed(), town.ding()
    gu = signed_in(cast.gu().user)
    page = reverse("rewards:claim", args=[claim.number])
    text = gu.get(page).content.decode()
    for words in ("其他办理方式", "调整后同意", "转交", "加签", "挂起", "办理期限 2026-01-19"):
        assert words in text
    refused = gu.post(reverse("rewards:hold", args=[claim.number]), {"until": "2025-01-01", "reason": "等"})
    assert refused.status_code == 422
    assert "挂起截止日" in refused.content.decode()
    gu.post(
        reverse("rewards:consult", args=[claim.number]), {"colleague": ding.user_id, "question": "真实吗？"}
    )
    told = gu.get(page).content.decode()
    assert "的加签意见" in told
    other = signed_in(ding.user)
    assert "请您加签" in other.get(page).content.decode()
    done = other.post(
        reverse("rewards:give_opinion", args=[claim.number]), {"answer": "yes", "opinion": "属实"}
    )
    assert done.status_code == 302
    gu.post(reverse("rewards:hold", args=[claim.number]), {"until": "2026-01-20", "reason": "等待回函"})
    assert "已挂起至" in gu.get(page).content.decode()
    assert "等待回函" in signed_in(cast.lin().user).get(page).content.decode()
    assert "属实" not in signed_in(cast.lin().user).get(page).content.decode()
    assert gu.post(reverse("rewards:resume", args=[claim.number])).status_code == 302
    gu.post(reverse("rewards:assign", args=[claim.number]), {"colleague": ding.user_id, "reason": "请您办理"})
    blocked = gu.post(reverse("rewards:decide", args=[claim.number]), {"decision": "agree"})
    assert blocked.status_code == 409
    lin = signed_in(cast.lin().user)
    assert lin.post(reverse("rewards:hold", args=[claim.number]), {}).status_code == 403
