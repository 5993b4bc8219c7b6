"""How many working days each step of the procedure may take: dated rows of `procedure.toml`, apart from the policy's own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from settlement.rewards.engine.parameters import Parameter, load
from settlement.rewards.states import ClaimState

PERIODS = load(Path(__file__).with_suffix(".toml"))
_OF_STAGE = {
    ClaimState.CONFIRMED: "first_review",
    ClaimState.FIRST_REVIEWED: "second_review",
    ClaimState.SECOND_REVIEWED: "announcement",
}


def working_days(name: str, on: date) -> int:
    """The length of a period that begins on that day; UndefinedParameter when no row is in force."""
    value = PERIODS.at(name, on).value
    if type(value) is not int or value < 0:
        raise ValueError(f"{PERIODS.name}: {name} is to be a whole number of working days, not {value!r}")
    return value


def review_days(stage: ClaimState, on: date) -> int:
    """How long the review may take that a claim in this state waits for."""
    return working_days(_OF_STAGE[stage], on)


def in_force(on: date) -> list[Parameter]:
    """Every row in force on that day, in the order of the file."""
    return PERIODS.in_force(on)
