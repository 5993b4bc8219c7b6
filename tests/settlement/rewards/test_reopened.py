"""Awards that later facts reach: nothing is paid twice, nothing rightful is taken back, what was voided may return."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from exchange.trading.models import Order
from kernel.errors import NotAllowed
from kernel.money import Money
from organizations.permissions import Actor
from settlement.ledger import selectors as ledger
from settlement.revenue import services as revenue
from settlement.rewards import blocks, funds, services
from settlement.rewards.models import ApprovalBatch, Award, BudgetLine, Claim, Disbursement, RecoveryCase
from settlement.rewards.selectors import MEASURE
from settlement.rewards.states import AwardKind, ClaimState, Outcome, RecoveryState
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import article6, steps
from tests.settlement.rewards.article6 import BENCHMARK, HIGH_TECH
from tests.settlement.rewards.steps import DRAFTED, MARCH, NOTICE_OVER, PAID
from tests.settlement.rewards.test_money import DUE, SYSTEM, claim_of, reworked

pytestmark = pytest.mark.django_db


def paid_claim(net: str = "6800000.00") -> tuple[Order, Claim]:
    """A sale and its award, paid out."""
    order = trades.sale(net)
    claim = steps.announced(
        services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=cast.organization(cast.QINGLAN).pk, year=2025)
    )
    steps.awarded(claim)
    steps.paid()
    claim.refresh_from_db()
    return order, claim


def ruled(claim: Claim, order: Order, *, is_excluded: bool) -> Claim:
    """A reviewer leaves the sale out, or counts it again; the wiring follows."""
    revenue.rule_on_trade(
        by=cast.gu(), at=MARCH, order_id=order.pk, code="circular", is_excluded=is_excluded, reason="资金回流"
    )
    return reworked(claim)


def confirmed_recovery(claim: Claim) -> RecoveryCase:
    case = services.open_recovery(by=cast.shen(), at=MARCH, claim_id=claim.pk, cause="认定循环", due_on=DUE)
    return services.confirm_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk)


def kinds(claim: Claim) -> list[tuple[str, int]]:
    return list(claim.awards.order_by("recorded_at", "pk").values_list("kind", "amount_fen"))


# --- asked back and not yet returned --------------------------------------------------------------


def test_an_award_whose_facts_come_back_before_it_is_returned_is_not_paid_a_second_time() -> None:
    order, claim = paid_claim()
    ruled(claim, order, is_excluded=True)
    case = confirmed_recovery(claim)
    claim = ruled(claim, order, is_excluded=False)
    assert claim.state == ClaimState.REOPENED
    with pytest.raises(services.RecoveryOutstanding, match=r"68,000\.00"):
        services.announce(by=cast.shen(), at=MARCH, claim_id=claim.pk)
    services.propose_lift(by=cast.shen(), at=MARCH, case_id=case.pk, reason="认定已撤销")
    with pytest.raises(services.SamePerson):
        services.lift_recovery(by=cast.shen(), at=MARCH, case_id=case.pk)
    case = services.lift_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk)
    claim.refresh_from_db()
    standing = funds.standing_of(claim)
    assert (case.state, case.lifted_fen, claim.state) == (
        RecoveryState.LIFTED,
        6_800_000,
        ClaimState.DISBURSED,
    )
    assert (standing.granted_fen, standing.paid_fen, standing.outstanding_fen, standing.unpaid_fen) == (
        6_800_000, 6_800_000, 0, 0,
    )  # fmt: skip
    assert kinds(claim) == [
        (AwardKind.INITIAL, 6_800_000), (AwardKind.REDUCTION, -6_800_000), (AwardKind.RESTORED, 6_800_000),
    ]  # fmt: skip
    assert funds.payables() == []
    assert funds.left_in(BudgetLine.objects.get()) == 500_000_000 - 6_800_000
    assert ledger.prove().is_sound


def test_facts_that_come_back_in_part_ease_what_is_owed_and_the_rest_stays_owed() -> None:
    order, claim = paid_claim()
    ruled(claim, order, is_excluded=True)
    case = confirmed_recovery(claim)
    services.enter_return(by=cast.ruan(), at=MARCH, case_id=case.pk, amount=Money(300_000), reference="B1")
    trades.refund(order, "800000.00", at=MARCH)
    claim = ruled(claim, order, is_excluded=False)  # worth 60,000 now; 3,000 came back, 65,000 is owed
    services.propose_lift(by=cast.shen(), at=MARCH, case_id=case.pk, reason="认定已撤销")
    case = services.lift_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk)
    claim.refresh_from_db()
    standing = funds.standing_of(claim)
    assert (case.state, case.lifted_fen, funds.outstanding_of(case)) == ("confirmed", 6_000_000, 500_000)
    assert (claim.state, standing.granted_fen, standing.unpaid_fen) == (ClaimState.RECOVERING, 6_000_000, 0)
    services.enter_return(by=cast.ruan(), at=MARCH, case_id=case.pk, amount=Money(500_000), reference="B2")
    claim.refresh_from_db()
    assert claim.state == ClaimState.RECOVERED
    assert funds.standing_of(claim).paid_fen - funds.standing_of(claim).returned_fen == 6_000_000


def test_what_was_returned_before_the_facts_came_back_is_paid_again_through_a_notice() -> None:
    order, claim = paid_claim()
    ruled(claim, order, is_excluded=True)
    case = confirmed_recovery(claim)
    services.enter_return(by=cast.ruan(), at=MARCH, case_id=case.pk, amount=Money(2_000_000), reference="B1")
    claim = ruled(claim, order, is_excluded=False)
    services.propose_lift(by=cast.shen(), at=MARCH, case_id=case.pk, reason="认定已撤销")
    services.lift_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk)
    claim.refresh_from_db()
    assert claim.state == ClaimState.REOPENED
    services.announce(by=cast.shen(), at=MARCH, claim_id=claim.pk)
    later = MARCH + timedelta(days=14)
    steps.batch(at=later)
    (payment,) = steps.paid(at=later)
    claim.refresh_from_db()
    assert (payment.amount_fen, claim.state) == (2_000_000, ClaimState.DISBURSED)
    assert funds.standing_of(claim).is_settled


def test_a_recovery_is_lifted_only_as_far_as_the_claim_is_worth_it_again() -> None:
    order, claim = paid_claim()
    ruled(claim, order, is_excluded=True)
    case = confirmed_recovery(claim)
    with pytest.raises(services.NothingToLift):
        services.propose_lift(by=cast.shen(), at=MARCH, case_id=case.pk, reason="企业困难")
    claim = ruled(claim, order, is_excluded=False)
    services.propose_lift(by=cast.shen(), at=MARCH, case_id=case.pk, reason="认定已撤销")
    ruled(claim, order, is_excluded=True)  # and excluded again before the second person came
    with pytest.raises(services.NothingToLift):
        services.lift_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk)
    kept = services.keep_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk, reason="重新认定")
    assert (kept.state, funds.outstanding_of(kept)) == (RecoveryState.CONFIRMED, 6_800_000)
    assert Award.objects.filter(kind=AwardKind.RESTORED).count() == 0


# --- rightful awards stand ------------------------------------------------------------------------


def test_two_awards_of_a_group_stand_whatever_revenue_changes_afterwards() -> None:
    low = article6.reviewed(article6.drafted(HIGH_TECH, 2025))
    steps.batch(article6.opened(HIGH_TECH, 2025))
    article6.reviewed(article6.drafted(BENCHMARK, 2025))
    steps.batch(article6.opened(BENCHMARK, 2025))
    assert list(Award.objects.order_by("recorded_at").values_list("amount_fen", flat=True)) == [
        30_000_000, 70_000_000,
    ]  # fmt: skip
    assert services.review_granted(by=SYSTEM, at=MARCH, firm_id=low.firm_id, year=2025, cause="退款") == []
    assert sorted(Claim.objects.values_list("state", flat=True)) == ["approved", "approved"]


def test_an_award_taken_back_lets_the_higher_one_of_its_group_have_the_rest() -> None:
    low = article6.reviewed(article6.drafted(HIGH_TECH, 2025))
    steps.batch(article6.opened(HIGH_TECH, 2025))
    high = article6.reviewed(article6.drafted(BENCHMARK, 2025))
    steps.batch(article6.opened(BENCHMARK, 2025))
    article6.verified(HIGH_TECH, 2025, "is_high_tech", False, at=MARCH)
    low.refresh_from_db()
    assert low.state == ClaimState.REOPENED
    confirmed_recovery(low)
    high.refresh_from_db()
    assert (high.state, funds.standing_of(high).difference_fen) == (ClaimState.REOPENED, 30_000_000)


def test_revenue_is_read_by_its_own_measure_only() -> None:
    _order, claim = paid_claim()
    high = article6.reviewed(article6.drafted(HIGH_TECH, 2025))
    steps.batch(article6.opened(HIGH_TECH, 2025))
    article6.verified(HIGH_TECH, 2025, "referenced_award_fen", 1, at=MARCH)
    decisions = high.decisions.count()
    services.review_granted(
        by=SYSTEM, at=MARCH, firm_id=claim.firm_id, year=2025, cause="退款", measures=[MEASURE]
    )
    assert high.decisions.count() == decisions


# --- an older award reduced, a later one topped up, the older one's facts back --------------------

SCENARIO, VENUE = "application_scenario", "exchange_venue"


def increase(measure: str, yuan: int, *, at: datetime = DRAFTED) -> None:
    """The tax bureau's statement: what local contribution rose by; both measures pay on it, once."""
    article6.verified(measure, 2025, "contribution_fen", yuan * 100, at=at)


