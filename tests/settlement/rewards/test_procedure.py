"""A claim from draft to award: who may do what, in which order, and never twice."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from kernel import workdays
from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from organizations.models import Membership, Organization
from organizations.permissions import Actor
from organizations.states import OrganizationKind, Role
from settlement.revenue import services as revenue
from settlement.rewards import selectors, services
from settlement.rewards.models import Award, Claim, Decision
from settlement.rewards.states import ClaimState, Outcome
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import steps

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("奖励测算")
DRAFTED, NOTICE_OVER = steps.DRAFTED, steps.NOTICE_OVER


def firm() -> Organization:
    return cast.organization(cast.QINGLAN)


def drafted(net: str = "6800000.00", *, year: int = 2025) -> Claim:
    trades.sale(net, at=datetime(year, 3, 3, 4, 0, tzinfo=UTC))
    steps.notice(year=year)
    return services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=firm().pk, year=year)


def at_state(state: ClaimState, net: str = "6800000.00") -> Claim:
    """A claim of 2025 as far as the state."""
    claim = drafted(net)
    way = [
        (ClaimState.CONFIRMED, services.confirm, cast.lin, {}),
        (ClaimState.FIRST_REVIEWED, services.first_review, cast.gu, {"opinion": "凭证相符"}),
        (ClaimState.SECOND_REVIEWED, services.second_review, cast.shen, {"opinion": "同意"}),
        (ClaimState.IN_NOTICE, services.announce, cast.shen, {}),
    ]
    for reached, service, who, more in way:
        if claim.state == state:
            break
        claim = service(by=who(), at=DRAFTED, claim_id=claim.pk, **more)
        assert claim.state == reached
    return claim


def test_the_system_drafts_a_statement_with_every_figure_from_the_books() -> None:
    claim = drafted()
    decision = claim.decision
    assert decision is not None
    assert (decision.outcome, decision.amount_fen) == (Outcome.GRANTED, 6_800_000)
    facts = decision.facts["facts"]
    assert facts["receipts_fen"]["value"] == 680_000_000
    assert facts["vat_fen"]["value"] == 40_800_000
    assert facts["transaction_count"]["value"] == 1
    assert facts["certificate_count"]["value"] == 1
    assert facts["receipts_fen"]["evidence"] == [selectors.ledger_evidence(firm().pk, 2025)]
    assert decision.trace["sentence"]["zh"].startswith("2025 年度核定实际收入 ¥6,800,000.00")
    assert decision.policy_version == "2023-12-draft"
    assert claim.state == ClaimState.DRAFTED
    assert AuditEvent.objects.filter(action="rewards.draft", subject_id=claim.pk).count() == 1


def test_drafting_again_changes_nothing_until_the_facts_change() -> None:
    claim = drafted()
    again = services.draft_claim(by=SYSTEM, at=DRAFTED + timedelta(hours=1), firm_id=firm().pk, year=2025)
    assert (again.pk, again.decision_id) == (claim.pk, claim.decision_id)
    trades.sale("100.00", at=datetime(2025, 6, 2, 4, 0, tzinfo=UTC))
    changed = services.draft_claim(by=SYSTEM, at=DRAFTED + timedelta(hours=2), firm_id=firm().pk, year=2025)
    assert changed.pk == claim.pk
    assert changed.decision_id != claim.decision_id
    assert Decision.objects.filter(claim=claim).count() == 2


@pytest.mark.parametrize(
    ("net", "outcome", "amount"),
    [
        ("4999999.99", Outcome.NOT_ELIGIBLE, 0),
        ("5000000.00", Outcome.GRANTED, 5_000_000),
        ("100000000.00", Outcome.GRANTED, 100_000_000),
        ("120000000.00", Outcome.GRANTED, 100_000_000),
    ],
)
def test_boundaries_through_the_whole_product(net: str, outcome: str, amount: int) -> None:
    decision = drafted(net).decision
    assert decision is not None
    assert (decision.outcome, decision.amount_fen) == (outcome, amount)


def test_refund_and_ruling_lower_the_statement() -> None:
    order = trades.sale("6000000.00")
    other = trades.sale("500000.00")
    trades.refund(order, "300000.00", at=datetime(2025, 5, 6, 4, 0, tzinfo=UTC))
    revenue.rule_on_trade(
        by=cast.gu(), at=DRAFTED, order_id=other.pk, code="circular", is_excluded=True, reason="回流"
    )
    decision = services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=firm().pk, year=2025).decision
    assert decision is not None
    assert decision.amount_fen == 5_700_000
    (trades_step,) = [step for step in decision.trace["steps"] if step["key"] == "trades"]
    (line,) = trades_step["lines"]
    assert (line["key"], line["amount_fen"]) == ("circular", -50_000_000)


def test_an_unverified_profile_leaves_the_case_undetermined() -> None:
    Organization.objects.filter(pk=firm().pk).update(verification="submitted")
    decision = services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=firm().pk, year=2024).decision
    assert decision is not None
    assert decision.outcome == Outcome.NOT_ELIGIBLE  # no revenue: certain, whatever the profile says
    Organization.objects.filter(pk=firm().pk).update(verification="verified")
    trades.sale("6000000.00")
    Organization.objects.filter(pk=firm().pk).update(verification="submitted")
    decision = services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=firm().pk, year=2025).decision
    assert decision is not None
    assert decision.outcome == Outcome.UNDETERMINED
    assert {each["name"] for each in decision.trace["missing"]} == {
        "is_annotation_firm",
        "industry_class",
        "in_recognised_park",
    }


def test_the_whole_procedure_to_the_award() -> None:
    claim = at_state(ClaimState.IN_NOTICE)
    assert claim.notice_until == date(2026, 1, 19)  # Tuesday 13th to Monday 19th: five working days
    steps.batch()
    award = Award.objects.get()
    claim.refresh_from_db()
    assert (award.firm_id, award.year, award.amount_fen) == (firm().pk, 2025, 6_800_000)
    assert award.decision_id == claim.decision_id
    moves = [move.move for move in selectors.transitions_of(claim)]
    assert moves == ["confirm", "first_review", "second_review", "announce", "approve"]


def test_the_notice_counts_chinese_working_days() -> None:
    claim = at_state(ClaimState.SECOND_REVIEWED)
    # Spring Festival 2026: off from 15 to 23 February; 14 and 28 February are worked.
    claim = services.announce(by=cast.shen(), at=datetime(2026, 2, 12, 4, 0, tzinfo=UTC), claim_id=claim.pk)
    assert claim.notice_until == date(2026, 2, 26)


def at_noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, 0, tzinfo=UTC)


def test_a_notice_over_new_year_grows_when_the_holidays_are_announced_and_never_shrinks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim = at_state(ClaimState.SECOND_REVIEWED)
    claim = services.announce(by=cast.shen(), at=at_noon(date(2026, 12, 25)), claim_id=claim.pk)
    assert claim.notice_until == date(2027, 1, 4)
    days = timedelta(days=1)
    notice = workdays.Announced(
        "示例", date(2026, 12, 26), frozenset({date(2027, 1, 1), date(2027, 1, 4)}), frozenset()
    )
    monkeypatch.setattr(workdays, "_calendar", lambda: workdays.Calendar({2027: notice}))
    for _twice in range(2):
        services.watch_deadlines(at=at_noon(date(2026, 12, 27)))
        claim.refresh_from_db()
        assert claim.notice_until == date(2027, 1, 5)
    [event] = AuditEvent.objects.filter(action="rewards.lengthen_notice")
    assert event.detail == {"number": claim.number, "told": "2027-01-04", "until": "2027-01-05"}
    shorter = workdays.Announced("示例", date(2026, 12, 26), frozenset(), frozenset({date(2027, 1, 2)}))
    monkeypatch.setattr(workdays, "_calendar", lambda: workdays.Calendar({2027: shorter}))
    services.watch_deadlines(at=at_noon(date(2026, 12, 27)) + days)
    claim.refresh_from_db()
    assert claim.notice_until == date(2027, 1, 5)


def test_approval_waits_for_the_end_of_the_notice() -> None:
    claim = at_state(ClaimState.IN_NOTICE)
    assert claim.notice_until is not None
    final_day = datetime(2026, 1, 19, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    with pytest.raises(services.NothingReady):
        steps.batch(at=final_day)
    steps.batch(at=final_day + timedelta(minutes=1))
    assert Award.objects.count() == 1


def test_a_statement_that_grants_nothing_cannot_be_confirmed() -> None:
    claim = drafted("4999999.99")
    with pytest.raises(services.NothingToConfirm):
        services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)


def test_a_running_year_cannot_be_confirmed() -> None:
    trades.sale("6000000.00", at=datetime(2026, 1, 5, 4, 0, tzinfo=UTC))
    claim = services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=firm().pk, year=2026)
    with pytest.raises(services.YearNotOver, match="2026"):
        services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)


def test_a_year_to_come_cannot_be_drafted() -> None:
    with pytest.raises(InvalidInput):
        services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=firm().pk, year=2027)


def test_only_the_firm_itself_confirms() -> None:
    claim = drafted()
    for who, refusal in (
        (cast.he, NotFound),
        (cast.zhou, NotFound),
        (cast.mei, NotAllowed),
        (cast.gu, NotAllowed),
        (cast.shen, NotAllowed),
        (cast.yan, NotFound),
    ):
        with pytest.raises(refusal):
            services.confirm(by=who(), at=DRAFTED, claim_id=claim.pk)
    claim.refresh_from_db()
    assert claim.state == ClaimState.DRAFTED


def test_a_firm_drafts_only_for_itself() -> None:
    with pytest.raises(NotFound):
        services.draft_claim(by=cast.he(), at=DRAFTED, firm_id=firm().pk, year=2025)
    assert Claim.objects.count() == 0


def test_the_wrong_office_reviews_nothing() -> None:
    claim = at_state(ClaimState.CONFIRMED)
    for who in (cast.lin, cast.zhou, cast.shen, cast.yan):
        with pytest.raises(NotAllowed):
            services.first_review(by=who(), at=DRAFTED, claim_id=claim.pk)
    services.first_review(by=cast.gu(), at=DRAFTED, claim_id=claim.pk)
    for who in (cast.lin, cast.gu, cast.yan):
        with pytest.raises(NotAllowed):
            services.second_review(by=who(), at=DRAFTED, claim_id=claim.pk)


def test_first_and_second_review_are_never_one_person() -> None:
    claim = at_state(ClaimState.FIRST_REVIEWED)
    gu = cast.gu().user
    twice = Membership.objects.create(
        user=gu, organization=cast.organization(cast.BUREAU), roles=[Role.SECOND_REVIEWER.value]
    )
    with pytest.raises(services.SameReviewer):
        services.second_review(by=Actor.of(twice), at=DRAFTED, claim_id=claim.pk)


def test_only_the_paying_department_reviews_announces_and_turns_away() -> None:
    claim = at_state(ClaimState.FIRST_REVIEWED)
    science = ("科技局（示例）", "11441800MB5000007X", (OrganizationKind.DEPARTMENT,))
    qi = cast.person("qi", science, Role.SECOND_REVIEWER)
    told = {"by": qi, "at": DRAFTED, "claim_id": claim.pk}
    for act in (
        lambda: services.second_review(**told),
        lambda: services.return_(**told, reason="x"),
        lambda: services.reject(**told, reason="x"),
    ):
        with pytest.raises(services.OtherDepartment):
            act()
    services.second_review(by=cast.shen(), at=DRAFTED, claim_id=claim.pk)
    with pytest.raises(services.OtherDepartment):
        services.announce(**told)


def test_first_and_second_review_are_never_one_organization() -> None:
    base = cast.organization(cast.BASE)
    base.kinds = [OrganizationKind.EXCHANGE_OPERATOR.value, OrganizationKind.DEPARTMENT.value]
    base.save(update_fields=["kinds"])
    claim = at_state(ClaimState.FIRST_REVIEWED)
    other = cast.person("other", cast.BASE, Role.SECOND_REVIEWER)
    with pytest.raises(services.SameReviewer):
        services.second_review(by=other, at=DRAFTED, claim_id=claim.pk)


def test_a_member_of_the_firm_does_not_review_it() -> None:
    claim = at_state(ClaimState.CONFIRMED)
    gu = cast.gu()
    Membership.objects.create(user=gu.user, organization=firm(), roles=[])
    with pytest.raises(SelfReview):
        services.first_review(by=gu, at=DRAFTED, claim_id=claim.pk)


@pytest.mark.parametrize(
    ("state", "step", "who"),
    [
        (ClaimState.DRAFTED, services.confirm, cast.lin),
        (ClaimState.CONFIRMED, services.first_review, cast.gu),
        (ClaimState.FIRST_REVIEWED, services.second_review, cast.shen),
    ],
)
def test_changed_facts_stop_the_claim(state: ClaimState, step, who) -> None:
    claim = at_state(state)
    trades.sale("100.00", at=datetime(2025, 6, 2, 4, 0, tzinfo=UTC))
    with pytest.raises(services.FactsChanged):
        step(by=who(), at=DRAFTED, claim_id=claim.pk)
    claim.refresh_from_db()
    assert claim.state == state


def test_a_refund_during_the_notice_stops_the_approval() -> None:
    order = trades.sale("6800000.00")
    claim = services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=firm().pk, year=2025)
    steps.announced(claim)
    trades.refund(order, "2000000.00", at=DRAFTED + timedelta(days=1))
    with pytest.raises(services.NothingReady):
        steps.batch()
    assert Award.objects.count() == 0
    claim = services.return_(by=cast.shen(), at=NOTICE_OVER, claim_id=claim.pk, reason="公示期内退款，请核对")
    assert claim.state == ClaimState.RETURNED


def test_an_objection_names_its_item_and_leads_to_a_new_draft() -> None:
    claim = drafted()
    for item, statement in (("weather", "理由"), ("revenue", "  ")):
        with pytest.raises(InvalidInput):
            services.object_(by=cast.lin(), at=DRAFTED, claim_id=claim.pk, item=item, statement=statement)
    objection = services.object_(
        by=cast.lin(), at=DRAFTED, claim_id=claim.pk, item="revenue", statement="少计一笔十二月的到账"
    )
    assert objection.decision_id == claim.decision_id
    with pytest.raises(services.ObjectionsOpen):
        services.redraft_claim(by=cast.gu(), at=DRAFTED, claim_id=claim.pk)
    services.answer_objection(
        by=cast.gu(), at=DRAFTED, objection_id=objection.pk, is_accepted=True, reasons="已核对台账"
    )
    claim.refresh_from_db()
    assert claim.state == ClaimState.DRAFTED
    assert claim.decision_id != objection.decision_id
    assert Decision.objects.filter(claim=claim).count() == 2


def test_a_returned_claim_says_why_and_can_be_confirmed_again() -> None:
    claim = at_state(ClaimState.CONFIRMED)
    with pytest.raises(InvalidInput):
        services.return_(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason=" ")
    services.return_(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason="请补充分类")
    claim = services.confirm(by=cast.lin(), at=DRAFTED, claim_id=claim.pk)
    assert claim.state == ClaimState.CONFIRMED


def test_each_review_turns_away_only_at_its_own_stage() -> None:
    claim = at_state(ClaimState.CONFIRMED)
    with pytest.raises(NotAllowed):
        services.reject(by=cast.shen(), at=DRAFTED, claim_id=claim.pk, reason="理由")
    services.first_review(by=cast.gu(), at=DRAFTED, claim_id=claim.pk)
    with pytest.raises(NotAllowed):
        services.reject(by=cast.gu(), at=DRAFTED, claim_id=claim.pk, reason="理由")
    claim = services.reject(by=cast.shen(), at=DRAFTED, claim_id=claim.pk, reason="交易不真实")
    assert claim.state == ClaimState.REJECTED


def test_the_fourth_year_is_refused_by_the_register() -> None:
    for year in (2022, 2023, 2024):
        claim = Claim.objects.create(
            firm=firm(), measure=selectors.MEASURE, year=year, number=f"JL-{year}", drafted_at=DRAFTED
        )
        decision = Decision.objects.create(
            claim=claim, decided_at=DRAFTED, policy_version="2023-12-draft", code_version="0", facts={},
            facts_sha256="", outcome="granted", amount_fen=5_000_000, trace={}, decision_sha256="",
        )  # fmt: skip
        Award.objects.create(
            claim=claim, decision=decision, firm=firm(), measure=claim.measure, year=year,
            amount_fen=5_000_000, granted_at=DRAFTED,
        )  # fmt: skip
    decision = drafted().decision
    assert decision is not None
    assert decision.outcome == Outcome.NOT_ELIGIBLE
    assert decision.trace["sentence"]["zh"] == "企业此前已获得 3 个年度的奖励，期限已满。"
    assert [each["number"] for each in decision.facts["facts"]["prior_awards"]["evidence"]] == [
        "JL-2022", "JL-2023", "JL-2024",
    ]  # fmt: skip


def test_a_replay_gives_the_same_bytes_and_is_recorded() -> None:
    claim = drafted()
    assert claim.decision_id is not None
    trades.sale("100.00", at=datetime(2025, 6, 2, 4, 0, tzinfo=UTC))
    found = services.replay(by=cast.yan(), at=DRAFTED, decision_id=claim.decision_id)
    assert found
    assert found.facts_sha256_holds
    assert AuditEvent.objects.filter(action="rewards.replay").count() == 1
    with pytest.raises(NotAllowed):
        services.replay(by=cast.lin(), at=DRAFTED, decision_id=claim.decision_id)


def test_other_readings_are_shown_with_the_difference_they_make() -> None:
    claim = drafted("4900000.00")
    assert claim.decision is not None
    found = {(each.question, each.option): each for each in selectors.differences_of(claim.decision)}
    assert len(found) == 18
    with_tax = found["tax", "including_vat"]
    assert (with_tax.outcome, with_tax.amount_fen, with_tax.change_fen) == ("granted", 5_194_000, 5_194_000)
    accrual, group = found["recognition", "accrual"], found["group", "declared_group"]
    assert (accrual.outcome, accrual.amount_fen) == ("not_eligible", 0)
    assert (group.outcome, group.amount_fen) == ("undetermined", 0)
    assert found["tax", "excluding_vat"].is_chosen


def test_a_decision_and_an_award_are_never_changed() -> None:
    from django.db import ProgrammingError, transaction

    claim = at_state(ClaimState.IN_NOTICE)
    steps.awarded(claim)
    for model in (Decision, Award):
        with pytest.raises(ProgrammingError, match="append_only"), transaction.atomic():
            model.objects.update(amount_fen=1)


def test_who_sees_which_claims() -> None:
    claim = drafted()
    for who, sees in (
        (cast.lin, True), (cast.gu, True), (cast.shen, True), (cast.yan, True),
        (cast.mei, False), (cast.he, False), (cast.zhou, False),
    ):  # fmt: skip
        assert selectors.claims_visible_to(who()).filter(pk=claim.pk).exists() is sees


def test_gathering_facts_takes_a_constant_number_of_queries() -> None:
    trades.sale("100.00")
    with CaptureQueriesContext(connection) as few:
        selectors.gather_facts(firm(), 2025)
    for _each in range(3):
        trades.sale("100.00")
    with CaptureQueriesContext(connection) as many:
        selectors.gather_facts(firm(), 2025)
    assert len(few) == len(many) <= 7


@pytest.mark.django_db(transaction=True)
def test_eight_drafts_at_once_give_one_claim() -> None:
    trades.sale("6800000.00")
    firm_id = firm().pk

    def draft() -> None:
        try:
            services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=firm_id, year=2025)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=draft) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Claim.objects.count() == 1
    assert Decision.objects.count() == 1
