"""Budgets, batches, payments, recoveries: exact figures, two people, nothing twice."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from kernel.money import Money
from kernel.states import MoveNotAllowed
from organizations.models import Membership, Organization
from organizations.permissions import Actor
from settlement.ledger import selectors as ledger
from settlement.ledger.models import Account, Entry, Purpose
from settlement.revenue import services as revenue
from settlement.rewards import funds, rules, services
from settlement.rewards.models import Award, BudgetLine, Claim, Payment, RecoveryCase
from settlement.rewards.states import AwardKind, ClaimState, ShortfallRule
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import steps
from tests.settlement.rewards.steps import DRAFTED, MARCH, NOTICE_OVER, PAID

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("奖励测算")
DUE = date(2026, 4, 30)


def claim_of(seller: Callable[[], Actor] = cast.lin, net: str = "6800000.00", *, minutes: int = 0) -> Claim:
    """A claim of 2025 in its notice; `minutes` orders the confirmations."""
    trades.sale(net, seller=seller)
    firm = seller().organization
    assert firm is not None
    claim = services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=firm.pk, year=2025)
    return steps.announced(claim, firm=seller(), at=DRAFTED + timedelta(minutes=minutes))


def balance(purpose: Purpose, firm: Organization | None = None) -> int:
    wanted = Account.objects.filter(purpose=purpose)
    if firm is not None:
        wanted = wanted.filter(organization=firm)
    return sum(wanted.values_list("posted_fen", flat=True))


def reworked(claim: Claim, *, at: datetime = MARCH) -> Claim:
    """What wiring does when the year's revenue changed."""
    services.review_granted(by=SYSTEM, at=at, firm_id=claim.firm_id, year=claim.year, cause="退款")
    claim.refresh_from_db()
    return claim


# --- budgets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "granted"),
    [
        ("in_order", [500, 0, 0]),
        ("pro_rata", [333, 466, 200]),
        ("highest_first", [0, 700, 0]),
        ("defer_all", [0, 0, 0]),
    ],
)
def test_what_a_short_budget_gives_under_each_rule(rule: str, granted: list[int]) -> None:
    assert rules.allocated(ShortfallRule(rule), 1000, [500, 700, 300]) == granted
    assert rules.allocated(ShortfallRule(rule), 1500, [500, 700, 300]) == [500, 700, 300]
    assert rules.allocated(ShortfallRule(rule), -5, [500]) == [0]


def test_a_budget_is_the_sum_of_its_changes_and_never_below_what_was_granted() -> None:
    claim_of()
    line = BudgetLine.objects.get()
    steps.batch(line)
    given = {
        "by": cast.ruan(),
        "at": MARCH,
        "line_id": line.pk,
        "source": "清数财〔2026〕2 号",
        "reason": "调整",
    }
    with pytest.raises(services.BudgetOverspent, match=r"4,932,000\.00"):
        services.change_budget(**given, amount=Money.from_yuan("-4932000.01"))
    services.change_budget(**given, amount=Money.from_yuan("-4932000.00"))
    assert funds.left_in(line) == 0
    for wrong in (
        {"amount": Money(0)},
        {"amount": Money(5), "reason": " "},
        {"amount": Money(5), "source": ""},
    ):
        with pytest.raises(InvalidInput):
            services.change_budget(**{**given, **wrong})
    assert line.changes.count() == 2


def test_only_the_department_touches_budgets() -> None:
    line = steps.budget()
    for who in (cast.lin, cast.gu, cast.yan, cast.he):
        for act in (
            lambda by: services.change_budget(
                by=by, at=MARCH, line_id=line.pk, amount=Money(1), source="x", reason="x"
            ),
            lambda by: services.change_rule(by=by, at=MARCH, line_id=line.pk, rule="pro_rata", reason="x"),
            lambda by: services.propose_batch(by=by, at=MARCH, line_id=line.pk),
        ):
            with pytest.raises(NotAllowed):
                act(who())


