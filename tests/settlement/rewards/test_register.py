"""The register of awards: once, highest only and three years hold in whatever order claims are approved."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from kernel.money import Money
from organizations.models import Organization
from organizations.permissions import Actor
from settlement.rewards import funds, runs, selectors, services
from settlement.rewards.measures import CARDS
from settlement.rewards.models import Award, Claim, Decision
from settlement.rewards.states import ClaimState, Outcome
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import article6, steps
from tests.settlement.rewards.article6 import BENCHMARK, HIGH_TECH
from tests.settlement.rewards.facts import award, facts
from tests.settlement.rewards.steps import DRAFTED, MARCH, NEW_YEAR, NOTICE_OVER

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("奖励测算")


def granted_totals() -> dict[tuple[str, int], int]:
    totals: dict[tuple[str, int], int] = {}
    for measure, year, fen in Award.objects.values_list("measure", "year", "amount_fen"):
        totals[measure, year] = totals.get((measure, year), 0) + fen
    return totals


def approved_or_redone(claim: Claim) -> None:
    """Bring an announced claim to its award; where the register has changed since, through return and redraft."""
    line, at = article6.opened(claim.measure, claim.year), NOTICE_OVER
    for _round in range(2):
        try:
            steps.batch(line, at=at)
            return
        except services.NothingReady:
            services.return_(by=cast.shen(), at=at, claim_id=claim.pk, reason="登记簿已变")
            services.redraft_claim(by=cast.gu(), at=at, claim_id=claim.pk)
        claim.refresh_from_db()
        assert claim.decision is not None
        if claim.decision.outcome != Outcome.GRANTED:
            return
        article6.reviewed(claim, at=at)
        at += timedelta(days=14)


CLAIMS = ((HIGH_TECH, 2024), (HIGH_TECH, 2025), (BENCHMARK, 2024), (BENCHMARK, 2025))


def test_once_and_highest_only_hold_in_every_order_of_approval() -> None:
    claims = [article6.reviewed(article6.drafted(*each)) for each in CLAIMS]
    for order in permutations(claims):
        told = [(claim.measure, claim.year) for claim in order]
        with transaction.atomic():
            for claim in order:
                approved_or_redone(Claim.objects.get(pk=claim.pk))
            assert sum(granted_totals().values()) == 100_000_000, told
            # Nobody is reopened afterwards: each award reads the register as it stood before it.
            for year in (2024, 2025):
                assert (
                    services.review_granted(
                        by=SYSTEM, at=MARCH, firm_id=claims[0].firm_id, year=year, cause="任一订单退款"
                    )
                    == []
                ), told
            transaction.set_rollback(True)


def test_an_earlier_year_approved_after_a_later_one_is_not_paid_a_second_time() -> None:
    article6.reviewed(article6.drafted(HIGH_TECH, 2025))
    steps.batch(article6.opened(HIGH_TECH, 2025))
    late = article6.drafted(HIGH_TECH, 2024)
    assert late.decision is not None
    assert (late.decision.outcome, late.decision.amount_fen) == (Outcome.SUPERSEDED, 0)
    assert [a["year"] for a in late.decision.facts["facts"]["prior_awards"]["value"]] == [2025]


def test_of_two_claims_of_one_matter_in_one_batch_the_higher_stands() -> None:
    line = services.make_budget(
        by=cast.ruan(), at=NEW_YEAR, title="第六条", measures=[HIGH_TECH, BENCHMARK], year=2025, fiscal_year=2026,
        rule="in_order", amount=Money.from_yuan("5000000.00"), source="文号", reason="预算",
    )  # fmt: skip
    services.publish_notice(
        by=cast.shen(), at=NEW_YEAR, title="第六条", measures=[HIGH_TECH, BENCHMARK], year=2025, opens_at=NEW_YEAR,
        closes_at=MARCH, budget_id=line.pk,
    )  # fmt: skip
    low, high = (article6.reviewed(article6.drafted(each, 2025)) for each in (HIGH_TECH, BENCHMARK))
    found = funds.preview(line, NOTICE_OVER)
    assert [item.claim.pk for item in found.items] == [high.pk]
    assert [(claim.pk, why) for claim, why in found.left_out] == [(low.pk, funds.SECOND_OF_FIRM)]
    steps.batch(line)
    assert granted_totals() == {(BENCHMARK, 2025): 100_000_000}


def registered(firm: Organization, year: int, fen: int, measure: str = selectors.MEASURE) -> Claim:
    """A claim with its award written into the register."""
    claim = Claim.objects.create(
        firm=firm, measure=measure, year=year, number=f"JL-{measure[:4]}-{year}", drafted_at=NEW_YEAR,
        state=ClaimState.DISBURSED,
    )  # fmt: skip
    decision = Decision.objects.create(
        claim=claim, decided_at=NEW_YEAR, policy_version="x", code_version="x", interpretation={}, facts={},
        facts_sha256="a" * 64, outcome="granted", amount_fen=fen, trace={}, decision_sha256="b" * 64,
    )  # fmt: skip
    Award.objects.create(
        claim=claim, decision=decision, firm=firm, measure=measure, year=year, amount_fen=fen, due_fen=fen,
        granted_at=NEW_YEAR,
    )  # fmt: skip
    return claim


def test_three_later_years_in_the_register_leave_no_fourth_award_for_an_earlier_one() -> None:
    firm = cast.lin().organization
    assert firm is not None
    trades.sale("6800000.00")
    for year in (2026, 2027, 2028):
        registered(firm, year, 5_000_000)
    claim = services.draft_claim(by=SYSTEM, at=DRAFTED, firm_id=firm.pk, year=2025)
    assert claim.decision is not None
    assert (claim.decision.outcome, claim.decision.amount_fen) == (Outcome.NOT_ELIGIBLE, 0)


def test_whole_city_runs_count_other_years_as_a_single_case_does() -> None:
    card = CARDS[selectors.MEASURE]
    cases = {
        "three later": facts(900_000_000, prior_awards=[award(year) for year in (2026, 2027, 2028)]),
        "two later": facts(900_000_000, prior_awards=[award(year) for year in (2026, 2027)]),
    }
    found = runs.outcomes(card, cases.items(), year=2025)
    assert {key: row[1:3] for key, row in found.items()} == {
        "three later": ("not_eligible", 0),
        "two later": ("granted", 9_000_000),
    }


def test_an_award_wholly_taken_back_reads_the_whole_register_again() -> None:
    firm = cast.lin().organization
    assert firm is not None
    taken = registered(firm, 2024, 30_000_000, HIGH_TECH)
    assert taken.awards.get().amount_fen == 30_000_000
    Award.objects.create(
        claim=taken, decision=taken.awards.get().decision, kind="reduction", firm=firm, measure=HIGH_TECH, year=2024,
        amount_fen=-30_000_000, granted_at=MARCH,
    )  # fmt: skip
    registered(firm, 2025, 100_000_000, BENCHMARK)
    read = selectors.gather_facts(firm, 2024, measure=HIGH_TECH).value("prior_awards")
    assert [(a["measure"], a["amount_fen"]) for a in read] == [(BENCHMARK, 100_000_000)]
    assert selectors.gather_facts(firm, 2025, measure=BENCHMARK).value("prior_awards") == []


def test_the_register_is_read_in_as_many_queries_for_many_awards_as_for_one() -> None:
    firm = cast.lin().organization
    assert firm is not None
    registered(firm, 2023, 1)
    with CaptureQueriesContext(connection) as few:
        selectors.gather_facts(firm, 2025)
    for year in (2024, 2026, 2027):
        registered(firm, year, 1)
    with CaptureQueriesContext(connection) as many:
        selectors.gather_facts(firm, 2025)
    assert len(few) == len(many)
