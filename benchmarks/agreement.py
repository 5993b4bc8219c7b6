"""Agreement and aggregation over 1,000,000 judgements: ours against krippendorff and crowd-kit.

Where crowd-kit is not installed, Dawid–Skene is held against the paper's algorithm in plain loops, on a part,
as judgements a second and round. Both sides must come to the same numbers within 1e-9, or the measurement fails.
"""

from __future__ import annotations

import math
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterable
from typing import Any

import krippendorff
import numpy as np

from annotation.quality.aggregation import dawid_skene
from annotation.quality.agreement import Metric, alpha, pairwise
from annotation.quality.judgements import Floats, Judgements
from benchmarks import Row

ITEMS, EACH, WORKERS, LABELS = 200_000, 5, 50, 5
TIMES, ROUNDS, PART = 5, 10, 2_000
NEAR = 1e-9


def panel(items: int) -> Judgements:
    """Five judgements of every item by workers who are right 50 to 95 times in a hundred."""
    rng = np.random.default_rng(36_345)
    count = items * EACH
    item = np.repeat(np.arange(items), EACH)
    worker = (
        np.repeat(rng.integers(WORKERS, size=items), EACH) + np.tile(np.arange(EACH), items) * 7
    ) % WORKERS
    right = rng.random(count) < rng.uniform(0.5, 0.95, WORKERS)[worker]
    truth = rng.integers(LABELS, size=items)
    label = np.where(right, truth[item], rng.integers(LABELS, size=count))
    return Judgements.of(item, worker, label, item_count=items, worker_count=WORKERS, label_count=LABELS)


def seconds(*works: Callable[[], object]) -> list[float]:
    """The median duration of each, taking turns."""
    durations: list[list[float]] = [[] for _work in works]
    for _time in range(TIMES):
        for work, found in zip(works, durations, strict=True):
            begun = time.perf_counter()
            work()
            found.append(time.perf_counter() - begun)
    return [statistics.median(found) for found in durations]


def peak(work: Callable[[], object]) -> float:
    """The most memory the work holds at once, in MB."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def fresh(judgements: Judgements) -> Judgements:
    """The same judgements with nothing kept from an earlier measurement."""
    return judgements.chosen(np.ones(len(judgements), dtype=np.bool_))


def same(one: object, other: object) -> None:
    if not np.allclose(np.asarray(one, dtype=float), np.asarray(other, dtype=float), rtol=0, atol=NEAR):
        raise RuntimeError("the two sides come to different numbers")


def alphas(judgements: Judgements) -> Iterable[Row]:
    matrix = np.full((WORKERS, judgements.item_count), np.nan)
    matrix[judgements.workers, judgements.items] = judgements.labels
    metrics: tuple[Metric, ...] = ("nominal", "ordinal")
    for metric in metrics:

        def ours(metric: Metric = metric) -> float | None:
            return alpha(fresh(judgements), metric=metric).value

        def theirs(metric: Metric = metric) -> float:
            return float(krippendorff.alpha(reliability_data=matrix, level_of_measurement=metric))

        same(ours(), theirs())
        mine, their = seconds(ours, theirs)
        yield Row(
            f"alpha ({metric}) of {len(judgements):,} judgements", mine, "s", "krippendorff", their, 1.0,
            larger_is_better=False,
        )  # fmt: skip
        if metric == "nominal":
            yield Row(
                "its memory at most",
                peak(ours),
                "MB",
                "krippendorff",
                peak(theirs),
                1.0,
                larger_is_better=False,
            )


def plain_dawid_skene(judgements: Judgements, rounds: int) -> list[list[float]]:
    """The paper's algorithm in loops, from the shares of votes."""
    columns = (judgements.items.tolist(), judgements.workers.tolist(), judgements.labels.tolist())
    rows = list(zip(*columns, strict=True))
    posterior = [[0.0] * LABELS for _item in range(judgements.item_count)]
    for item, _worker, label in rows:
        posterior[item][label] += 1 / EACH
    for _round in range(rounds):
        prior = [sum(shares[k] for shares in posterior) / len(posterior) for k in range(LABELS)]
        counts = [[[1e-10] * LABELS for _truth in range(LABELS)] for _worker in range(WORKERS)]
        for item, worker, label in rows:
            for truth in range(LABELS):
                counts[worker][truth][label] += posterior[item][truth]
        logs = [[[math.log(count / sum(given)) for count in given] for given in worker] for worker in counts]
        joint = [[math.log(share) for share in prior] for _item in posterior]
        for item, worker, label in rows:
            for truth in range(LABELS):
                joint[item][truth] += logs[worker][truth][label]
        posterior = [[math.exp(log - max(each)) for log in each] for each in joint]
        posterior = [[share / sum(each) for share in each] for each in posterior]
    return posterior