SCIENCE = ("科技局（示例）", "11441800MB5000007X", (cast.Kind.DEPARTMENT,))


def qi() -> Actor:
    """Reviewer and finance of another department."""
    return cast.person("qi", SCIENCE, cast.Role.SECOND_REVIEWER, cast.Role.FINANCE)


def qin() -> Actor:
    """The second person there."""
    return cast.person("qin", SCIENCE, cast.Role.FINANCE)


def test_no_department_moves_another_departments_money() -> None:
    claim = claim_of()
    line, proposed = BudgetLine.objects.get(), {"at": NOTICE_OVER}

    def refused(act: Callable[[], object]) -> None:
        with pytest.raises(services.OtherDepartment, match="政务服务数据管理部门"):
            act()

    refused(
        lambda: services.change_budget(
            by=qi(), at=MARCH, line_id=line.pk, amount=Money(100), source="x", reason="y"
        )
    )
    refused(lambda: services.change_rule(by=qi(), at=MARCH, line_id=line.pk, rule="pro_rata", reason="y"))
    refused(lambda: services.propose_batch(by=qi(), line_id=line.pk, **proposed))
    batch = services.propose_batch(by=cast.shen(), line_id=line.pk, **proposed)
    refused(lambda: services.approve_batch(by=qin(), batch_id=batch.pk, **proposed))
    refused(lambda: services.withdraw_batch(by=qin(), batch_id=batch.pk, **proposed))
    services.approve_batch(by=cast.ruan(), batch_id=batch.pk, **proposed)
    services.set_payee_account(
        by=cast.lin(), at=PAID, bank="示例银行清远分行", account_number="6222020000001234567"
    )
    with pytest.raises(services.NothingToPay):
        services.prepare_disbursement(by=qi(), at=PAID)
    file = services.prepare_disbursement(by=cast.ruan(), at=PAID)
    refused(lambda: services.approve_disbursement(by=qin(), at=PAID, disbursement_id=file.pk))
    refused(lambda: services.cancel_disbursement(by=qin(), at=PAID, disbursement_id=file.pk, reason="x"))
    services.approve_disbursement(by=cast.shen(), at=PAID, disbursement_id=file.pk)
    (payment,) = file.payments.all()
    refused(lambda: services.enter_receipt(by=qi(), at=PAID, payment_id=payment.pk, reference="R1"))
    refused(lambda: services.return_payment(by=qi(), at=PAID, payment_id=payment.pk, reason="x"))
    claim.refresh_from_db()
    assert (claim.state, funds.standing_of(claim).paid_fen) == (ClaimState.APPROVED, 0)


def test_no_department_recovers_what_another_paid() -> None:
    order = trades.sale("6800000.00")
    firm = cast.organization(cast.QINGLAN)
    claim = services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=firm.pk, year=2025)
    steps.announced(claim)
    steps.batch()
    steps.paid()

    def refused(act: Callable[[], object]) -> None:
        with pytest.raises(services.OtherDepartment):
            act()

    refused(lambda: services.reopen(by=qi(), at=MARCH, claim_id=claim.pk, reason="x"))
    trades.refund(order, "6800000.00", at=MARCH)
    assert reworked(claim).state == ClaimState.REOPENED
    given = {"at": MARCH, "claim_id": claim.pk}
    refused(lambda: services.uphold(by=qi(), reason="x", **given))
    refused(lambda: services.open_recovery(by=qi(), cause="退款", due_on=DUE, **given))
    case = services.open_recovery(by=cast.shen(), cause="退款", due_on=DUE, **given)
    refused(lambda: services.confirm_recovery(by=qin(), at=MARCH, case_id=case.pk))
    refused(lambda: services.withdraw_recovery(by=qin(), at=MARCH, case_id=case.pk, reason="x"))
    services.confirm_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk)
    refused(
        lambda: services.enter_return(by=qin(), at=MARCH, case_id=case.pk, amount=Money(100), reference="R9")
    )
    assert funds.outstanding_of(case) == 6_800_000