def paid_beside(measure: str, rise: int, **facts: Any) -> Claim:
    """A claim on the increase with its award, paid out."""
    line = article6.opened(measure, 2025)
    for name, value in {"contribution_previous_fen": 0, **facts}.items():
        article6.verified(measure, 2025, name, value)
    increase(measure, rise)
    by = cast.lin()
    assert by.organization_id is not None
    claim = services.draft_claim(by=by, at=DRAFTED, firm_id=by.organization_id, year=2025, measure=measure)
    article6.reviewed(claim)
    steps.batch(line)
    steps.paid()
    return claim


def scenario_and_venue() -> tuple[Claim, Claim]:
    """An older award of 500,000 under article 4, and 100,000 beside it up to the 600,000 of article 3(2)."""
    older = paid_beside(
        SCENARIO, 2_000_000, is_contractor=True, project="城市治理大模型", award_level="national"
    )
    later = paid_beside(VENUE, 600_000, is_recognised_venue=True, turnover_fen=2_000_000_000)
    assert [funds.standing_of(each).paid_fen for each in (older, later)] == [50_000_000, 10_000_000]
    return older, later


def topped_up(claim: Claim) -> None:
    services.announce(by=cast.shen(), at=MARCH, claim_id=claim.pk)
    later = MARCH + timedelta(days=14)
    steps.batch(article6.opened(claim.measure, claim.year), at=later)
    steps.paid(at=later)


