"""Deciding a whole table at once: a card's operations written as one DuckDB query.

The query is generated from the same operation tree that decides a single case, so the two cannot differ in rule; a
missing fact is NULL, and "and", "or" and "not" of SQL answer as the operations do. Numbers are whole fen with a known
denominator, so nothing is rounded but where the card says so. Text only: nothing is run here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import groupby
from math import floor, lcm
from typing import Any

from settlement.rewards.engine import operations as ops
from settlement.rewards.engine.cards import Measure, Outcome
from settlement.rewards.engine.facts import FactSpec
from settlement.rewards.engine.parameters import PolicyVersion

_TYPES = {
    "fen": "BIGINT",
    "count": "BIGINT",
    "flag": "BOOLEAN",
    "code": "VARCHAR",
    "text": "VARCHAR",
    "day": "VARCHAR",
}
_AWARDS = 'STRUCT("measure" VARCHAR, "group" VARCHAR, "year" BIGINT, "amount_fen" BIGINT, "matter" VARCHAR)[]'
RESULTS = ("outcome", "amount_fen", "would_be_fen")
# One byte a row instead of a text: writing the outcome of a city is a good part of deciding it.
_OUTCOMES = f"ENUM({', '.join(repr(outcome.value) for outcome in Outcome)})"


class NotAQuery(TypeError):
    """An operation has no counterpart in SQL."""


@dataclass(frozen=True, slots=True)
class _Term:
    """A value: a constant (`sql` is empty) or SQL; a number is sql / `denominator`."""

    value: Any = None
    sql: str = ""
    denominator: int = 1

    @property
    def is_constant(self) -> bool:
        return not self.sql

    def number(self, denominator: int) -> str:
        """The number with another denominator, a multiple of its own."""
        if self.is_constant:
            exact = Fraction(self.value) * denominator
            assert exact.denominator == 1, "a common denominator was found"
            return f"({exact.numerator})"
        factor = denominator // self.denominator
        return self.sql if factor == 1 else f"(CAST({self.sql} AS HUGEINT) * {factor})"

    @property
    def least_denominator(self) -> int:
        return Fraction(self.value).denominator if self.is_constant else self.denominator

    @property
    def truth(self) -> str:
        """The value as a condition."""
        return self.sql or ("TRUE" if self.value else "FALSE")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def column_type(measure: Measure, spec: FactSpec) -> str:
    """The DuckDB type of a fact's column."""
    if spec.unit == "awards":
        return _AWARDS
    if spec.unit == "rows":
        members = ", ".join(f"{_name(m.name)} {_TYPES[m.unit]}" for m in spec.members)
        return f"STRUCT({members})[]"
    if spec.unit == "readings":
        asked = ", ".join(f"{_name(question.name)} VARCHAR" for question in measure.resummed)
        sums = ", ".join(f"{_name(name)} BIGINT" for name in measure.varying)
        return f'STRUCT("reading" STRUCT({asked}), "values" STRUCT({sums}))[]'
    return _TYPES[spec.unit]


def table_of(measure: Measure, name: str = "facts") -> str:
    """The CREATE TABLE for the facts of many firms: `id`, then a column for each fact; NULL is missing."""
    columns = [f"{_name(spec.name)} {column_type(measure, spec)}" for spec in measure.facts]
    return f"CREATE TABLE {_name(name)} (id VARCHAR, {', '.join(columns)})"


def query(
    measure: Measure,
    *,
    version: PolicyVersion,
    year: int,
    interpretation: Mapping[str, str] | None = None,
    table: str = "facts",
    has_whole: bool = False,
) -> str:
    """The SELECT that decides every row of `table` for one benefit year: id, outcome, amount_fen, would_be_fen.

    With `has_whole` also whole_fen: the award by the rule alone, by which measures that exclude one another are ranked.
    """
    readings = measure.defaults() | dict(interpretation or {})
    writer = _Writer(measure, version, year, readings)
    layers = [f"layer_0 AS (SELECT * FROM {_name(table)})"]
    for name in _in_order(measure):
        term = writer.term(measure.definitions[name])
        writer.define(name, term)
        layers.append(
            f"layer_{len(layers)} AS (SELECT *, {term.number(term.least_denominator)} AS {_name('d_' + name)} "
            f"FROM layer_{len(layers) - 1})"
        )
    stages = _stages(measure, writer)
    verdicts = [f"({verdict}) AS v_{index}" for index, (verdict, _otherwise) in enumerate(stages)]
    layers.append(f"judged AS (SELECT {', '.join(['*', *verdicts])} FROM layer_{len(layers) - 1})")
    award = _name("d_" + measure.award)
    whole = f", {_name('d_' + measure.exclusivity.whole)} AS whole" if has_whole else ""
    assert writer.denominators[measure.exclusivity.whole] == 1, "an award is whole fen"
    outcome = _outcome([otherwise for _verdict, otherwise in stages], award)
    return (
        f"WITH {', '.join(layers)}, concluded AS (SELECT id, {award} AS award, {outcome} AS outcome{whole} "
        f"FROM judged) SELECT id, outcome, CAST(CASE WHEN outcome = 'granted' THEN award ELSE 0 END AS BIGINT) AS "
        f"amount_fen, CAST(award AS BIGINT) AS would_be_fen{', CAST(whole AS BIGINT) AS whole_fen' if whole else ''} "
        "FROM concluded"
    )


