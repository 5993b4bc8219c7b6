"""Facts: what is known of one case, each with its evidence. An absent fact is missing, never zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from settlement.rewards.engine.canonical import canonical, sha256
from settlement.rewards.engine.texts import Text

SCHEMA = "qingshu.facts/1"
FACT_UNITS = ("fen", "count", "flag", "code", "awards")
FIRST_YEAR, LATEST_YEAR = 1950, 9000
MOST_FEN = 10**16
_AWARD_MEMBERS = {"measure", "group", "year", "amount_fen", "number"}


class FactsInvalid(ValueError):
    """The facts are not of the declared names and kinds."""


@dataclass(frozen=True, slots=True)
class FactSpec:
    """A fact that a measure asks for: its unit, and from whom it comes when it is missing.

    `sign` is 1 for amounts never below zero, -1 for deductions never above it, 0 for both.
    """

    name: str
    label: Text
    unit: str
    source: Text
    sign: int = 0

    def check(self, value: Any) -> None:
        """Raise FactsInvalid unless `value` is of the unit; None (missing) always passes."""
        if value is None:
            return
        is_sound = {
            "flag": type(value) is bool,
            "code": type(value) is str and value != "",
            "fen": type(value) is int and abs(value) <= MOST_FEN,
            "count": type(value) is int and 0 <= value <= MOST_FEN,
            "awards": isinstance(value, list) and all(_is_award(each) for each in value),
        }[self.unit]
        if not is_sound:
            raise FactsInvalid(f"{self.name}: {value!r} is not a value in {self.unit}")
        if self.unit == "fen" and value * self.sign < 0:
            raise FactsInvalid(f"{self.name}: wrong sign ({value})")


def _is_fact(fact: Any) -> bool:
    """A value with, at most, the text of its source and a list of evidence objects."""
    return (
        isinstance(fact, dict)
        and "value" in fact
        and isinstance(fact.get("source", ""), str)
        and isinstance(fact.get("evidence", []), list)
        and all(isinstance(proof, dict) for proof in fact.get("evidence", []))
    )


def _is_award(award: Any) -> bool:
    return (
        isinstance(award, dict)
        and set(award) == _AWARD_MEMBERS
        and type(award["year"]) is int
        and type(award["amount_fen"]) is int
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one firm and benefit year, as a document that can be stored and hashed.

    `document`: {"schema", "measure", "year", "subject": {"name", "uscc"}, "facts": {name: {"value", "source",
    "evidence": [{"kind", "label", "number", "id", "sha256", …}]}}}.
    """

    document: Mapping[str, Any]

    @property
    def year(self) -> int:
        year = self.document["year"]
        assert type(year) is int
        return year

    @property
    def sha256(self) -> str:
        return sha256(self.document)

    def value(self, name: str) -> Any:
        """The value, or None when the fact is missing."""
        found = self.document["facts"].get(name)
        return None if found is None else found["value"]

    def cited(self, name: str) -> dict[str, Any]:
        """The fact's source and evidence, as a trace repeats them."""
        found = self.document["facts"].get(name) or {}
        return {"source": found.get("source", ""), "evidence": found.get("evidence", [])}

    @classmethod
    def of(
        cls,
        measure: str,
        year: int,
        given: Mapping[str, Mapping[str, Any]],
        subject: Mapping[str, str] | None = None,
    ) -> Facts:
        """From plain parts: `given` maps a name to {"value", "source"?, "evidence"?}."""
        facts = {
            name: {
                "value": each["value"],
                "source": each.get("source", ""),
                "evidence": list(each.get("evidence", [])),
            }
            for name, each in given.items()
        }
        subject = dict(subject or {})
        return cls({"schema": SCHEMA, "measure": measure, "year": year, "subject": subject, "facts": facts})

    def check(self, measure: str, specs: Iterable[FactSpec]) -> None:
        """Raise FactsInvalid unless the document is for this measure and every fact is declared and sound."""
        document = self.document
        if document.get("schema") != SCHEMA or document.get("measure") != measure:
            raise FactsInvalid(f"these are not {SCHEMA} facts of {measure}")
        year = document.get("year")
        if type(year) is not int or not FIRST_YEAR <= year <= LATEST_YEAR:
            raise FactsInvalid("year: not a year")
        if not isinstance(document.get("facts"), dict) or not isinstance(document.get("subject"), dict):
            raise FactsInvalid("facts and subject are objects")
        try:
            canonical(document)
        except (TypeError, ValueError) as error:
            raise FactsInvalid(str(error)) from error
        known = {spec.name: spec for spec in specs}
        for name, fact in document["facts"].items():
            if name not in known:
                raise FactsInvalid(f"{name}: this measure does not ask for it")
            if not _is_fact(fact):
                raise FactsInvalid(f"{name}: a fact has a value, and may have source and evidence")
            known[name].check(fact["value"])
