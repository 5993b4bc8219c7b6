"""Article 3(1) as rules: exact figures at every boundary, missing facts named, same case same bytes."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement.revenue.states import Code
from settlement.rewards import engine, measures, rules
from settlement.rewards.engine import cards, operations, parameters
from settlement.rewards.engine.decisions import NoSuchReading
from settlement.rewards.measures.data_product_trading import CARD, EXCLUSIONS, ID
from settlement.rewards.states import Outcome
from tests.settlement.rewards.facts import award, decided, facts

TOML = Path(measures.__file__).parent / "data_product_trading.2023-12-draft.toml"
MOST = 10**15
CAP, THRESHOLD = 100_000_000, 500_000_000


def test_the_shortfall_is_said_in_both_languages() -> None:
    sentence = decided(499_999_999).document["sentence"]
    assert sentence["zh"] == "2025 年度核定实际收入 ¥4,999,999.99，距 ¥5,000,000.00 的条件还差 ¥0.01。"
    assert sentence["en"] == "Actual revenue of ¥4,999,999.99 in 2025 is short of ¥5,000,000.00 by ¥0.01."


def test_reaching_the_cap_is_said() -> None:
    assert "已达到每年上限" in decided(20_000_000_000).document["sentence"]["zh"]


@given(st.integers(0, MOST), st.integers(0, MOST))
def test_more_revenue_never_gives_less(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert decided(low).amount_fen <= decided(high).amount_fen


@given(st.integers(0, MOST))
def test_the_reward_is_the_floored_hundredth_up_to_the_cap_and_nothing_below_the_threshold(fen: int) -> None:
    expected = min(fen // 100, CAP) if fen >= THRESHOLD else 0
    found = decided(fen)
    assert found.amount_fen == expected
    assert found.outcome == (Outcome.GRANTED if expected else Outcome.NOT_ELIGIBLE)


@given(st.integers(THRESHOLD - 3, THRESHOLD + 3) | st.integers(100 * CAP - 200, 100 * CAP + 200))
def test_boundaries_to_the_fen(fen: int) -> None:
    assert decided(fen).amount_fen == (min(fen // 100, CAP) if fen >= THRESHOLD else 0)


@given(st.integers(0, MOST), st.sampled_from(sorted(spec.name for spec in CARD.facts)))
def test_a_missing_fact_never_grants_and_is_named_unless_it_cannot_matter(fen: int, name: str) -> None:
    whole = decided(fen)
    found = decided(None) if name == "receipts_fen" else decided(fen, **{name: None})
    if found.outcome == Outcome.UNDETERMINED:
        assert [each["name"] for each in found.document["missing"]] == [name]
        assert found.amount_fen == 0
    else:
        assert (found.outcome, found.amount_fen) == (whole.outcome, whole.amount_fen)


def test_missing_is_not_zero() -> None:
    found = decided(900_000_000, refunds_fen=None)
    assert found.outcome == Outcome.UNDETERMINED
    (missing,) = found.document["missing"]
    assert missing["label"]["zh"] == "退款与红字（不含税）"
    assert missing["source"]["zh"] == "清数平台台账"
    assert "退款与红字" in found.document["sentence"]["zh"]


def test_the_place_of_registration_is_not_even_asked_for() -> None:
    found = decided(900_000_000, registered_place=None, tax_place=None, industry_class=None)
    assert found.outcome == Outcome.GRANTED
    assert "registered_place" not in {each["name"] for each in found.step("scope")["inputs"]}


def test_a_certain_failure_decides_although_facts_are_missing() -> None:
    assert decided(100, industry_class=None, vat_fen=None).outcome == Outcome.NOT_ELIGIBLE


def test_an_award_already_granted_this_year_supersedes() -> None:
    found = decided(900_000_000, prior_awards=[award(2025, 9_000_000)])
    assert (found.outcome, found.amount_fen, found.document["would_be_fen"]) == (
        Outcome.SUPERSEDED,
        0,
        9_000_000,
    )


def test_interpretations_are_switched_by_name_and_recorded() -> None:
    changed = {"vat_fen": 29_940_000, "fees_fen": -10_578_800}
    assert decided(499_000_000, **changed).outcome == Outcome.NOT_ELIGIBLE
    with_tax = decided(499_000_000, interpretation={"tax": "including_vat"}, **changed)
    assert (with_tax.outcome, with_tax.amount_fen) == (Outcome.GRANTED, 5_289_400)
    assert with_tax.document["interpretation"]["tax"] == "including_vat"
    net = decided(505_000_000, interpretation={"commission": "net_of_fees"}, **changed)
    assert net.outcome == Outcome.NOT_ELIGIBLE
    assert net.step("threshold")["margin"]["by"] == 505_000_000 - 10_578_800 - 500_000_000


@pytest.mark.parametrize("reading", [{"tax": "sometimes"}, {"weather": "fine"}, {"recognition": ""}])
def test_readings_that_are_not_offered_are_refused(reading: dict[str, str]) -> None:
    with pytest.raises(NoSuchReading):
        decided(500_000_000, interpretation=reading)


def test_the_nine_open_questions_have_their_defaults() -> None:
    assert CARD.defaults() == {
        "recognition": "cash_received",
        "tax": "excluding_vat",
        "year_end": "year_of_receipt",
        "late_refund": "reopens_sale_year",
        "coverage": "each_sale",
        "three_years": "awards_of_firm",
        "partial_year": "days_inside",
        "group": "each_firm",
        "commission": "gross",
    }


def test_the_same_case_has_the_same_bytes() -> None:
    one, other = decided(680_000_000), decided(680_000_000)
    assert one.bytes == other.bytes
    assert one.sha256 == other.sha256
    stored = json.loads(json.dumps(one.document))
    assert engine.canonical(stored) == one.bytes


def test_a_replay_notices_any_change() -> None:
    found, given_facts = decided(680_000_000), facts(680_000_000)

    def replayed(decision: Any = None, stored_facts: Any = None, digest: str = "") -> rules.Replay:
        return rules.replayed(
            measure=ID,
            facts=stored_facts or given_facts.document,
            facts_sha256=given_facts.sha256,
            version=measures.CURRENT_VERSION,
            interpretation=CARD.defaults(),
            code_version=measures.CODE_VERSION,
            decision=decision or found.document,
            decision_sha256=digest or found.sha256,
        )

    assert replayed()
    changed = copy.deepcopy(dict(found.document))
    changed["amount_fen"] += 1
    assert not replayed(decision=changed)
    changed_facts = copy.deepcopy(dict(given_facts.document))
    changed_facts["facts"]["receipts_fen"]["value"] += 1
    again = replayed(stored_facts=changed_facts)
    assert not again
    assert not again.facts_sha256_holds


@pytest.mark.parametrize(
    "changed",
    [
        {"receipts_fen": 5.0},
        {"receipts_fen": -1},
        {"refunds_fen": 1},
        {"is_annotation_firm": 1},
        {"certificate_count": True},
        {"industry_class": ""},
        {"prior_awards": [{"year": 2024}]},
        {"luck": 7},
    ],
)
def test_facts_of_the_wrong_kind_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(engine.FactsInvalid):
        decided(1, **changed) if "receipts_fen" not in changed else decided(**changed)


def test_a_float_cannot_enter_a_document() -> None:
    with pytest.raises(TypeError):
        engine.canonical({"amount": [1.5]})


def test_every_step_cites_its_article_and_every_parameter_its_version_row() -> None:
    for step in decided(680_000_000).document["steps"]:
        assert step["article"]
        assert step["clause"]["zh"]
        assert step["mark"]["zh"] in step["clause"]["zh"]
        assert step["mark"]["en"] in step["clause"]["en"]
        for row in step["parameters"]:
            assert row["article"]
            assert row["effective_from"] == "2024-01-01"


def test_the_arithmetic_adds_up_line_by_line() -> None:
    found = decided(680_000_000, refunds_fen=-48_000_000, excluded_circular_fen=-2_000_000)
    lines = {line["key"]: line["amount_fen"] for line in found.step("revenue")["lines"]}
    assert lines["receipts"] + lines["refunds"] + lines["excluded"] == lines["revenue"] == 630_000_000
    assert {line["key"] for line in found.step("trades")["lines"]} == {"circular"}


def test_a_share_with_a_fraction_of_a_fen_shows_it_exactly() -> None:
    lines = {line["key"]: line for line in decided(500_000_001).step("amount")["lines"]}
    assert lines["share"]["exact"] == "500000001/100"
    assert (lines["share"]["amount_fen"], lines["reward"]["amount_fen"]) == (5_000_000, 5_000_000)


def test_exclusion_codes_are_those_of_revenue() -> None:
    assert list(EXCLUSIONS) == [code.value for code in Code]


def test_outcomes_are_those_of_the_database() -> None:
    assert [each.value for each in cards.Outcome] == Outcome.values


# --- loading ------------------------------------------------------------------------------------


def table() -> dict[str, Any]:
    return parameters.table(TOML)


def test_parameters_are_as_the_policy_says() -> None:
    version = measures.version_of(ID)
    on = version.first_day
    assert version.at("revenue_threshold", on).value == 500_000_000
    assert version.at("annual_cap", on).value == 100_000_000
    assert version.at("reward_rate", on).value == Fraction(1, 100)
    assert version.at("most_awards", on).value == 3
    assert version.at("validity_from", on).is_assumption
    assert len(version.document_sha256) == 64


def test_overlapping_rows_are_refused_at_load() -> None:
    rows = table()
    rows["parameter"].append(
        {**rows["parameter"][0], "effective_from": rows["parameter"][0]["effective_from"].replace(year=2025)}
    )
    with pytest.raises(engine.OverlappingParameters, match="revenue_threshold"):
        parameters.read(rows)


def test_rows_that_follow_each_other_are_each_used_in_their_time() -> None:
    rows = table()
    first = rows["parameter"][0]
    turn = first["effective_from"].replace(year=2025)
    rows["parameter"][0] = {**first, "effective_to": turn}
    rows["parameter"].append({**first, "effective_from": turn, "value": "6,000,000.00"})
    version = parameters.read(rows)
    for year, outcome in ((2024, Outcome.GRANTED), (2025, Outcome.NOT_ELIGIBLE)):
        found = engine.decide(CARD, facts(550_000_000, year=year), version=version, code_version="1")
        assert found.outcome == outcome


def test_an_undefined_parameter_is_an_error_at_load_and_in_time() -> None:
    rows = table()
    without = {**rows, "parameter": rows["parameter"][1:]}
    with pytest.raises(engine.UndefinedParameter, match="revenue_threshold"):
        cards.check(CARD, parameters.read(without))
    rows["parameter"][0]["effective_to"] = rows["parameter"][0]["effective_from"].replace(year=2025)
    with pytest.raises(engine.UndefinedParameter):
        engine.decide(CARD, facts(1), version=parameters.read(rows), code_version="1")


@pytest.mark.parametrize(
    ("name", "value"), [("revenue_threshold", 5000000), ("most_awards", True), ("rounding", 1)]
)
def test_a_parameter_of_the_wrong_kind_is_refused(name: str, value: Any) -> None:
    rows = table()
    row = next(row for row in rows["parameter"] if row["name"] == name)
    row["value"] = value
    with pytest.raises(ValueError, match=name):
        parameters.read(rows)


def test_two_exceptions_at_once_are_an_error() -> None:
    always = operations.Always()
    rule = operations.ExceptionRule("one", "3(1)", always, always)
    other = operations.ExceptionRule("two", "3(1)", always, always)
    version = measures.version_of(ID)
    reading = operations.Reading(facts(1), version, version.first_day, {}, {})
    with pytest.raises(operations.ConflictingExceptions, match="one and two"):
        operations.Excepting(always, (rule, other)).seen(reading)


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (0, "人民币零元整"),
        (1, "人民币壹分"),
        (10, "人民币壹角整"),
        (100, "人民币壹元整"),
        (105, "人民币壹元零伍分"),
        (5_000_000, "人民币伍万元整"),
        (50_000_000, "人民币伍拾万元整"),
        (100_000_000, "人民币壹佰万元整"),
        (23_460_007, "人民币贰拾叁万肆仟陆佰元零柒分"),
        (6_800_001, "人民币陆万捌仟元零壹分"),
        (100_100, "人民币壹仟零壹元整"),
        (1_000_500_000, "人民币壹仟万伍仟元整"),
        (1_000_050_000, "人民币壹仟万零伍佰元整"),
        (10_000_000_100, "人民币壹亿零壹元整"),
        (-5_000_000, "人民币负伍万元整"),
    ],
)
def test_amounts_in_capitals(fen: int, words: str) -> None:
    assert rules.capitals(fen) == words
