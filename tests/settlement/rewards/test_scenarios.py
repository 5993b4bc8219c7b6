"""The sentences beside every card hold, and a wrong one is noticed."""

from __future__ import annotations

import pytest

from settlement.rewards import measures, scenarios

ALL = [scenario for measure in measures.CARDS for scenario in scenarios.of(measure)]


@pytest.mark.parametrize("scenario", ALL, ids=lambda each: f"{each.measure}: {each.name.en}")
def test_scenario(scenario: scenarios.Scenario) -> None:
    assert scenarios.problems(scenario) == []


@pytest.mark.parametrize("measure", measures.CARDS)
def test_every_measure_has_its_scenarios_in_every_outcome_it_can_have(measure: str) -> None:
    found = scenarios.of(measure)
    assert len(found) >= scenarios.LEAST_SCENARIOS
    outcomes = {scenario.expected["outcome"] for scenario in found}
    assert {"granted", "not_eligible", "undetermined", "superseded"} <= outcomes


def changed(measure: str, old: str, new: str) -> str:
    text = scenarios.path_of(measure).read_text(encoding="utf-8")
    assert old in text
    return text.replace(old, new, 1)


def test_a_scenario_that_expects_something_else_is_told_in_yuan() -> None:
    text = changed("headquarters", 'amount: "3,000,000.00"', 'amount: "3,000,000.01"')
    first = scenarios.read("headquarters", text)[0]
    (problem,) = scenarios.problems(first)
    assert problem.en == "amount: expected ¥3,000,000.01, found ¥3,000,000.00"
    assert problem.zh == "amount：应为 ¥3,000,000.01，实为 ¥3,000,000.00"


@pytest.mark.parametrize("scenario", ALL, ids=lambda each: f"{each.measure}: {each.name.en}")
def test_every_sentence_is_there_in_chinese_and_in_english(scenario: scenarios.Scenario) -> None:
    assert any("\u4e00" <= letter <= "\u9fff" for letter in scenario.name.zh)
    assert scenario.name.en.isascii()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("expect: {", "expects: {", "expects"),
        ("outcome: granted, ", "", "expect.outcome"),
        ("is_recognised_headquarters: true", "is_recognized: true", "is_recognized"),
        ('"3,000,000.00"', '"3000000"', "yuan"),
        ("    name_en:", "    english:", "english"),
        ("    name_en: A headquarters that meets the rules gets three million\n", "", "name_en"),
        ("given:", "taken:", "`given`"),
        ("scenarios:", "scenarios: [", "headquarters"),
    ],
)
def test_a_file_that_is_not_sound_is_refused(old: str, new: str, told: str) -> None:
    with pytest.raises(scenarios.NotAScenario, match=told):
        [
            scenarios.problems(each)
            for each in scenarios.read("headquarters", changed("headquarters", old, new))
        ]
