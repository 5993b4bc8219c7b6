"""How good and how fast each worker is, with how much doubt, and when there is enough to decide.

Sources: the Beta posterior of a share (any text on Bayesian data analysis); A. Wald, Sequential Analysis
(1947) ch. 5; B. Iglewicz and D. Hoaglin, How to Detect and Handle Outliers (1993) for the robust z.
Accuracy counts checked judgements only: gold items and reviews.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from django.utils.translation import gettext_lazy as _
from numpy.typing import ArrayLike
from scipy import special

from annotation.quality.judgements import Bools, Floats, Ints, Judgements
from kernel.errors import InvalidInput

SPEED_NOTE: Final = _("用时仅供人工复核参考，不得单凭用时退回、拒收或扣减报酬。")
"""To be shown wherever speed is: it is never a reason by itself."""


# --- accuracy -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Accuracy:
    """Accuracy by worker: mean of the posterior and the bounds within which it lies with `level`.

    All of shape (workers,): `right` and `checked` counts, `mean`, `low`, `high`.
    """

    right: Ints
    checked: Ints
    mean: Floats
    low: Floats
    high: Floats
    level: float
    prior: tuple[float, float]

    def probability_above(self, accuracy: float) -> Floats:
        """Probability that each worker's accuracy is above that, shape (workers,)."""
        one, other = self.prior
        wrong = self.checked - self.right
        return np.asarray(special.betaincc(one + self.right, other + wrong, accuracy))


def accuracy(
    right: ArrayLike, checked: ArrayLike, *, level: float = 0.95, prior: tuple[float, float] = (1.0, 1.0)
) -> Accuracy:
    """The Beta posterior after `right` out of `checked` judgements, with its equal-tailed interval.

    `prior`: parameters of the Beta prior; (1, 1) takes every accuracy for equally likely. One who was never
    checked gets the prior itself.
    """
    good, seen = np.atleast_1d(np.asarray(right, np.int64)), np.atleast_1d(np.asarray(checked, np.int64))
    if good.shape != seen.shape or (good < 0).any() or (good > seen).any():
        raise ValueError("right lies between 0 and checked, one number of each a worker")
    if not 0 < level < 1 or min(prior) <= 0:
        raise ValueError("level lies between 0 and 1, the prior's parameters are above 0")
    one, other = prior[0] + good, prior[1] + seen - good
    tail = (1 - level) / 2
    return Accuracy(
        good,
        seen,
        np.asarray(one / (one + other)),
        np.asarray(special.betaincinv(one, other, tail)),
        np.asarray(special.betaincinv(one, other, 1 - tail)),
        level,
        prior,
    )


def gold_counts(judgements: Judgements, gold: ArrayLike) -> tuple[Ints, Ints]:
    """Right and checked judgements of each worker on gold items; `gold` (items,): a label code, -1 if none."""
    known = np.asarray(gold, dtype=np.int64)
    if known.shape != (judgements.item_count,):
        raise ValueError("gold holds one label code an item, -1 where it is not known")
    truth = known[judgements.items]
    checked = np.bincount(judgements.workers[truth >= 0], minlength=judgements.worker_count)
    right = np.bincount(judgements.workers[truth == judgements.labels], minlength=judgements.worker_count)
    return right, checked


@dataclass(frozen=True, eq=False)
class Recomputed:
    """Everyone's accuracy before and after gold was corrected, and whose counts it changed.

    `changed`: worker codes in order; `items`: the items whose gold is another now.
    """

    before: Accuracy
    after: Accuracy
    changed: Ints
    items: Ints


