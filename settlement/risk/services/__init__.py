"""Every write of the risk watch."""

from settlement.risk.services.cases import (
    EffectOutdated,
    HearingRunning,
    NothingToExclude,
    PersonNeeded,
    SecondPerson,
    TakenFinding,
    assign,
    begin,
    decide,
    open_case,
    reopen,
    state_answer,
)
from settlement.risk.services.declarations import (
    Declared,
    Ended,
    declare_holding,
    declare_trait,
    end_holding,
    end_trait,
)
from settlement.risk.services.runs import run

__all__ = [
    "Declared",
    "EffectOutdated",
    "Ended",
    "HearingRunning",
    "NothingToExclude",
    "PersonNeeded",
    "SecondPerson",
    "TakenFinding",
    "assign",
    "begin",
    "decide",
    "declare_holding",
    "declare_trait",
    "end_holding",
    "end_trait",
    "open_case",
    "reopen",
    "run",
    "state_answer",
]
