"""All cards together: what they cite, what they never do, and how several decisions settle against one another."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.rewards import engine, measures, rules, scenarios
from settlement.rewards.engine import shapes
from settlement.rewards.engine.departments import DEPARTMENTS
from settlement.rewards.states import Outcome
from tests.settlement.rewards import drawn
from tests.settlement.rewards.facts import award, decided, facts

CARDS = list(measures.CARDS.values())
ids = [card.id for card in CARDS]
SEEDS = st.integers(0, 2**32)
FEW = settings(max_examples=25, deadline=None)
INCREASING = {
    "park_operator": "contribution_fen",
    "data_product_trading": "receipts_fen",
    "exchange_venue": "contribution_fen",
    "application_scenario": "contribution_fen",
}
EVIDENCE_FREE = ("awards", "readings")


def granted(
    measure: str, changed: dict[str, Any] | None = None, year: int = 2025, uscc: str = "A"
) -> engine.Decision:
    """The decision on the first case of the measure's scenarios that is granted, with some facts changed."""
    case = next(each for each in scenarios.of(measure) if each.expected["outcome"] == "granted")
    given_facts = {
        name: {"value": (changed or {}).get(name, fact["value"])}
        for name, fact in case.facts.document["facts"].items()
    }
    found = rules.decide(measure, engine.Facts.of(measure, year, given_facts, {"uscc": uscc}))
    assert found.outcome == Outcome.GRANTED
    return found


# --- the cards ----------------------------------------------------------------------------------


def test_every_measure_with_an_amount_has_a_card() -> None:
    assert ids == [
        "park_operator", "data_product_trading", "exchange_venue", "application_scenario", "headquarters",
        "high_tech_enterprise", "benchmark_high_tech", "internship",
    ]  # fmt: skip


@pytest.mark.parametrize("card", CARDS, ids=ids)
def test_a_card_cites_its_articles_and_marks_the_words_that_decide(card: engine.Measure) -> None:
    for step in card.steps:
        assert step.clause.article
        assert step.clause.mark.zh in step.clause.text.zh, step.key
        assert step.clause.mark.en in step.clause.text.en, step.key
    assert len({step.key for step in card.steps}) == len(card.steps)
    assert card.competition.zh
    assert card.recipient.en


@pytest.mark.parametrize("card", CARDS, ids=ids)
def test_no_number_of_the_policy_stands_in_a_card(card: engine.Measure) -> None:
    for operation in card.operations():
        told = [getattr(operation, name) for name in getattr(operation, "__slots__", ())]
        assert not [value for value in told if type(value) in (int, float)], operation


@pytest.mark.parametrize("card", CARDS, ids=ids)
def test_what_a_firm_declares_names_the_department_that_verifies_it(card: engine.Measure) -> None:
    for spec in card.facts:
        if spec.verifier:
            assert spec.verifier in DEPARTMENTS
        else:
            assert spec.unit in EVIDENCE_FREE or spec.source.zh != "企业申报并附证明材料"


@pytest.mark.parametrize("card", CARDS, ids=ids)
def test_the_public_trial_asks_at_most_six_questions(card: engine.Measure) -> None:
    questions = sum(3 if card.spec(ask.fact).unit == "rows" else 1 for ask in card.trial)
    assert questions <= 5  # and the year
    assert bool(card.trial) == (card.id != "data_product_trading")  # which has a form of its own
    asked = {ask.fact for ask in card.trial} | set(card.trial_takes)
    assert asked <= {spec.name for spec in card.facts}


def test_what_is_assumed_says_why() -> None:
    for version in measures.VERSIONS.values():
        assert all(row.note.zh and row.note.en for row in version.parameters if row.is_assumption)
    assumed = {row.name for row in measures.version_of("internship").parameters if row.is_assumption}
    assert assumed == {"minimum_wage", "graduate_months", "youngest_age", "rounding", "validity_from"}


# --- facts --------------------------------------------------------------------------------------


def test_a_declaration_nobody_has_verified_is_missing_and_names_who_verifies_it() -> None:
    case = scenarios.of("exchange_venue")[0].facts.document
    case["facts"]["turnover_fen"]["state"] = "unverified"
    found = rules.decide("exchange_venue", engine.Facts(case))
    (missing,) = found.document["missing"]
    assert (found.outcome, missing["name"], missing["is_unverified"]) == (
        "undetermined",
        "turnover_fen",
        True,
    )
    assert missing["verifier"]["zh"] == "市政务服务数据管理局"
    case["facts"]["turnover_fen"]["state"] = "verified"
    assert rules.decide("exchange_venue", engine.Facts(case)).outcome == Outcome.GRANTED


