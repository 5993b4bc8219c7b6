"""Two ways over all measures and firms: each equals its statement, what excludes stands once, and it costs what it says."""

from __future__ import annotations

import random
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kernel.columnar import columnar
from kernel.money import Money
from organizations.models import Organization
from settlement.rewards import comparisons, engine, measures, selectors, services
from settlement.rewards.cases import Cases, years_with_facts
from settlement.rewards.comparisons import Scheme, Total
from settlement.rewards.models import Award, Claim
from tests import cast
from tests.settlement import trades
from tests.settlement.rewards import article6, drawn, steps
from tests.settlement.rewards.article6 import BENCHMARK, HIGH_TECH
from tests.settlement.rewards.steps import DRAFTED
from tests.settlement.rewards.test_register import registered

pytestmark = pytest.mark.django_db
TRADING, VENUE, SCENARIO = "data_product_trading", "exchange_venue", "application_scenario"
RISE = {"contribution_previous_fen": 0, "contribution_fen": 60_000_000}
FACTS: dict[str, dict[str, Any]] = {
    "park_operator": {
        "is_park_recognised": True, "is_park_operator": True, "keeps_to_use": True, "spending_fen": 25_000_000, **RISE,
    },
    VENUE: {"is_recognised_venue": True, "turnover_fen": 1_000_000_000, **RISE},
    SCENARIO: {"project": "城市治理大模型", "award_level": "national", "is_contractor": True, **RISE},
    "headquarters": {"is_recognised_headquarters": True, "meets_settlement_rules": True},
    HIGH_TECH: {"is_high_tech": True},
    BENCHMARK: {"is_benchmark": True},
    "internship": {
        "is_labour_dispatch": False,
        "interns": [
            {"person": "P1", "month": 3, "is_graduate": True, "graduated_on": "2024-06-30", "is_unemployed": False,
             "born_on": None, "paid_fen": 160_000},
        ],
    },
}  # fmt: skip


def firm() -> Organization:
    return cast.organization(cast.QINGLAN)


def everything_declared() -> None:
    """A firm with a sale of 6,000,000 and verified facts of every other measure."""
    trades.sale("6000000.00")
    for measure, facts in FACTS.items():
        known = {spec.name for spec in selectors.declarable(measure)}
        for name, value in facts.items():
            assert name in known, (measure, name, sorted(known))
            article6.verified(measure, 2025, name, value)


def by_measure(found: comparisons.Comparison) -> dict[str, tuple[int, int]]:
    return {total.measure: (total.one_fen, total.other_fen) for total in found.by_measure}


def test_every_measure_with_an_amount_is_compared_and_those_that_exclude_one_another_stand_once() -> None:
    everything_declared()
    found = comparisons.compared(2025, Scheme(), Scheme())
    alone = {
        measure: selectors.decide(measure, selectors.gather_facts(firm(), 2025, measure=measure)).amount_fen
        for measure in measures.CARDS
    }
    assert all(alone.values()), alone
    # Of the high-tech pair the higher; of 3(2) and 4 on the same increase the higher: all others as stated alone.
    expected = alone | {HIGH_TECH: 0, SCENARIO: 0}
    assert by_measure(found) == {measure: (fen, fen) for measure, fen in expected.items()}
    assert (found.total.one_fen, found.total.firm_count, found.total.one_count) == (
        sum(expected.values()),
        1,
        1,
    )
    assert found.changed == []


def test_another_cap_moves_which_of_a_group_stands_and_both_rows_say_why() -> None:
    everything_declared()
    raised = Scheme(values={HIGH_TECH: {"award_cap": 150_000_000}})
    found = comparisons.compared(2025, Scheme(), raised)
    assert {row.measure: (row.one_fen, row.other_fen) for row in found.changed} == {
        HIGH_TECH: (0, 150_000_000),
        BENCHMARK: (100_000_000, 0),
    }
    why = {row.measure: (row.one_why.zh, row.other_why.zh) for row in found.changed}
    assert "替代" in why[HIGH_TECH][0]
    assert "1,500,000.00" in why[HIGH_TECH][1]
    assert "替代" in why[BENCHMARK][1]
    assert found.total.change_fen == 50_000_000
    each = comparisons.compared(2025, Scheme(), Scheme(interpretation={VENUE: {"same_increase": "each"}}))
    assert each.changed == []  # read so for one measure only, the other still gives way
    both = {measure: {"same_increase": "each"} for measure in (VENUE, SCENARIO)}
    apart = comparisons.compared(2025, Scheme(), Scheme(interpretation=both))
    assert {row.measure: row.change_fen for row in apart.changed} == {SCENARIO: 30_000_000}


