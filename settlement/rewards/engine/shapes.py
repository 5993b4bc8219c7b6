"""JSON Schemas (2020-12) of the documents, written from the cards: facts of each measure, and decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from settlement.rewards.engine import decisions, facts
from settlement.rewards.engine.cards import Measure, Outcome
from settlement.rewards.engine.facts import FactSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]

_YEAR: Schema = {"type": "integer", "minimum": facts.FIRST_YEAR, "maximum": facts.LATEST_YEAR}
_FEN: Schema = {"type": "integer", "minimum": -facts.MOST_FEN, "maximum": facts.MOST_FEN}
_COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": facts.MOST_FEN}
_STRING: Schema = {"type": "string"}
_SHA256: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_TEXT: Schema = {
    "type": "object",
    "properties": {"zh": _STRING, "en": _STRING},
    "required": ["zh", "en"],
    "additionalProperties": False,
}
_AWARD: Schema = {
    "type": "object",
    "properties": {
        "measure": _STRING,
        "group": _STRING,
        "year": {"type": "integer"},
        "amount_fen": {"type": "integer"},
        "number": _STRING,
        "matter": _STRING,
    },
    "required": ["measure", "group", "year", "amount_fen", "number"],
    "additionalProperties": False,
}


def _closed(properties: dict[str, Schema], required: Sequence[str]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _plain(unit: str) -> Schema:
    return {
        "fen": _FEN,
        "count": _COUNT,
        "flag": {"type": "boolean"},
        "code": {"type": "string", "minLength": 1},
        "text": {"type": "string", "pattern": "\\S"},
        "day": {"type": "string", "format": "date", "pattern": "^\\d{4}-\\d{2}-\\d{2}$"},
    }[unit]


def _value(measure: Measure, spec: FactSpec) -> Schema:
    if spec.choices:
        return {"enum": [code for code, _label in spec.choices]}
    if spec.unit == "awards":
        return {"type": "array", "items": _AWARD}
    if spec.unit == "rows":
        members = {}
        for member in spec.members:
            shape: Schema = dict(_plain(member.unit))
            if member.unit in ("fen", "count"):
                shape |= {"minimum": member.least, "maximum": member.most}
            if member.choices:
                shape = {"enum": list(member.choices)}
            shape = _nullable(shape) if member.is_optional else shape
            members[member.name] = shape | {"title": member.label.en}
        required = [member.name for member in spec.members if not member.is_optional]
        return {"type": "array", "items": _closed(members, required)}
    if spec.unit == "readings":
        asked = {q.name: {"enum": [option.name for option in q.options]} for q in measure.resummed}
        sums = dict.fromkeys(measure.varying, _FEN)
        row = _closed(
            {"reading": _closed(asked, list(asked)), "values": _closed(sums, [])}, ["reading", "values"]
        )
        return {"type": "array", "items": row}
    shape = dict(_plain(spec.unit))
    if spec.unit == "fen" and spec.sign:
        shape["minimum" if spec.sign > 0 else "maximum"] = 0
    return shape


def _fact(measure: Measure, spec: FactSpec) -> Schema:
    properties: dict[str, Schema] = {
        "value": _nullable(_value(measure, spec)),
        "source": _STRING,
        "evidence": {"type": "array", "items": {"type": "object"}},
    }
    if spec.is_declared:
        properties["state"] = {"enum": list(facts.STATES)}
    told = f"{spec.label.zh}. From: {spec.source.en}."
    if spec.verifier_name:
        told += f" Verified by: {spec.verifier_name.en}."
    return {
        "title": spec.label.en,
        "description": told,
        "type": "object",
        "properties": properties,
        "required": ["value"],
    }


def of_facts(measure: Measure) -> Schema:
    """The shape of a measure's facts document: what `qingshu decide` and the API take."""
    found = {spec.name: _fact(measure, spec) for spec in measure.facts}
    properties: dict[str, Schema] = {
        "schema": {"const": facts.SCHEMA},
        "measure": {"const": measure.id},
        "year": _YEAR,
        "subject": {"type": "object", "additionalProperties": _STRING},
        "facts": _closed(found, []),
    }
    return {
        "$schema": DIALECT,
        "$id": f"urn:qingshu:facts:{measure.id}:1",
        "title": f"Facts of {measure.title.en} (article {measure.article})",
        **_closed(properties, list(properties)),
    }


