"""Rule cards: one measure as a lawyer reads it, clause, conditions and arithmetic side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from settlement.rewards.engine.facts import FACT_UNITS, FactSpec
from settlement.rewards.engine.operations import Chosen, Defined, Fact, Operation, Param, walk
from settlement.rewards.engine.parameters import PolicyVersion, UndefinedParameter
from settlement.rewards.engine.texts import Text


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
    is_available: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A point the text leaves open, with its default reading (the first option)."""

    name: str
    label: Text
    options: tuple[Option, ...]

    @property
    def default(self) -> str:
        return self.options[0].name

    def option(self, name: str) -> Option:
        return next(option for option in self.options if option.name == name)


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure of the policy: the whole card.

    `conditions` come before the amount, `amount` is the step that computes it, `limits` follow it.
    """

    id: str
    article: str
    title: Text
    summary: Text
    department: Text
    group: str
    facts: tuple[FactSpec, ...]
    questions: tuple[Question, ...]
    definitions: Mapping[str, Operation]
    conditions: tuple[Condition, ...]
    amount: Condition
    award: str
    limits: tuple[Condition, ...]
    granted: Text
    at_cap: Text
    cap: str

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
    facts = {spec.name for spec in measure.facts}
    questions = {
        question.name: {option.name for option in question.options} for question in measure.questions
    }
    assert all(spec.unit in FACT_UNITS for spec in measure.facts), "a fact has an unknown unit"
    for operation in measure.operations():
        if isinstance(operation, Param) and operation.name not in version.names:
            raise UndefinedParameter(
                f"{measure.id} needs the parameter {operation.name}; {version.name} has none"
            )
        if isinstance(operation, Fact) and operation.name not in facts:
            raise ValueError(f"{measure.id} reads the fact {operation.name} without declaring it")
        if isinstance(operation, Defined) and operation.name not in measure.definitions:
            raise ValueError(f"{measure.id} uses {operation.name} without defining it")
        if isinstance(operation, Chosen) and set(operation.options) != {
            option.name
            for question in measure.questions
            if question.name == operation.question
            for option in question.options
            if option.is_available
        }:
            raise ValueError(f"{measure.id}: the readings of {operation.question} differ from {questions}")
    for question in measure.questions:
        if not question.options[0].is_available:
            raise ValueError(f"{measure.id}: the default reading of {question.name} is not available")