def test_awards_of_other_years_are_read_as_they_stand_and_the_year_itself_is_told_beside() -> None:
    registered(firm(), 2024, 30_000_000, HIGH_TECH)
    article6.verified(BENCHMARK, 2025, "is_benchmark", True)
    assert by_measure(comparisons.compared(2025, Scheme(), Scheme()))[BENCHMARK] == (70_000_000, 70_000_000)
    line = article6.opened(BENCHMARK, 2025)
    claim = services.draft_claim(by=cast.lin(), at=DRAFTED, firm_id=firm().pk, year=2025, measure=BENCHMARK)
    article6.reviewed(claim)
    steps.batch(line)
    found = comparisons.compared(2025, Scheme(), Scheme(values={BENCHMARK: {"award_cap": 50_000_000}}))
    assert by_measure(found)[BENCHMARK] == (70_000_000, 20_000_000)
    (budget,) = found.budgets
    assert (budget.line.pk, budget.amount_fen, budget.granted_fen) == (line.pk, 500_000_000, 70_000_000)
    assert (budget.one_fen, budget.other_fen, budget.other_left_fen) == (70_000_000, 20_000_000, 480_000_000)


def test_years_are_offered_where_any_measure_has_facts() -> None:
    assert years_with_facts() == []
    article6.verified(HIGH_TECH, 2024, "is_high_tech", True)
    trades.sale("100.00")
    assert years_with_facts() == [2025, 2024]


def test_comparing_takes_as_many_queries_for_many_firms_as_for_one() -> None:
    article6.verified(HIGH_TECH, 2025, "is_high_tech", True)
    raised = Scheme(values={HIGH_TECH: {"award_cap": 40_000_000}})
    with CaptureQueriesContext(connection) as few:
        comparisons.compared(2025, Scheme(), raised)
    article6.verified(HIGH_TECH, 2025, "is_high_tech", True, firm=cast.he)
    registered(firm(), 2024, 1, HIGH_TECH)
    with CaptureQueriesContext(connection) as many:
        comparisons.compared(2025, Scheme(), raised)
    assert len(few) == len(many)


def test_nothing_is_stored_by_comparing() -> None:
    everything_declared()
    comparisons.compared(2025, Scheme(), Scheme())
    assert (Claim.objects.count(), Award.objects.count()) == (0, 0)


def test_a_whole_table_is_settled_as_single_decisions_are() -> None:
    draw = random.Random(20260302)
    firms = [UUID(int=number + 1) for number in range(100)]
    for _round in range(3):
        chosen = {card.id: drawn.interpretation(draw, card) for card in measures.CARDS.values()}
        keys, decisions = [], []
        for key in firms:
            for card in measures.CARDS.values():
                facts = drawn.facts(draw, card, 2025)
                given = {**facts.document["facts"], "prior_awards": {"value": []}}
                facts = engine.Facts.of(card.id, 2025, given, {"name": "x", "uscc": str(key)})
                keys.append((str(key), card.id))
                decisions.append(
                    engine.decide(card, facts, version=measures.version_of(card.id), code_version="x",
                                  interpretation=chosen[card.id])
                )  # fmt: skip
        settled = engine.settle(decisions)
        with columnar() as database:
            database.execute(
                "CREATE TABLE one (firm VARCHAR, measure VARCHAR, kin VARCHAR, span VARCHAR, matter VARCHAR, beside VARCHAR[], "
                "whole_fen BIGINT, outcome VARCHAR, amount_fen BIGINT)"
            )
            rows = [
                [*key, told["group"], told["span"], told["matter"], list(told.get("beside", ())), told["whole_fen"],
                 found.outcome.value, found.amount_fen]
                for key, found in zip(keys, decisions, strict=True)
                for told in [found.document["exclusivity"]]
            ]  # fmt: skip
            database.executemany("INSERT INTO one VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
            comparisons.settle(database, "one")
            table = database.sql("SELECT firm, measure, outcome, amount_fen FROM one").fetchall()
        assert {(row[0], row[1]): (row[2], row[3]) for row in table} == {
            key: (found.outcome.value, found.amount_fen) for key, found in zip(keys, settled, strict=True)
        }
        assert any(found.outcome != first.outcome for found, first in zip(settled, decisions, strict=True))


def test_what_the_tables_say_is_what_each_firm_decided_alone_says() -> None:
    everything_declared()
    raised = Scheme(
        values={HIGH_TECH: {"award_cap": 150_000_000}, TRADING: {"annual_cap": Money(1_000_000).fen}}
    )
    found = comparisons.compared(2025, Scheme(), raised)
    single = comparisons.alone(Cases.of(2025), raised, {firm().pk})
    assert {key[1]: decision.amount_fen for key, decision in single.items()} == {
        total.measure: total.other_fen for total in found.by_measure
    }
    assert isinstance(found.total, Total)
