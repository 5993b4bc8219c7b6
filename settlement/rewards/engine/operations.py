"""The closed set of operations that rules are written in.

Each operation gives a value and the tree of how it came about. Numbers are whole fen or exact fractions.
A missing fact makes what depends on it `Unknown` and names it; "and" and "or" still answer when the known
parts decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
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
    row: Mapping[str, Any] | None = None
    known: dict[str, tuple[Seen, Reading]] = field(default_factory=dict)

    def afresh(self) -> Reading:
        """The same case for the next step, with nothing read yet."""
        return Reading(
            self.facts, self.version, self.day, self.interpretation, self.definitions, known=self.known
        )

    def note(self, other: Reading) -> None:
        """Note what another reading of the same case has read."""
        self.inputs |= other.inputs
        self.parameters |= other.parameters
        self.readings |= other.readings

    def of_row(self, row: Mapping[str, Any]) -> Reading:
        """The same step inside one row of a fact that is a list."""
        return replace(self, row=row)


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
    """A quantity the card defines once and uses by name; worked out once for a case."""

    name: str

    def seen(self, reading: Reading) -> Seen:
        if self.name not in reading.known:
            own = reading.afresh()
            found = reading.definitions[self.name].seen(own)
            tree = {"op": "defined", "name": self.name, "result": found.tree["result"], "of": [found.tree]}
            reading.known[self.name] = Seen(found.value, tree), own
        seen, own = reading.known[self.name]
        reading.note(own)
        return seen

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
class Arithmetic:
    """A sum, difference, minimum, maximum, exact share or rounding of its terms."""

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
    return Arithmetic(terms, "sum", sum)


def difference(term: Operation, less: Operation) -> Operation:
    """The first without the second; may be below zero."""
    return Arithmetic((term, less), "difference", lambda pair: pair[0] - pair[1])


def least(*terms: Operation) -> Operation:
    """The smallest."""
    return Arithmetic(terms, "min", min)


def greatest(*terms: Operation) -> Operation:
    """The largest."""
    return Arithmetic(terms, "max", max)


def ratio(term: Operation, rate: Operation) -> Operation:
    """The exact share of an amount; a fraction of a fen stays."""
    return Arithmetic((term, rate), "ratio", lambda pair: Fraction(pair[0]) * pair[1])


_ROUNDINGS: dict[str, Callable[[Any], int]] = {"floor_to_fen": floor}


def rounded(term: Operation, rule: Operation) -> Operation:
    """Whole fen by the named rounding rule, a parameter."""
    return Arithmetic((term, rule), "rounded", lambda pair: _ROUNDINGS[pair[1]](pair[0]))


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
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
        assert self.how in COMPARISONS, f"unknown comparison {self.how}"

    def seen(self, reading: Reading) -> Seen:
        seen = [self.left.seen(reading), self.right.seen(reading)]
        value = _unknown(seen) or COMPARISONS[self.how](seen[0].value, seen[1].value)
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
class Negated:
    """True when the term is false."""

    term: Operation

    def seen(self, reading: Reading) -> Seen:
        seen = self.term.seen(reading)
        return _tree("not", seen.value if isinstance(seen.value, Unknown) else not seen.value, [seen])

    def parts(self) -> Iterable[Operation]:
        return (self.term,)


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
        inside = is_within(reading.facts.year, seen[0].value, seen[1].value)
        return _tree("year_within", inside, seen, year=reading.facts.year)

    def parts(self) -> Iterable[Operation]:
        return (self.start, self.years)


def is_within(year: int, start: date, years: int) -> bool:
    """Whether a calendar year has a day in the validity of so many years."""
    first, after = validity(start, years)
    return first.year <= year <= (after - timedelta(days=1)).year


def validity(start: date, years: int) -> tuple[date, date]:
    """First day inside and first day after a validity of so many years."""
    after = start.replace(year=start.year + years, day=28) if (start.month, start.day) == (2, 29) else None
    return start, (after + timedelta(days=1)) if after else start.replace(year=start.year + years)


@dataclass(frozen=True, slots=True)
class YearOfValidity:
    """Which calendar year of a validity that begins on `start` the benefit year is: 1 for the first."""

    start: Operation

    def seen(self, reading: Reading) -> Seen:
        seen = self.start.seen(reading)
        return _tree("year_of_validity", reading.facts.year - seen.value.year + 1, [seen])

    def parts(self) -> Iterable[Operation]:
        return (self.start,)


@dataclass(frozen=True, slots=True)
class CountPriorAwards:
    """For how many other years than the benefit year the register holds awards of `measure`.

    Whatever is in the register was granted before, also for a later year: the order in which years are approved
    changes nothing. Several awards for one year (a supplement beside the first) count once.
    """

    measure: str
    register: str = "prior_awards"

    def seen(self, reading: Reading) -> Seen:
        found = Fact(self.register).seen(reading)
        if isinstance(found.value, Unknown):
            return _tree("count_prior_awards", found.value, [found], measure=self.measure)
        counted = [a for a in found.value if a["measure"] == self.measure and a["year"] != reading.facts.year]
        return _tree(
            "count_prior_awards",
            len({a["year"] for a in counted}),
            measure=self.measure,
            awards=[a["number"] for a in counted],
        )

    def parts(self) -> Iterable[Operation]:
        return (Fact(self.register),)


@dataclass(frozen=True, slots=True)
class SumOfAwards:
    """What the register holds in an exclusivity group, in fen: of the benefit year, or of all years (`ever`).

    With a `matter` (the name of a fact) only what was granted for that matter counts.
    """

    group: str
    span: str = "year"
    matter: str = ""
    register: str = "prior_awards"

    def __post_init__(self) -> None:
        assert self.span in ("year", "ever"), f"unknown span {self.span}"

    def seen(self, reading: Reading) -> Seen:
        asked = [each.seen(reading) for each in self.parts()]
        told: dict[str, Any] = {"group": self.group, "span": self.span}
        doubt = _unknown(asked)
        if doubt:
            return _tree("sum_of_awards", doubt, of=asked, **told)
        same = [
            a
            for a in asked[0].value
            if a["group"] == self.group
            and (self.span == "ever" or a["year"] == reading.facts.year)
            and (not self.matter or a.get("matter", "") == asked[1].value)
        ]
        value = sum(a["amount_fen"] for a in same)
        return _tree("sum_of_awards", value, **told, awards=[a["number"] for a in same])

    def parts(self) -> Iterable[Operation]:
        return (Fact(self.register), *((Fact(self.matter),) if self.matter else ()))


# --- rows of a list ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InRow:
    """A member of the row at hand; only inside SumOver and CountOver. A member left out is missing."""

    name: str
    register: str

    def seen(self, reading: Reading) -> Seen:
        assert reading.row is not None, "a member is read inside a row"
        value = reading.row.get(self.name)
        return _tree("member", Unknown((self.register,)) if value is None else value, name=self.name)

    def parts(self) -> Iterable[Operation]:
        return ()


@dataclass(frozen=True, slots=True)
class MonthParam:
    """A parameter as in force on the first day of the row's month of the benefit year."""

    name: str
    month: InRow

    def seen(self, reading: Reading) -> Seen:
        month = self.month.seen(reading).value
        row = reading.version.at(self.name, month_day(reading.version, reading.facts.year, month))
        reading.parameters[self.name] = row
        return _tree("parameter", row.value, name=self.name, on=row.effective_from.isoformat())

    def parts(self) -> Iterable[Operation]:
        return (self.month,)