def test_the_position_tells_granted_paid_left_waiting_and_forecast() -> None:
    claim_of()
    claim_of(cast.he, "5200000.00", minutes=1)
    trades.sale("7000000.00", seller=cast.lin, at=datetime(2025, 8, 4, 4, 0, tzinfo=UTC))
    line = BudgetLine.objects.get()
    before = funds.position_of(line)
    assert (before.waiting_fen, before.forecast_fen, before.left_fen) == (12_000_000, 0, 500_000_000)
    steps.batch(line)  # 清蓝's facts have changed since: only 北江 is granted
    steps.paid(firm=cast.he())
    after = funds.position_of(line)
    assert (after.granted_fen, after.paid_fen, after.left_fen) == (5_200_000, 5_200_000, 494_800_000)
    assert after.waiting_fen == 6_800_000


# --- batches ------------------------------------------------------------------------------------


def test_a_batch_takes_two_people_and_grants_all_or_none() -> None:
    first, second = claim_of(), claim_of(cast.he, "5200000.00", minutes=1)
    line = BudgetLine.objects.get()
    batch = services.propose_batch(by=cast.shen(), at=NOTICE_OVER, line_id=line.pk)
    assert (batch.due_fen, batch.available_fen, batch.granted_fen) == (12_000_000, 500_000_000, 12_000_000)
    with pytest.raises(services.SamePerson):
        services.approve_batch(by=cast.shen(), at=NOTICE_OVER, batch_id=batch.pk)
    with pytest.raises(services.BatchOpen):
        services.propose_batch(by=cast.ruan(), at=NOTICE_OVER, line_id=line.pk)
    with pytest.raises(services.InOpenBatch):
        services.return_(by=cast.shen(), at=NOTICE_OVER, claim_id=first.pk, reason="x")
    for who in (cast.lin, cast.gu, cast.yan):
        with pytest.raises(NotAllowed):
            services.approve_batch(by=who(), at=NOTICE_OVER, batch_id=batch.pk)
    assert Award.objects.count() == 0
    services.approve_batch(by=cast.ruan(), at=NOTICE_OVER, batch_id=batch.pk)
    granted = dict(Award.objects.values_list("claim_id", "amount_fen"))
    assert granted == {first.pk: 6_800_000, second.pk: 5_200_000}
    with pytest.raises(MoveNotAllowed):
        services.approve_batch(by=cast.ruan(), at=NOTICE_OVER, batch_id=batch.pk)
    with pytest.raises(services.NothingReady):
        services.propose_batch(by=cast.shen(), at=NOTICE_OVER, line_id=line.pk)


def test_a_batch_is_stale_when_facts_or_budget_changed() -> None:
    claim_of()
    line = BudgetLine.objects.get()
    batch = services.propose_batch(by=cast.shen(), at=NOTICE_OVER, line_id=line.pk)
    services.change_budget(
        by=cast.shen(), at=NOTICE_OVER, line_id=line.pk, amount=Money(100), source="x", reason="x"
    )
    with pytest.raises(services.BatchStale):
        services.approve_batch(by=cast.ruan(), at=NOTICE_OVER, batch_id=batch.pk)
    services.withdraw_batch(by=cast.shen(), at=NOTICE_OVER, batch_id=batch.pk)
    batch = services.propose_batch(by=cast.shen(), at=NOTICE_OVER, line_id=line.pk)
    trades.sale("100.00")
    with pytest.raises(services.BatchStale, match="事实已变"):
        services.approve_batch(by=cast.ruan(), at=NOTICE_OVER, batch_id=batch.pk)
    assert Award.objects.count() == 0


def test_no_member_of_a_firm_decides_on_its_batch() -> None:
    claim = claim_of()
    fang = cast.ruan()
    Membership.objects.create(user=fang.user, organization=claim.firm, roles=[])
    line = BudgetLine.objects.get()
    batch = services.propose_batch(by=cast.shen(), at=NOTICE_OVER, line_id=line.pk)
    with pytest.raises(SelfReview):
        services.approve_batch(by=fang, at=NOTICE_OVER, batch_id=batch.pk)


