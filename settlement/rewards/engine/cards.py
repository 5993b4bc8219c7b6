"""Rule cards: one measure as a lawyer reads it, clause, conditions and arithmetic side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from settlement.rewards.engine.facts import FACT_UNITS, FactSpec
from settlement.rewards.engine.operations import (
    Chosen,
    Defined,
    Fact,
    MonthParam,
    Operation,
    Param,
    walk,
)
from settlement.rewards.engine.parameters import PolicyVersion, UndefinedParameter
from settlement.rewards.engine.texts import EMPTY, Text


class Outcome(StrEnum):
    """What a decision can say."""

    GRANTED = "granted"
    NOTHING_DUE = "nothing_due"
    NOT_ELIGIBLE = "not_eligible"
    SUPERSEDED = "superseded"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Clause:
    """A rule in our own words, the words in it that decide, and its article."""

    text: Text
    mark: Text
    article: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an arithmetic: `kind` is start, plus, minus or total. Zero lines may be left out."""

    label: Text
    amount: Operation
    kind: str
    key: str = ""
    shows_zero: bool = True


@dataclass(frozen=True, slots=True)
class Margin:
    """How far `value` stands from `limit`; in fen when `unit` is fen."""

    value: Operation
    limit: Operation
    unit: str = "fen"


@dataclass(frozen=True, slots=True)
class Condition:
    """One step: what is asked, what was found, what is required, and what its failing means.

    Texts name facts, parameters and definitions in braces; `{margin}` is the distance to the limit.
    `reason` is the one sentence when it fails; `holds` and `change` say what would turn it.
    Without `test` the step only states.
    """

    key: str
    title: Text
    clause: Clause
    found: Text
    requirement: Text
    test: Operation | None = None
    otherwise: Outcome = Outcome.NOT_ELIGIBLE
    reason: Text | None = None
    margin: Margin | None = None
    holds: Text | None = None
    change: Text | None = None
    lines: tuple[Line, ...] = ()
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One reading of an open question; only those that are available may be chosen."""

    name: str
    label: Text
    is_available: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """A point the text leaves open, with its default reading (the first option).

    A question that is `resummed` changes no operation but the sums themselves: facts that vary carry a sum for
    each of its readings.
    """

    name: str
    label: Text
    options: tuple[Option, ...]
    is_resummed: bool = False

    @property
    def default(self) -> str:
        return self.options[0].name

    def option(self, name: str) -> Option:
        return next(option for option in self.options if option.name == name)


def _by_reading(told: str | tuple[str, Mapping[str, str]], readings: Mapping[str, str]) -> str:
    return told if isinstance(told, str) else told[1][readings[told[0]]]


@dataclass(frozen=True, slots=True)
class Exclusivity:
    """What may be had once only: awards of one `group` for one matter, in one year or ever.

    `spans` is "year" or "ever", or tells by the reading of the question named which of the two. `matters` is the
    fact that tells matters apart ("" where there is one only), by a reading in the same way. `whole` and `already`
    are definitions: the award by the rule alone, and what the register already holds of it. `most_awards` is the
    parameter that limits the years, "" for none; `limited_by` the reading under which it does, as
    (question, option), None for all. Under the reading `first_only` nothing is topped up after a first award.
    `beside` are other groups that pay on the same quantity in the same year, under the reading `beside_by`: what they
    hold is part of `already`, and of several that grant only the highest stands.
    """

    group: str
    whole: str
    already: str
    spans: str | tuple[str, Mapping[str, str]] = "year"
    matters: str | tuple[str, Mapping[str, str]] = ""
    most_awards: str = ""
    limited_by: tuple[str, str] | None = None
    first_only: tuple[str, str] | None = None
    beside: tuple[str, ...] = ()
    beside_by: tuple[str, str] | None = None

    def groups_beside(self, readings: Mapping[str, str]) -> tuple[str, ...]:
        """The other groups that pay on the same quantity under these readings."""
        is_told = self.beside_by is None or readings[self.beside_by[0]] == self.beside_by[1]
        return self.beside if is_told else ()

    def span(self, readings: Mapping[str, str]) -> str:
        """ "year" or "ever" under these readings."""
        return _by_reading(self.spans, readings)

    def matter(self, readings: Mapping[str, str]) -> str:
        """The fact that tells matters apart under these readings; "" for one matter only."""
        return _by_reading(self.matters, readings)

    def tops_up(self, readings: Mapping[str, str]) -> bool:
        """Whether a higher award pays what it exceeds the lower one by."""
        return self.first_only is None or readings[self.first_only[0]] != self.first_only[1]

    def is_limited(self, readings: Mapping[str, str]) -> bool:
        """Whether the number of years is limited under these readings."""
        is_told = self.limited_by is None or readings[self.limited_by[0]] == self.limited_by[1]
        return bool(self.most_awards) and is_told


@dataclass(frozen=True, slots=True)
class Ask:
    """One question of the public trial: a fact, in the words it is asked with."""

    fact: str
    label: Text
    hint: Text = EMPTY


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of the policy: the whole card.

    `conditions` come before the amount, `amount` is the step that computes it, `limits` follow it. `cap` is the
    parameter that caps the amount, "" where there is none. `trial` is what the public trial asks (at most five
    facts, the year comes first), `trial_takes` what it takes for granted. `competition` is the note on fair
    competition.
    """

    id: str
    article: str
    title: Text
    summary: Text
    department: Text
    exclusivity: Exclusivity
    facts: tuple[FactSpec, ...]
    questions: tuple[Question, ...]
    definitions: Mapping[str, Operation]
    conditions: tuple[Condition, ...]
    amount: Condition
    award: str
    limits: tuple[Condition, ...]
    granted: Text
    at_cap: Text = EMPTY
    cap: str = ""
    recipient: Text = EMPTY
    competition: Text = EMPTY
    trial: tuple[Ask, ...] = ()
    trial_takes: Mapping[str, object] = field(default_factory=dict)

    @property
    def group(self) -> str:
        return self.exclusivity.group

    @property
    def varying(self) -> tuple[str, ...]:
        """The facts that have a sum for each reading of the resummed questions."""
        return tuple(spec.name for spec in self.facts if spec.varies)

    @property
    def resummed(self) -> tuple[Question, ...]:
        return tuple(question for question in self.questions if question.is_resummed)

    def resummed_reading(self, readings: Mapping[str, str]) -> dict[str, str] | None:
        """The readings of the resummed questions; None when all are the default ones."""
        chosen = {question.name: readings[question.name] for question in self.resummed}
        return None if all(q.default == chosen[q.name] for q in self.resummed) else chosen

    @property
    def steps(self) -> tuple[Condition, ...]:
        return (*self.conditions, self.amount, *self.limits)

    def spec(self, name: str) -> FactSpec:
        return next(spec for spec in self.facts if spec.name == name)

    def defaults(self) -> dict[str, str]:
        """The default reading of every open question."""
        return {question.name: question.default for question in self.questions}

    def operations(self) -> Iterable[Operation]:
        """Every operation of the card."""
        roots: list[Operation] = list(self.definitions.values())
        for step in self.steps:
            roots += [step.test] if step.test is not None else []
            roots += [line.amount for line in step.lines]
            roots += [step.margin.value, step.margin.limit] if step.margin else []
        for root in roots:
            yield from walk(root)