@dataclass(frozen=True, slots=True)
class MonthsSince:
    """Whole calendar months from the month of a day to the row's month; below zero when it lies ahead."""

    day: Operation
    month: InRow

    def seen(self, reading: Reading) -> Seen:
        seen = [self.day.seen(reading), self.month.seen(reading)]
        return _tree("months_since", _unknown(seen) or self._count(seen, reading), seen)

    def _count(self, seen: list[Seen], reading: Reading) -> int:
        start = date.fromisoformat(seen[0].value)
        return int((reading.facts.year - start.year) * 12 + seen[1].value - start.month)

    def parts(self) -> Iterable[Operation]:
        return (self.day, self.month)


@dataclass(frozen=True, slots=True)
class AgeInMonth:
    """Completed years of age on the first day of the row's month."""

    born: Operation
    month: InRow

    def seen(self, reading: Reading) -> Seen:
        seen = [self.born.seen(reading), self.month.seen(reading)]
        return _tree("age_in_month", _unknown(seen) or self._age(seen, reading), seen)

    def _age(self, seen: list[Seen], reading: Reading) -> int:
        born = date.fromisoformat(seen[0].value)
        months = (reading.facts.year - born.year) * 12 + seen[1].value - born.month
        return int((months - (born.day > 1)) // 12)

    def parts(self) -> Iterable[Operation]:
        return (self.born, self.month)


@dataclass(frozen=True, slots=True)
class SumOver:
    """The sum of `value` over the rows of a list fact for which `when` holds; `value` None counts the rows.

    A row whose condition is not known makes the whole unknown.
    """

    register: str
    when: Operation
    value: Operation | None = None

    def seen(self, reading: Reading) -> Seen:
        name = "sum_over" if self.value else "count_over"
        found = Fact(self.register).seen(reading)
        if isinstance(found.value, Unknown):
            return _tree(name, found.value, [found], register=self.register)
        amounts: list[Seen] = []
        for row in found.value:
            inside = reading.of_row(row)
            when = self.when.seen(inside)
            if when.value is False:
                amounts.append(Seen(0, when.tree))
            elif isinstance(when.value, Unknown) or self.value is None:
                amounts.append(Seen(when.value if isinstance(when.value, Unknown) else 1, when.tree))
            else:
                amounts.append(self.value.seen(inside))
        value = _unknown(amounts) or sum(each.value for each in amounts)
        return _tree(name, value, register=self.register, rows=[_row_result(each) for each in amounts])

    def parts(self) -> Iterable[Operation]:
        return (Fact(self.register), self.when, *((self.value,) if self.value else ()))


def _row_result(seen: Seen) -> Any:
    return None if isinstance(seen.value, Unknown) else plain_value(seen.value)


def month_day(version: PolicyVersion, year: int, month: int) -> date:
    """The day on which a month's parameters are read: its first; the version's first day for months before it."""
    return max(date(year, month, 1), version.first_day)


def walk(operation: Operation) -> Iterable[Operation]:
    """The operation and everything below it."""
    yield operation
    for part in operation.parts():
        yield from walk(part)
