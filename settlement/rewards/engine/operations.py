"""The closed set of operations that rules are written in.

Each operation gives a value and the tree of how it came about. Numbers are whole fen or exact fractions.
A missing fact makes what depends on it `Unknown` and names it; "and" and "or" still answer when the known
parts decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from math import floor
from typing import Any, Protocol

from settlement.rewards.engine.facts import Facts
from settlement.rewards.engine.parameters import Parameter, PolicyVersion, plain_value

Tree = dict[str, Any]


class ConflictingExceptions(ValueError):
    """Two exceptions of one rule apply at once."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The value of what depends on missing facts."""

    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A value and its tree."""

    value: Any
    tree: Tree


@dataclass(slots=True)
class Reading:
    """What one step may read, and notes what it has read."""

    facts: Facts
    version: PolicyVersion
    day: date
    interpretation: Mapping[str, str]
    definitions: Mapping[str, Operation]
    inputs: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    readings: dict[str, str] = field(default_factory=dict)

    def afresh(self) -> Reading:
        """The same case for the next step, with nothing read yet."""
        return Reading(self.facts, self.version, self.day, self.interpretation, self.definitions)


class Operation(Protocol):
    """Something that can be worked out from a reading."""

    def seen(self, reading: Reading) -> Seen: ...

    def parts(self) -> Iterable[Operation]: ...


def _tree(op: str, value: Any, of: Iterable[Seen] = (), **members: Any) -> Seen:
    result = None if isinstance(value, Unknown) else plain_value(value)
    tree: Tree = {"op": op, "result": result, **members}
    below = [each.tree for each in of]
    if below:
        tree["of"] = below
    return Seen(value, tree)


def _unknown(seen: Iterable[Seen]) -> Unknown | None:
    names = [name for each in seen if isinstance(each.value, Unknown) for name in each.value.missing]
    return Unknown(tuple(dict.fromkeys(names))) if names else None


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact by name."""

    name: str

    def seen(self, reading: Reading) -> Seen:
        value = reading.facts.value(self.name)
        reading.inputs[self.name] = value
        return _tree("fact", Unknown((self.name,)) if value is None else value, name=self.name)

    def parts(self) -> Iterable[Operation]:
        return ()


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of the policy version, as in force for the benefit year."""

    name: str

    def seen(self, reading: Reading) -> Seen:
        row = reading.version.at(self.name, reading.day)
        reading.parameters[self.name] = row
        return _tree("parameter", row.value, name=self.name)

    def parts(self) -> Iterable[Operation]:
        return ()


@dataclass(frozen=True, slots=True)
class Defined:
    """A quantity the card defines once and uses by name."""

    name: str

    def seen(self, reading: Reading) -> Seen:
        found = reading.definitions[self.name].seen(reading)
        return Seen(
            found.value,
            {"op": "defined", "name": self.name, "result": found.tree["result"], "of": [found.tree]},
        )

    def parts(self) -> Iterable[Operation]:
        return ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the chosen interpretation of an open question says."""

    question: str
    options: Mapping[str, Operation]

    def seen(self, reading: Reading) -> Seen:
        option = reading.interpretation[self.question]
        reading.readings[self.question] = option
        found = self.options[option].seen(reading)
        return _tree("chosen", found.value, [found], question=self.question, option=option)

    def parts(self) -> Iterable[Operation]:
        return self.options.values()


@dataclass(frozen=True, slots=True)
class _Arithmetic:
    terms: tuple[Operation, ...]
    name: str
    work: Callable[[list[Any]], Any]

    def seen(self, reading: Reading) -> Seen:
        seen = [term.seen(reading) for term in self.terms]
        return _tree(self.name, _unknown(seen) or self.work([each.value for each in seen]), seen)

    def parts(self) -> Iterable[Operation]:
        return self.terms


def total(*terms: Operation) -> Operation:
    """The sum; of nothing it is 0."""
    return _Arithmetic(terms, "sum", sum)


def least(*terms: Operation) -> Operation:
    """The smallest."""
    return _Arithmetic(terms, "min", min)


def greatest(*terms: Operation) -> Operation:
    """The largest."""
    return _Arithmetic(terms, "max", max)


def ratio(term: Operation, rate: Operation) -> Operation:
    """The exact share of an amount; a fraction of a fen stays."""
    return _Arithmetic((term, rate), "ratio", lambda pair: Fraction(pair[0]) * pair[1])


_ROUNDINGS: dict[str, Callable[[Any], int]] = {"floor_to_fen": floor}


def rounded(term: Operation, rule: Operation) -> Operation:
    """Whole fen by the named rounding rule, a parameter."""
    return _Arithmetic((term, rule), "rounded", lambda pair: _ROUNDINGS[pair[1]](pair[0]))


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda left, right: left >= right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    "==": lambda left, right: left == right,
    "starts_with": lambda left, right: any(left.startswith(prefix) for prefix in right),
}