@pytest.mark.parametrize(
    ("rule", "granted", "waiting"),
    [
        ("in_order", {cast.QINGLAN[0]: 6_800_000}, 1),
        ("pro_rata", {cast.QINGLAN[0]: 5_666_666, cast.BEIJIANG[0]: 4_333_333}, 0),
        ("highest_first", {cast.QINGLAN[0]: 6_800_000}, 1),
    ],
)
def test_a_short_budget_through_the_product(rule: str, granted: dict[str, int], waiting: int) -> None:
    steps.notice(steps.budget("100000.00", rule=rule))
    claim_of()
    claim_of(cast.he, "5200000.00", minutes=1)
    batch = steps.batch()
    assert batch.granted_fen == sum(granted.values())
    assert dict(Award.objects.values_list("firm__name", "amount_fen")) == granted
    assert Claim.objects.filter(state=ClaimState.IN_NOTICE).count() == waiting
    assert funds.left_in(batch.line) == 10_000_000 - sum(granted.values())


def test_what_waited_is_granted_from_more_money_and_nobody_is_overtaken() -> None:
    steps.notice(steps.budget("60000.00"))
    claim_of()
    claim_of(cast.he, "5200000.00", minutes=1)
    with pytest.raises(services.NothingReady):  # the first does not fit, so the second waits too
        steps.batch()
    line = BudgetLine.objects.get()
    services.change_budget(
        by=cast.ruan(),
        at=MARCH,
        line_id=line.pk,
        amount=Money.from_yuan("60000.00"),
        source="追加",
        reason="追加",
    )
    steps.batch(line, at=MARCH)
    assert sorted(Award.objects.values_list("amount_fen", flat=True)) == [5_200_000, 6_800_000]
    assert funds.left_in(line) == 0


def test_defer_all_grants_nothing_until_it_suffices() -> None:
    steps.notice(steps.budget("60000.00", rule="defer_all"))
    claim_of()
    with pytest.raises(services.NothingReady):
        steps.batch()


# --- payments -----------------------------------------------------------------------------------


def test_the_file_is_approved_by_another_person_and_paid_once_in_the_ledger() -> None:
    claim = claim_of()
    steps.awarded(claim)
    with pytest.raises(services.NothingToPay):  # the firm has not said where to
        services.prepare_disbursement(by=cast.ruan(), at=PAID)
    services.set_payee_account(
        by=cast.lin(), at=PAID, bank="示例银行", account_number="6222 0200 0000 1234567"
    )
    file = services.prepare_disbursement(by=cast.ruan(), at=PAID)
    assert file.file_sha256 == hashlib.sha256(file.file.encode()).hexdigest()
    firm = cast.organization(cast.QINGLAN)
    assert file.file.splitlines()[1] == (
        f"1,{file.number},{claim.number},{firm.uscc},{firm.name},示例银行,6222020000001234567,68000.00"
    )
    (payment,) = file.payments.all()
    with pytest.raises(services.NotApprovedYet):
        services.enter_receipt(by=cast.ruan(), at=PAID, payment_id=payment.pk, reference="R1")
    with pytest.raises(services.SamePerson):
        services.approve_disbursement(by=cast.ruan(), at=PAID, disbursement_id=file.pk)
    with pytest.raises(services.NothingToPay):
        services.prepare_disbursement(by=cast.shen(), at=PAID)
    services.approve_disbursement(by=cast.shen(), at=PAID, disbursement_id=file.pk)
    paid = services.enter_receipt(by=cast.ruan(), at=PAID, payment_id=payment.pk, reference="R1")
    again = services.enter_receipt(by=cast.ruan(), at=PAID, payment_id=payment.pk, reference="R1")
    assert (again.entry_id, Entry.objects.filter(kind="reward").count()) == (paid.entry_id, 1)
    with pytest.raises(services.ReceiptDiffers):
        services.enter_receipt(by=cast.ruan(), at=PAID, payment_id=payment.pk, reference="R2")
    entry = Entry.objects.get(kind="reward")
    assert (entry.memo, entry.fact_id) == (claim.number, payment.pk)
    assert balance(Purpose.FISCAL) == -6_800_000
    assert balance(Purpose.FIRM_BANK, firm) == 6_800_000
    claim.refresh_from_db()
    file.refresh_from_db()
    assert (claim.state, file.state) == (ClaimState.DISBURSED, "settled")
    assert not ledger.prove().differences