def test_what_a_later_award_was_topped_up_with_is_not_restored_to_the_older_one() -> None:
    older, later = scenario_and_venue()
    increase(SCENARIO, 600_000, at=MARCH)  # half of it is 300,000: 200,000 too much
    case = confirmed_recovery(older)
    later.refresh_from_db()
    assert funds.standing_of(later).difference_fen == 20_000_000
    topped_up(later)
    increase(SCENARIO, 2_000_000, at=MARCH)  # and the older facts are back
    for claim in (older, later):
        claim.refresh_from_db()
        assert funds.standing_of(claim).difference_fen == 0, claim.measure
    assert [funds.standing_of(each).granted_fen for each in (older, later)] == [30_000_000, 30_000_000]
    assert (older.state, later.state) == (ClaimState.RECOVERING, ClaimState.DISBURSED)
    with pytest.raises(services.NothingToLift):
        services.propose_lift(by=cast.shen(), at=MARCH, case_id=case.pk, reason="事实已恢复")
    services.enter_return(by=cast.ruan(), at=MARCH, case_id=case.pk, amount=Money(20_000_000), reference="B1")
    held = [funds.standing_of(each).held_fen for each in (older, later)]
    assert sum(held) == 60_000_000  # the higher of the two, once
    assert ledger.prove().is_sound


