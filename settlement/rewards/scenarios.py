"""Scenario tests that people read: `measures/<measure>.scenarios.yaml` beside each card. Pure, no database.

A file has `given` (the case every scenario starts from) and `scenarios`: a sentence in Chinese (`name`) and in
English (`name_en`), what differs, what is expected.
Amounts are yuan as text ("5,000,000.00"); a fact of null is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from settlement.rewards import engine, measures, rules
from settlement.rewards.engine.texts import Text, yuan

LEAST_SCENARIOS = 8
_MEMBERS = {"name", "name_en", "year", "facts", "unverified", "awards", "interpretation", "version", "expect"}
_EXPECTED = {"outcome", "amount", "short_by", "missing", "unverified", "would_be", "says"}


class NotAScenario(ValueError):
    """The file does not describe scenarios as it should."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One sentence and its case: facts, readings, and what is to come out."""

    measure: str
    name: Text
    facts: engine.Facts
    interpretation: Mapping[str, str]
    version: str
    expected: Mapping[str, Any]


def fen(text: str) -> int:
    """Yuan as people write them, in fen: "5,000,000.00" → 500000000, "-0.01" → -1."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _dot, cents = rest.replace(",", "").partition(".")
    if not (whole.isdigit() and len(cents) == 2 and cents.isdigit()):
        raise NotAScenario(f'{text!r}: yuan are written like "5,000,000.00"')
    return sign * (int(whole) * 100 + int(cents))


def path_of(measure: str) -> Path:
    """The file of a measure's scenarios."""
    return measures.HERE / f"{measure}.scenarios.yaml"


def of(measure: str) -> list[Scenario]:
    """The scenarios of a measure; NotAScenario when the file is not sound."""
    return read(measure, path_of(measure).read_text(encoding="utf-8"))


def read(measure: str, text: str) -> list[Scenario]:
    """Scenarios from the text of their file."""
    try:
        table = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise NotAScenario(f"{measure}: {error}") from error
    if not isinstance(table, dict) or set(table) != {"given", "scenarios"}:
        raise NotAScenario(f"{measure}: a file has `given` and `scenarios`")
    found = [_scenario(measure, table["given"], each) for each in table["scenarios"]]
    names = [[scenario.name.zh for scenario in found], [scenario.name.en for scenario in found]]
    if any(len(set(told)) != len(found) for told in names):
        raise NotAScenario(f"{measure}: two scenarios have the same name")
    return found


def _scenario(measure: str, given: Mapping[str, Any], each: Mapping[str, Any]) -> Scenario:
    name, in_english = each.get("name", ""), each.get("name_en", "")
    unknown = (set(each) - _MEMBERS) | (set(each.get("expect", {})) - _EXPECTED)
    if not name or not in_english or unknown or "outcome" not in each.get("expect", {}):
        needed = "name, name_en and expect.outcome are needed"
        raise NotAScenario(f"{measure}: {name or each}: {sorted(unknown) or needed}")
    card = measures.CARDS[measure]
    values = {**given["facts"], **each.get("facts", {})}
    if "awards" in each:
        values["prior_awards"] = [_award(card.group, measure, award) for award in each["awards"]]
    known = {spec.name: spec for spec in card.facts}
    facts: dict[str, dict[str, Any]] = {}
    for fact, value in values.items():
        if fact not in known:
            raise NotAScenario(f"{measure}: {name}: unknown fact {fact}")
        if value is not None:
            state = {"state": "unverified"} if fact in each.get("unverified", []) else {}
            facts[fact] = {"value": _value(known[fact], value), **state}
    year = each.get("year", given["year"])
    subject = {"name": "清蓝（示例）", "uscc": "91441802MA5000001N"}
    return Scenario(
        measure,
        Text(name, in_english),
        engine.Facts.of(measure, year, facts, subject),
        each.get("interpretation", {}),
        each.get("version", measures.CURRENT_VERSION),
        each["expect"],
    )


def _award(group: str, measure: str, award: Mapping[str, Any]) -> dict[str, Any]:
    year = award["year"]
    found = {
        "measure": award.get("measure", measure),
        "group": award.get("group", group),
        "year": year,
        "amount_fen": fen(award.get("amount", "1.00")),
        "number": award.get("number", f"JL-{year}"),
    }
    return {**found, "matter": award["matter"]} if "matter" in award else found


def _value(spec: engine.FactSpec, value: Any) -> Any:
    if spec.unit == "fen":
        return fen(value)
    if spec.unit == "rows":
        units = {member.name: member.unit for member in spec.members}
        return [
            {name: fen(item) if units.get(name) == "fen" else item for name, item in row.items()}
            for row in value
        ]
    if spec.unit == "readings":
        return [
            {
                "reading": row["reading"],
                "values": {k: fen(v) if isinstance(v, str) else v for k, v in row["values"].items()},
            }
            for row in value
        ]
    return value


def problems(scenario: Scenario) -> list[Text]:
    """What differs from the expectation, one sentence each; none when the scenario holds."""
    expected = scenario.expected
    found = rules.decide(
        scenario.measure, scenario.facts, version=scenario.version, interpretation=scenario.interpretation
    )
    document = found.document
    told: dict[str, Any] = {"outcome": found.outcome.value}
    if "amount" in expected:
        told["amount"] = found.amount_fen
    if "would_be" in expected:
        told["would_be"] = document["would_be_fen"]
    if "short_by" in expected:
        failing = next((step for step in document["steps"] if step["verdict"] == "not_met"), None)
        margin = failing["margin"] if failing else None
        told["short_by"] = -margin["by"] if margin else None
    if "missing" in expected:
        told["missing"] = [each["name"] for each in document["missing"]]
    if "unverified" in expected:
        told["unverified"] = [each["name"] for each in document["missing"] if each["is_unverified"]]
    differing = []
    for name, value in told.items():
        wanted = fen(expected[name]) if name in ("amount", "would_be", "short_by") else expected[name]
        if value != wanted:
            shown = (yuan(wanted), yuan(value)) if isinstance(value, int) else (wanted, value)
            differing.append(_differs(name, *shown))
    if "says" in expected and expected["says"] not in "\n".join(document["sentence"].values()):
        differing.append(_differs("says", expected["says"], document["sentence"]["zh"]))
    return differing


def _differs(name: str, wanted: Any, found: Any) -> Text:
    return Text(f"{name}：应为 {wanted}，实为 {found}", f"{name}: expected {wanted}, found {found}")
