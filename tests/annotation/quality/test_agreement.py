"""Alpha and the kappas equal published figures and independent implementations, and know what cannot be told."""

from __future__ import annotations

import tracemalloc
from itertools import combinations

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.quality import agreement
from annotation.quality.agreement import Metric, alpha, cohen_kappa, fleiss_kappa
from annotation.quality.judgements import Judgements
from tests.annotation.quality.panels import PUBLISHED, matrix, panel, panels, table

METRICS: list[Metric] = ["nominal", "ordinal", "interval", "ratio"]
NEAR = 1e-9


@pytest.mark.parametrize(
    ("metric", "figure"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)]
)
def test_alpha_is_the_published_one(metric: Metric, figure: float) -> None:
    found = alpha(table(PUBLISHED), metric=metric, values=[1, 2, 3, 4, 5])
    assert found.value == pytest.approx(figure, abs=5e-4)
    assert (found.item_count, found.judgement_count) == (11, 40)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_alpha_equals_the_krippendorff_library(metric: Metric, seed: int) -> None:
    judgements, _truth = panel(seed)
    theirs = krippendorff.alpha(
        reliability_data=matrix(judgements), level_of_measurement=metric, value_domain=list(range(4))
    )
    assert alpha(judgements, metric=metric).value == pytest.approx(theirs, abs=NEAR)


def test_the_values_of_labels_count_for_interval_and_ratio() -> None:
    judgements, _truth = panel(4)
    values = [0.5, 10.0, 12.0, 1000.0]
    spread = np.append(values, np.nan)[np.nan_to_num(matrix(judgements), nan=4).astype(int)]
    for metric in ("interval", "ratio"):
        theirs = krippendorff.alpha(reliability_data=spread, level_of_measurement=metric)
        assert alpha(judgements, metric=metric, values=values).value == pytest.approx(theirs, abs=NEAR)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one finite number a label"):
        alpha(judgements, metric="interval", values=[1.0, 2.0])
    with pytest.raises(ValueError, match="at least 0"):
        alpha(judgements, metric="ratio", values=[-1.0, 2.0, 3.0, 4.0])


@pytest.mark.parametrize("metric", METRICS)
def test_alpha_is_one_for_full_agreement_and_unknown_without_variation_or_pairs(metric: Metric) -> None:
    assert alpha(table(["123", "123"]), metric=metric).value == 1
    assert alpha(table(["222", "222"]), metric=metric).value is None
    assert alpha(table(["12-", "--3"]), metric=metric).value is None
    nobody = Judgements.of([], [], [], item_count=3, worker_count=2, label_count=2)
    assert alpha(nobody, metric=metric).value is None


def slow_alpha(judgements: Judgements) -> float | None:
    """Nominal alpha pair by pair, as the definition says it."""
    by_item: dict[int, list[int]] = {}
    for item, label in zip(judgements.items, judgements.labels, strict=True):
        by_item.setdefault(int(item), []).append(int(label))
    units = [labels for labels in by_item.values() if len(labels) > 1]
    every = [label for labels in units for label in labels]
    observed = sum(
        2 * sum(a != b for a, b in combinations(labels, 2)) / (len(labels) - 1) for labels in units
    )
    expected = 2 * sum(a != b for a, b in combinations(every, 2))
    return 1 - (len(every) - 1) * observed / expected if expected else None


@given(panels())
def test_alpha_is_at_most_one_and_equals_the_definition(judgements: Judgements) -> None:
    slow = slow_alpha(judgements)
    for metric in METRICS:
        value = alpha(judgements, metric=metric).value
        assert value is None or value <= 1 + 1e-12
        assert (value is None) == (slow is None)
    assert alpha(judgements).value == (None if slow is None else pytest.approx(slow, abs=NEAR))


@given(panels(), st.randoms(use_true_random=False))
def test_nobody_and_nothing_is_special(judgements: Judgements, random: object) -> None:
    seed = random.randrange(2**32)  # type: ignore[attr-defined]
    rng = np.random.default_rng(seed)
    items, workers = rng.permutation(judgements.item_count), rng.permutation(judgements.worker_count)
    order = rng.permutation(len(judgements))
    other = Judgements.of(
        items[judgements.items][order], workers[judgements.workers][order], judgements.labels[order],
        item_count=judgements.item_count, worker_count=judgements.worker_count, label_count=4,
    )  # fmt: skip
    for metric in METRICS:
        one, two = alpha(judgements, metric=metric).value, alpha(other, metric=metric).value
        assert one == (None if two is None else pytest.approx(two, abs=NEAR))
    np.testing.assert_allclose(
        agreement.alpha_by_worker(judgements), agreement.alpha_by_worker(other)[workers], atol=NEAR
    )


