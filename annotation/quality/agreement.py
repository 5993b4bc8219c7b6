"""How far people agree beyond chance: Krippendorff's alpha, the kappas, and where agreement is lost.

Sources: K. Krippendorff, Content Analysis (2004) ch. 11 and "Computing Krippendorff's Alpha-Reliability"
(2011); J. L. Fleiss, Psychological Bulletin 76 (1971); J. Cohen, Educational and Psychological Measurement 20
(1960) and, weighted, Psychological Bulletin 70 (1968). Values are 1 for full agreement, 0 for chance, below 0
for less than chance; None (in arrays NaN) where agreement cannot be told: nobody judged the same item, or
only one label was ever used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from annotation.quality.judgements import Bools, Floats, Ints, Judgements

Metric = Literal["nominal", "ordinal", "interval", "ratio"]
Weights = Literal["linear", "quadratic"]
_BLOCK = 1 << 22  # numbers of one dense working block: 32 MB


@dataclass(frozen=True, slots=True)
class Alpha:
    """`value` from the disagreement `observed` and the one `expected` by chance, of what could be paired."""

    value: float | None
    observed: float
    expected: float
    item_count: int
    judgement_count: int


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the value lies with probability `level`, by resampling of items."""

    low: float
    high: float
    level: float
    resamples: int


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every pair of workers with its kappa, share of equal labels, and number of common items.

    All of shape (workers, workers), symmetric; NaN where they share fewer items than asked, or where kappa
    cannot be told. The diagonal is 1.
    """

    kappa: Floats
    share: Floats
    common: Ints


# --- the pieces of alpha --------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Paired:
    """The items with two judgements and more: tally (items, labels), judgements of each, distances asked."""

    tally: sparse.csr_array
    sizes: Floats
    metric: Metric
    values: Floats

    @classmethod
    def of(cls, judgements: Judgements, metric: Metric, values: ArrayLike | None) -> _Paired:
        if metric not in ("nominal", "ordinal", "interval", "ratio"):
            raise ValueError(f"no metric {metric}")
        spread = np.arange(judgements.label_count) if values is None else np.asarray(values)
        known = np.asarray(spread, dtype=np.float64)
        if known.shape != (judgements.label_count,) or not np.isfinite(known).all():
            raise ValueError("values must hold one finite number a label")
        if metric == "ratio" and (known < 0).any():
            raise ValueError("the ratio metric asks for values of at least 0")
        sizes = judgements.per_item
        kept = sizes >= 2
        return cls(judgements.tally[kept], sizes[kept].astype(np.float64), metric, known)

    def drawn(self, times: Floats) -> tuple[float, float]:
        """Disagreement observed and expected when item n is there `times[n]` times; 0, 0 if all are alike."""
        used = np.asarray(self.tally.T @ times)
        is_used = used > 0
        kinds = self.values[is_used] if self.metric in ("interval", "ratio") else np.flatnonzero(is_used)
        if len(kinds) < 2 or (kinds == kinds[0]).all():
            return 0.0, 0.0
        total = float(used.sum())
        if self.metric == "ratio":
            return self._ratio(times, used, total)
        if self.metric == "nominal":
            expected = (total**2 - float(used @ used)) / (total * (total - 1))
            return float(times @ self._unequal) / total, expected
        line = self.places(used)
        apart = self._apart_on(line) if self.metric == "ordinal" else self._apart_by_value
        return float(times @ apart) / total, 2 * float(used @ line**2) / (total - 1)

    def places(self, used: Floats) -> Floats:
        """Where each label lies on the line on which squared distance is the metric; centred."""
        # Ordinal labels lie at their middle ranks: n_c/2 + … + n_k/2 is the difference of two of them.
        line = np.cumsum(used) - used / 2 if self.metric == "ordinal" else self.values
        return np.asarray(line - float(used @ line) / used.sum())

    @cached_property
    def _entries(self) -> sparse.coo_array:
        return self.tally.tocoo()

    @cached_property
    def _unequal(self) -> Floats:
        """Ordered pairs of unequal labels on each item, over one less than its judgements."""
        squares = np.asarray(self.tally.power(2).sum(axis=1)).ravel()
        return np.asarray((self.sizes**2 - squares) / (self.sizes - 1))

    @cached_property
    def _apart_by_value(self) -> Floats:
        return self._apart_on(self.values)

    def _apart_on(self, line: Floats) -> Floats:
        """Squared distance over all ordered pairs of each item, over one less than its judgements."""
        return np.asarray(2 * self.sizes * self.scatter(line)[0] / (self.sizes - 1))

    def scatter(self, line: Floats) -> tuple[Floats, Floats]:
        """Σ (x - mean)² of each item, and its mean; Σ over pairs of (x - y)² is 2 m of it: nothing cancels."""
        means = np.asarray(self.tally @ line) / self.sizes
        rows, columns = self._entries.row, self._entries.col
        weights = self._entries.data * (line[columns] - means[rows]) ** 2
        return np.asarray(np.bincount(rows, weights=weights, minlength=len(self.sizes)), np.float64), means

    def _ratio(self, times: Floats, used: Floats, total: float) -> tuple[float, float]:
        pairs = (self.tally.T @ sparse.diags_array(times / (self.sizes - 1)) @ self.tally).tocoo()
        observed = float(pairs.data @ ratio_distance(self.values[pairs.row], self.values[pairs.col]))
        expected = 0.0
        for block in _blocks(len(used), len(used)):
            distances = ratio_distance(self.values[block, None], self.values[None, :])
            expected += float(used[block] @ distances @ used)
        return observed / total, expected / (total * (total - 1))


def coincidences(judgements: Judgements) -> sparse.csr_array:
    """Krippendorff's coincidence matrix: how often two labels meet on an item, sparse, (labels, labels).

    Symmetric; each judgement that can be paired counts once, so the sum is the number of those.
    """
    sizes = judgements.per_item
    kept = sizes >= 2
    tally = judgements.tally[kept]
    share = 1 / (sizes[kept] - 1)
    pairs = tally.T @ sparse.diags_array(share) @ tally
    return sparse.csr_array(pairs - sparse.diags_array(np.asarray(tally.T @ share)))


def _blocks(rows: int, width: int) -> Iterator[slice]:
    """Slices over rows of which each makes at most one working block."""
    step = max(_BLOCK // max(width, 1), 1)
    return (slice(first, min(first + step, rows)) for first in range(0, rows, step))


def ratio_distance(one: Floats, other: Floats) -> Floats:
    """((c - k) / (c + k))², 0 where both are 0. Shapes broadcast."""
    total = one + other
    difference = np.broadcast_to(one - other, total.shape)
    share = np.divide(difference, total, out=np.zeros_like(total), where=total != 0)
    return np.asarray(share**2)


def _value(observed: float, expected: float) -> float | None:
    return 1 - observed / expected if expected > 0 else None


# --- alpha ----------------------------------------------------------------------------------------


def alpha(judgements: Judgements, *, metric: Metric = "nominal", values: ArrayLike | None = None) -> Alpha:
    """Krippendorff's alpha over all items that two and more people judged; missing values are missing.

    `values`: what each label code stands for, shape (labels,), for interval and ratio (default: the code).
    Time and memory grow with the number of judgements. ValueError: values of another shape, negative ratios.
    """
    paired = _Paired.of(judgements, metric, values)
    observed, expected = paired.drawn(np.ones(len(paired.sizes)))
    count = int(paired.sizes.sum())
    return Alpha(_value(observed, expected), observed, expected, len(paired.sizes), count)


def alpha_interval(
    judgements: Judgements,
    *,
    seed: int,
    metric: Metric = "nominal",
    values: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
) -> Interval | None:
    """Bootstrap interval of alpha: whole items are drawn again with replacement, `resamples` times.

    The percentiles of those draws in which alpha can be told; None if there is none. Items, not judgements,
    are what was sampled, so judgements of one item stay together. Each draw walks over all items once: 1,000,000
    judgements a thousand times are work for a background job (some 20 s).
    """
    if not 0 < level < 1 or resamples < 1:
        raise ValueError("level lies between 0 and 1, resamples are at least 1")
    paired = _Paired.of(judgements, metric, values)
    count = len(paired.sizes)
    if not count:
        return None
    draws = np.random.default_rng(seed)
    found = []
    for _draw in range(resamples):
        times = np.bincount(draws.integers(count, size=count), minlength=count).astype(np.float64)
        value = _value(*paired.drawn(times))
        if value is not None:
            found.append(value)
    if not found:
        return None
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, resamples)


def alpha_by_label(judgements: Judgements) -> Floats:
    """Alpha of each label against all the others together (nominal), shape (labels,); NaN if never used."""
    sizes = judgements.per_item
    kept = sizes >= 2
    tally, size = judgements.tally[kept], sizes[kept].astype(np.float64)
    used = np.asarray(tally.sum(axis=0)).ravel()
    total = used.sum()
    entries = tally.tocoo()
    apart = np.bincount(
        entries.col,
        weights=entries.data * (size[entries.row] - entries.data) / (size[entries.row] - 1),
        minlength=judgements.label_count,
    )
    chance = used * (total - used)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(chance > 0, 1 - (total - 1) * apart / chance, np.nan))


def alpha_by_worker(
    judgements: Judgements, *, metric: Metric = "nominal", values: ArrayLike | None = None
) -> Floats:
    """Each worker's part of alpha, shape (workers,): own disagreement with colleagues over that of chance.

    Weighted by the workers' numbers of paired judgements, the parts average to `alpha` exactly. NaN for one
    who shares no item.
    """
    paired = _Paired.of(judgements, metric, values)
    _observed, expected = paired.drawn(np.ones(len(paired.sizes)))
    kept = judgements.per_item[judgements.items] >= 2
    place = np.cumsum(judgements.per_item >= 2) - 1
    rows = place[judgements.items[kept]]
    labels, workers = judgements.labels[kept], judgements.workers[kept]
    apart = _apart(paired, rows, labels) / (paired.sizes[rows] - 1)
    counts = np.bincount(workers, minlength=judgements.worker_count)
    sums = np.bincount(workers, weights=apart, minlength=judgements.worker_count)
    if expected <= 0:
        return np.full(judgements.worker_count, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(counts > 0, 1 - sums / counts / expected, np.nan))


def _apart(paired: _Paired, rows: Ints, labels: Ints) -> Floats:
    """Summed distance of each judgement (its row of the tally, its label) to all others of the same item."""
    if paired.metric == "nominal":
        return np.asarray(paired.sizes[rows] - np.asarray(paired.tally[rows, labels]).ravel())
    if paired.metric == "ratio":
        out = np.empty(len(rows))
        order = np.argsort(rows, kind="stable")
        ends = np.searchsorted(rows[order], np.arange(len(paired.sizes) + 1))
        width = len(paired.values)
        for block in _blocks(len(paired.sizes), width):
            sums = paired.tally[block] @ ratio_distance(paired.values[:, None], paired.values[None, :])
            here = order[ends[block.start] : ends[block.stop]]
            out[here] = sums[rows[here] - block.start, labels[here]]
        return out
    line = paired.places(np.asarray(paired.tally.sum(axis=0)).ravel())
    away, means = paired.scatter(line)
    return np.asarray(away[rows] + paired.sizes[rows] * (line[labels] - means[rows]) ** 2)


def alpha_over_time(
    judgements: Judgements,
    times: ArrayLike,
    edges: ArrayLike,
    *,
    metric: Metric = "nominal",
    values: ArrayLike | None = None,
) -> Floats:
    """Alpha of each window, shape (edges - 1,); windows are half-open, [edge, next edge).

    An item belongs to the window of its latest judgement. `times`: one a judgement, in the unit of `edges`.
    """
    moments, borders = np.asarray(times, dtype=np.float64), np.asarray(edges, dtype=np.float64)
    if moments.shape != judgements.items.shape:
        raise ValueError("times must hold one moment a judgement")
    if borders.ndim != 1 or len(borders) < 2 or (np.diff(borders) <= 0).any():
        raise ValueError("edges must rise")
    latest = np.full(judgements.item_count, -np.inf)
    np.maximum.at(latest, judgements.items, moments)
    window = np.searchsorted(borders, latest, side="right") - 1
    found = np.full(len(borders) - 1, np.nan)
    for place in range(len(found)):
        which: Bools = (window == place)[judgements.items]
        value = alpha(judgements.chosen(which), metric=metric, values=values).value
        found[place] = np.nan if value is None else value
    return found


# --- kappas ---------------------------------------------------------------------------------------


def fleiss_kappa(judgements: Judgements) -> float | None:
    """Fleiss' kappa; every judged item must have the same number of judgements, two at least.

    ValueError otherwise: use `alpha`, which is made for missing values.
    """
    sizes = judgements.per_item
    judged = sizes > 0
    if not judged.any():
        return None
    size = int(sizes[judged][0])
    if size < 2 or (sizes[judged] != size).any():
        raise ValueError("Fleiss' kappa asks for the same number of judgements, two at least, on every item")
    tally = judgements.tally[judged]
    count = tally.shape[0]
    agreeing = (float(tally.power(2).sum()) - count * size) / (count * size * (size - 1))
    shares = np.asarray(tally.sum(axis=0)).ravel() / (count * size)
    chance = float(shares @ shares)
    return (agreeing - chance) / (1 - chance) if chance < 1 else None


def cohen_kappa(
    first: ArrayLike, second: ArrayLike, *, label_count: int | None = None, weights: Weights | None = None
) -> float | None:
    """Cohen's kappa of two people's label codes for the same items, of one length.

    `weights`: None counts equal labels alone; "linear" and "quadratic" let near codes agree in part.
    """
    one, other = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    if one.ndim != 1 or one.shape != other.shape:
        raise ValueError("both must judge the same items")
    if not len(one):
        return None
    count = label_count or int(max(one.max(), other.max())) + 1
    table = np.bincount(one * count + other, minlength=count * count).reshape(1, count, count)
    value = float(_kappas(table.astype(np.float64), _penalties(count, weights))[0])
    return None if np.isnan(value) else value


def _penalties(count: int, weights: Weights | None) -> Floats:
    """How much each pair of labels disagrees, shape (labels, labels), 0 on the diagonal."""
    codes = np.arange(count, dtype=np.float64)
    apart: Floats = np.abs(codes[:, None] - codes[None, :])
    if weights is None:
        return np.asarray(apart > 0, dtype=np.float64)
    return apart if weights == "linear" else np.asarray(apart**2)


def _kappas(tables: Floats, penalties: Floats) -> Floats:
    """Kappa of each table, tables of shape (n, labels, labels): 1 - weighted disagreement over chance's."""
    totals = tables.sum(axis=(1, 2))
    observed = np.einsum("nck,ck->n", tables, penalties) * totals
    chance = np.einsum("nc,ck,nk->n", tables.sum(axis=2), penalties, tables.sum(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(chance > 0, 1 - observed / chance, np.nan))


def pairwise(judgements: Judgements, *, weights: Weights | None = None, min_common: int = 1) -> Pairs:
    """Cohen's kappa of every two workers over their common items: the heat map of a team.

    Work grows with Σ (judgements of an item)², memory with pairs that share items × labels² at worst; pairs below `min_common` common items are left NaN.
    """
    workers, labels = judgements.worker_count, judgements.label_count
    shape = (judgements.item_count, workers * labels)
    columns = judgements.workers * labels + judgements.labels
    said = sparse.csr_array((np.ones(len(judgements)), (judgements.items, columns)), shape=shape)
    both = (said.T @ said).tocoo()
    one, first = np.divmod(both.row.astype(np.int64), max(labels, 1))
    other, second = np.divmod(both.col.astype(np.int64), max(labels, 1))
    upper = one < other
    pair = one[upper] * workers + other[upper]
    counts = both.data[upper]
    kappa, share = np.full((workers, workers), np.nan), np.full((workers, workers), np.nan)
    common = np.zeros((workers, workers), dtype=np.int64)
    pairs, place = np.unique(pair, return_inverse=True)
    cell = first[upper] * labels + second[upper]
    order = np.argsort(place, kind="stable")
    ends = np.searchsorted(place[order], np.arange(len(pairs) + 1))
    penalties = _penalties(labels, weights)
    for block in _blocks(len(pairs), labels * labels):
        here = order[ends[block.start] : ends[block.stop]]
        size = (block.stop - block.start) * labels * labels
        keys = (place[here] - block.start) * labels * labels + cell[here]
        flat = np.bincount(keys, weights=counts[here], minlength=size)
        tables = np.asarray(flat.reshape(-1, labels, labels), dtype=np.float64)
        left, right = np.divmod(pairs[block], workers)
        totals = tables.sum(axis=(1, 2))
        enough = totals >= min_common
        value = np.where(enough, _kappas(tables, penalties), np.nan)
        equal = np.where(enough, np.trace(tables, axis1=1, axis2=2) / totals, np.nan)
        for rows, cells in ((left, right), (right, left)):
            kappa[rows, cells], share[rows, cells] = value, equal
            common[rows, cells] = totals.astype(np.int64)
    np.fill_diagonal(kappa, 1.0)
    np.fill_diagonal(share, 1.0)
    np.fill_diagonal(common, np.bincount(judgements.workers, minlength=workers))
    return Pairs(kappa, share, common)