def test_what_the_bank_returns_is_paid_again_from_another_file() -> None:
    claim = claim_of()
    steps.awarded(claim)
    (payment,) = steps.disbursement().payments.all()
    with pytest.raises(InvalidInput):
        services.return_payment(by=cast.ruan(), at=PAID, payment_id=payment.pk, reason=" ")
    services.return_payment(by=cast.ruan(), at=PAID, payment_id=payment.pk, reason="账号有误")
    assert Entry.objects.filter(kind="reward").count() == 0
    with pytest.raises(MoveNotAllowed):
        services.enter_receipt(by=cast.ruan(), at=PAID, payment_id=payment.pk, reference="R1")
    steps.paid()
    claim.refresh_from_db()
    assert claim.state == ClaimState.DISBURSED
    assert balance(Purpose.FISCAL) == -6_800_000
    assert sorted(Payment.objects.values_list("state", flat=True)) == ["paid", "returned"]


def test_a_receipt_pays_one_payment_only() -> None:
    claim_of()
    claim_of(cast.he, "5200000.00", minutes=1)
    steps.batch()
    services.set_payee_account(by=cast.he(), at=PAID, bank="示例银行", account_number="123456789")
    first, second = steps.disbursement().payments.order_by("position")
    services.enter_receipt(by=cast.ruan(), at=PAID, payment_id=first.pk, reference="R1")
    with pytest.raises(InvalidInput):
        services.enter_receipt(by=cast.ruan(), at=PAID, payment_id=second.pk, reference="R1")
    assert Entry.objects.filter(kind="reward").count() == 1


@pytest.mark.parametrize(
    ("bank", "number"), [("=HYPERLINK()", "12345678"), ("银行", "12a45678"), ("银行", "123")]
)
def test_an_account_is_digits_and_a_plain_name(bank: str, number: str) -> None:
    with pytest.raises(InvalidInput):
        services.set_payee_account(by=cast.lin(), at=PAID, bank=bank, account_number=number)


def test_the_wrong_party_pays_nothing() -> None:
    steps.awarded(claim_of())
    (payment,) = steps.disbursement().payments.all()
    for who in (cast.lin, cast.gu, cast.yan):
        with pytest.raises(NotAllowed):
            services.enter_receipt(by=who(), at=PAID, payment_id=payment.pk, reference="R1")
        with pytest.raises(NotAllowed):
            services.prepare_disbursement(by=who(), at=PAID)
    for who in (cast.mei, cast.gu, cast.shen):
        with pytest.raises(NotAllowed):
            services.set_payee_account(by=who(), at=PAID, bank="银行", account_number="12345678")


# --- reopening ----------------------------------------------------------------------------------