def test_a_top_up_in_its_notice_falls_to_what_an_award_that_was_restored_leaves() -> None:
    older, later = scenario_and_venue()
    increase(SCENARIO, 0, at=MARCH)
    case = confirmed_recovery(older)  # nothing is left of it, 500,000 is owed
    services.announce(by=cast.shen(), at=MARCH, claim_id=later.pk)  # 500,000 more, on its way
    increase(SCENARIO, 2_000_000, at=MARCH)
    services.propose_lift(by=cast.shen(), at=MARCH, case_id=case.pk, reason="事实已恢复")
    services.lift_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk)
    older.refresh_from_db()
    later.refresh_from_db()
    standings = [funds.standing_of(each) for each in (older, later)]
    assert [each.granted_fen for each in standings] == [40_000_000, 10_000_000]
    assert (later.state, standings[1].difference_fen) == (ClaimState.REOPENED, 10_000_000)
    topped_up(later)
    services.enter_return(by=cast.ruan(), at=MARCH, case_id=case.pk, amount=Money(10_000_000), reference="B1")
    older.refresh_from_db()
    standings = [funds.standing_of(each) for each in (older, later)]
    assert [each.difference_fen for each in standings] == [0, 0]
    assert sum(each.held_fen for each in standings) == 60_000_000


# --- corrected facts ------------------------------------------------------------------------------


def test_a_corrected_declaration_reopens_the_award_that_rests_on_it() -> None:
    claim = article6.reviewed(article6.drafted(HIGH_TECH, 2025))
    steps.batch(article6.opened(HIGH_TECH, 2025))
    steps.paid()
    article6.verified(HIGH_TECH, 2025, "is_high_tech", False, at=MARCH)
    claim.refresh_from_db()
    assert claim.decision is not None
    assert (claim.state, claim.decision.outcome) == (ClaimState.REOPENED, Outcome.NOT_ELIGIBLE)
    assert funds.standing_of(claim).to_recover_fen == 30_000_000


def test_a_profile_verified_anew_reopens_the_past_year_but_not_older_ones() -> None:
    article6.reviewed(article6.drafted(HIGH_TECH, 2025))
    steps.batch(article6.opened(HIGH_TECH, 2025))
    firm = cast.organization(cast.QINGLAN)
    firm.registered_place = "440100"
    firm.save(update_fields=["registered_place"])
    opened = services.review_profile(by=SYSTEM, at=MARCH, firm_id=firm.pk, cause="单位资料重新核实")
    assert [claim.year for claim in opened] == [2025]
    later = MARCH.replace(year=2027)
    firm.registered_place = "441802"
    firm.save(update_fields=["registered_place"])
    assert services.review_profile(by=SYSTEM, at=later, firm_id=firm.pk, cause="单位资料重新核实") == []
    assert Claim.objects.get().decisions.count() == 2


def test_an_award_that_was_voided_comes_up_again_when_its_facts_come_back() -> None:
    order = trades.sale("6800000.00")
    claim = steps.announced(
        services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=cast.organization(cast.QINGLAN).pk, year=2025)
    )
    steps.awarded(claim)
    ruled(claim, order, is_excluded=True)
    confirmed_recovery(claim)
    claim.refresh_from_db()
    assert claim.state == ClaimState.REJECTED
    claim = ruled(claim, order, is_excluded=False)
    assert (claim.state, funds.standing_of(claim).difference_fen) == (ClaimState.REOPENED, 6_800_000)
    services.announce(by=cast.shen(), at=MARCH, claim_id=claim.pk)
    later = MARCH + timedelta(days=14)
    steps.batch(at=later)
    (payment,) = steps.paid(at=later)
    assert payment.amount_fen == 6_800_000