def _stages(measure: Measure, writer: _Writer) -> list[tuple[str, Outcome]]:
    """Steps in a row that fail alike, as one condition: false when one fails, else NULL when one is not known.

    What a step only states must be known too; where a test reads the same, asking twice would change nothing.
    """
    asked = [needs for step in measure.steps if step.test and (needs := writer.needs(step.test))]
    known = frozenset[str]().union(*asked)
    found = []
    for otherwise, steps in groupby(measure.steps, key=lambda step: step.otherwise):
        parts: list[str] = []
        for step in steps:
            if step.test is not None:
                parts.append(writer.term(step.test).truth)
                continue
            for line in step.lines:
                needed, term = writer.needs(line.amount), writer.term(line.amount)
                if needed is not None:
                    parts += [_is_known(_name(name)) for name in sorted(needed - known)]
                    known |= needed
                elif not term.is_constant:
                    parts.append(_is_known(term.sql))
        asked_for = [f"({part})" for part in dict.fromkeys(parts) if part != "TRUE"]
        found.append((" AND ".join(asked_for) or "TRUE", otherwise))
    return found


def _is_known(sql: str) -> str:
    """True, or NULL when the value is missing; never false."""
    return f"CASE WHEN {sql} IS NOT NULL THEN TRUE END"


def _outcome(stages: list[Outcome], award: str) -> str:
    """The first failing step decides; then a missing fact leaves it undetermined; else it is granted, or nothing due."""
    failing = " ".join(f"WHEN v_{index} IS FALSE THEN {_told(found)}" for index, found in enumerate(stages))
    unknown = " OR ".join(f"v_{index} IS NULL" for index, _found in enumerate(stages))
    return (
        f"CASE {failing} WHEN {unknown} THEN {_told(Outcome.UNDETERMINED)} "
        f"WHEN COALESCE({award}, 0) = 0 THEN {_told(Outcome.NOTHING_DUE)} ELSE {_told(Outcome.GRANTED)} END"
    )


def _told(outcome: Outcome) -> str:
    return f"CAST('{outcome.value}' AS {_OUTCOMES})"


def _in_order(measure: Measure) -> list[str]:
    """The definitions, each after those it uses."""
    done: list[str] = []

    def visit(name: str) -> None:
        for operation in ops.walk(measure.definitions[name]):
            if isinstance(operation, ops.Defined) and operation.name not in done:
                visit(operation.name)
        if name not in done:
            done.append(name)

    for name in measure.definitions:
        visit(name)
    return done