def test_a_refund_after_the_money_leads_to_a_recovery_that_is_paid_back() -> None:
    order = trades.sale("6800000.00")
    claim = steps.announced(
        services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=cast.organization(cast.QINGLAN).pk, year=2025)
    )
    steps.awarded(claim)
    steps.paid()
    trades.refund(order, "800000.00", at=MARCH)
    claim = reworked(claim)
    assert claim.state == ClaimState.REOPENED
    standing = funds.standing_of(claim)
    assert (standing.difference_fen, standing.to_recover_fen) == (-800_000, 800_000)
    with pytest.raises(services.AmountChanged):
        services.uphold(by=cast.shen(), at=MARCH, claim_id=claim.pk, reason="不变")
    with pytest.raises(services.NothingToSupplement):
        services.announce(by=cast.shen(), at=MARCH, claim_id=claim.pk)
    case = services.open_recovery(by=cast.shen(), at=MARCH, claim_id=claim.pk, cause="二月退款", due_on=DUE)
    assert (case.reduction_fen, case.amount_fen) == (800_000, 800_000)
    with pytest.raises(services.SamePerson):
        services.confirm_recovery(by=cast.shen(), at=MARCH, case_id=case.pk)
    with pytest.raises(services.RecoveryOpen):
        services.open_recovery(by=cast.ruan(), at=MARCH, claim_id=claim.pk, cause="x", due_on=DUE)
    services.confirm_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk)
    claim.refresh_from_db()
    assert claim.state == ClaimState.RECOVERING
    assert [(a.kind, a.amount_fen) for a in claim.awards.order_by("pk")] == [
        (AwardKind.INITIAL, 6_800_000), (AwardKind.REDUCTION, -800_000),
    ]  # fmt: skip
    given = {"by": cast.ruan(), "at": MARCH, "case_id": case.pk}
    with pytest.raises(InvalidInput):
        services.enter_return(**given, amount=Money(800_001), reference="B1")
    services.enter_return(**given, amount=Money(300_000), reference="B1")
    services.enter_return(**given, amount=Money(300_000), reference="B1")  # a second click
    assert funds.outstanding_of(case) == 500_000
    services.enter_return(**given, amount=Money(500_000), reference="B2")
    claim.refresh_from_db()
    case.refresh_from_db()
    assert (claim.state, case.state) == (ClaimState.RECOVERED, "paid")
    assert balance(Purpose.FISCAL) == -6_000_000
    assert balance(Purpose.FIRM_BANK, claim.firm) == 6_000_000
    (row,) = funds.published_awards()
    assert row.granted_fen == 6_000_000


def test_the_same_news_again_changes_nothing() -> None:
    order = trades.sale("6800000.00")
    claim = steps.announced(
        services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=cast.organization(cast.QINGLAN).pk, year=2025)
    )
    steps.awarded(claim)
    assert reworked(claim).state == ClaimState.APPROVED
    trades.refund(order, "800000.00", at=MARCH)
    before = reworked(claim).decisions.count()
    assert reworked(claim).decisions.count() == before
    assert claim.state == ClaimState.REOPENED


def test_an_unpaid_award_is_only_reduced() -> None:
    order = trades.sale("6800000.00")
    claim = steps.announced(
        services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=cast.organization(cast.QINGLAN).pk, year=2025)
    )
    steps.awarded(claim)
    trades.refund(order, "800000.00", at=MARCH)
    reworked(claim)
    case = services.open_recovery(by=cast.shen(), at=MARCH, claim_id=claim.pk, cause="退款", due_on=DUE)
    assert (case.reduction_fen, case.amount_fen) == (800_000, 0)
    services.confirm_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk)
    claim.refresh_from_db()
    assert claim.state == ClaimState.APPROVED
    assert funds.left_in(BudgetLine.objects.get()) == 500_000_000 - 6_000_000
    (payment,) = steps.paid(at=MARCH)
    assert payment.amount_fen == 6_000_000


def test_a_refund_below_the_threshold_takes_the_whole_award_back() -> None:
    order = trades.sale("5000000.00")
    claim = steps.announced(
        services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=cast.organization(cast.QINGLAN).pk, year=2025)
    )
    steps.awarded(claim)
    trades.refund(order, "0.01", at=MARCH)
    reworked(claim)
    case = services.open_recovery(by=cast.shen(), at=MARCH, claim_id=claim.pk, cause="退款", due_on=DUE)
    services.confirm_recovery(by=cast.ruan(), at=MARCH, case_id=case.pk)
    claim.refresh_from_db()
    assert claim.state == ClaimState.REJECTED
    assert list(funds.published_awards()) == []


