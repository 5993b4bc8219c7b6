"""What comes next: whether a project is done in time, who drifts, which labels are confused.

Sources: prediction interval of a sum of independent days (Student's t); E. S. Page, Biometrika 41 (1954) for
the CUSUM and G. Lorden, Annals of Mathematical Statistics 42 (1971) for its false alarms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from annotation.quality.agreement import coincidences
from annotation.quality.judgements import Bools, Floats, Judgements

HORIZON = 3650
"""Working days beyond which nothing is forecast."""


# --- burn-up --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BurnUp:
    """When the rest will be done, in working days from now, and how likely by the due day.

    `pace` and its interval are items a day. `days`: at that pace; `days_early` and `days_late`: when it is
    done with probability (1 - level) / 2 and (1 + level) / 2. None where that lies beyond HORIZON or never
    comes. `on_time`: probability of being done within `due_in`. `needed_pace`: items a day that would be just
    in time, None when no day is left. `line`: expected total done after each day up to `due_in`, with `low`
    and `high`, each of due_in + 1 numbers, the first being today.
    """

    pace: float
    pace_low: float
    pace_high: float
    days: int | None
    days_early: int | None
    days_late: int | None
    on_time: float
    needed_pace: float | None
    line: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


def burn_up(
    done_by_day: ArrayLike, *, total: int, due_in: int, level: float = 0.8, window: int = 20
) -> BurnUp:
    """Forecast from what was done on each past working day (zeros included), the latest `window` of them.

    Days are taken for independent and alike; the interval holds both their scatter and the doubt about the
    mean. `total`: items in all; `due_in`: working days left. ValueError: fewer than two days, or a negative
    number.
    """
    past = np.asarray(done_by_day, dtype=np.float64)
    if past.ndim != 1 or len(past) < 2 or (past < 0).any() or total < 0 or due_in < 0 or window < 2:
        raise ValueError("two days and more, and no negative number")
    if not 0 < level < 1:
        raise ValueError("level lies between 0 and 1")
    done = float(past.sum())
    left = max(total - done, 0.0)
    recent = past[-window:]
    count = len(recent)
    pace, scatter = float(recent.mean()), float(recent.std(ddof=1))
    quantile = float(special.stdtrit(count - 1, (1 + level) / 2))
    days = np.arange(HORIZON + 1, dtype=np.float64)
    error = scatter * np.sqrt(days + days**2 / count)
    middle, low, high = days * pace, days * pace - quantile * error, days * pace + quantile * error
    on_time = 1.0
    if left > 0:
        due = min(due_in, HORIZON)
        short = left - due * pace
        on_time = (
            float(short <= 0) if error[due] == 0 else float(special.stdtr(count - 1, -short / error[due]))
        )
    shown = min(due_in, HORIZON) + 1
    margin = quantile * scatter / math.sqrt(count)
    return BurnUp(
        pace,
        max(pace - margin, 0.0),
        pace + margin,
        _first(middle, left),
        _first(high, left),
        _first(low, left),
        on_time,
        left / due_in if due_in else (0.0 if left == 0 else None),
        tuple(np.minimum(done + middle[:shown], max(total, done)).tolist()),
        tuple(np.clip(done + np.maximum(low[:shown], 0), done, max(total, done)).tolist()),
        tuple(np.minimum(done + high[:shown], max(total, done)).tolist()),
    )


def _first(reached: Floats, left: float) -> int | None:
    """The first day on which what is reached is enough (to a millionth of an item)."""
    enough = np.flatnonzero(reached >= left - 1e-6)
    return int(enough[0]) if len(enough) else None


# --- drift ----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Drift:
    """The CUSUM of a worker's checked answers in order, its limit, and where it first passed it.

    `sums` (answers,); `alarm`: place of the answer that gave the alarm; `began`: place of the answer from
    which the sum rose without a break, the likeliest start of the fall. None without an alarm.
    """

    sums: Floats
    limit: float
    alarm: int | None
    began: int | None


def drift(right: ArrayLike, *, usual: float, fallen: float, false_alarm_every: float = 1000) -> Drift:
    """Watch one worker's answers for a fall of accuracy from `usual` to `fallen` (Bernoulli CUSUM).

    While accuracy stays as usual, the mean run to a false alarm is at least `false_alarm_every` answers
    (Lorden's bound: a limit of its logarithm). ValueError: accuracies not in order, a run of 1 or less.
    """
    if not 0 < fallen < usual < 1 or false_alarm_every <= 1:
        raise ValueError("0 < fallen < usual < 1, and more than one answer a false alarm")
    answers = np.asarray(right, dtype=np.bool_)
    gains = np.where(answers, math.log(fallen / usual), math.log((1 - fallen) / (1 - usual)))
    walk = np.concatenate(([0.0], np.cumsum(gains)))
    floor = np.minimum.accumulate(walk)
    sums = (walk - floor)[1:]
    limit = math.log(false_alarm_every)
    passed = np.flatnonzero(sums >= limit)
    if not len(passed):
        return Drift(sums, limit, None, None)
    alarm = int(passed[0])
    lowest = np.flatnonzero(walk[: alarm + 2] == floor[alarm + 1])
    return Drift(sums, limit, alarm, int(lowest[-1]))


# --- confusion ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConfusedPair:
    """Two labels that people give to the same item.

    `count`: pairs of judgements, each item's weighted so that every judgement counts once (with two judgements an
    item, the number of items); `share` of all disagreement; `lift`: how many times as often as by chance, given
    how often each label is used.
    """

    first: int
    second: int
    count: float
    share: float
    lift: float


def confused_pairs(judgements: Judgements, *, top: int = 10) -> list[ConfusedPair]:
    """The pairs of labels that disagree most often, most first; ties by code. At most `top` of them."""
    table = coincidences(judgements).tocoo()
    used = np.bincount(table.row, weights=table.data, minlength=judgements.label_count)
    total = float(used.sum())
    is_upper: Bools = table.row < table.col
    rows, columns, counts = table.row[is_upper], table.col[is_upper], table.data[is_upper]
    every = float(counts.sum())
    order = np.lexsort((columns, rows, -np.round(counts, 9)))[:top]
    return [
        ConfusedPair(
            int(rows[n]),
            int(columns[n]),
            float(counts[n]),
            float(counts[n] / every),
            float(counts[n] * (total - 1) / (used[rows[n]] * used[columns[n]])),
        )
        for n in order
    ]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A true label, what was given in its place, how often, and which share of the true label's judgements."""

    truth: int
    given: int
    count: int
    share: float


def mistakes(judgements: Judgements, truth: ArrayLike, *, top: int = 10) -> list[Mistake]:
    """The most frequent mistakes against gold or consensus; `truth` (items,): a label code, -1 if not known."""
    known = np.asarray(truth, dtype=np.int64)
    if known.shape != (judgements.item_count,):
        raise ValueError("truth holds one label code an item, -1 where it is not known")
    labels = judgements.label_count
    real = known[judgements.items]
    told = real >= 0
    table = np.bincount(real[told] * labels + judgements.labels[told], minlength=labels * labels)
    table = table.reshape(labels, labels)
    rows, columns = np.nonzero(table)
    wrong = rows != columns
    rows, columns = rows[wrong], columns[wrong]
    counts = table[rows, columns]
    order = np.lexsort((columns, rows, -counts))[:top]
    return [
        Mistake(int(rows[n]), int(columns[n]), int(counts[n]), float(counts[n] / table[rows[n]].sum()))
        for n in order
    ]