@pytest.mark.parametrize("metric", METRICS)
def test_the_workers_parts_average_to_alpha(metric: Metric) -> None:
    judgements, _truth = panel(5)
    parts = agreement.alpha_by_worker(judgements, metric=metric)
    paired = judgements.per_item[judgements.items] >= 2
    counts = np.bincount(judgements.workers[paired], minlength=judgements.worker_count)
    mean = float(parts @ counts / counts.sum())
    assert alpha(judgements, metric=metric).value == pytest.approx(mean, abs=NEAR)


def test_the_worker_who_guesses_has_the_smallest_part() -> None:
    judgements, _truth = panel(6, items=300, accuracy=(0.95, 0.95))
    labels = judgements.labels.copy()
    guessing = judgements.workers == 2
    labels[guessing] = np.random.default_rng(0).integers(4, size=guessing.sum())
    spoilt = Judgements.of(judgements.items, judgements.workers, labels)
    assert int(np.argmin(agreement.alpha_by_worker(spoilt))) == 2


def test_alpha_of_a_label_is_alpha_of_that_label_against_the_rest() -> None:
    judgements, _truth = panel(7)
    found = agreement.alpha_by_label(judgements)
    for code in range(4):
        alone = Judgements.of(judgements.items, judgements.workers, judgements.labels == code)
        assert found[code] == pytest.approx(alpha(alone).value, abs=NEAR)
    with_unused = Judgements.of(judgements.items, judgements.workers, judgements.labels, label_count=5)
    assert np.isnan(agreement.alpha_by_label(with_unused)[4])


def test_the_interval_holds_alpha_and_repeats_by_seed() -> None:
    judgements, _truth = panel(8, items=200)
    one = agreement.alpha_interval(judgements, seed=11, resamples=300)
    assert one == agreement.alpha_interval(judgements, seed=11, resamples=300)
    assert one != agreement.alpha_interval(judgements, seed=12, resamples=300)
    value = alpha(judgements).value
    assert one is not None
    assert value is not None
    assert one.low < value < one.high
    fewer, _truth = panel(8, items=30)
    wide = agreement.alpha_interval(fewer, seed=11, resamples=300)
    assert wide is not None
    assert wide.high - wide.low > one.high - one.low
    assert agreement.alpha_interval(table(["1-", "-2"]), seed=1) is None


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_a_draw_of_every_item_once_is_alpha_itself(seed: int) -> None:
    judgements, _truth = panel(seed, items=12)
    paired = agreement._Paired.of(judgements, "ordinal", None)
    once = paired.drawn(np.ones(len(paired.sizes)))
    twice = paired.drawn(np.full(len(paired.sizes), 2.0))
    found = alpha(judgements, metric="ordinal")
    assert once == (found.observed, found.expected)
    # Ordinal distances are squares of ranks: everything twice makes them four times as large.
    assert twice[0] == pytest.approx(4 * once[0])


def test_an_item_belongs_to_the_window_of_its_latest_judgement() -> None:
    judgements = table(["1122", "1122", "1221"])
    # The items end at 5, 10, 15 and 20; windows are half-open.
    times = np.array([5, 10, 15, 20])[judgements.items] - (judgements.workers == 0) * 4
    first, second = agreement.alpha_over_time(judgements, times, [0, 10, 20])
    assert np.isnan(first)
    early = judgements.chosen((judgements.items == 1) | (judgements.items == 2))
    assert second == alpha(early).value
    with pytest.raises(ValueError, match="rise"):
        agreement.alpha_over_time(judgements, times, [10, 0])


# --- kappas -----------------------------------------------------------------------------------