def _step() -> Schema:
    line = _closed(
        {
            "key": _STRING,
            "label": _TEXT,
            "kind": {"enum": ["start", "plus", "minus", "total"]},
            "amount_fen": _nullable({"type": "integer"}),
            "exact": _nullable(_STRING),
            "shown": _STRING,
        },
        ["key", "label", "kind", "amount_fen", "exact", "shown"],
    )
    read = {
        "type": "object",
        "properties": {
            "name": _STRING,
            "label": _TEXT,
            "unit": {"enum": list(facts.FACT_UNITS)},
            "shown": _TEXT,
        },
        "required": ["name", "label", "unit", "value", "shown", "source", "evidence"],
    }
    row = {
        "type": "object",
        "required": [
            "name",
            "label",
            "value",
            "unit",
            "article",
            "effective_from",
            "effective_to",
            "is_assumption",
        ],
    }
    margin = _closed({"by": {"type": "integer"}, "unit": _STRING}, ["by", "unit"])
    properties: dict[str, Schema] = {
        "number": {"type": "integer", "minimum": 1},
        "key": _STRING,
        **dict.fromkeys(("title", "clause", "mark", "found", "requirement"), _TEXT),
        "article": _STRING,
        "verdict": {"enum": [decisions.MET, decisions.NOT_MET, decisions.UNKNOWN, decisions.STATED]},
        "missing": {"type": "array", "items": _STRING},
        "reason": _nullable(_TEXT),
        "change": _nullable(_TEXT),
        "margin": _nullable(margin),
        "lines": {"type": "array", "items": line},
        "operation": _nullable({"type": "object", "required": ["op", "result"]}),
        "inputs": {"type": "array", "items": read},
        "parameters": {"type": "array", "items": row},
        "readings": {"type": "object", "additionalProperties": _STRING},
    }
    return _closed(properties, list(properties))


def of_decision() -> Schema:
    """The shape of a decision with its whole trace; the same for all measures."""
    missing = {
        "name": _STRING,
        "label": _TEXT,
        "source": _TEXT,
        "verifier": _nullable(_TEXT),
        "is_unverified": {"type": "boolean"},
    }
    exclusivity = {
        "group": _STRING,
        "matter": _STRING,
        "span": {"enum": ["year", "ever"]},
        "tops_up": {"type": "boolean"},
        "whole_fen": _nullable({"type": "integer"}),
        "already_fen": _nullable({"type": "integer"}),
        "most_awards": _nullable({"type": "integer"}),
    }
    by = {
        "measure": _STRING,
        "year": {"type": "integer"},
        "amount_fen": {"type": "integer"},
        "number": _STRING,
    }
    settled: dict[str, Schema] = {
        "state": {"enum": ["stands", "superseded", "limited"]},
        "already_fen": {"type": "integer"},
        "whole_fen": {"type": "integer"},
        "by": _nullable(_closed(by, list(by))),
    }
    required: dict[str, Schema] = {
        "schema": {"const": decisions.SCHEMA},
        "measure": _STRING,
        "article": _STRING,
        "title": _TEXT,
        "subject": {"type": "object", "additionalProperties": _STRING},
        "year": _YEAR,
        "policy_version": _STRING,
        "document_sha256": _SHA256,
        "code_version": _STRING,
        "interpretation": {"type": "object", "additionalProperties": _STRING},
        "effective_on": {"type": "string", "format": "date"},
        "facts_sha256": _SHA256,
        "outcome": {"enum": [outcome.value for outcome in Outcome]},
        "amount_fen": {"type": "integer", "minimum": 0},
        "would_be_fen": _nullable({"type": "integer"}),
        "sentence": _TEXT,
        "missing": {"type": "array", "items": _closed(missing, list(missing))},
        "exclusivity": _closed(
            exclusivity | {"beside": {"type": "array", "items": _STRING}}, list(exclusivity)
        ),
        "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}},
    }
    shape = _closed(required | {"settled": _closed(settled, list(settled))}, list(required))
    return {
        "$schema": DIALECT,
        "$id": "urn:qingshu:decision:1",
        "title": "A decision with its trace",
        **shape,
        "$defs": {"step": _step()},
    }