def check(measure: Measure, version: PolicyVersion) -> None:
    """Refuse a card that names what does not exist: fact, parameter, definition, open question or option."""
    assert all(spec.unit in FACT_UNITS for spec in measure.facts), "a fact has an unknown unit"
    _check_names(measure, version)
    facts = {spec.name for spec in measure.facts}
    readings = {question.name: {option.name for option in question.options} for question in measure.questions}
    for operation in measure.operations():
        if isinstance(operation, Param | MonthParam) and operation.name not in version.names:
            raise UndefinedParameter(
                f"{measure.id} needs the parameter {operation.name}; {version.name} has none"
            )
        if isinstance(operation, Fact) and operation.name not in facts:
            raise ValueError(f"{measure.id} reads the fact {operation.name} without declaring it")
        if isinstance(operation, Defined) and operation.name not in measure.definitions:
            raise ValueError(f"{measure.id} uses {operation.name} without defining it")
        if isinstance(operation, Chosen) and set(operation.options) != readings.get(operation.question):
            raise ValueError(f"{measure.id}: the readings of {operation.question} differ from {readings}")


def _check_names(measure: Measure, version: PolicyVersion) -> None:
    """The names that the card itself holds, outside its operations."""
    facts, rule = {spec.name for spec in measure.facts}, measure.exclusivity
    for name in (measure.cap, rule.most_awards):
        if name and name not in version.names:
            raise UndefinedParameter(f"{measure.id} needs the parameter {name}; {version.name} has none")
    for name in (measure.award, rule.whole, rule.already):
        if name not in measure.definitions:
            raise ValueError(f"{measure.id} uses {name} without defining it")
    matters = [rule.matters] if isinstance(rule.matters, str) else [*rule.matters[1].values()]
    for name in (*matters, *(ask.fact for ask in measure.trial), *measure.trial_takes):
        if name and name not in facts:
            raise ValueError(f"{measure.id} names the fact {name} without declaring it")