def test_what_the_platform_knows_has_no_state_of_verification() -> None:
    case = facts(1).document
    case["facts"]["receipts_fen"]["state"] = "unverified"
    with pytest.raises(engine.FactsInvalid, match="no department verifies"):
        rules.decide("data_product_trading", engine.Facts(case))


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"person": "A", "month": 13, "is_graduate": True, "is_unemployed": False, "paid_fen": 1}], "month"),
        (
            [{"person": "A", "month": 1, "is_graduate": True, "is_unemployed": False, "paid_fen": -1}],
            "paid_fen",
        ),
        ([{"person": "A", "month": 1, "is_graduate": True, "is_unemployed": False}], "paid_fen"),
        ([{"person": " ", "month": 1, "is_graduate": True, "is_unemployed": False, "paid_fen": 1}], "person"),
        ([{"luck": 7}], "luck"),
        (
            [
                {
                    "person": "A",
                    "month": 1,
                    "is_graduate": True,
                    "graduated_on": "June",
                    "is_unemployed": False,
                    "paid_fen": 1,
                }
            ],
            "graduated_on",
        ),
        (
            2 * [{"person": "A", "month": 1, "is_graduate": True, "is_unemployed": False, "paid_fen": 1}],
            "twice",
        ),
    ],
)
def test_a_list_of_interns_that_is_not_sound_is_refused(rows: list[dict[str, Any]], told: str) -> None:
    case = scenarios.of("internship")[0].facts.document
    case["facts"]["interns"]["value"] = rows
    with pytest.raises(engine.FactsInvalid, match=told):
        rules.decide("internship", engine.Facts(case))


# --- properties ---------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", INCREASING)
@FEW
@given(seed=SEEDS, more=st.integers(0, 10**12))
def test_more_never_gives_less(measure: str, seed: int, more: int) -> None:
    card, name = measures.CARDS[measure], INCREASING[measure]
    low = drawn.facts(random.Random(seed), card, 2025)
    if name not in low.document["facts"]:
        return
    high = json.loads(json.dumps(low.document))
    high["facts"][name]["value"] += more
    one, other = rules.decide(measure, low), rules.decide(measure, engine.Facts(high))
    assert one.amount_fen <= other.amount_fen


@pytest.mark.parametrize("measure", ids)
@FEW
@given(seed=SEEDS)
def test_no_amount_is_above_its_cap_or_below_zero_and_a_replay_has_the_same_bytes(
    measure: str, seed: int
) -> None:
    card = measures.CARDS[measure]
    draw = random.Random(seed)
    case, readings = drawn.facts(draw, card, draw.choice(drawn.YEARS)), drawn.interpretation(draw, card)
    found = rules.decide(card.id, case, interpretation=readings)
    caps = {"data_product_trading": 10**8, "exchange_venue": 10**8, "application_scenario": 5 * 10**7,
            "headquarters": 3 * 10**8, "high_tech_enterprise": 3 * 10**7, "benchmark_high_tech": 10**8}  # fmt: skip
    assert 0 <= found.amount_fen <= caps.get(card.id, 10**17)
    assert (found.amount_fen > 0) == (found.outcome == Outcome.GRANTED)
    stored = json.loads(engine.canonical(case.document))
    again = rules.decide(card.id, engine.Facts(stored), interpretation=found.document["interpretation"])
    assert again.bytes == found.bytes


@pytest.mark.parametrize("measure", ids)
@FEW
@given(seed=SEEDS)
def test_documents_have_the_shapes_that_are_published(measure: str, seed: int) -> None:
    card = measures.CARDS[measure]
    draw = random.Random(seed)
    case = drawn.facts(draw, card, 2025)
    FACTS_SHAPE[card.id].validate(case.document)
    found = rules.decide(card.id, case, interpretation=drawn.interpretation(draw, card))
    DECISION_SHAPE.validate(found.document)
    for settled in engine.settle([found, found]):
        DECISION_SHAPE.validate(settled.document)


FACTS_SHAPE = {card.id: jsonschema.Draft202012Validator(shapes.of_facts(card)) for card in CARDS}
DECISION_SHAPE = jsonschema.Draft202012Validator(shapes.of_decision())


@pytest.mark.parametrize("card", CARDS, ids=ids)
def test_the_published_shapes_are_schemas_and_refuse_what_the_rules_refuse(card: engine.Measure) -> None:
    jsonschema.Draft202012Validator.check_schema(shapes.of_facts(card))
    case = scenarios.of(card.id)[0].facts.document
    FACTS_SHAPE[card.id].validate(case)
    for wrong in ({**case, "measure": "other"}, {**case, "facts": {**case["facts"], "luck": {"value": 7}}}):
        with pytest.raises(jsonschema.ValidationError):
            FACTS_SHAPE[card.id].validate(wrong)
        with pytest.raises(engine.FactsInvalid):
            rules.decide(card.id, engine.Facts(wrong))


# --- highest only, once -------------------------------------------------------------------------


