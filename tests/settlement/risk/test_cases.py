"""Scans, cases, hearings and decisions over real trades; revenue before and after to the fen."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from kernel import clock
from kernel.errors import InvalidInput, NotAllowed, NotFound, SelfReview
from kernel.models import Transition
from kernel.states import MoveNotAllowed
from settlement.revenue import selectors as revenue
from settlement.revenue import services as revenue_services
from settlement.revenue.models import Ruling
from settlement.risk import selectors, services, tasks
from settlement.risk.models import Case, Decision, Finding, Run
from tests import cast
from tests.settlement import trades
from tests.settlement.risk import town

pytestmark = pytest.mark.django_db
LATER = town.AFTER_HEARING + timedelta(days=30)


def of(kind: str) -> list[Finding]:
    return list(Finding.objects.filter(kind=kind).order_by("firm__uscc"))


def test_a_ring_of_real_trades_is_found_for_each_firm_with_orders_and_postings() -> None:
    orders = town.ring_of("100000.00")
    trades.sale("100000.00")
    town.scanned()
    found = of("round_trip")
    assert [each.firm.name for each in found] == [town.JIA[0], town.YI[0], town.BING[0]]
    (first, *_rest) = found
    assert {each["number"] for each in first.evidence["orders"]} == {each.number for each in orders}
    assert {each["entry"] for each in first.evidence["orders"]} == {
        str(each.release.entry_id) for each in orders
    }
    assert (first.year, first.amount_fen, first.figures["days"], first.state) == (2025, 10_600_000, 4, "open")
    made = Run.objects.get()
    assert (made.trade_count, made.firm_count, made.years) == (4, 5, [2025, 2026])


def test_a_second_scan_changes_nothing() -> None:
    town.ring_of("100000.00")
    town.scanned()
    before = list(Finding.objects.order_by("pk").values())
    again = services.run(by=town.SYSTEM, at=town.FEBRUARY)
    assert (again.new_count, again.lapsed_count) == (0, 0)
    assert list(Finding.objects.order_by("pk").values()) == before


def test_a_live_finding_follows_its_evidence_and_lapses_without_it() -> None:
    orders = town.ring_of("100000.00")
    town.scanned()
    (mine, *_rest) = of("round_trip")
    town.ring_of("100000.00", at=trades.MARCH_2025 + timedelta(days=60))
    town.scanned(town.FEBRUARY + timedelta(days=1))
    mine.refresh_from_db()
    assert len(of("round_trip")) == 3
    assert len(mine.order_ids) == 6
    for order in [*orders, *(row.order for row in revenue.RevenueLine.objects.filter(firm=mine.firm_id))]:
        if order.supplier_id == mine.firm_id and not order.refunds.exists():
            trades.payments.refund_order(
                by=town.jia(),
                at=town.FEBRUARY,
                order_id=order.pk,
                amount=trades.Money(order.amount_fen),
                reason="解除合同",
            )
    services.run(by=town.SYSTEM, at=town.FEBRUARY + timedelta(days=2))
    mine.refresh_from_db()
    assert mine.state == "lapsed"
    assert Transition.objects.filter(subject_id=mine.pk).values_list("move", flat=True).get() == "lapse"


def test_a_closed_finding_returns_only_with_new_evidence() -> None:
    town.ring_of("100000.00")
    town.scanned()
    town.decided(town.case_of(), "cleared")
    again = services.run(by=town.SYSTEM, at=LATER)
    assert again.new_count == 0
    (closed,) = Finding.objects.filter(state="closed")
    town.ring_of("100000.00", at=trades.MARCH_2025 + timedelta(days=90))
    services.run(by=town.SYSTEM, at=LATER)
    fresh = Finding.objects.get(kind="round_trip", firm=closed.firm_id, state="open")
    assert set(closed.order_ids) < set(fresh.order_ids)
    closed.refresh_from_db()
    assert closed.state == "closed"


def test_task_and_command_scan() -> None:
    town.ring_of("100000.00")
    out = io.StringIO()
    call_command("risk_run", "--year", "2025", stdout=out)
    assert out.getvalue().startswith("3 trades of 3 firms in 2025:")
    assert Finding.objects.filter(kind="round_trip").count() == 3
    with clock.moved_to(datetime(2028, 3, 1, tzinfo=UTC)):
        assert tasks.scan() == 0  # 2027 and 2028, in which nobody trades
    assert Finding.objects.filter(kind="round_trip", state="open").count() == 3


def test_excluding_takes_the_chosen_trades_off_the_year_once() -> None:
    town.ring_of("100000.00")
    trades.sale("5000.00", seller=town.jia)
    town.scanned()
    case = town.case_of()
    firm = town.jia().organization_id
    assert revenue.annual(firm, 2025).counted_fen == 10_500_000
    effect = selectors.effect_of(case)
    assert (effect.counted_fen, effect.all_fen, effect.without_all_fen) == (10_500_000, 10_000_000, 500_000)
    assert [(line.net_fen, line.year_without_fen, line.code) for line in effect.lines] == [
        (10_000_000, 500_000, "circular")
    ]
    decision = town.decided(case)
    assert (decision.revenue_before_fen, decision.revenue_after_fen) == (10_500_000, 500_000)
    assert revenue.annual(firm, 2025).counted_fen == 500_000
    assert revenue_services.recompute(firm, 2025).differences == []
    ruling = Ruling.objects.get()
    assert (ruling.code, ruling.is_excluded, ruling.reason.split("：")[0]) == ("circular", True, case.number)
    case.refresh_from_db()
    assert (case.state, case.findings.get().state) == ("excluded", "closed")
    with pytest.raises(MoveNotAllowed):
        services.decide(
            by=cast.gu(), at=LATER, case_id=case.pk, outcome="excluded", text="再次决定。", citations=town.ARTICLES,
            shown=selectors.effect_of(case).digest, order_ids=[line.order.pk for line in effect.lines],
        )  # fmt: skip
    assert Ruling.objects.count() == 1


def test_clearing_after_reopening_gives_the_revenue_back() -> None:
    town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    town.decided(case)
    services.reopen(by=town.ding(), at=LATER, case_id=case.pk, reason="企业补充了使用证明。")
    case.refresh_from_db()
    assert (case.state, case.decided_at, case.findings.get().state) == ("reopened", None, "in_case")
    assert (
        revenue.annual(case.firm_id, 2025).counted_fen == 0
    )  # what was ruled stands until the next decision
    decision = town.decided(case, "cleared", at=LATER)
    assert [(each["is_excluded"], each["code"]) for each in decision.rulings] == [(False, "circular")]
    assert revenue.annual(case.firm_id, 2025).counted_fen == 10_000_000
    assert list(Ruling.objects.order_by("pk").values_list("is_excluded", flat=True)) == [True, False]


@pytest.mark.parametrize("outcome", ["cleared", "noted"])
def test_clearing_and_noting_are_recorded_and_move_no_money(outcome: str) -> None:
    town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    # Without money at stake one person may open and decide.
    services.begin(by=town.ding(), at=town.FEBRUARY, case_id=case.pk)
    decision = town.decided(case, outcome, by=town.ding(), at=town.FEBRUARY)
    assert (decision.revenue_before_fen, decision.revenue_after_fen, decision.rulings) == (
        10_000_000,
        10_000_000,
        [],
    )
    assert Ruling.objects.count() == 0
    assert AuditEvent.objects.filter(action="risk.decide").count() == 1
    assert selectors.open_cases(case.firm_id, 2025) == []


def test_whoever_opened_does_not_exclude() -> None:
    town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    services.begin(by=town.ding(), at=town.AFTER_HEARING, case_id=case.pk)
    with pytest.raises(services.SecondPerson):
        town.decided(case, by=town.ding())
    assert Decision.objects.count() == 0
    assert revenue.annual(case.firm_id, 2025).counted_fen == 10_000_000


@pytest.mark.parametrize("outcome", ["cleared", "noted"])
def test_whoever_had_an_excluded_case_looked_at_again_does_not_give_the_revenue_back(outcome: str) -> None:
    town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    town.decided(case)
    services.reopen(by=town.ding(), at=LATER, case_id=case.pk, reason="再看一看。")
    services.begin(by=town.ding(), at=LATER, case_id=case.pk)
    with pytest.raises(services.SecondPerson):
        town.decided(case, outcome, at=LATER, by=town.ding())
    assert revenue.annual(case.firm_id, 2025).counted_fen == 0
    town.decided(case, outcome, at=LATER, by=cast.gu())
    assert revenue.annual(case.firm_id, 2025).counted_fen == 10_000_000


def test_whoever_had_a_cleared_case_looked_at_again_does_not_exclude() -> None:
    town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    town.decided(case, "cleared")
    services.reopen(by=cast.gu(), at=LATER, case_id=case.pk, reason="收到新的线索。")
    heard = LATER + timedelta(days=11)
    with pytest.raises(services.SecondPerson):
        town.decided(case, at=heard)
    assert revenue.annual(case.firm_id, 2025).counted_fen == 10_000_000


def test_nobody_is_excluded_unheard() -> None:
    town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    before_end = case.hearing_until - timedelta(seconds=1)
    with pytest.raises(services.HearingRunning, match="2026-02-12"):
        town.decided(case, at=before_end)
    services.state_answer(
        by=town.jia(), at=before_end, case_id=case.pk, text="三笔交易用途不同，附交付和使用记录。"
    )
    assert town.decided(case, at=before_end).outcome == "excluded"


def test_an_answer_before_reopening_does_not_stand_for_one_after_it() -> None:
    town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    services.state_answer(by=town.jia(), at=town.FEBRUARY, case_id=case.pk, text="交易真实。")
    town.decided(case, "noted", at=town.FEBRUARY)
    services.reopen(by=town.ding(), at=LATER, case_id=case.pk, reason="收到新的线索。")
    with pytest.raises(services.HearingRunning):
        town.decided(case, at=LATER)


def test_a_decision_on_other_figures_than_those_shown_is_refused() -> None:
    orders = town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    services.begin(by=cast.gu(), at=town.AFTER_HEARING, case_id=case.pk)
    shown = selectors.effect_of(case).digest
    trades.payments.refund_order(
        by=town.jia(),
        at=town.AFTER_HEARING,
        order_id=orders[0].pk,
        amount=trades.Money(100),
        reason="部分样本重复",
    )
    with pytest.raises(services.EffectOutdated):
        town.decided(case, shown=shown)
    assert Ruling.objects.count() == 0


def test_only_flagged_trades_are_excluded_and_the_code_may_be_another() -> None:
    (mine, *_others) = town.ring_of("100000.00")
    other = trades.sale("5000.00", seller=town.jia)
    town.scanned()
    case = town.case_of()
    for orders in ([], [other.pk], [mine.pk, other.pk]):
        with pytest.raises(InvalidInput):
            town.decided(case, order_ids=orders)
    with pytest.raises(InvalidInput):
        town.decided(case, code="venue")
    with pytest.raises(InvalidInput):
        town.decided(case, citations=[])
    town.decided(case, code="related_party")
    assert revenue.exclusion_totals(case.firm_id, 2025)[0].code == "related_party"


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        (cast.lin, NotFound),
        (town.jia, NotFound),
        (cast.shen, NotAllowed),
        (cast.yan, NotAllowed),
        (cast.mei, NotFound),
    ],
)
def test_only_the_operators_reviewers_open_begin_decide_and_reopen(who, refusal) -> None:
    town.ring_of("100000.00")
    town.scanned()
    (mine, *_rest) = of("round_trip")
    with pytest.raises(refusal):
        services.open_case(by=who(), at=town.FEBRUARY, finding_ids=[mine.pk], reason="需要核实。")
    case = town.case_of()
    before = AuditEvent.objects.count(), Transition.objects.count()
    attempts = (
        lambda: services.begin(by=who(), at=LATER, case_id=case.pk),
        lambda: services.assign(by=who(), at=LATER, case_id=case.pk, assignee_id=cast.gu().user_id),
        lambda: services.decide(
            by=who(),
            at=LATER,
            case_id=case.pk,
            outcome="noted",
            text="理由充分。",
            citations=town.ARTICLES,
            shown="",
        ),
        lambda: services.reopen(by=who(), at=LATER, case_id=case.pk, reason="再看一次。"),
    )
    for attempt in attempts:
        with pytest.raises(refusal):
            attempt()
    assert (AuditEvent.objects.count(), Transition.objects.count()) == before


def test_members_of_any_firm_of_the_ring_are_kept_out() -> None:
    town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    gu = cast.gu()
    cast.Membership.objects.create(user=gu.user, organization=cast.organization(town.BING), roles=["finance"])
    with pytest.raises(SelfReview):
        services.begin(by=gu, at=town.FEBRUARY, case_id=case.pk)


def test_a_program_neither_opens_nor_decides() -> None:
    from organizations.permissions import REGISTRY, Actor

    town.ring_of("100000.00")
    town.scanned()
    key = Actor(
        organization=cast.organization(cast.BASE), roles=frozenset({"administrator"}),
        kinds=frozenset({"exchange_operator"}), scopes=frozenset(REGISTRY), name="程序",
    )  # fmt: skip
    with pytest.raises(services.PersonNeeded):
        services.open_case(
            by=key, at=town.FEBRUARY, finding_ids=[of("round_trip")[0].pk], reason="需要核实。"
        )


def test_a_case_is_of_one_firm_and_year_and_takes_each_finding_once() -> None:
    town.ring_of("100000.00")
    town.scanned()
    one, other, _third = of("round_trip")
    with pytest.raises(InvalidInput):
        services.open_case(
            by=town.ding(), at=town.FEBRUARY, finding_ids=[one.pk, other.pk], reason="需要核实。"
        )
    with pytest.raises(InvalidInput):
        services.open_case(by=town.ding(), at=town.FEBRUARY, finding_ids=[], reason="需要核实。")
    with pytest.raises(InvalidInput):
        services.open_case(by=town.ding(), at=town.FEBRUARY, finding_ids=[one.pk], reason=" ")
    town.case_of()
    with pytest.raises(services.TakenFinding):
        services.open_case(by=town.ding(), at=town.FEBRUARY, finding_ids=[one.pk], reason="需要核实。")
    assert Case.objects.count() == 1


def test_only_the_firm_itself_answers_and_only_while_undecided() -> None:
    town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    for who in (town.yi, cast.lin, cast.gu, cast.yan):
        with pytest.raises(NotFound):
            services.state_answer(by=who(), at=town.FEBRUARY, case_id=case.pk, text="交易真实。")
    town.decided(case, "noted")
    with pytest.raises(MoveNotAllowed):
        services.state_answer(by=town.jia(), at=LATER, case_id=case.pk, text="交易真实。")


def test_what_blocks_a_claim_is_there_until_somebody_decides() -> None:
    town.ring_of("100000.00")
    firm = town.jia().organization_id
    assert selectors.open_findings(firm, 2025) == []
    town.scanned()
    both = ["round_trip", "buyer_without_use"]  # nobody in this town downloads anything
    assert [each.kind for each in selectors.open_findings(firm, 2025)] == both
    assert selectors.open_findings(firm, 2026) == []
    case = town.case_of(kinds=both)
    assert [each.kind for each in selectors.open_findings(firm, 2025)] == both
    assert selectors.open_cases(firm, 2025) == [case]
    town.decided(case, "cleared")
    assert (selectors.open_findings(firm, 2025), selectors.open_cases(firm, 2025)) == ([], [])


def test_the_effect_takes_the_same_queries_for_any_number_of_trades() -> None:
    town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    with CaptureQueriesContext(connection) as few:
        selectors.effect_of(case)
    for day in (40, 80, 120):
        town.ring_of("100000.00", at=trades.MARCH_2025 + timedelta(days=day))
    services.run(by=town.SYSTEM, at=town.FEBRUARY)
    with CaptureQueriesContext(connection) as many:
        assert len(selectors.effect_of(case).lines) == 4
    assert len(few) == len(many)


def test_decisions_and_statements_are_never_changed() -> None:
    town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    services.state_answer(by=town.jia(), at=town.FEBRUARY, case_id=case.pk, text="交易真实。")
    town.decided(case)
    for table in ("risk_decision", "risk_statement", "risk_run"):
        for words in (f"DELETE FROM {table}", f"UPDATE {table} SET recorded_at = now()"):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(words)


def test_trades_are_ruled_on_by_decided_cases_only() -> None:
    root = Path(__file__).resolve().parents[3]
    callers = {
        str(path.relative_to(root))
        for domain in ("settlement", "platform")
        for path in (root / domain).rglob("*.py")
        if "rule_on_trade(" in path.read_text()
    }
    assert callers == {"settlement/revenue/services.py", "settlement/risk/services/cases.py"}


# --- two cases over one trade ---------------------------------------------------------------------


def twin_of(found: Finding, *, subject: str = "第二条线索") -> Finding:
    """Newer evidence of the same trade under another subject, not yet in a case."""
    told = {field.attname: getattr(found, field.attname) for field in Finding._meta.concrete_fields}
    for name in ("id", "recorded_at", "case_id", "state"):
        told.pop(name, None)
    return Finding.objects.create(**{**told, "subject": subject, "evidence_sha256": "0" * 64})


def test_clearing_gives_back_what_the_case_left_out_also_when_its_finding_names_it_no_more() -> None:
    town.ring_of("100000.00")
    town.scanned()
    case = town.case_of()
    town.decided(case)
    services.reopen(by=town.ding(), at=LATER, case_id=case.pk, reason="企业补充了使用证明。")
    Finding.objects.filter(case=case).update(order_ids=[])  # as a scan does when the evidence is another
    effect = selectors.effect_of(case)
    assert [(line.net_fen, line.counts) for line in effect.lines] == [(10_000_000, False)]
    decision = town.decided(case, "cleared", at=LATER)
    assert [each["is_excluded"] for each in decision.rulings] == [False]
    assert revenue.annual(case.firm_id, 2025).counted_fen == 10_000_000
    assert revenue_services.recompute(case.firm_id, 2025).differences == []


def test_clearing_one_case_leaves_out_what_another_cases_decision_leaves_out() -> None:
    town.ring_of("100000.00")
    town.scanned()
    twin_of(Finding.objects.get(kind="round_trip", firm=town.jia().organization_id))
    first = town.case_of_subject("第二条线索")
    second = town.case_of()
    town.decided(first)
    town.decided(second)
    assert selectors.effect_of(second).lines[0].left_out_by == [first.number]
    services.reopen(by=town.ding(), at=LATER, case_id=first.pk, reason="企业补充了使用证明。")
    told = town.decided(first, "cleared", at=LATER).rulings
    assert [(each["is_excluded"], each["stands_in"]) for each in told] == [(False, second.number)]
    assert revenue.annual(first.firm_id, 2025).counted_fen == 0
    services.reopen(by=town.ding(), at=LATER, case_id=second.pk, reason="企业补充了使用证明。")
    told = town.decided(second, "cleared", at=LATER).rulings
    assert [(each["is_excluded"], each["stands_in"]) for each in told] == [(False, "")]
    assert revenue.annual(first.firm_id, 2025).counted_fen == 10_000_000
    assert revenue_services.recompute(first.firm_id, 2025).differences == []


def test_a_reopened_case_is_decided_although_newer_evidence_is_in_another_case() -> None:
    town.ring_of("100000.00")
    town.scanned()
    found = Finding.objects.get(kind="round_trip", firm=town.jia().organization_id)
    first = town.case_of()
    town.decided(first)
    newer = twin_of(found, subject=found.subject)
    second = town.case_of()
    assert second.findings.get() == newer
    services.reopen(by=town.ding(), at=LATER, case_id=first.pk, reason="企业补充了使用证明。")
    town.decided(first, "cleared", at=LATER)
    first.refresh_from_db()
    newer.refresh_from_db()
    assert (first.state, newer.state, newer.case_id) == ("cleared", "in_case", second.pk)
    assert revenue.annual(first.firm_id, 2025).counted_fen == 10_000_000
