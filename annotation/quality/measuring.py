"""What a project's judgements say of themselves, as plain values to be stored: agreement by control, label, person, pair, week.

Answers of short lists are measured by alpha and the kappas, regions and texts by how alike two people's answers
are (F1, likeness), relations by the F1 of those whose ends match, where anybody drew one. None where nothing can be
told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np

from annotation.labelstudio.kinds import LABELS, POLYGONS, RATING, RECTANGLES, RELATION, Control
from annotation.labelstudio.rules import LabelingConfig
from annotation.quality.agreement import (
    alpha,
    alpha_by_label,
    alpha_by_worker,
    alpha_interval,
    alpha_over_time,
    fleiss_kappa,
    pairwise,
)
from annotation.quality.answers import (
    PICKED,
    Result,
    label_of,
    link_labels,
    links_of,
    only_links,
    regions_of,
    shape_labels,
)
from annotation.quality.forecast import confused_pairs
from annotation.quality.judgements import Floats, Judgements
from annotation.quality.merging import Asked
from annotation.quality.scoring import RELATIONS, part, relation_score

SEED: Final = 20110125
RESAMPLES: Final = 200
SHOWN_WORKERS: Final = 24
MOST_COMPARED: Final = 20_000
"""Pairs of answers with regions that are compared; of more, a drawn sample."""
WINDOWS: Final = 8


def measured(
    config: LabelingConfig, items: Sequence[Asked], times: Sequence[Sequence[float]], *, iou: float = 0.5
) -> dict[str, Any]:
    """Facts of all items with two answers and more; `times[n]` are the days (with fraction) of item n's answers."""
    counts: defaultdict[str, int] = defaultdict(int)
    shared = [number for number, asked in enumerate(items) if len(asked.results) > 1]
    for number in shared:
        for worker in items[number].workers:
            counts[str(worker)] += 1
    people = sorted(counts, key=lambda name: (-counts[name], name))
    kept = [items[number] for number in shared]
    moments = [times[number] for number in shared]
    controls = [_told(control, kept, moments, people, iou) for control in config.controls] if kept else []
    if kept and config.relations is not None:
        head = {"name": RELATIONS, "title": "", "kind": RELATION}
        controls.append({**head, **_of_compared(_relations_compared(config, iou), kept, moments, people)})
    return {
        "items": len(kept),
        "judgements": sum(counts.values()),
        "workers": people[:SHOWN_WORKERS],
        "worker_count": len(people),
        "judged": [counts[name] for name in people[:SHOWN_WORKERS]],
        "controls": controls,
    }


def _told(
    control: Control,
    items: Sequence[Asked],
    times: Sequence[Sequence[float]],
    people: Sequence[str],
    iou: float,
) -> dict[str, Any]:
    head = {"name": control.name, "title": control.title, "kind": control.kind}
    if control.kind in PICKED:
        return {**head, **_of_picked(control, items, times, people)}
    return {**head, **_of_compared(_control_compared(control, iou), items, times, people)}


def _of_picked(
    control: Control, items: Sequence[Asked], times: Sequence[Sequence[float]], people: Sequence[str]
) -> dict[str, Any]:
    rows = [
        (number, worker, label_of(control, result), moment)
        for number, asked in enumerate(items)
        for worker, result, moment in zip(asked.workers, asked.results, times[number], strict=True)
    ]
    names = sorted({row[2] for row in rows}, key=_order(control))
    codes = {label: code for code, label in enumerate(names)}
    places = {name: place for place, name in enumerate(people)}
    judged = Judgements.of(
        [row[0] for row in rows],
        [places[str(row[1])] for row in rows],
        [codes[row[2]] for row in rows],
        item_count=len(items),
        worker_count=len(people),
        label_count=len(names),
    )
    metric: Any = "ordinal" if control.kind == RATING else "nominal"
    whole = alpha(judged, metric=metric)
    between = alpha_interval(judged, seed=SEED, metric=metric, resamples=RESAMPLES)
    pairs = pairwise(judged)
    shown = slice(0, SHOWN_WORKERS)
    edges, values = _over_time(judged, np.array([row[3] for row in rows]), metric)
    return {
        "measure": "alpha",
        "value": _number(whole.value),
        "low": _number(between.low) if between else None,
        "high": _number(between.high) if between else None,
        "fleiss": _fleiss(judged),
        "labels": [
            {"label": name, "value": _number(value), "count": int(count)}
            for name, value, count in zip(
                names,
                alpha_by_label(judged),
                np.bincount(judged.labels, minlength=len(names)),
                strict=True,
            )
        ],
        "by_worker": _numbers(alpha_by_worker(judged, metric=metric)[shown]),
        "pairs": [_numbers(row) for row in pairs.kappa[shown, shown]],
        "shares": [_numbers(row) for row in pairs.share[shown, shown]],
        "common": pairs.common[shown, shown].tolist(),
        "confused": [
            {
                "first": names[each.first],
                "second": names[each.second],
                "count": _number(each.count),
                "share": _number(each.share),
            }
            for each in confused_pairs(judged, top=8)
        ],
        "over_time": [{"day": edge, "value": value} for edge, value in zip(edges, values, strict=True)],
    }


def _order(control: Control) -> Any:
    if control.kind == RATING:
        return lambda label: (not label.isdigit(), int(label) if label.isdigit() else 0)
    places = {label: place for place, label in enumerate(control.labels)}
    return lambda label: (places.get(label, len(places)), label)


def _fleiss(judged: Judgements) -> float | None:
    """Over the items with the most usual number of judgements, because Fleiss asks for equal ones."""
    sizes = judged.per_item
    usual = int(np.bincount(sizes[sizes > 1]).argmax()) if (sizes > 1).any() else 0
    if usual < 2:
        return None
    return _number(fleiss_kappa(judged.chosen((sizes == usual)[judged.items])))