def recompute(
    judgements: Judgements,
    gold_before: ArrayLike,
    gold_after: ArrayLike,
    *,
    reviews: tuple[ArrayLike, ArrayLike] | None = None,
    level: float = 0.95,
    prior: tuple[float, float] = (1.0, 1.0),
) -> Recomputed:
    """Accuracy of all workers over all judgements under the old gold and under the corrected one.

    `reviews`: right and checked judgements of each worker by review, which correcting gold leaves alone.
    """
    extra = (0, 0) if reviews is None else (np.asarray(reviews[0]), np.asarray(reviews[1]))
    old, new = gold_counts(judgements, gold_before), gold_counts(judgements, gold_after)
    made = [accuracy(r + extra[0], c + extra[1], level=level, prior=prior) for r, c in (old, new)]
    changed = np.flatnonzero((old[0] != new[0]) | (old[1] != new[1]))
    items = np.flatnonzero(np.asarray(gold_before) != np.asarray(gold_after))
    return Recomputed(made[0], made[1], changed, items)


# --- sequential test ------------------------------------------------------------------------------


class Decision(StrEnum):
    """What the sequential test says of a worker."""

    ACCEPT = "accept"
    REJECT = "reject"
    CONTINUE = "continue"


@dataclass(frozen=True, slots=True)
class SequentialTest:
    """Wald's test of "accuracy is `poor` or less" against "is `good` or more".

    `false_accept`: the probability of accepting a worker of `poor` accuracy; `false_reject`: of rejecting one
    of `good` accuracy. InvalidInput: accuracies not in order, error rates not between 0 and 0.5.
    """

    poor: float
    good: float
    false_accept: float = 0.05
    false_reject: float = 0.05

    def __post_init__(self) -> None:
        if not 0 < self.poor < self.good < 1:
            raise InvalidInput(
                field="good", reason=_("合格正确率应高于不合格正确率，且都在 0 与 100% 之间。")
            )
        if not (0 < self.false_accept < 0.5 and 0 < self.false_reject < 0.5):
            raise InvalidInput(field="false_accept", reason=_("误判概率应在 0 与 50% 之间。"))

    @property
    def bounds(self) -> tuple[float, float]:
        """The log likelihood ratios at or beyond which the worker is rejected, accepted."""
        return (
            math.log(self.false_reject / (1 - self.false_accept)),
            math.log((1 - self.false_reject) / self.false_accept),
        )

    @property
    def steps(self) -> tuple[float, float]:
        """What a right answer and a wrong one add to the log likelihood ratio."""
        return math.log(self.good / self.poor), math.log((1 - self.good) / (1 - self.poor))

    def ratio(self, right: int, wrong: int) -> float:
        """The log likelihood ratio after so many answers."""
        if right < 0 or wrong < 0:
            raise ValueError("counts are at least 0")
        gain, loss = self.steps
        return right * gain + wrong * loss

    def decide(self, right: int, wrong: int) -> Decision:
        """What the counts say by themselves; use `run` where the order is known."""
        low, high = self.bounds
        ratio = self.ratio(right, wrong)
        if ratio >= high:
            return Decision.ACCEPT
        return Decision.REJECT if ratio <= low else Decision.CONTINUE

    def run(self, answers: Iterable[bool]) -> tuple[Decision, int]:
        """The first decision over answers in order, and after how many it fell (all of them if none did)."""
        right = wrong = 0
        for answer in answers:
            right, wrong = right + answer, wrong + (not answer)
            if (found := self.decide(right, wrong)) is not Decision.CONTINUE:
                return found, right + wrong
        return Decision.CONTINUE, right + wrong

    def needed(self, right: int, wrong: int) -> tuple[int, int]:
        """How many more right answers in a row would accept, how many wrong ones in a row would reject.

        (0, 0) once decided.
        """
        if self.decide(right, wrong) is not Decision.CONTINUE:
            return 0, 0
        low, high = self.bounds
        gain, loss = self.steps
        ratio = self.ratio(right, wrong)
        to_accept = max(math.ceil((high - ratio) / gain), 1)
        to_reject = max(math.ceil((low - ratio) / loss), 1)
        # Rounding may be off by one at the border; what `decide` says counts.
        to_accept += self.decide(right + to_accept, wrong) is not Decision.ACCEPT
        to_reject += self.decide(right, wrong + to_reject) is not Decision.REJECT
        return to_accept, to_reject

    def expected_more(self, right: int, wrong: int, accuracy: float) -> float:
        """About how many more answers a worker of that accuracy needs until a decision (Wald's approximation)."""
        if self.decide(right, wrong) is not Decision.CONTINUE:
            return 0.0
        low, high = (bound - self.ratio(right, wrong) for bound in self.bounds)
        gain, loss = self.steps
        drift = accuracy * gain + (1 - accuracy) * loss
        power = self._power(accuracy)
        if abs(power) < 1e-9:
            spread = accuracy * gain**2 + (1 - accuracy) * loss**2
            return -low * high / spread
        accepted = math.expm1(power * low) / (math.expm1(power * low) - math.expm1(power * high))
        return (accepted * high + (1 - accepted) * low) / drift

    def _power(self, accuracy: float) -> float:
        """The h ≠ 0 with E[exp(h · step)] = 1, by bisection; 0 where the walk has no drift."""
        gain, loss = self.steps
        drift = accuracy * gain + (1 - accuracy) * loss
        if abs(drift) < 1e-12:
            return 0.0

        def excess(h: float) -> float:
            return accuracy * math.exp(h * gain) + (1 - accuracy) * math.exp(h * loss) - 1

        sign = -1.0 if drift > 0 else 1.0
        near, far = sign * 1e-12, sign
        while excess(far) < 0 and abs(far) < 500:
            far *= 2
        for _step in range(200):
            middle = (near + far) / 2
            near, far = (near, middle) if excess(middle) > 0 else (middle, far)
        return (near + far) / 2