def test_cohens_kappa_of_a_worked_table() -> None:
    # 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: observed 0.7, by chance 0.5, kappa 0.4.
    first = [0] * 25 + [1] * 25
    second = [0] * 20 + [1] * 5 + [0] * 10 + [1] * 15
    assert cohen_kappa(first, second) == pytest.approx(0.4, abs=1e-12)
    assert cohen_kappa(first, second, weights="quadratic") == pytest.approx(0.4, abs=1e-12)
    assert cohen_kappa([1, 1], [1, 1]) is None
    assert cohen_kappa([], []) is None
    with pytest.raises(ValueError, match="the same items"):
        cohen_kappa([0, 1], [0])


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_weighted_kappa_equals_the_definition_cell_by_cell(weights: agreement.Weights | None) -> None:
    rng = np.random.default_rng(3)
    first, second = rng.integers(5, size=200), rng.integers(5, size=200)
    second[:120] = first[:120]
    observed = chance = 0.0
    for one in range(5):
        for other in range(5):
            apart = {None: float(one != other), "linear": abs(one - other), "quadratic": (one - other) ** 2}
            observed += apart[weights] * np.mean((first == one) & (second == other))
            chance += apart[weights] * np.mean(first == one) * np.mean(second == other)
    assert cohen_kappa(first, second, weights=weights) == pytest.approx(1 - observed / chance, abs=NEAR)


def test_fleiss_kappa_is_the_published_one() -> None:
    # Ten subjects, fourteen raters, five categories: the worked table of Fleiss (1971) form; kappa 0.210.
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    rows = [
        (item, worker, label)
        for item, row in enumerate(counts)
        for worker, label in enumerate(np.repeat(np.arange(5), row))
    ]
    judgements = Judgements.of(*np.array(rows).T)
    assert fleiss_kappa(judgements) == pytest.approx(0.20993, abs=1e-5)
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa(judgements.chosen(np.arange(len(judgements)) > 0))


@pytest.mark.parametrize("weights", [None, "quadratic"])
def test_every_pair_of_the_heat_map_is_that_pairs_kappa(weights: agreement.Weights | None) -> None:
    judgements, _truth = panel(9, items=80)
    found = agreement.pairwise(judgements, weights=weights, min_common=2)
    seen = matrix(judgements)
    for one, other in combinations(range(judgements.worker_count), 2):
        both = ~np.isnan(seen[one]) & ~np.isnan(seen[other])
        assert found.common[one, other] == found.common[other, one] == both.sum()
        mine, theirs = seen[one][both].astype(int), seen[other][both].astype(int)
        kappa = cohen_kappa(mine, theirs, label_count=4, weights=weights)
        assert found.kappa[one, other] == found.kappa[other, one] == pytest.approx(kappa, abs=NEAR)
        assert found.share[one, other] == pytest.approx((mine == theirs).mean(), abs=NEAR)
    assert (np.diag(found.kappa) == 1).all()
    far = agreement.pairwise(table(["12--", "--12"]))
    assert np.isnan(far.kappa[0, 1])
    assert far.common[0, 1] == 0


# --- what judgements may be -------------------------------------------------------------------


def test_judgements_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Judgements.of([0, 0], [1, 1], [0, 1])
    with pytest.raises(ValueError, match="out of range"):
        Judgements.of([0], [0], [2], label_count=2)
    with pytest.raises(ValueError, match="out of range"):
        Judgements.of([-1], [0], [0])
    with pytest.raises(ValueError, match="as long as"):
        Judgements.of([0, 1], [0], [0])


def test_names_become_codes_in_the_order_given() -> None:
    rows = [("a", "甲", "是"), ("a", "乙", "否"), ("b", "甲", "否")]
    made, names = Judgements.from_rows(rows, labels=["否", "是"])
    assert names == (["a", "b"], ["甲", "乙"], ["否", "是"])
    assert (made.items.tolist(), made.workers.tolist(), made.labels.tolist()) == (
        [0, 0, 1],
        [0, 1, 0],
        [1, 0, 0],
    )
    with pytest.raises(KeyError):
        Judgements.from_rows(rows, labels=["否"])


# --- size -------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", METRICS)
def test_memory_grows_with_the_judgements_and_not_with_workers_times_items(metric: Metric) -> None:
    count = 100_000
    rng = np.random.default_rng(1)
    items = np.repeat(np.arange(count // 2), 2)
    judgements = Judgements.of(
        items, rng.permutation(count), rng.integers(5, size=count),
        item_count=500_000, worker_count=count, label_count=5,
    )  # fmt: skip
    tracemalloc.start()
    try:
        value = alpha(judgements, metric=metric).value
        parts = agreement.alpha_by_worker(judgements, metric=metric)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert value == pytest.approx(0, abs=0.02)
    assert np.isfinite(parts).all()
    assert peak < 40_000_000  # one row a worker and one column an item would be 400 GB