def _over_time(judged: Judgements, moments: Floats, metric: Any) -> tuple[list[float], list[float | None]]:
    edges = _windows(moments)
    return edges[:-1].tolist(), _numbers(alpha_over_time(judged, moments, edges, metric=metric))


def _windows(moments: Floats) -> Floats:
    """Edges of windows of equal length, a day at least, from the first judgement to the latest."""
    first, last = float(np.floor(moments.min())), float(np.floor(moments.max())) + 1
    return np.asarray(np.linspace(first, last, int(min(WINDOWS, last - first)) + 1), dtype=np.float64)


def _means_over_time(values: Sequence[float], moments: Sequence[float]) -> list[dict[str, Any]]:
    """The mean of each window; None for one without a value."""
    if not values:
        return []
    edges = _windows(np.asarray(moments))
    places = np.clip(np.searchsorted(edges, moments, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(places, minlength=len(edges) - 1)
    with np.errstate(invalid="ignore"):
        means = np.bincount(places, weights=values, minlength=len(edges) - 1) / counts
    return [
        {"day": day, "value": value} for day, value in zip(edges[:-1].tolist(), _numbers(means), strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Compared:
    """How two answers are held against each other: as a whole, and by each label that one of them has.

    `near`: from 0 to 1, None where neither says anything that counts.
    """

    near: Callable[[Result, Result], float | None]
    labels: Callable[[Result, Result], Sequence[str]]
    only: Callable[[Result, str], Result]
    order: Callable[[str], Any]


def _control_compared(control: Control, iou: float) -> _Compared:
    return _Compared(
        near=lambda one, other: part(control, one, other, threshold=iou),
        labels=lambda one, other: _labels_of(control, one, other),
        only=lambda result, label: _only(control, result, label),
        order=_order(control),
    )


def _relations_compared(config: LabelingConfig, iou: float) -> _Compared:
    places = {label: place for place, label in enumerate(config.relations or ())}

    def near(one: Result, other: Result) -> float | None:
        if not links_of(one) and not links_of(other):
            return None  # most items have none: they would raise the figure without telling anything
        return relation_score(config, one, other, threshold=iou).f1

    return _Compared(
        near=near,
        labels=lambda one, other: sorted(link_labels(one) | link_labels(other)),
        only=only_links,
        order=lambda label: (places.get(label, len(places)), label),
    )


def _of_compared(
    compared: _Compared, items: Sequence[Asked], times: Sequence[Sequence[float]], people: Sequence[str]
) -> dict[str, Any]:
    places = {name: place for place, name in enumerate(people)}
    pairs = [
        (number, one, other)
        for number, asked in enumerate(items)
        for one, other in combinations(range(len(asked.results)), 2)
    ]
    if len(pairs) > MOST_COMPARED:
        drawn = np.random.default_rng(SEED).choice(len(pairs), MOST_COMPARED, replace=False)
        pairs = [pairs[number] for number in np.sort(drawn)]
    width = min(len(people), SHOWN_WORKERS)
    sums, counts = np.zeros((width, width)), np.zeros((width, width))
    by_label: defaultdict[str, list[float]] = defaultdict(list)
    every: list[float] = []
    known_at: list[float] = []
    for number, one, other in pairs:
        asked = items[number]
        first, second = asked.results[one], asked.results[other]
        near = compared.near(first, second)
        if near is None:
            continue
        every.append(near)
        known_at.append(max(times[number][one], times[number][other]))  # both answers are there from then on
        left, right = places[str(asked.workers[one])], places[str(asked.workers[other])]
        if left < width and right < width:
            for row, column in ((left, right), (right, left)):
                sums[row, column] += near
                counts[row, column] += 1
        for label in compared.labels(first, second):
            told = compared.near(compared.only(first, label), compared.only(second, label))
            if told is not None:
                by_label[label].append(told)
    with np.errstate(divide="ignore", invalid="ignore"):
        means, by_worker = sums / counts, sums.sum(axis=1) / counts.sum(axis=1)
    np.fill_diagonal(means, 1.0)
    middle, between = _mean_interval(every)
    return {
        "measure": "f1",
        "value": middle,
        "low": between[0],
        "high": between[1],
        "fleiss": None,
        "labels": [
            {"label": label, "value": _number(float(np.mean(found))), "count": len(found)}
            for label, found in sorted(by_label.items(), key=lambda pair: compared.order(pair[0]))
        ],
        "by_worker": _numbers(by_worker),
        "pairs": [_numbers(row) for row in means],
        "shares": [_numbers(row) for row in means],
        "common": counts.astype(np.int64).tolist(),
        "confused": [],
        "over_time": _means_over_time(every, known_at),
    }


def _labels_of(control: Control, one: Result, other: Result) -> list[str]:
    if control.kind not in (LABELS, RECTANGLES, POLYGONS):
        return []
    return sorted({*shape_labels(control, one), *shape_labels(control, other)})


def _only(control: Control, result: Result, label: str) -> Result:
    told = regions_of(control, result)
    return [region for region in told if label in shape_labels(control, [region])]


def _mean_interval(values: Sequence[float]) -> tuple[float | None, tuple[float | None, float | None]]:
    """The mean with the bounds between which it lies in 95 of 100 resamples."""
    if not values:
        return None, (None, None)
    known = np.asarray(values)
    draws = np.random.default_rng(SEED)
    means = [float(known[draws.integers(len(known), size=len(known))].mean()) for _draw in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return _number(float(known.mean())), (_number(float(low)), _number(float(high)))


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 6)


def _numbers(values: Floats) -> list[float | None]:
    return [_number(float(value)) for value in values]