def test_more_revenue_leads_to_a_supplement_beside_the_award_and_the_year_counts_once() -> None:
    claim = claim_of()
    steps.awarded(claim)
    steps.paid()
    trades.sale("1000000.00", at=datetime(2025, 9, 1, 4, 0, tzinfo=UTC))
    claim = reworked(claim)
    assert claim.state == ClaimState.REOPENED
    with pytest.raises(services.AmountUnchanged):
        services.open_recovery(by=cast.shen(), at=MARCH, claim_id=claim.pk, cause="x", due_on=DUE)
    services.announce(by=cast.shen(), at=MARCH, claim_id=claim.pk)
    with pytest.raises(services.AwardStands):
        services.return_(by=cast.shen(), at=MARCH, claim_id=claim.pk, reason="x")
    later = datetime(2026, 3, 16, 4, 0, tzinfo=UTC)
    steps.batch(at=later)
    (payment,) = steps.paid(at=later)
    assert payment.amount_fen == 1_000_000
    assert [(a.kind, a.amount_fen) for a in claim.awards.order_by("pk")] == [
        (AwardKind.INITIAL, 6_800_000), (AwardKind.SUPPLEMENTARY, 1_000_000),
    ]  # fmt: skip
    from settlement.rewards import selectors

    facts = selectors.gather_facts(claim.firm, 2026)
    assert [(a["year"], a["amount_fen"]) for a in facts.value("prior_awards")] == [(2025, 7_800_000)]
    assert balance(Purpose.FISCAL) == -7_800_000


def test_the_rest_of_a_supplement_that_a_short_budget_cut_is_granted_once_the_budget_is_raised() -> None:
    steps.notice(steps.budget("72000.00", rule="pro_rata"))
    claim, line = claim_of(), BudgetLine.objects.get()
    steps.awarded(claim)
    steps.paid()
    trades.sale("1000000.00", at=datetime(2025, 9, 1, 4, 0, tzinfo=UTC))
    reworked(claim)
    services.announce(by=cast.shen(), at=MARCH, claim_id=claim.pk)
    later = datetime(2026, 3, 16, 4, 0, tzinfo=UTC)
    steps.batch(at=later)
    with pytest.raises(services.NothingReady):  # what is left rests: no money came
        steps.batch(at=later)
    steps.paid(at=later)

    def raised(amount: str, at: datetime) -> None:
        services.change_budget(
            by=cast.ruan(),
            at=at,
            line_id=line.pk,
            amount=Money.from_yuan(amount),
            source="追加",
            reason="追加",
        )

    raised("1000.00", later + timedelta(days=1))
    steps.batch(at=later + timedelta(days=1))
    claim.refresh_from_db()
    assert (claim.state, claim.notice_until) == (ClaimState.APPROVED, date(2026, 3, 9))
    raised("9000.00", later + timedelta(days=2))  # while the second part is not paid yet
    batch = steps.batch(at=later + timedelta(days=2))
    assert batch.due_fen == batch.granted_fen == 500_000
    (payment,) = steps.paid(at=later + timedelta(days=2))
    assert payment.amount_fen == 600_000
    claim.refresh_from_db()
    assert claim.state == ClaimState.DISBURSED
    assert list(claim.awards.order_by("pk").values_list("kind", "due_fen", "amount_fen")) == [
        (AwardKind.INITIAL, 6_800_000, 6_800_000), (AwardKind.SUPPLEMENTARY, 1_000_000, 400_000),
        (AwardKind.SUPPLEMENTARY, 600_000, 100_000), (AwardKind.SUPPLEMENTARY, 500_000, 500_000),
    ]  # fmt: skip
    raised("1000.00", later + timedelta(days=3))
    with pytest.raises(services.NothingReady):
        steps.batch(at=later + timedelta(days=3))