def crowd_kit(judgements: Judgements) -> tuple[Callable[[], Floats], str] | None:
    """crowd-kit's Dawid–Skene over the same rounds, if it is there."""
    try:
        import pandas as pd
        from crowdkit.aggregation import DawidSkene
    except ImportError:
        return None
    frame: Any = pd.DataFrame(
        {"task": judgements.items, "worker": judgements.workers, "label": judgements.labels}
    )

    def work() -> Floats:
        model = DawidSkene(n_iter=ROUNDS, tol=-math.inf).fit(frame)
        return np.asarray(model.probas_.sort_index()[range(LABELS)], dtype=np.float64)

    return work, "crowd-kit"


def aggregation(judgements: Judgements) -> Iterable[Row]:
    def rate(duration: float, count: int) -> float:
        return count * ROUNDS / duration

    def ours() -> Floats:
        return dawid_skene(judgements, rounds=ROUNDS, tolerance=-math.inf).posterior

    peer = crowd_kit(judgements)
    if peer is None:
        part = panel(PART)
        same(dawid_skene(part, rounds=ROUNDS, tolerance=-math.inf).posterior, plain_dawid_skene(part, ROUNDS))
        mine, their = seconds(ours, lambda: plain_dawid_skene(part, ROUNDS))
        name, their_rate = "plain loops", rate(their, len(part))
    else:
        work, name = peer
        same(ours(), work())
        mine, their = seconds(ours, work)
        their_rate = rate(their, len(judgements))
    yield Row(
        f"Dawid–Skene, {ROUNDS} rounds of {len(judgements):,}", rate(mine, len(judgements)), "judgements/s",
        name, their_rate, 1.0,
    )  # fmt: skip


def growth(whole: Callable[[], object], half: Callable[[], object]) -> float:
    """How many times as long the whole takes as its half: the median of pairs measured one after the other."""
    ratios = []
    for _time in range(TIMES):
        begun = time.perf_counter()
        half()
        between = time.perf_counter()
        whole()
        ratios.append((time.perf_counter() - between) / (between - begun))
    return statistics.median(ratios)


def measure() -> Iterable[Row]:
    """Alpha, Dawid–Skene, the heat map of a team; and what twice the judgements cost."""
    judgements, half = panel(ITEMS), panel(ITEMS // 2)
    rows = [*alphas(judgements), *aggregation(judgements)]
    (pairs,) = seconds(lambda: pairwise(judgements))
    count = WORKERS * (WORKERS - 1) // 2
    rows.append(
        Row(f"kappa of all {count:,} pairs", pairs, "s", "a second", 1.0, 1.0, larger_is_better=False)
    )
    works: dict[str, Callable[[Judgements], object]] = {
        "alpha": lambda each: alpha(fresh(each)),
        "Dawid–Skene": lambda each: dawid_skene(each, rounds=ROUNDS, tolerance=-math.inf),
    }
    for name, work in works.items():
        ratio = growth(lambda work=work: work(judgements), lambda work=work: work(half))
        work_name = f"{name}: time of twice the judgements"
        rows.append(Row(work_name, ratio, "times", "allowed", 2.2, 1.0, larger_is_better=False))
    return rows
