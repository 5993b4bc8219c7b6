"""Judgements for these tests: small ones written out, and larger ones drawn by a seed."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from annotation.quality.judgements import Ints, Judgements

PUBLISHED = ["123321412---", "1233224125-3", "-3332342251-", "12332441251-"]
"""Four observers, twelve units, five values: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability"
(2011). His results: nominal 0.743, ordinal 0.815, interval 0.849, ratio 0.797."""


def panel(
    seed: int,
    *,
    items: int = 60,
    workers: int = 6,
    labels: int = 4,
    each: int = 4,
    accuracy: tuple[float, float] = (0.5, 0.95),
) -> tuple[Judgements, Ints]:
    """Judgements by workers of different accuracy, and the truth. Up to `each` judgements an item."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(labels, size=items)
    skill = rng.uniform(*accuracy, size=workers)
    rows = []
    for item in range(items):
        for worker in rng.permutation(workers)[: rng.integers(1, each + 1)]:
            right = rng.random() < skill[worker]
            rows.append((item, worker, truth[item] if right else rng.integers(labels)))
    columns = np.array(rows).T
    made = Judgements.of(*columns, item_count=items, worker_count=workers, label_count=labels)
    return made, truth


def table(rows: list[str]) -> Judgements:
    """Judgements written as one line a worker and one sign an item; "-" is a missing value, "1" label 0."""
    found = [
        (item, worker, int(sign) - 1)
        for worker, line in enumerate(rows)
        for item, sign in enumerate(line)
        if sign != "-"
    ]
    columns = np.array(found).T
    return Judgements.of(*columns, item_count=len(rows[0]), worker_count=len(rows))


def matrix(judgements: Judgements) -> np.ndarray:
    """One row a worker, one column an item, NaN for a missing value."""
    made = np.full((judgements.worker_count, judgements.item_count), np.nan)
    made[judgements.workers, judgements.items] = judgements.labels
    return made


@st.composite
def panels(draw: st.DrawFn) -> Judgements:
    """Any judgements: up to 8 items, 5 workers, 4 labels, with gaps."""
    items, workers = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    cells = draw(
        st.lists(st.one_of(st.none(), st.integers(0, 3)), min_size=items * workers, max_size=items * workers)
    )
    rows = [(n // workers, n % workers, label) for n, label in enumerate(cells) if label is not None]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Judgements.of(*columns, item_count=items, worker_count=workers, label_count=4)
