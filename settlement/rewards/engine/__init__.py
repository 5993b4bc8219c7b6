"""The rules engine: facts in, decision with its whole trace out. No database, no clock, no Django.

`decide(card, facts, version=…)` is all a caller needs, `settle` sets several decisions against one another; measures are cards in `settlement.rewards.measures`.
"""

from settlement.rewards.engine.canonical import canonical, sha256
from settlement.rewards.engine.cards import Ask, Clause, Condition, Line, Margin, Measure, Outcome, Question
from settlement.rewards.engine.decisions import Decision, decide
from settlement.rewards.engine.facts import Facts, FactsInvalid, FactSpec, Member
from settlement.rewards.engine.parameters import (
    OverlappingParameters,
    Parameter,
    PolicyVersion,
    UndefinedParameter,
)
from settlement.rewards.engine.settling import settle
from settlement.rewards.engine.texts import Text

__all__ = [
    "Ask", "Clause", "Condition", "Decision", "FactSpec", "Facts", "FactsInvalid", "Line", "Margin", "Measure", "Member",
    "Outcome",
    "OverlappingParameters", "Parameter", "PolicyVersion", "Question", "Text", "UndefinedParameter",
    "canonical", "decide", "settle", "sha256",
]  # fmt: skip
