"""Whole tables of firms: one query gives what deciding each alone gives."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.rewards import engine, measures, rules, runs, scenarios
from settlement.rewards.engine import queries
from settlement.rewards.engine.decisions import NoSuchReading
from tests.settlement.rewards import drawn

CARDS = list(measures.CARDS.values())
ids = [card.id for card in CARDS]
FIRMS = 100_000
# How many firms of each measure are drawn and decided alone; `make test-city` takes a hundred thousand.
GENERATED, BATCH = int(os.environ.get("QINGSHU_TEST_FIRMS", "4000")), 1000


def alone(card: engine.Measure, case: engine.Facts, readings: dict[str, str]) -> tuple[str, int, int | None]:
    found = rules.decide(card.id, case, interpretation=readings)
    return found.outcome.value, found.amount_fen, found.document["would_be_fen"]


@pytest.mark.parametrize("card", CARDS, ids=ids)
def test_every_scenario_comes_out_the_same(card: engine.Measure) -> None:
    for scenario in scenarios.of(card.id):
        readings = dict(scenario.interpretation)
        found = runs.outcomes(
            card, [("firm", scenario.facts)], year=scenario.facts.year, interpretation=readings
        )
        assert found["firm"][1:] == alone(card, scenario.facts, readings), scenario.name


@pytest.mark.parametrize("measure", ids)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_drawn_cases_come_out_the_same_under_any_reading(measure: str, seed: int) -> None:
    card = measures.CARDS[measure]
    draw = random.Random(seed)
    year, readings = draw.choice(drawn.YEARS), drawn.interpretation(draw, card)
    cases = {str(number): drawn.facts(draw, card, year) for number in range(25)}
    found = runs.outcomes(card, cases.items(), year=year, interpretation=readings)
    for key, case in cases.items():
        assert found[key][1:] == alone(card, case, readings), case.document


@pytest.mark.parametrize("card", CARDS, ids=ids)
def test_generated_firms_of_every_measure_come_out_as_each_decided_alone(card: engine.Measure) -> None:
    """Every firm is drawn for itself; each thousand of them has a year and readings of its own, the first the defaults."""
    draw = random.Random(20260302)
    outcomes: Counter[str] = Counter()
    for batch in range(GENERATED // BATCH):
        year = draw.choice(drawn.YEARS) if batch else 2025
        readings = drawn.interpretation(draw, card) if batch else {}
        cases = {str(number): drawn.facts(draw, card, year) for number in range(BATCH)}
        found = runs.outcomes(card, cases.items(), year=year, interpretation=readings)
        for key, case in cases.items():
            assert found[key][1:] == alone(card, case, readings), (year, readings, case.document)
        outcomes.update(row[1] for row in found.values())
    assert outcomes.total() == GENERATED
    assert outcomes["granted"] > GENERATED // 100
    assert len(outcomes) >= 3, outcomes


DRAWN = """
INSERT INTO facts SELECT i::VARCHAR, h % 5 <> 0, ['0101', '0203', '0304'][(1 + h // 7 % 3)::INTEGER], h % 11 = 0,
  '110105', '110105', (h // 13 % 20 <> 0)::BIGINT, 1, 0,
  CASE WHEN i % 4 = 0 THEN 499999998 + i % 5 WHEN i % 4 = 1 THEN 9999999900 + i % 200 ELSE h % 20000000000 END,
  CASE WHEN i % 7 = 0 THEN -(h % 300000000) ELSE 0 END, 0, 0, 0, 0, 0, 0,
  CASE WHEN i % 17 = 0 THEN NULL WHEN i % 9 = 0 THEN -(h % 100000000) ELSE 0 END, 0, 0, 0, [], NULL, NULL,
  [{'measure': 'data_product_trading', 'group': 'article_3_1', 'year': 2026 - y, 'amount_fen': 5000000, 'matter': NULL}
   FOR y IN range(1, h // 3 % 6)]
FROM (SELECT i, (hash(i + 1) % 1000000000000)::BIGINT AS h FROM range({firms}) r(i))
"""


def by_hand(row: tuple[object, ...]) -> tuple[str, int]:
    """Article 3(1) for one row, written down a second time: in scope, certificate, revenue, years, award of the year."""
    annotates, industry, in_park, certificates, receipts, refunds, related, years = row
    assert isinstance(receipts, int)
    assert isinstance(refunds, int)
    assert isinstance(years, list)
    if not (annotates or in_park or str(industry)[:2] in ("02", "03", "04", "05")) or not certificates:
        return "not_eligible", 0
    if len([year for year in years if year < 2025]) >= 3:
        return "not_eligible", 0
    if related is None:
        return "undetermined", 0
    assert isinstance(related, int)
    revenue = receipts + refunds + related
    if revenue < 500_000_000:
        return "not_eligible", 0
    reward = min(revenue // 100, 100_000_000)
    return ("superseded", 0) if 2025 in years and reward <= 5_000_000 else ("granted", reward)


def test_a_hundred_thousand_firms_come_out_as_written_by_hand_and_a_sample_as_decided_alone() -> None:
    card = measures.DATA_PRODUCT_TRADING
    with runs.table(card) as database:
        database.execute(DRAWN.replace("{firms}", str(FIRMS)))
        found = {row[0]: row[1:] for row in runs.decided(database, card, year=2025).fetchall()}
        rows = database.sql(
            "SELECT id, is_annotation_firm, industry_class, in_recognised_park, certificate_count, receipts_fen, "
            "refunds_fen, excluded_related_party_fen, [a.year FOR a IN prior_awards] FROM facts"
        ).fetchall()
        sample = database.sql("SELECT * FROM facts WHERE id::BIGINT % 200 = 0").fetchall()
    assert len(found) == FIRMS
    assert all(found[row[0]][:2] == by_hand(row[1:]) for row in rows)
    assert {outcome for outcome, *_amounts in found.values()} == {
        "granted",
        "not_eligible",
        "undetermined",
        "superseded",
    }
    for row in sample:
        values = dict(zip([spec.name for spec in card.facts], row[1:], strict=True))
        for held in values["prior_awards"]:
            held.pop("matter")
            held["number"] = ""
        given_facts = {name: {"value": value} for name, value in values.items() if value is not None}
        assert found[row[0]] == alone(card, engine.Facts.of(card.id, 2025, given_facts), {})


def test_transactions_summed_for_a_city_give_what_their_sums_give() -> None:
    card = measures.DATA_PRODUCT_TRADING
    with runs.table(card) as database:
        database.execute(
            "CREATE TABLE firms AS SELECT i AS id, TRUE AS is_annotation_firm, '0304' AS industry_class, FALSE AS "
            "in_recognised_park, '441802' AS registered_place, '441802' AS tax_place, 1 AS certificate_count, "
            "[] AS prior_awards FROM range(4) r(i)"
        )
        database.execute(
            "CREATE TABLE lines AS SELECT * FROM (VALUES (1, 2025, 500000001, 530000000, -10, FALSE, ''), "
            "(1, 2025, -1, -1, 0, TRUE, ''), (1, 2024, 900, 900, 0, FALSE, ''), "
            "(2, 2025, 600000000, 600000000, 0, FALSE, ''), (2, 2025, 99900000, 99900000, 0, FALSE, 'circular'), "
            "(2, 2025, -100000001, -100000001, 0, TRUE, ''), (3, 2025, 20000000000, 20000000000, 0, FALSE, '')) "
            "AS t(firm, year, net_fen, gross_fen, fee_fen, is_refund, exclusion)"
        )
        runs.sum_lines(database, year=2025)
        found = {row[0]: row[1:] for row in runs.decided(database, card, year=2025).fetchall()}
    assert found == {
        0: ("not_eligible", 0, 0),
        1: ("granted", 5_000_000, 5_000_000),
        2: ("not_eligible", 0, 4_999_999),
        3: ("granted", 100_000_000, 100_000_000),
    }


def test_a_reading_that_is_not_offered_is_refused_before_any_query() -> None:
    with runs.table(CARDS[0]) as database, pytest.raises(NoSuchReading):
        runs.decided(database, CARDS[0], year=2025, interpretation={"base_year": "'; DROP TABLE facts; --"})


def test_the_query_is_the_same_text_for_the_same_card() -> None:
    for card in CARDS:
        version = measures.version_of(card.id)
        assert queries.query(card, version=version, year=2025) == queries.query(
            card, version=version, year=2025
        )
