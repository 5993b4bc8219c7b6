"""Acceptance sampling by attributes: single plans by AQL, switching rules, operating curves.

Source: ISO 2859-1:1999 = GB/T 2828.1-2012 (tables 1, 2-A, 2-B, 2-C, clause 9) for AQLs of 0.010 to 10 in per
cent nonconforming; isolated lots by limiting quality in the manner of ISO 2859-2, computed and not looked up.
Not covered: double and multiple plans, AQLs from 15 (nonconformities per 100 items), the optional plans with
fractional acceptance numbers, skip-lot sampling (ISO 2859-3).

In the three master tables the acceptance number depends only on how far the code letter and the AQL lie from
the diagonal of the plans with Ac = 0; the tables below say that relation once instead of 768 times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

import numpy as np
from django.utils.translation import gettext_lazy as _
from numpy.typing import ArrayLike
from scipy import special

from annotation.quality.judgements import Floats
from kernel.errors import InvalidInput


class Severity(StrEnum):
    """How strictly lots are inspected now."""

    NORMAL = "normal"
    TIGHTENED = "tightened"
    REDUCED = "reduced"
    DISCONTINUED = "discontinued"


LETTERS: Final = "ABCDEFGHJKLMNPQRS"
AQLS: Final = tuple(
    map(
        Decimal,
        [
            "0.010",
            "0.015",
            "0.025",
            "0.040",
            "0.065",
            "0.10",
            "0.15",
            "0.25",
            "0.40",
            "0.65",
            "1.0",
            "1.5",
            "2.5",
            "4.0",
            "6.5",
            "10",
        ],
    )
)
"""Acceptance quality limits, per cent nonconforming."""

LEVELS: Final = {
    # lot sizes up to … 8 15 25 50 90 150 280 500 1200 3200 10000 35000 150000 500000 and above
    "S-1": "AAAABBBBCCCCDDD",
    "S-2": "AAABBBCCCDDDEEE",
    "S-3": "AABBCCDDEEFFGGH",
    "S-4": "AABCCDEEFGGHJJK",
    "I": "AABCCDEFGHJKLMN",
    "II": "ABCDEFGHJKLMNPQ",
    "III": "BCDEFGHJKLMNPQR",
}
_UP_TO = (8, 15, 25, 50, 90, 150, 280, 500, 1200, 3200, 10_000, 35_000, 150_000, 500_000)

_SIZES: Final = {
    Severity.NORMAL: (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000),
    Severity.TIGHTENED: (2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800, 1250, 2000, 3150),
    Severity.REDUCED: (2, 2, 2, 3, 5, 8, 13, 20, 32, 50, 80, 125, 200, 315, 500, 800),
}
_UP, _DOWN = -1, -2
_ALONG: Final = {
    # Acceptance numbers by steps from the diagonal of Ac = 0.
    Severity.NORMAL: (0, _UP, _DOWN, 1, 2, 3, 5, 7, 10, 14, 21),
    Severity.TIGHTENED: (0, _DOWN, _DOWN, 1, 2, 3, 5, 8, 12, 18),
    Severity.REDUCED: (0, _UP, _DOWN, _DOWN, 1, 2, 3, 5, 6, 8, 10),
}
_DIAGONAL: Final = {Severity.NORMAL: 14, Severity.TIGHTENED: 15, Severity.REDUCED: 14}


@dataclass(frozen=True, slots=True)
class Plan:
    """Inspect `sample_size` items; accept the lot with at most `accept` nonconforming, not with `reject`.

    `letter`: of the plan itself, after the arrows; `asked_letter`: by lot size and level. `is_full`: the
    sample would be the lot or more, so every item is inspected.
    """

    letter: str
    asked_letter: str
    severity: Severity
    aql: Decimal
    sample_size: int
    accept: int
    is_full: bool = False

    @property
    def reject(self) -> int:
        return self.accept + 1

    def accepts(self, nonconforming: int) -> bool:
        """Whether a lot with so many nonconforming items in its sample is accepted."""
        return nonconforming <= self.accept


def code_letter(lot_size: int, level: str = "II") -> str:
    """Table 1: the code letter of a lot. InvalidInput: a lot below 2 items, a level that does not exist."""
    if level not in LEVELS:
        raise InvalidInput(field="level", reason=_("检验水平应为 I、II、III 或 S-1 至 S-4。"))
    if lot_size < 2:
        raise InvalidInput(field="lot_size", reason=_("批量至少为 2，单件请直接检验。"))
    return LEVELS[level][sum(lot_size > top for top in _UP_TO)]


def aql_of(value: object) -> Decimal:
    """The AQL as the tables write it. InvalidInput for one that they do not hold."""
    try:
        asked = Decimal(str(value))
    except ArithmeticError:
        asked = Decimal(-1)
    for aql in AQLS:
        if aql == asked:
            return aql
    raise InvalidInput(
        field="aql", reason=_("接收质量限（AQL）应取标准中的数值，如 0.65、1.0、1.5、2.5、4.0。")
    )


def _cell(row: int, column: int, severity: Severity) -> int | None:
    """The acceptance number in the master table, None for an arrow or an empty place."""
    along = _ALONG[severity]
    step = row + column - _DIAGONAL[severity]
    if row == len(LETTERS) - 1 and (severity is not Severity.TIGHTENED or step != 3):
        return None  # letter S has one plan, in the tightened table
    return along[step] if 0 <= step < len(along) and along[step] >= 0 else None


def arrow(letter: str, aql: object, severity: Severity = Severity.NORMAL) -> str:
    """What the master table shows there: "" for a plan, "↑" or "↓" for "use the first plan above / below"."""
    row, column = LETTERS.index(letter), AQLS.index(aql_of(aql))
    if _cell(row, column, severity) is not None:
        return ""
    above = [r for r in range(row) if _cell(r, column, severity) is not None]
    below = [r for r in range(row + 1, len(LETTERS)) if _cell(r, column, severity) is not None]
    step = row + column - _DIAGONAL[severity]
    along = _ALONG[severity]
    is_up = step >= len(along) or (step >= 0 and along[step] == _UP)
    return "↑" if above and (is_up or not below) else "↓"


def master_plan(letter: str, aql: object, severity: Severity = Severity.NORMAL) -> Plan:
    """The single plan of tables 2-A, 2-B, 2-C with its arrow followed, whatever the lot's size.

    InvalidInput: an AQL outside the tables. ValueError: a letter from outside table 1, or no severity of
    inspection.
    """
    if severity not in _SIZES:
        raise ValueError("inspection is discontinued: there is no plan")
    known = aql_of(aql)
    row, column = LETTERS[:-1].index(letter), AQLS.index(known)
    step = {"": 0, "↑": -1, "↓": 1}[arrow(letter, known, severity)]
    while (accept := _cell(row, column, severity)) is None:
        row += step
    return Plan(LETTERS[row], letter, severity, known, _SIZES[severity][row], accept)


def plan(lot_size: int, aql: object, *, level: str = "II", severity: Severity = Severity.NORMAL) -> Plan:
    """The single plan of a lot; the whole lot where the sample would be as large."""
    found = master_plan(code_letter(lot_size, level), aql, severity)
    if found.sample_size >= lot_size:
        return replace(found, sample_size=lot_size, is_full=True)
    return found


# --- switching ------------------------------------------------------------------------------------

REDUCE_AT = 30
"""Switching score from which reduced inspection may begin (9.3.3)."""

MOVES: Final[dict[Severity, frozenset[Severity]]] = {
    Severity.NORMAL: frozenset({Severity.TIGHTENED, Severity.REDUCED}),
    Severity.TIGHTENED: frozenset({Severity.NORMAL, Severity.DISCONTINUED}),
    Severity.REDUCED: frozenset({Severity.NORMAL}),
    Severity.DISCONTINUED: frozenset({Severity.TIGHTENED}),
}
"""From where to where inspection may switch, one step at a time."""


@dataclass(frozen=True, slots=True)
class Switching:
    """Where inspection stands after the lots so far; begins with normal inspection.

    `latest`: up to four latest results under normal inspection, True for accepted; `score`: the switching
    score; `accepted_run`, `not_accepted`: lots accepted one after the other, and not accepted in all, since
    tightened inspection began.
    """

    severity: Severity = Severity.NORMAL
    latest: tuple[bool, ...] = ()
    score: int = 0
    accepted_run: int = 0
    not_accepted: int = 0


def after_lot(
    state: Switching,
    used: Plan,
    nonconforming: int,
    *,
    is_steady: bool = True,
    is_reduction_approved: bool = False,
) -> Switching:
    """The state after one lot of original inspection (a lot submitted again does not count, 9.3).

    `used`: the plan by which the lot was judged. `is_steady`: production runs without disturbance;
    `is_reduction_approved`: the responsible authority wants reduced inspection. ValueError: the plan is of
    another severity, or inspection is discontinued.
    """
    if state.severity is Severity.DISCONTINUED:
        raise ValueError("inspection is discontinued; resume it first")
    if used.severity is not state.severity:
        raise ValueError("the lot was judged by a plan of another severity")
    accepted = used.accepts(nonconforming)
    if state.severity is Severity.NORMAL:
        return _after_normal(state, used, nonconforming, is_steady and is_reduction_approved)
    if state.severity is Severity.TIGHTENED:
        run = state.accepted_run + 1 if accepted else 0
        failed = state.not_accepted + (not accepted)
        if run >= 5:
            return Switching()
        if failed >= 5:
            return Switching(Severity.DISCONTINUED)
        return replace(state, accepted_run=run, not_accepted=failed)
    return state if accepted and is_steady else Switching()


def _after_normal(state: Switching, used: Plan, nonconforming: int, may_reduce: bool) -> Switching:
    accepted = used.accepts(nonconforming)
    five = (*state.latest, accepted)
    if five.count(False) >= 2:
        return Switching(Severity.TIGHTENED)
    if used.accept <= 1:
        score = state.score + 2 if accepted else 0
    else:
        score = state.score + 3 if accepted and _tighter(used).accepts(nonconforming) else 0
    if score >= REDUCE_AT and may_reduce:
        return Switching(Severity.REDUCED)
    return replace(state, latest=five[-4:], score=score)


def _tighter(used: Plan) -> Plan:
    """The normal plan of the same letter with the AQL one step tighter; with Ac of 2 and more there is one."""
    return master_plan(used.letter, AQLS[AQLS.index(used.aql) - 1])


def resumed(state: Switching) -> Switching:
    """Inspection begins again, tightened, once the supplier has acted (9.4). ValueError: not discontinued."""
    if state.severity is not Severity.DISCONTINUED:
        raise ValueError("inspection is not discontinued")
    return Switching(Severity.TIGHTENED)


# --- operating curves -----------------------------------------------------------------------------


def pass_probability(sample_size: int, accept: int, nonconforming: ArrayLike) -> Floats:
    """Probability that a lot from a process passes (type B, binomial), for shares 0…1 of any shape."""
    shares = np.asarray(nonconforming, dtype=np.float64)
    if ((shares < 0) | (shares > 1)).any():
        raise ValueError("shares lie between 0 and 1")
    if accept >= sample_size:
        return np.ones_like(shares)
    return np.asarray(special.bdtr(accept, sample_size, shares), dtype=np.float64)


def lot_pass_probability(lot_size: int, sample_size: int, accept: int, nonconforming: int) -> float:
    """Probability that one lot with so many nonconforming items passes (type A, hypergeometric)."""
    if not (0 <= nonconforming <= lot_size and 0 <= sample_size <= lot_size):
        raise ValueError("the sample and the nonconforming items are parts of the lot")
    good = lot_size - nonconforming
    least, most = max(0, sample_size - good), min(sample_size, nonconforming, accept)
    if least > most:
        return 0.0
    if least:  # count the good items among those not inspected instead: there none may be left
        return lot_pass_probability(lot_size, lot_size - sample_size, accept - least, good)
    drawn = np.arange(min(sample_size, nonconforming), dtype=np.float64)
    rest = lot_size - max(sample_size, nonconforming)
    log_none = float(np.log((rest - drawn) / (lot_size - drawn)).sum())
    d = np.arange(most, dtype=np.float64)
    steps = (nonconforming - d) * (sample_size - d) / ((d + 1) * (good - sample_size + d + 1))
    logs = log_none + np.concatenate(([0.0], np.cumsum(np.log(steps))))
    return min(float(np.exp(special.logsumexp(logs))), 1.0)


def outgoing_quality(
    sample_size: int, accept: int, nonconforming: ArrayLike, *, lot_size: int | None = None
) -> Floats:
    """Average outgoing share nonconforming (AOQ) when lots not accepted are inspected wholly and mended.

    Without `lot_size` the lot is large against the sample.
    """
    shares = np.asarray(nonconforming, dtype=np.float64)
    left = 1.0 if lot_size is None else max(lot_size - sample_size, 0) / lot_size
    return pass_probability(sample_size, accept, shares) * shares * left


def outgoing_limit(sample_size: int, accept: int, *, lot_size: int | None = None) -> tuple[float, float]:
    """The worst AOQ (AOQL) and the incoming share at which it comes, to 1e-9."""
    grid = np.linspace(0, 1, 2001)
    place = int(np.argmax(outgoing_quality(sample_size, accept, grid)))
    low, high = grid[max(place - 1, 0)], grid[min(place + 1, 2000)]
    golden = (math.sqrt(5) - 1) / 2
    while high - low > 1e-10:
        span = golden * (high - low)
        left, right = outgoing_quality(sample_size, accept, np.array([high - span, low + span]))
        low, high = (high - span, high) if left < right else (low, low + span)
    share = float(low + high) / 2
    return float(outgoing_quality(sample_size, accept, share, lot_size=lot_size)), share


def quality_at(sample_size: int, accept: int, probability: float) -> float:
    """The share nonconforming at which a lot passes with this probability (0.10: consumer's risk quality)."""
    if not 0 < probability < 1 or not 0 <= accept < sample_size:
        raise ValueError("a probability between 0 and 1, and fewer accepted than inspected")
    return float(special.betaincinv(accept + 1, sample_size - accept, 1 - probability))


# --- isolated lots --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LimitingPlan:
    """A plan for one lot by itself, with its risks at the two qualities it was made for."""

    lot_size: int
    sample_size: int
    accept: int
    consumer_risk: float
    producer_risk: float | None


def smallest_sample(lot_size: int, accept: int, limiting_quality: float, risk: float = 0.10) -> int:
    """The smallest sample with which a lot of the limiting quality (share) passes with `risk` at most.

    The whole lot where no smaller sample does.
    """
    bad = _count_in(lot_size, limiting_quality)
    if bad <= accept:
        return lot_size
    low, high = accept + 1, lot_size
    while low < high:
        middle = (low + high) // 2
        if lot_pass_probability(lot_size, middle, accept, bad) <= risk:
            high = middle
        else:
            low = middle + 1
    return low


def limiting_plan(
    lot_size: int,
    limiting_quality: float,
    *,
    consumer_risk: float = 0.10,
    good_quality: float | None = None,
    producer_risk: float = 0.05,
) -> LimitingPlan:
    """The smallest plan that lets a lot of the limiting quality pass with `consumer_risk` at most.

    With `good_quality` (share) also one that refuses a lot of that quality with `producer_risk` at most: the
    smallest acceptance number that does both; the whole lot if none does. InvalidInput: a limiting quality
    that is not between 0 and 1 or not above the good one.
    """
    if lot_size < 2:
        raise InvalidInput(field="lot_size", reason=_("批量至少为 2，单件请直接检验。"))
    if not 0 < limiting_quality < 1 or (
        good_quality is not None and not 0 <= good_quality < limiting_quality
    ):
        raise InvalidInput(
            field="limiting_quality", reason=_("极限质量应在 0 与 100% 之间，且高于期望的质量水平。")
        )
    bad = _count_in(lot_size, limiting_quality)
    fair = None if good_quality is None else math.floor(lot_size * good_quality + 1e-9)
    for accept in range(max(bad, 1)):
        size = smallest_sample(lot_size, accept, limiting_quality, consumer_risk)
        refused = None if fair is None else 1 - lot_pass_probability(lot_size, size, accept, fair)
        if refused is None or refused <= producer_risk:
            consumer = lot_pass_probability(lot_size, size, accept, bad)
            return LimitingPlan(lot_size, size, accept, consumer, refused)
    accept = max(bad - 1, 0)
    return LimitingPlan(lot_size, lot_size, accept, 0.0, 0.0)


def _count_in(lot_size: int, share: float) -> int:
    """The smallest number of nonconforming items that makes a lot of this share."""
    return math.ceil(lot_size * share - 1e-9)