def amounts(found: list[engine.Decision]) -> list[tuple[str, int]]:
    return [(each.outcome.value, each.amount_fen) for each in found]


def test_of_two_rewards_of_one_group_only_the_highest_stands() -> None:
    low, high = granted("high_tech_enterprise"), granted("benchmark_high_tech")
    found = engine.settle([low, high])
    assert amounts(found) == [("superseded", 0), ("granted", 100_000_000)]
    assert found[0].document["settled"] == {
        "state": "superseded",
        "already_fen": 0,
        "whole_fen": 30_000_000,
        "by": {"measure": "benchmark_high_tech", "year": 2025, "amount_fen": 100_000_000, "number": ""},
    }
    assert "¥300,000.00" in found[0].document["sentence"]["zh"]


def test_other_firms_and_other_groups_stand_beside_one_another() -> None:
    several = [
        granted("high_tech_enterprise"),
        granted("high_tech_enterprise", uscc="B"),
        granted("headquarters"),
    ]
    assert amounts(engine.settle(several)) == [
        ("granted", 30_000_000),
        ("granted", 30_000_000),
        ("granted", 300_000_000),
    ]


def test_of_3_2_and_4_on_one_increase_only_the_highest_stands_unless_read_as_different_matters() -> None:
    venue, scenario = granted("exchange_venue"), granted("application_scenario")
    assert amounts(engine.settle([venue, scenario])) == [("granted", 60_000_000), ("superseded", 0)]
    held = {"measure": "application_scenario", "group": "article_4", "year": 2025, "amount_fen": 20_000_000,
            "number": "JL-1"}  # fmt: skip
    assert amounts(engine.settle([venue], [held])) == [("granted", 40_000_000)]
    assert amounts(engine.settle([venue], [{**held, "year": 2024}])) == [("granted", 60_000_000)]
    apart = [
        rules.decide(each.document["measure"], scenarios.of(each.document["measure"])[0].facts,
                     interpretation={"same_increase": "each"})
        for each in (venue, scenario)
    ]  # fmt: skip
    assert amounts(engine.settle(apart)) == [("granted", 60_000_000), ("granted", 30_000_000)]


def test_what_the_register_holds_is_taken_off_and_what_it_covers_is_superseded() -> None:
    held = {**award(2024, 30_000_000, measure="high_tech_enterprise", group="article_6"), "uscc": "A"}
    low, high = granted("high_tech_enterprise"), granted("benchmark_high_tech")
    assert amounts(engine.settle([high], [held])) == [("granted", 70_000_000)]
    (found,) = engine.settle([low], [held])
    assert (found.outcome, found.document["settled"]["by"]["number"]) == ("superseded", "JL-2024")
    assert amounts(engine.settle([low], [{**held, "uscc": "B"}])) == [("granted", 30_000_000)]


def test_a_fourth_year_is_limited_when_four_are_decided_at_once() -> None:
    several = [decided(900_000_000, year=year) for year in (2026, 2025, 2024)]
    register = [award(2023, 1)]
    found = engine.settle(several, register)
    assert amounts(found) == [("not_eligible", 0), ("granted", 9_000_000), ("granted", 9_000_000)]
    assert found[0].document["settled"]["state"] == "limited"


def test_a_higher_figure_for_a_rewarded_year_pays_the_difference_and_uses_no_further_year() -> None:
    register = [award(2023), award(2024), award(2025, 8_000_000)]
    (found,) = engine.settle([decided(900_000_000, year=2025)], register)
    assert (found.outcome, found.amount_fen) == ("granted", 1_000_000)


@cache
def _cached(measure: str, year: int) -> engine.Decision:
    return granted(measure, year=year)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_nothing_is_paid_twice_in_a_group_whatever_is_decided_and_registered(seed: int) -> None:
    draw = random.Random(seed)
    several = [
        _cached(
            draw.choice(["high_tech_enterprise", "benchmark_high_tech", "headquarters"]),
            draw.choice((2024, 2025, 2026)),
        )
        for _each in range(draw.randint(1, 6))
    ]
    register = [
        award(
            draw.choice((2024, 2025)),
            draw.choice((1, 30_000_000, 90_000_000)),
            measure="x",
            group="article_6",
        )
        for _each in range(draw.choice((0, 0, 1)))
    ]
    found = engine.settle(several, register)
    for group in ("article_5", "article_6"):
        highest = max(
            (
                d.document["exclusivity"]["whole_fen"]
                for d in several
                if d.document["exclusivity"]["group"] == group
            ),
            default=0,
        )
        held = sum(a["amount_fen"] for a in register if a["group"] == group)
        paid = sum(d.amount_fen for d in found if d.document["exclusivity"]["group"] == group)
        assert held + paid == max(highest, held)
    settled_again = engine.settle(several, register)
    assert [each.bytes for each in settled_again] == [each.bytes for each in found]
