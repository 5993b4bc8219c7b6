"""Deciding one case: every condition in order, the arithmetic line by line, and one conclusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from settlement.rewards.engine.canonical import canonical, sha256
from settlement.rewards.engine.cards import Condition, Line, Measure, Outcome
from settlement.rewards.engine.facts import Facts
from settlement.rewards.engine.operations import Defined, Reading, Unknown
from settlement.rewards.engine.parameters import PolicyVersion, plain_value
from settlement.rewards.engine.texts import Text, shown, yuan

SCHEMA = "qingshu.decision/1"
MET, NOT_MET, UNKNOWN, STATED = "met", "not_met", "unknown", "stated"


class NoSuchReading(ValueError):
    """The interpretation names a question or a reading this measure does not offer."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer as a document (plain JSON values); the same case always has the same bytes."""

    document: Mapping[str, Any]

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.document["outcome"])

    @property
    def amount_fen(self) -> int:
        amount: int = self.document["amount_fen"]
        return amount

    @property
    def sha256(self) -> str:
        return sha256(self.document)

    @property
    def bytes(self) -> bytes:
        return canonical(self.document)

    def step(self, key: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = next(step for step in self.document["steps"] if step["key"] == key)
        return found


def decide(
    measure: Measure,
    facts: Facts,
    *,
    version: PolicyVersion,
    code_version: str,
    interpretation: Mapping[str, str] | None = None,
) -> Decision:
    """Decide one firm's case for one benefit year.

    `interpretation` overrides defaults of open questions. Parameters are those in force on the final day of
    the benefit year (the version's first day for years before it). Raises FactsInvalid, NoSuchReading,
    UndefinedParameter.
    """
    facts.check(measure.id, measure.facts)
    readings = checked_readings(measure, interpretation or {})
    day = max(date(facts.year, 12, 31), version.first_day)
    resummed = measure.resummed_reading(readings)
    if resummed is not None:
        facts = facts.under(resummed, measure.varying)
    blank = Reading(facts, version, day, readings, measure.definitions)
    words = _Words(measure, blank)
    steps = [_step(number, step, measure, blank, words) for number, step in enumerate(measure.steps, 1)]
    outcome = _outcome(measure, steps)
    award = Defined(measure.award).seen(blank.afresh()).value
    computed = award if isinstance(award, int) else None
    amount = computed if outcome == Outcome.GRANTED and computed is not None else 0
    if outcome == Outcome.GRANTED and amount == 0:
        outcome = Outcome.NOTHING_DUE
    missing = _missing(measure, facts, steps) if outcome == Outcome.UNDETERMINED else []
    document = {
        "schema": SCHEMA,
        "measure": measure.id,
        "article": measure.article,
        "title": measure.title.plain(),
        "subject": dict(facts.document["subject"]),
        "year": facts.year,
        "policy_version": version.name,
        "document_sha256": version.document_sha256,
        "code_version": code_version,
        "interpretation": readings,
        "effective_on": day.isoformat(),
        "facts_sha256": facts.sha256,
        "outcome": outcome.value,
        "amount_fen": amount,
        "would_be_fen": computed,
        "sentence": _sentence(measure, outcome, steps, missing, words).plain(),
        "missing": missing,
        "exclusivity": _exclusivity(measure, blank),
        "steps": steps,
    }
    return Decision(document)


def _exclusivity(measure: Measure, blank: Reading) -> dict[str, Any]:
    """What the register and other decisions are compared by (see `settling.settle`)."""
    rule, readings = measure.exclusivity, blank.interpretation

    def known(name: str) -> int | None:
        value = Defined(name).seen(blank.afresh()).value
        return value if isinstance(value, int) else None

    is_limited, matter = rule.is_limited(readings), rule.matter(readings)
    beside = rule.groups_beside(readings)
    return {
        "group": rule.group,
        "matter": str(blank.facts.value(matter) or "") if matter else "",
        "span": rule.span(readings),
        "tops_up": rule.tops_up(readings),
        "whole_fen": known(rule.whole),
        "already_fen": known(rule.already),
        "most_awards": blank.version.at(rule.most_awards, blank.day).value if is_limited else None,
        **({"beside": list(beside)} if beside else {}),
    }


def checked_readings(measure: Measure, wanted: Mapping[str, str]) -> dict[str, str]:
    """The chosen reading of every open question; NoSuchReading for what is not offered."""
    readings = measure.defaults()
    for name, option in wanted.items():
        question = next((each for each in measure.questions if each.name == name), None)
        if question is None or option not in {each.name for each in question.options if each.is_available}:
            raise NoSuchReading(f"{measure.id}: {name} = {option}")
        readings[name] = option
    return readings


class _Words:
    """The values that sentences of a card may name, in both languages, worked out when asked for."""

    def __init__(self, measure: Measure, blank: Reading) -> None:
        self.measure, self.blank = measure, blank
        self.specs = {spec.name: spec for spec in measure.facts}

    def filled(self, text: Text, margin: Text | None = None) -> Text:
        return text.filled(lambda name: margin if name == "margin" and margin else self.of(name))

    def of(self, name: str) -> Text:
        if name == "year":
            return shown(self.blank.facts.year, "year")
        if name in self.specs:
            return self.specs[name].said(self.blank.facts.value(name))
        if name in self.measure.definitions:
            value = Defined(name).seen(self.blank.afresh()).value
            unit = "count" if name.endswith("_count") else "fen"
            return shown(None if isinstance(value, Unknown) else value, unit)
        row = self.blank.version.at(name, self.blank.day)
        return shown(row.value, row.unit)


def _step(number: int, step: Condition, measure: Measure, blank: Reading, words: _Words) -> dict[str, Any]:
    """One step of the trace: what was asked, read, required and found, and the distance to the limit."""
    reading = blank.afresh()
    verdict, tree = STATED, None
    missing: tuple[str, ...] = ()
    if step.test is not None:
        seen = step.test.seen(reading)
        tree = seen.tree
        if isinstance(seen.value, Unknown):
            verdict, missing = UNKNOWN, seen.value.missing
        else:
            verdict = MET if seen.value else NOT_MET
    for name in step.reads:
        reading.inputs[name] = blank.facts.value(name)
    lines, unread = _lines(step.lines, reading)
    missing = tuple(dict.fromkeys((*missing, *unread)))
    if verdict == STATED and missing:
        verdict = UNKNOWN
    margin = _margin(step, reading)
    said = shown(abs(margin["by"]), margin["unit"]) if margin else Text("", "")
    turning = step.change if verdict == NOT_MET else step.holds if verdict == MET else None
    return {
        "number": number,
        "key": step.key,
        "title": step.title.plain(),
        "clause": step.clause.text.plain(),
        "mark": step.clause.mark.plain(),
        "article": step.clause.article,
        "found": words.filled(step.found, said).plain(),
        "requirement": words.filled(step.requirement, said).plain(),
        "verdict": verdict,
        "missing": list(missing),
        "reason": words.filled(step.reason, said).plain() if step.reason and verdict == NOT_MET else None,
        "change": words.filled(turning, said).plain() if turning else None,
        "margin": margin,
        "lines": lines,
        "operation": tree,
        "inputs": [_input(measure, name, reading) for name in reading.inputs],
        "parameters": [row.plain() for row in reading.parameters.values()],
        "readings": dict(reading.readings),
    }


def _lines(lines: tuple[Line, ...], reading: Reading) -> tuple[list[dict[str, Any]], list[str]]:
    shown_lines: list[dict[str, Any]] = []
    missing: list[str] = []
    for line in lines:
        seen = line.amount.seen(reading)
        if isinstance(seen.value, Unknown):
            missing += seen.value.missing
        elif seen.value == 0 and not line.shows_zero:
            continue
        value = None if isinstance(seen.value, Unknown) else seen.value
        exact = plain_value(value) if isinstance(value, Fraction) and value.denominator != 1 else None
        fen = None if value is None else int(value // 1)
        shown_lines.append(
            {
                "key": line.key,
                "label": line.label.plain(),
                "kind": line.kind,
                "amount_fen": fen,
                "exact": exact,
                "shown": "--" if fen is None else yuan(fen),
            }
        )
    return shown_lines, missing


def _margin(step: Condition, reading: Reading) -> dict[str, Any] | None:
    if step.margin is None:
        return None
    value = step.margin.value.seen(reading).value
    limit = step.margin.limit.seen(reading).value
    if isinstance(value, Unknown) or isinstance(limit, Unknown):
        return None
    return {"by": int((value - limit) // 1), "unit": step.margin.unit}


def _input(measure: Measure, name: str, reading: Reading) -> dict[str, Any]:
    spec = measure.spec(name)
    value = reading.inputs[name]
    return {
        "name": name,
        "label": spec.label.plain(),
        "unit": spec.unit,
        "value": value,
        "shown": spec.said(value).plain(),
        **reading.facts.cited(name),
    }


def _outcome(measure: Measure, steps: list[dict[str, Any]]) -> Outcome:
    """The first failing step decides; then a missing fact leaves it undetermined; else it is granted."""
    for step, seen in zip(measure.steps, steps, strict=True):
        if seen["verdict"] == NOT_MET:
            return step.otherwise
    if any(seen["verdict"] == UNKNOWN for seen in steps):
        return Outcome.UNDETERMINED
    return Outcome.GRANTED


def _missing(measure: Measure, facts: Facts, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is not known, from whom it comes, and whether it only waits for a department to verify it."""
    names = dict.fromkeys(name for step in steps if step["verdict"] == UNKNOWN for name in step["missing"])
    return [
        {
            "name": spec.name,
            "label": spec.label.plain(),
            "source": spec.source.plain(),
            "verifier": spec.verifier_name.plain() if spec.verifier_name else None,
            "is_unverified": facts.is_unverified(spec.name),
        }
        for spec in map(measure.spec, names)
    ]


def _sentence(
    measure: Measure,
    outcome: Outcome,
    steps: list[dict[str, Any]],
    missing: list[dict[str, Any]],
    words: _Words,
) -> Text:
    """The conclusion in one sentence."""
    failed = next((step for step in steps if step["verdict"] == NOT_MET), None)
    if failed is not None and failed["reason"]:
        return Text.read(failed["reason"])
    if outcome == Outcome.UNDETERMINED:
        return _waiting(missing)
    if outcome == Outcome.NOTHING_DUE:
        return Text(
            "各项条件均满足，但按规则计算的金额为零。",
            "All conditions hold, but the amount computed by the rule is zero.",
        )
    amount = Defined(measure.award).seen(words.blank.afresh()).value
    cap = words.blank.version.at(measure.cap, words.blank.day).value if measure.cap else None
    return words.filled(measure.at_cap if amount == cap and measure.at_cap.zh else measure.granted)


def _waiting(missing: list[dict[str, Any]]) -> Text:
    """Which facts are missing, and which only wait to be verified, and by whom."""
    absent = [each for each in missing if not each["is_unverified"]]
    declared = [each for each in missing if each["is_unverified"]]
    zh, en = [], []
    if absent:
        zh.append(f"还缺少事实：{'、'.join(each['label']['zh'] for each in absent)}")
        en.append(f"Facts are missing: {', '.join(each['label']['en'] for each in absent)}")
    if declared:
        zh.append("待核实：" + "、".join(f"{d['label']['zh']}（{d['verifier']['zh']}）" for d in declared))
        en.append(
            "To be verified: " + ", ".join(f"{d['label']['en']} ({d['verifier']['en']})" for d in declared)
        )
    return Text(
        f"{'；'.join(zh)}。补齐后即可认定。", f"{'. '.join(en)}. The case can be decided once they are there."
    )
