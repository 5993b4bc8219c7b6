"""One result out of several people's for the same item, with how sure it is and what speaks for it.

Answers of a short list (choices, comparisons, stars) are weighed over all items at once by majority, Dawid–Skene or
MACE; upright boxes are fused, spans voted character by character, both by more than half of the annotators; texts,
polygons and turned boxes keep the answer most like the others. Where parts of a result refer to one another, the
whole answer most like the others is kept. Gold is the answer of its item and teaches the weighing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from annotation.labelstudio.kinds import LABELS, RECTANGLES, Control
from annotation.labelstudio.rules import LabelingConfig, canonical, validate_result
from annotation.quality.aggregation import dawid_skene, fused_boxes, mace, majority, medoid, voted_spans
from annotation.quality.answers import (
    PICKED,
    Result,
    boxes_of,
    is_turned,
    is_woven,
    label_of,
    regions_of,
    shape_labels,
    spans_of,
)
from annotation.quality.judgements import Floats, Ints, Judgements
from annotation.quality.scoring import alike, part

MAJORITY, DAWID_SKENE, MACE = "majority", "dawid_skene", "mace"
VERSION: Final = 2
"""Of the way results are merged; kept with every consensus. 2: relations count in how alike whole answers are."""
SEED: Final = 20160902
MORE_THAN_HALF: Final = 0.5 + 1e-6
MOST_LABELS: Final = 60
"""Beyond so many different answers to one question a matrix of confusions says nothing; votes are counted."""
MOST_CELLS: Final = 200_000
SMOOTHING: Final = 0.1


@dataclass(frozen=True, slots=True)
class Asked:
    """One item with everybody's answers: `workers[n]` gave `results[n]`; `gold` is the right one if it is known."""

    workers: Sequence[Hashable]
    results: Sequence[Result]
    fields: Mapping[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    gold: Result | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of one item, the probability or likeness behind it, and the weight of each label by control."""

    result: list[dict[str, Any]]
    confidence: float
    posterior: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Confusion:
    """How each worker errs on one control: `table[worker][true][given]`; `trust`: how often one looks (MACE)."""

    control: str
    labels: Sequence[str]
    workers: Sequence[Hashable]
    table: Sequence[Sequence[Sequence[float]]] = ()
    trust: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class _Picked:
    labels: Sequence[str]
    confidence: Floats
    weights: Sequence[Mapping[str, float]]


def merge(
    config: LabelingConfig, items: Sequence[Asked], *, method: str = MAJORITY, iou: float = 0.5
) -> tuple[list[Merged], list[Confusion]]:
    """The results of all items in their order, and what was learnt of the workers. ValueError: no such method."""
    if method not in (MAJORITY, DAWID_SKENE, MACE):
        raise ValueError(f"no method {method}")
    if is_woven(config):
        return [_whole(config, asked, iou) for asked in items], []
    picked: dict[str, _Picked] = {}
    learnt: list[Confusion] = []
    for control in config.controls:
        if control.kind in PICKED:
            picked[control.name], found = _weighed(control, items, method)
            learnt += found
    return [_composed(config, asked, number, picked, iou) for number, asked in enumerate(items)], learnt


# --- short lists ----------------------------------------------------------------------------------


def _weighed(control: Control, items: Sequence[Asked], method: str) -> tuple[_Picked, list[Confusion]]:
    rows = [
        (number, worker, label_of(control, result))
        for number, asked in enumerate(items)
        for worker, result in zip(asked.workers, asked.results, strict=True)
    ]
    truths = [label_of(control, asked.gold) if asked.gold is not None else None for asked in items]
    names = sorted({label for _n, _w, label in rows} | {truth for truth in truths if truth is not None})
    codes = {label: code for code, label in enumerate(names)}
    people = sorted({worker for _n, worker, _l in rows}, key=str)
    places = {worker: place for place, worker in enumerate(people)}
    judged = Judgements.of(
        [row[0] for row in rows],
        [places[row[1]] for row in rows],
        [codes[row[2]] for row in rows],
        item_count=len(items),
        worker_count=len(people),
        label_count=len(names),
    )
    gold = np.array([-1 if truth is None else codes[truth] for truth in truths], dtype=np.int64)
    if method == MAJORITY or len(names) > MOST_LABELS or not rows:
        return _voted(judged, gold, names), []
    if method == DAWID_SKENE:
        skilled = dawid_skene(judged, gold=gold, smoothing=SMOOTHING)
        told = Confusion(control.name, names, people)
        if skilled.confusion.size <= MOST_CELLS:
            told = Confusion(control.name, names, people, np.round(skilled.confusion, 6).tolist())
        return _likeliest(skilled.posterior, names), [told]
    trusted = mace(judged, seed=SEED, gold=gold)
    told = Confusion(control.name, names, people, trust=np.round(trusted.competence, 6).tolist())
    return _likeliest(trusted.posterior, names), [told]


def _voted(judged: Judgements, gold: Ints, names: Sequence[str]) -> _Picked:
    votes = majority(judged)
    labels = np.where(gold >= 0, gold, votes.labels)
    sure = np.where(gold >= 0, 1.0, np.nan_to_num(votes.shares))
    tally = judged.tally
    weights = []
    for number in range(judged.item_count):
        row = slice(tally.indptr[number], tally.indptr[number + 1])
        total = tally.data[row].sum()
        weights.append(
            {
                names[code]: round(float(given / total), 6)
                for code, given in zip(tally.indices[row], tally.data[row], strict=True)
            }
        )
    return _Picked([names[code] if code >= 0 else "" for code in labels], sure, weights)


def _likeliest(posterior: Floats, names: Sequence[str]) -> _Picked:
    best = posterior.argmax(axis=1)
    weights = [
        {names[code]: round(float(row[code]), 6) for code in np.flatnonzero(row >= 0.0005)}
        for row in posterior
    ]
    return _Picked([names[code] for code in best], posterior.max(axis=1), weights)


# --- whole results --------------------------------------------------------------------------------


def _whole(config: LabelingConfig, asked: Asked, iou: float) -> Merged:
    """The answer most like the others."""
    if asked.gold is not None:
        return Merged(_plain(asked.gold), 1.0, {})
    count = len(asked.results)
    near = np.ones((count, count))
    for one in range(count):
        for other in range(one):
            near[one, other] = near[other, one] = alike(
                config, asked.results[one], asked.results[other], threshold=iou
            )
    best = medoid(near)
    others = np.delete(near[best], best)
    return Merged(_plain(asked.results[best]), float(others.mean()) if count > 1 else 1.0, {})


def _composed(
    config: LabelingConfig, asked: Asked, number: int, picked: Mapping[str, _Picked], iou: float
) -> Merged:
    posterior = {name: found.weights[number] for name, found in picked.items()}
    if asked.gold is not None:
        return Merged(_plain(asked.gold), 1.0, posterior)
    result: list[dict[str, Any]] = []
    sure, is_drawn = 1.0, False
    for control in config.controls:
        if control.kind in PICKED:
            label = picked[control.name].labels[number]
            result += _given_by_one(control, asked, label)
            sure = min(sure, float(picked[control.name].confidence[number]))
            continue
        regions = _agreed(config, control, asked, iou)
        is_drawn = is_drawn or control.kind in (LABELS, RECTANGLES)
        result += regions
        near = [part(control, regions, given, threshold=iou) for given in asked.results]
        sure = min(sure, sum(near) / len(near))
    if is_drawn and validate_result(config, asked.fields, result, asked.size):
        return Merged(_whole(config, asked, iou).result, 0.0, posterior)
    return Merged(result, sure, posterior)


def _given_by_one(control: Control, asked: Asked, label: str) -> list[dict[str, Any]]:
    """The regions by which the first of the annotators said it."""
    for _worker, given in sorted(
        zip(asked.workers, asked.results, strict=True), key=lambda pair: str(pair[0])
    ):
        if label_of(control, given) == label:
            return _plain(regions_of(control, given))
    return []


def _agreed(config: LabelingConfig, control: Control, asked: Asked, iou: float) -> list[dict[str, Any]]:
    if control.kind == LABELS:
        return _voted_spans(config, control, asked)
    if control.kind == RECTANGLES and not is_turned(control, asked.results):
        return _fused(control, asked, iou)
    count = len(asked.results)
    near = np.ones((count, count))
    for one in range(count):
        for other in range(one):
            near[one, other] = near[other, one] = part(
                control, asked.results[one], asked.results[other], threshold=iou
            )
    return _plain(regions_of(control, asked.results[medoid(near)]))


def _voted_spans(config: LabelingConfig, control: Control, asked: Asked) -> list[dict[str, Any]]:
    shown = config.object(control.to_name)
    text = asked.fields.get(shown.field, "") if shown else ""
    found = []
    for start, end, label, _support in voted_spans([spans_of(control, each) for each in asked.results]):
        value = {"start": start, "end": end, "text": text[start:end], "labels": [label]}
        found.append(
            _named({"from_name": control.name, "to_name": control.to_name, "type": LABELS, "value": value})
        )
    return found


def _fused(control: Control, asked: Asked, iou: float) -> list[dict[str, Any]]:
    boxes, people, labels = [], [], []
    pattern: Mapping[str, Any] = {}
    for worker, given in zip(asked.workers, asked.results, strict=True):
        boxes += boxes_of(control, given)[:, :4].tolist()
        told = shape_labels(control, given)
        people += [str(worker)] * len(told)
        labels += told
        pattern = next(iter(regions_of(control, given)), pattern)
    wide, high = float(pattern.get("original_width") or 100), float(pattern.get("original_height") or 100)
    found = []
    for group in fused_boxes(
        boxes, people, labels, annotator_count=len(asked.results), threshold=iou, quorum=MORE_THAN_HALF
    ):
        x, y = (max(group.box[0] * 100 / wide, 0.0), max(group.box[1] * 100 / high, 0.0))
        value = {
            "x": round(x, 6),
            "y": round(y, 6),
            "width": round(min(group.box[2] * 100 / wide, 100 - x) - 1e-6, 6),
            "height": round(min(group.box[3] * 100 / high, 100 - y) - 1e-6, 6),
            "rotation": 0,
            RECTANGLES: [group.label],
        }
        shared = {
            name: pattern[name]
            for name in ("original_width", "original_height", "image_rotation")
            if name in pattern
        }
        region = {"from_name": control.name, "to_name": control.to_name, "type": RECTANGLES, "value": value}
        found.append(_named({**region, **shared}))
    return found


def _plain(result: Result) -> list[dict[str, Any]]:
    return [dict(region) for region in result]


def _named(region: dict[str, Any]) -> dict[str, Any]:
    """With an id that follows from its content, so that merging again gives the same bytes."""
    return {"id": hashlib.sha256(canonical(region).encode()).hexdigest()[:10], **region}