class _Writer:
    """Writes operations as SQL for one measure, version, year and interpretation."""

    def __init__(
        self, measure: Measure, version: PolicyVersion, year: int, readings: Mapping[str, str]
    ) -> None:
        self.measure, self.version, self.year, self.readings = measure, version, year, readings
        self.day = max(date(year, 12, 31), version.first_day)
        self.resummed = measure.resummed_reading(readings)
        self.denominators: dict[str, int] = {}

    def define(self, name: str, term: _Term) -> None:
        self.denominators[name] = term.least_denominator

    def needs(self, operation: ops.Operation) -> frozenset[str] | None:  # noqa: PLR0911
        """The facts without any one of which the value is NULL; None where it may be known without some of them."""
        match operation:
            case ops.Fact(name):
                is_resummed = self.resummed is not None and name in self.measure.varying
                return frozenset({name, "readings"} if is_resummed else {name})
            case ops.Param():
                return frozenset()
            case ops.Defined(name):
                return self.needs(self.measure.definitions[name])
            case ops.Chosen(question, options):
                return self.needs(options[self.readings[question]])
            case ops.Arithmetic():
                return self._all_needs(operation.terms)
            case ops.Compare(left, _how, right):
                return self._all_needs((left, right))
        return None

    def _all_needs(self, operations: Iterable[ops.Operation]) -> frozenset[str] | None:
        found = [self.needs(each) for each in operations]
        return None if None in found else frozenset[str]().union(*(each for each in found if each))

    def term(self, operation: ops.Operation) -> _Term:  # noqa: PLR0911, PLR0912
        match operation:
            case ops.Fact(name):
                return self._fact(name)
            case ops.Param(name):
                return _Term(self.version.at(name, self.day).value)
            case ops.Defined(name):
                return _Term(sql=_name("d_" + name), denominator=self.denominators[name])
            case ops.Chosen(question, options):
                return self.term(options[self.readings[question]])
            case ops.Arithmetic():
                return self._arithmetic(operation.name, [self.term(term) for term in operation.terms])
            case ops.Compare(left, how, right):
                return self._compare(self.term(left), how, self.term(right))
            case ops.Decided(_, decides, terms):
                word = " OR " if decides else " AND "
                parts = [f"({self.term(term).truth})" for term in terms]
                return _Term(sql=f"({word.join(parts)})") if parts else _Term(not decides)
            case ops.Negated(term):
                return _Term(sql=f"(NOT ({self.term(term).truth}))")
            case ops.Excepting(base, exceptions):
                return self._excepting(base, exceptions)
            case ops.Always():
                return _Term(True)
            case ops.YearWithin() | ops.YearOfValidity():
                return self._of_year(operation)
            case ops.CountPriorAwards(measure, register):
                return self._count_awards(measure, register)
            case ops.SumOfAwards():
                return self._sum_of_awards(operation)
            case ops.InRow(name):
                return _Term(sql=f"r.{_name(name)}")
            case ops.MonthParam(name, month):
                return self._month_param(name, self.term(month))
            case ops.MonthsSince(day, month):
                return _Term(sql=self._months(self.term(day).sql, self.term(month).sql))
            case ops.AgeInMonth(born, month):
                born_on = self.term(born).sql
                months = self._months(born_on, self.term(month).sql)
                late = f"CAST(CAST(substr({born_on}, 9, 2) AS INTEGER) > 1 AS INTEGER)"
                return _Term(sql=_floored(f"({months} - {late})", 12))
            case ops.SumOver():
                return self._sum_over(operation)
        raise NotAQuery(type(operation).__name__)

    def _fact(self, name: str) -> _Term:
        column = _name(name)
        if self.resummed is None or name not in self.measure.varying:
            return _Term(sql=column)
        wanted = " AND ".join(f"x.reading.{_name(q)} = {_text(o)}" for q, o in self.resummed.items())
        row = f'list_filter("readings", lambda x: {wanted})[1]."values".{column}'
        return _Term(
            sql=f'(CASE WHEN "readings" IS NULL OR {column} IS NULL THEN NULL ELSE COALESCE({row}, {column}) END)'
        )

    def _arithmetic(self, name: str, terms: list[_Term]) -> _Term:
        if name == "ratio":
            return _shared(terms[0], Fraction(terms[1].value))
        if name == "rounded":
            assert terms[1].value == "floor_to_fen", f"unknown rounding {terms[1].value}"
            if terms[0].is_constant:
                return _Term(floor(terms[0].value))
            return _Term(sql=_floored(terms[0].sql, terms[0].denominator))
        denominator = lcm(*(term.least_denominator for term in terms)) if terms else 1
        if all(term.is_constant for term in terms):
            return _Term(_CONSTANT[name]([term.value for term in terms]))
        numbers = [term.number(denominator) for term in terms]
        if name in ("sum", "difference"):
            sql = f"({(' + ' if name == 'sum' else ' - ').join(numbers)})"
        else:
            known = " AND ".join(f"{term.sql} IS NOT NULL" for term in terms if not term.is_constant)
            function = {"min": "least", "max": "greatest"}[name]
            sql = f"(CASE WHEN {known} THEN {function}({', '.join(numbers)}) END)"
        return _Term(sql=sql, denominator=denominator)

    def _compare(self, left: _Term, how: str, right: _Term) -> _Term:
        if how == "starts_with":
            parts = [f"prefix({left.sql}, {_text(prefix)})" for prefix in right.value]
            return _Term(sql=f"({' OR '.join(parts)})")
        if left.is_constant and right.is_constant:
            return _Term(ops.COMPARISONS[how](left.value, right.value))
        denominator = lcm(left.least_denominator, right.least_denominator)
        sign = "=" if how == "==" else how
        return _Term(sql=f"({left.number(denominator)} {sign} {right.number(denominator)})")

    def _excepting(self, base: ops.Operation, exceptions: Iterable[ops.ExceptionRule]) -> _Term:
        found = [(self.term(each.when), self.term(each.then), each.label) for each in exceptions]
        applying = " + ".join(
            f"CAST(COALESCE({when.truth}, FALSE) AS INTEGER)" for when, _then, _label in found
        )
        labels = _text(" and ".join(label for _when, _then, label in found))
        cases = [f"WHEN ({applying}) > 1 THEN error({labels})"] if len(found) > 1 else []
        cases += [f"WHEN ({when.truth}) THEN ({then.truth})" for when, then, _label in found]
        cases += [f"WHEN ({when.truth}) IS NULL THEN NULL" for when, _then, _label in found]
        return _Term(sql=f"(CASE {' '.join(cases)} ELSE ({self.term(base).truth}) END)")

    def _of_year(self, operation: ops.YearWithin | ops.YearOfValidity) -> _Term:
        start = self.term(operation.start).value
        if isinstance(operation, ops.YearOfValidity):
            return _Term(self.year - start.year + 1)
        return _Term(ops.is_within(self.year, start, self.term(operation.years).value))

    def _count_awards(self, measure: str, register: str) -> _Term:
        held = f"list_filter({_name(register)}, lambda a: a.measure = {_text(measure)} AND a.year <> {self.year})"
        years = f"len(list_distinct(list_transform({held}, lambda a: a.year)))"
        return _Term(sql=f"(CASE WHEN len({_name(register)}) = 0 THEN 0 ELSE {years} END)")

    def _sum_of_awards(self, operation: ops.SumOfAwards) -> _Term:
        asked = [f'a."group" = {_text(operation.group)}']
        columns = [_name(operation.register)]
        if operation.span == "year":
            asked.append(f"a.year = {self.year}")
        if operation.matter:
            columns.append(self._fact(operation.matter).sql)
            asked.append(f"COALESCE(a.matter, '') = {columns[1]}")
        held = f"list_filter({columns[0]}, lambda a: {' AND '.join(asked)})"
        known = " AND ".join(f"{column} IS NOT NULL" for column in columns)
        amounts = f"CAST(COALESCE(list_sum(list_transform({held}, lambda a: a.amount_fen)), 0) AS BIGINT)"
        return _Term(
            sql=f"(CASE WHEN {known} THEN CASE WHEN len({columns[0]}) = 0 THEN 0 ELSE {amounts} END END)"
        )

    def _month_param(self, name: str, month: _Term) -> _Term:
        by_month = [
            self.version.at(name, ops.month_day(self.version, self.year, number)).value
            for number in range(1, 13)
        ]
        if len(set(by_month)) == 1:
            return _Term(by_month[0])
        cases = " ".join(f"WHEN {number} THEN {value}" for number, value in enumerate(by_month, 1))
        return _Term(sql=f"(CASE {month.sql} {cases} END)")

    def _months(self, day: str, month: str) -> str:
        start = f"(CAST(substr({day}, 1, 4) AS INTEGER) * 12 + CAST(substr({day}, 6, 2) AS INTEGER))"
        return f"({self.year * 12} + {month} - {start})"

    def _sum_over(self, operation: ops.SumOver) -> _Term:
        when = self.term(operation.when)
        value = self.term(operation.value) if operation.value else _Term(1)
        denominator = value.least_denominator
        case = f"CASE WHEN ({when.truth}) IS NULL THEN NULL WHEN ({when.truth}) THEN {value.number(denominator)} ELSE 0 END"
        column = _name(operation.register)
        amounts = f"list_transform({column}, lambda r: {case})"
        doubtful = f"len(list_filter({amounts}, lambda y: y IS NULL)) > 0"
        return _Term(
            sql=f"(CASE WHEN {column} IS NULL OR {doubtful} THEN NULL ELSE COALESCE(list_sum({amounts}), 0) END)",
            denominator=denominator,
        )


_CONSTANT: dict[str, Callable[[Any], Any]] = {
    "sum": sum,
    "min": min,
    "max": max,
    "difference": lambda pair: pair[0] - pair[1],
}


def _shared(term: _Term, rate: Fraction) -> _Term:
    """The exact share of a number."""
    if term.is_constant:
        return _Term(Fraction(term.value) * rate)
    sql = term.sql if rate.numerator == 1 else f"(CAST({term.sql} AS HUGEINT) * {rate.numerator})"
    return _Term(sql=sql, denominator=term.denominator * rate.denominator)


def _floored(number: str, denominator: int) -> str:
    """The whole part downward, also below zero, where `//` goes towards zero."""
    if denominator == 1:
        return number
    below = f"(({number} - {denominator - 1}) // {denominator})"
    return f"(CASE WHEN {number} >= 0 THEN {number} // {denominator} ELSE {below} END)"
