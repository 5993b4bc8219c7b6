"""Facts: what is known of one case, each with its evidence. An absent fact is missing, never zero.

A declaration that its department has not verified is missing too, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from settlement.rewards.engine.canonical import canonical, sha256
from settlement.rewards.engine.departments import DEPARTMENTS
from settlement.rewards.engine.texts import Text, shown

SCHEMA = "qingshu.facts/1"
FACT_UNITS = ("fen", "count", "flag", "code", "text", "day", "awards", "rows", "readings")
STATES = ("verified", "unverified")
FIRST_YEAR, LATEST_YEAR = 1950, 9000
MOST_FEN = 10**16
_AWARD_MEMBERS = {"measure", "group", "year", "amount_fen", "number"}
_AWARD_EXTRAS = {"matter"}


class FactsInvalid(ValueError):
    """The facts are not of the declared names and kinds."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member of each row of a fact that is a list of rows; `choices` closes the codes it may have.

    An optional member may be left out of a row or be null: it is then missing for that row.
    """

    name: str
    label: Text
    unit: str
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = MOST_FEN
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class FactSpec:
    """A fact that a measure asks for: its unit, and from whom it comes when it is missing.

    `sign` is 1 for amounts never below zero, -1 for deductions never above it, 0 for both. `choices` closes a
    code. `verifier` is the code of the department that verifies a firm's declaration ("" where the platform or
    a registry knows). Rows have `members`, and no two rows may agree in all of `unique`. A fact that `varies`
    has its own sum under each reading of the card's resummed questions (see `Facts.under`).
    """

    name: str
    label: Text
    unit: str
    source: Text
    sign: int = 0
    choices: tuple[tuple[str, Text], ...] = ()
    verifier: str = ""
    members: tuple[Member, ...] = ()
    unique: tuple[str, ...] = ()
    varies: bool = False

    @property
    def is_declared(self) -> bool:
        """Whether the firm declares it and a department verifies it."""
        return bool(self.verifier)

    @property
    def verifier_name(self) -> Text | None:
        return DEPARTMENTS[self.verifier] if self.verifier else None

    def said(self, value: Any) -> Text:
        """The value as both languages write it; a code by its name."""
        return (
            dict(self.choices).get(value) or shown(value, self.unit)
            if self.choices
            else shown(value, self.unit)
        )

    def check(self, value: Any) -> None:
        """Raise FactsInvalid unless `value` is of the unit; None (missing) always passes."""
        if value is None:
            return
        if not _is_sound(self.unit, value):
            raise FactsInvalid(f"{self.name}: {value!r} is not a value in {self.unit}")
        if self.unit == "fen" and value * self.sign < 0:
            raise FactsInvalid(f"{self.name}: wrong sign ({value})")
        if self.choices and value not in {code for code, _label in self.choices}:
            raise FactsInvalid(f"{self.name}: {value!r} is none of its choices")
        if self.unit == "rows":
            self._check_rows(value)

    def _check_rows(self, rows: list[dict[str, Any]]) -> None:
        known = {member.name for member in self.members}
        seen: set[tuple[Any, ...]] = set()
        for row in rows:
            if not set(row) <= known:
                raise FactsInvalid(f"{self.name}: unknown members {sorted(set(row) - known)}")
            for member in self.members:
                value = row.get(member.name)
                if value is None and member.is_optional:
                    continue
                is_sound = _is_sound(member.unit, value) and (not member.choices or value in member.choices)
                if is_sound and isinstance(value, int):
                    is_sound = member.least <= value <= member.most
                if not is_sound:
                    raise FactsInvalid(f"{self.name}: {value!r} is no {member.name}")
            key = tuple(row[name] for name in self.unique)
            if self.unique and key in seen:
                raise FactsInvalid(f"{self.name}: {key} stands there twice")
            seen.add(key)


def _is_day(value: Any) -> bool:
    try:
        return type(value) is str and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _is_sound(unit: str, value: Any) -> bool:
    return {
        "flag": lambda: type(value) is bool,
        "code": lambda: type(value) is str and value != "",
        "text": lambda: type(value) is str and value.strip() != "",
        "day": lambda: _is_day(value),
        "fen": lambda: type(value) is int and abs(value) <= MOST_FEN,
        "count": lambda: type(value) is int and 0 <= value <= MOST_FEN,
        "awards": lambda: isinstance(value, list) and all(_is_award(each) for each in value),
        "rows": lambda: isinstance(value, list) and all(isinstance(each, dict) for each in value),
        "readings": lambda: isinstance(value, list) and all(_is_resummed(each) for each in value),
    }[unit]()


def _is_fact(fact: Any) -> bool:
    """A value with, at most, the text of its source, a list of evidence objects, and whether it is verified."""
    return (
        isinstance(fact, dict)
        and "value" in fact
        and isinstance(fact.get("source", ""), str)
        and isinstance(fact.get("evidence", []), list)
        and all(isinstance(proof, dict) for proof in fact.get("evidence", []))
        and fact.get("state", STATES[0]) in STATES
    )


def _is_award(award: Any) -> bool:
    return (
        isinstance(award, dict)
        and set(award) - _AWARD_EXTRAS == _AWARD_MEMBERS
        and type(award["year"]) is int
        and type(award["amount_fen"]) is int
        and isinstance(award.get("matter", ""), str)
    )


def _is_resummed(row: Any) -> bool:
    """One combination of readings with the sums it gives instead of the default ones."""
    return (
        isinstance(row, dict)
        and set(row) == {"reading", "values"}
        and isinstance(row["reading"], dict)
        and isinstance(row["values"], dict)
        and all(type(value) is int and abs(value) <= MOST_FEN for value in row["values"].values())
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one firm and benefit year, as a document that can be stored and hashed.

    `document`: {"schema", "measure", "year", "subject": {"name", "uscc"}, "facts": {name: {"value", "source",
    "evidence": [{"kind", "label", "number", "id", "sha256", …}], "state"?: "verified" | "unverified"}}}.
    `resummed` are the sums that a reading puts in the place of the default ones (see `under`).
    """

    document: Mapping[str, Any]
    resummed: Mapping[str, int | None] | None = None

    @property
    def year(self) -> int:
        year = self.document["year"]
        assert type(year) is int
        return year

    @property
    def sha256(self) -> str:
        return sha256(self.document)

    def value(self, name: str) -> Any:
        """The value, or None when the fact is missing or not verified."""
        found = self.document["facts"].get(name)
        if found is None or found.get("state") == "unverified":
            return None
        if self.resummed is not None and name in self.resummed:
            return self.resummed[name]
        return found["value"]

    def is_unverified(self, name: str) -> bool:
        """Whether the fact is declared, but nobody has verified it."""
        found = self.document["facts"].get(name) or {}
        return found.get("state") == "unverified" and found.get("value") is not None

    def under(self, reading: Mapping[str, str], varying: Iterable[str], register: str = "readings") -> Facts:
        """The same facts as another reading of the resummed questions sums them up.

        A register without a row for the reading says that nothing differs; without the register at all, what
        varies is missing.
        """
        rows = self.value(register)
        if rows is None:
            return Facts(self.document, dict.fromkeys(varying))
        found = next((row["values"] for row in rows if row["reading"] == dict(reading)), None)
        return self if found is None else Facts(self.document, found)

    def cited(self, name: str) -> dict[str, Any]:
        """The fact's source and evidence, as a trace repeats them."""
        found = self.document["facts"].get(name) or {}
        state = {"state": found["state"]} if "state" in found else {}
        return {"source": found.get("source", ""), "evidence": found.get("evidence", []), **state}

    @classmethod
    def of(
        cls,
        measure: str,
        year: int,
        given: Mapping[str, Mapping[str, Any]],
        subject: Mapping[str, str] | None = None,
    ) -> Facts:
        """From plain parts: `given` maps a name to {"value", "source"?, "evidence"?, "state"?}."""
        facts = {
            name: {
                "value": each["value"],
                "source": each.get("source", ""),
                "evidence": list(each.get("evidence", [])),
                **({"state": each["state"]} if "state" in each else {}),
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
                raise FactsInvalid(f"{name}: a fact has a value, and may have source, evidence and state")
            if "state" in fact and not known[name].is_declared:
                raise FactsInvalid(f"{name}: no department verifies it, so it has no state")
            known[name].check(fact["value"])