# --- speed ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Speed:
    """Robust z of each piece of work among its own type, and of each worker; negative is faster.

    `scores` (pieces,); `workers` (workers,): the median of one's scores, NaN without work; `is_unusual`
    (workers,): beyond the limit either way. SPEED_NOTE belongs beside every use.
    """

    scores: Floats
    workers: Floats
    is_unusual: Bools


def speed(
    seconds: ArrayLike,
    workers: ArrayLike,
    types: Sequence[Hashable],
    *,
    worker_count: int,
    limit: float = 3.5,
) -> Speed:
    """How unusual times are within each type of task: (log time - median) · 0.6745 / MAD.

    `seconds` above 0; logarithms, because times are skewed. Where more than half of a type's times are equal,
    the mean absolute deviation takes the place of the MAD; where all are, the scores are 0.
    """
    times, who = np.asarray(seconds, dtype=np.float64), np.asarray(workers, dtype=np.int64)
    if not len(times) == len(who) == len(types):
        raise ValueError("one time, worker and type a piece of work")
    if (times <= 0).any() or not np.isfinite(times).all():
        raise ValueError("times are above 0")
    kinds: dict[Hashable, int] = {}
    codes = np.array([kinds.setdefault(kind, len(kinds)) for kind in types], dtype=np.int64)
    scores = np.zeros(len(times))
    for code in range(len(kinds)):
        here = codes == code
        scores[here] = robust_z(np.log(times[here]))
    typical = np.full(worker_count, np.nan)
    order = np.argsort(who, kind="stable")
    ends = np.searchsorted(who[order], np.arange(worker_count + 1))
    for worker in range(worker_count):
        mine = scores[order[ends[worker] : ends[worker + 1]]]
        if len(mine):
            typical[worker] = np.median(mine)
    return Speed(scores, typical, np.abs(np.nan_to_num(typical)) > limit)


def robust_z(values: ArrayLike) -> Floats:
    """Iglewicz and Hoaglin's modified z scores of the values among one another."""
    numbers = np.asarray(values, dtype=np.float64)
    if not len(numbers):
        return np.zeros(0)
    apart = numbers - np.median(numbers)
    spread = np.median(np.abs(apart)) / 0.6744897501960817
    if spread <= 1e-12:
        spread = np.abs(apart).mean() * 1.2533141373155003
    return np.asarray(apart / spread) if spread > 1e-12 else np.zeros(len(numbers))
