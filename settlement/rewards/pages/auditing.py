"""A stored decision for an auditor, in words: every fact with label and value, every step with its arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from settlement.rewards import engine, measures
from settlement.rewards.engine import wording
from settlement.rewards.engine.parameters import PolicyVersion
from settlement.rewards.engine.texts import shown
from settlement.rewards.models import Decision
from settlement.rewards.pages.shown import article_label, proof_chip, said, sum_line

TONES = {"met": "green", "stated": "neutral", "not_met": "red", "unknown": "amber"}
ROUNDINGS = {"floor_to_fen": engine.Text("向下取整到分", "rounded down to the fen")}
MOST_ROWS = 20


def facts_in_words(decision: Decision, firm_id: UUID) -> list[dict[str, Any]]:
    """Every fact that was known, as the card names it, with its evidence as chips; by the card's order."""
    card, held = measures.CARDS[decision.trace["measure"]], decision.facts["facts"]
    found = []
    for spec in card.facts:
        if spec.name not in held:
            continue
        fact = held[spec.name]
        source = fact.get("source", "")
        found.append(
            {
                "label": said(spec.label.plain()),
                "value": said(spec.said(fact["value"]).plain()),
                "rows": _rows(spec, fact["value"]),
                "evidence": [
                    proof_chip(proof, source, decision.trace["year"], firm_id)
                    for proof in fact.get("evidence", [])
                ],
                "origin": _origin(source),
            }
        )
    return found


def _origin(source: str) -> str:
    origins = {"authority": _("登记信息"), "upload": _("企业填报，部门核实")}
    return origins.get(source, _("平台台账"))


def _rows(spec: engine.FactSpec, value: Any) -> list[str]:
    """What a fact of several rows says, row by row: awards of the register, interns of a list."""
    if not isinstance(value, list) or not value or not isinstance(value[0], Mapping):
        return []
    if spec.unit == "awards":
        return [
            _("%(measure)s · %(year)s 年度 · %(amount)s · %(number)s")
            % {
                "measure": said(measures.CARDS[row["measure"]].title.plain()),
                "year": row["year"],
                "amount": said(shown(row["amount_fen"], "fen").plain()),
                "number": row.get("number", ""),
            }
            for row in value[:MOST_ROWS]
        ]
    return [
        "；".join(
            f"{said(member.label.plain())} {said(shown(row.get(member.name), member.unit).plain())}"
            for member in spec.members
            if member.name in row
        )
        for row in value[:MOST_ROWS]
        if spec.members
    ]


def steps_in_words(decision: Decision) -> list[dict[str, Any]]:
    """Every step: what was read, required and found, the rule in words, and each line of its arithmetic."""
    trace = decision.trace
    card = measures.CARDS[trace["measure"]]
    version = measures.version_of(card.id, decision.policy_version)
    return [_step(card, version, step, trace["interpretation"]) for step in trace["steps"]]


def _step(
    card: engine.Measure, version: PolicyVersion, step: Mapping[str, Any], readings: Mapping[str, str]
) -> dict[str, Any]:
    condition = next((each for each in card.steps if each.key == step["key"]), None)
    verdicts = {"met": _("满足"), "not_met": _("不满足"), "unknown": _("事实不全"), "stated": _("已核定")}
    test = condition.test if condition is not None else None

    def told(operation: Any) -> str:
        if operation is None:
            return ""
        return said(wording.formula(card, version, operation, readings=readings).plain())

    return {
        "number": step["number"],
        "title": said(step["title"]),
        "article": article_label(step["article"]),
        "verdict": verdicts[step["verdict"]],
        "tone": TONES[step["verdict"]],
        "found": said(step["found"]),
        "requirement": said(step["requirement"]),
        "inputs": [
            {"label": said(each["label"]), "value": said(each["shown"])}
            for each in step["inputs"]
            if not _is_nothing(each)
        ],
        "parameters": [_parameter(row) for row in step["parameters"]],
        "formula": told(test),
        "lines": _lines(condition, step, told),
    }


def _is_nothing(each: Mapping[str, Any]) -> bool:
    """Amounts of zero stand among the facts above and are not repeated in every step."""
    return bool(each["unit"] == "fen" and each["value"] == 0)


def _lines(condition: Any, step: Mapping[str, Any], told: Callable[[Any], str]) -> list[dict[str, str]]:
    """Each line of the sum with how the rule computes it; a line the card no longer has keeps its amount."""
    rules = {line.key or line.label.zh: line.amount for line in condition.lines} if condition else {}
    found = []
    for line in step["lines"]:
        shown_line = sum_line(line)
        operation = rules.get(line["key"] or line["label"]["zh"])
        found.append({"label": shown_line.label, "amount": shown_line.text, "formula": told(operation)})
    return found


def _parameter(row: Mapping[str, Any]) -> dict[str, str]:
    remark = _("%(article)s，自 %(day)s 起") % {
        "article": article_label(row["article"]),
        "day": row["effective_from"],
    }
    return {"label": said(row["label"]), "value": said(_value(row).plain()), "remark": remark}


def _value(row: Mapping[str, Any]) -> engine.Text:
    """A parameter's value from the trace, where ratios stand as `1/100` and days as ISO dates."""
    value, unit = row["value"], row["unit"]
    if unit == "rounding":
        return ROUNDINGS.get(value, shown(value, unit))
    if unit == "ratio" and isinstance(value, str):
        return shown(Fraction(value), unit)
    if unit == "date" and isinstance(value, str):
        return shown(date.fromisoformat(value), unit)
    return shown(value, unit)