def test_a_ruling_and_a_capped_change() -> None:
    trades.sale("120000000.00")
    other = trades.sale("10000000.00")
    claim = steps.announced(
        services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=cast.organization(cast.QINGLAN).pk, year=2025)
    )
    steps.awarded(claim)
    revenue.rule_on_trade(
        by=cast.gu(), at=MARCH, order_id=other.pk, code="circular", is_excluded=True, reason="资金回流"
    )
    claim = reworked(claim)  # still at the cap: decided anew, not reopened
    assert claim.state == ClaimState.APPROVED
    assert claim.decisions.count() == 2
    opened = services.reopen(by=cast.shen(), at=MARCH, claim_id=claim.pk, reason="核查线索")
    assert opened.state == ClaimState.REOPENED
    kept = services.uphold(by=cast.ruan(), at=MARCH, claim_id=claim.pk, reason="查无问题")
    assert kept.state == ClaimState.APPROVED


def test_money_on_its_way_holds_the_recovery_back() -> None:
    order = trades.sale("6800000.00")
    claim = steps.announced(
        services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=cast.organization(cast.QINGLAN).pk, year=2025)
    )
    steps.awarded(claim)
    (payment,) = steps.disbursement().payments.all()
    trades.refund(order, "800000.00", at=MARCH)
    reworked(claim)
    with pytest.raises(services.PaymentInFlight):
        services.open_recovery(by=cast.shen(), at=MARCH, claim_id=claim.pk, cause="退款", due_on=DUE)
    services.enter_receipt(by=cast.ruan(), at=MARCH, payment_id=payment.pk, reference="R9")
    case = services.open_recovery(by=cast.shen(), at=MARCH, claim_id=claim.pk, cause="退款", due_on=DUE)
    assert case.amount_fen == 800_000


def test_who_may_reopen_and_recover() -> None:
    claim = claim_of()
    steps.awarded(claim)
    for who in (cast.lin, cast.gu, cast.yan, cast.he):
        with pytest.raises(NotAllowed):
            services.reopen(by=who(), at=MARCH, claim_id=claim.pk, reason="x")
    assert RecoveryCase.objects.count() == 0
    with pytest.raises(NotFound):
        funds.line_for(cast.lin(), BudgetLine.objects.get().number)


# --- at once ------------------------------------------------------------------------------------


def at_once(count: int, work: Callable[[], object]) -> list[type[Exception]]:
    """Run the work in threads; the refusals."""
    refused: list[type[Exception]] = []

    def run() -> None:
        try:
            work()
        except Exception as refusal:
            refused.append(type(refusal))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


@pytest.mark.django_db(transaction=True)
def test_sixteen_approvals_and_sixteen_receipts_pay_once() -> None:
    claim = claim_of()
    line = BudgetLine.objects.get()
    batch = services.propose_batch(by=cast.shen(), at=NOTICE_OVER, line_id=line.pk)
    fang, shen = cast.ruan(), cast.shen()
    refused = at_once(16, lambda: services.approve_batch(by=fang, at=NOTICE_OVER, batch_id=batch.pk))
    assert refused == [MoveNotAllowed] * 15
    assert Award.objects.count() == 1
    services.set_payee_account(by=cast.lin(), at=PAID, bank="示例银行", account_number="123456789")
    refused = at_once(16, lambda: services.prepare_disbursement(by=fang, at=PAID))
    assert refused == [services.NothingToPay] * 15
    payment = Payment.objects.get()
    services.approve_disbursement(by=shen, at=PAID, disbursement_id=payment.disbursement_id)
    refused = at_once(
        16, lambda: services.enter_receipt(by=fang, at=PAID, payment_id=payment.pk, reference="R1")
    )
    assert refused == []
    assert Entry.objects.filter(kind="reward").count() == 1
    assert balance(Purpose.FIRM_BANK, claim.firm) == 6_800_000


def test_the_board_takes_a_constant_number_of_queries() -> None:
    steps.budget()
    with CaptureQueriesContext(connection) as few:
        funds.positions_of(list(BudgetLine.objects.all()))
    for year in (2023, 2024):
        steps.budget(year=year)
    with CaptureQueriesContext(connection) as many:
        funds.positions_of(list(BudgetLine.objects.all()))
    assert len(few) == len(many)