def test_a_claim_turned_away_by_a_reviewer_has_no_award_to_come_back() -> None:
    order = trades.sale("6800000.00")
    claim = steps.announced(
        services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=cast.organization(cast.QINGLAN).pk, year=2025)
    )
    services.reject(by=cast.shen(), at=MARCH, claim_id=claim.pk, reason="材料不实")
    trades.refund(order, "800000.00", at=MARCH)
    assert reworked(claim).state == ClaimState.REJECTED
    with pytest.raises(services.NothingGranted):
        services.reopen(by=cast.shen(), at=MARCH, claim_id=claim.pk, reason="复查")


# --- risk found on the way ------------------------------------------------------------------------


@pytest.fixture
def blocked() -> Iterator[set[str]]:
    """Claims (by number) that an open case blocks."""
    numbers: set[str] = set()
    former = list(blocks._checks)
    blocks.register_block(lambda claim: ["风险案件 FX-1 尚未决定"] if claim.number in numbers else [])
    yield numbers
    blocks._checks[:] = former


def test_a_case_opened_during_the_notice_stops_batch_and_approval(blocked: set[str]) -> None:
    claim = claim_of()
    line = BudgetLine.objects.get()
    batch = services.propose_batch(by=cast.shen(), at=NOTICE_OVER, line_id=line.pk)
    blocked.add(claim.number)
    with pytest.raises(services.BatchStale, match="须先办结"):
        services.approve_batch(by=cast.ruan(), at=NOTICE_OVER, batch_id=batch.pk)
    services.withdraw_batch(by=cast.shen(), at=NOTICE_OVER, batch_id=batch.pk)
    assert funds.preview(line, NOTICE_OVER).left_out == [(claim, funds.BLOCKED)]
    with pytest.raises(services.NothingReady):
        services.propose_batch(by=cast.shen(), at=NOTICE_OVER, line_id=line.pk)
    blocked.clear()
    assert steps.batch().granted_fen == 6_800_000


def test_a_case_stops_the_notice_and_the_payment_file(blocked: set[str]) -> None:
    claim = claim_of()
    steps.awarded(claim)
    services.set_payee_account(by=cast.lin(), at=PAID, bank="示例银行", account_number="123456789")
    blocked.add(claim.number)
    with pytest.raises(services.ReviewBlocked, match="FX-1"):
        services.prepare_disbursement(by=cast.ruan(), at=PAID)
    blocked.clear()
    file = services.prepare_disbursement(by=cast.ruan(), at=PAID)
    blocked.add(claim.number)
    with pytest.raises(services.ReviewBlocked, match=claim.number):
        services.approve_disbursement(by=cast.shen(), at=PAID, disbursement_id=file.pk)
    assert Disbursement.objects.get().state == "prepared"
    trades.sale("1000000.00")
    reworked(claim)
    with pytest.raises(services.ReviewBlocked):
        services.announce(by=cast.shen(), at=MARCH, claim_id=claim.pk)


# --- the budget of the notice ---------------------------------------------------------------------


def test_a_claim_is_granted_from_the_budget_that_its_notice_names() -> None:
    claim = claim_of()
    named, other = BudgetLine.objects.get(), steps.budget("1000000.00")
    with pytest.raises(services.NothingReady):
        services.propose_batch(by=cast.shen(), at=NOTICE_OVER, line_id=other.pk)
    assert [each.waiting_fen for each in funds.positions_of([named, other])] == [6_800_000, 0]
    steps.batch(named)
    assert (Award.objects.get().line_id, ApprovalBatch.objects.count()) == (named.pk, 1)
    assert claim.number == Award.objects.get().claim.number


def test_a_person_who_is_not_of_the_department_lifts_nothing() -> None:
    order, claim = paid_claim()
    ruled(claim, order, is_excluded=True)
    case = confirmed_recovery(claim)
    ruled(claim, order, is_excluded=False)
    others: list[Actor] = [cast.lin(), cast.gu(), cast.yan()]
    for by in others:
        with pytest.raises(NotAllowed):
            services.propose_lift(by=by, at=MARCH, case_id=case.pk, reason="x")