@dataclass(frozen=True, slots=True)
class Compare:
    """Whether left stands to right as told: >=, >, <, ==, or starts_with (one of some codes)."""

    left: Operation
    how: str
    right: Operation

    def __post_init__(self) -> None:
        assert self.how in _COMPARISONS, f"unknown comparison {self.how}"

    def seen(self, reading: Reading) -> Seen:
        seen = [self.left.seen(reading), self.right.seen(reading)]
        value = _unknown(seen) or _COMPARISONS[self.how](seen[0].value, seen[1].value)
        return _tree("compare", value, seen, how=self.how)

    def parts(self) -> Iterable[Operation]:
        return (self.left, self.right)


@dataclass(frozen=True, slots=True)
class Decided:
    """A conjunction (`decides` False) or disjunction (True): one part of that value settles it."""

    name: str
    decides: bool
    terms: tuple[Operation, ...]

    def seen(self, reading: Reading) -> Seen:
        seen = [term.seen(reading) for term in self.terms]
        if any(each.value is self.decides for each in seen):
            return _tree(self.name, self.decides, seen)
        return _tree(self.name, _unknown(seen) or (not self.decides), seen)

    def parts(self) -> Iterable[Operation]:
        return self.terms


def all_of(*terms: Operation) -> Operation:
    """True when every part is; False as soon as one is."""
    return Decided("and", False, terms)


def any_of(*terms: Operation) -> Operation:
    """True as soon as one part is."""
    return Decided("or", True, terms)


@dataclass(frozen=True, slots=True)
class ExceptionRule:
    """A labelled exception: when it applies, `then` stands in the place of the base rule."""

    label: str
    article: str
    when: Operation
    then: Operation


@dataclass(frozen=True, slots=True)
class Excepting:
    """A base rule and its exceptions; two that apply at once are a ConflictingExceptions error."""

    base: Operation
    exceptions: tuple[ExceptionRule, ...]

    def seen(self, reading: Reading) -> Seen:
        asked = [(each, each.when.seen(reading)) for each in self.exceptions]
        applying = [each for each, when in asked if when.value is True]
        if len(applying) > 1:
            raise ConflictingExceptions(" and ".join(each.label for each in applying))
        if applying:
            found = applying[0].then.seen(reading)
            return _tree(
                "exception", found.value, [found], label=applying[0].label, article=applying[0].article
            )
        doubt = _unknown(when for _each, when in asked)
        if doubt:
            return _tree("exception", doubt, [when for _each, when in asked])
        return self.base.seen(reading)

    def parts(self) -> Iterable[Operation]:
        return (self.base, *(part for each in self.exceptions for part in (each.when, each.then)))


@dataclass(frozen=True, slots=True)
class Always:
    """True: what an exception that waives a condition puts in its place."""

    def seen(self, reading: Reading) -> Seen:
        return _tree("always", True)

    def parts(self) -> Iterable[Operation]:
        return ()


@dataclass(frozen=True, slots=True)
class YearWithin:
    """Whether the benefit year has a day in the `years` years that begin on the day `start`."""

    start: Operation
    years: Operation

    def seen(self, reading: Reading) -> Seen:
        seen = [self.start.seen(reading), self.years.seen(reading)]
        start, end = validity(seen[0].value, seen[1].value)
        inside = start.year <= reading.facts.year <= (end - timedelta(days=1)).year
        return _tree("year_within", inside, seen, year=reading.facts.year)

    def parts(self) -> Iterable[Operation]:
        return (self.start, self.years)


def validity(start: date, years: int) -> tuple[date, date]:
    """First day inside and first day after a validity of so many years."""
    after = start.replace(year=start.year + years, day=28) if (start.month, start.day) == (2, 29) else None
    return start, (after + timedelta(days=1)) if after else start.replace(year=start.year + years)


@dataclass(frozen=True, slots=True)
class CountPriorAwards:
    """How many awards of `measure` the register holds for years before the benefit year."""

    measure: str
    register: str = "prior_awards"

    def seen(self, reading: Reading) -> Seen:
        found = Fact(self.register).seen(reading)
        if isinstance(found.value, Unknown):
            return _tree("count_prior_awards", found.value, [found], measure=self.measure)
        counted = [a for a in found.value if a["measure"] == self.measure and a["year"] < reading.facts.year]
        return _tree(
            "count_prior_awards", len(counted), measure=self.measure, awards=[a["number"] for a in counted]
        )

    def parts(self) -> Iterable[Operation]:
        return (Fact(self.register),)


@dataclass(frozen=True, slots=True)
class HighestOf:
    """The largest award in the register for the benefit year in an exclusivity group, in fen; none is 0."""

    group: str
    register: str = "prior_awards"

    def seen(self, reading: Reading) -> Seen:
        found = Fact(self.register).seen(reading)
        if isinstance(found.value, Unknown):
            return _tree("highest_of", found.value, [found], group=self.group)
        same = [a for a in found.value if a["group"] == self.group and a["year"] == reading.facts.year]
        value = max((a["amount_fen"] for a in same), default=0)
        return _tree("highest_of", value, group=self.group, awards=[a["number"] for a in same])

    def parts(self) -> Iterable[Operation]:
        return (Fact(self.register),)


def walk(operation: Operation) -> Iterable[Operation]:
    """The operation and everything below it."""
    yield operation
    for part in operation.parts():
        yield from walk(part)
