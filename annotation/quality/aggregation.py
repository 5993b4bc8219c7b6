"""One answer out of many: majority, Dawid–Skene, MACE, and consensus of boxes and spans.

Sources: A. P. Dawid and A. M. Skene, Applied Statistics 28 (1979); D. Hovy et al., "Learning Whom to Trust
with MACE", NAACL (2013); R. Solovyev et al., "Weighted boxes fusion", Image and Vision Computing 107 (2021).
Gold: an array with the true label code of each item, -1 where it is not known.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse, special

from annotation.quality.judgements import Bools, Floats, Ints, Judgements
from annotation.quality.regions import Span, box_iou

_LEAST = 1e-10  # what a count of zero weighs, so that one surprise rules nothing out for good


# --- majority -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Majority:
    """The label most gave, by item: -1 without judgements, the smallest code of the tied ones in a tie.

    Shapes (items,): `labels`; `votes`, the weight behind it; `shares`, of all votes (NaN without any);
    `is_tied`. `tied_items` and `tied_labels`: every label that shares first place, one row a candidate.
    """

    labels: Ints
    votes: Floats
    shares: Floats
    is_tied: Bools
    tied_items: Ints
    tied_labels: Ints


def majority(judgements: Judgements, *, weights: ArrayLike | None = None) -> Majority:
    """Most votes by item; `weights`: what each worker's vote weighs, shape (workers,), default 1."""
    weight = np.ones(judgements.worker_count) if weights is None else np.asarray(weights, dtype=np.float64)
    if weight.shape != (judgements.worker_count,) or (weight < 0).any() or not np.isfinite(weight).all():
        raise ValueError("weights are one number of at least 0 a worker")
    count = judgements.item_count
    shape = (count, judgements.label_count)
    given = sparse.csr_array((weight[judgements.workers], (judgements.items, judgements.labels)), shape=shape)
    given.sum_duplicates()
    rows = np.repeat(np.arange(count), np.diff(given.indptr))
    votes = np.zeros(count)
    np.maximum.at(votes, rows, given.data)
    # Sums of unequal weights differ in the last digits by the order in which they were added.
    is_first = given.data >= votes[rows] * (1 - 1e-12)
    winners, winning = rows[is_first], given.indices[is_first].astype(np.int64)
    labels = np.full(count, judgements.label_count, dtype=np.int64)
    np.minimum.at(labels, winners, winning)
    labels[labels == judgements.label_count] = -1
    is_tied = np.bincount(winners, minlength=count) > 1
    total = np.asarray(given.sum(axis=1)).ravel()
    shares = np.divide(votes, total, out=np.full(count, np.nan), where=total > 0)
    among = is_tied[winners]
    order = np.lexsort((winning[among], winners[among]))
    return Majority(labels, votes, shares, is_tied, winners[among][order], winning[among][order])


# --- Dawid–Skene ----------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class DawidSkene:
    """What each item probably is, and how each worker errs.

    `posterior` (items, labels), rows sum to 1; `labels` and `confidence` (items,): the likeliest label and its
    probability; `prior` (labels,); `confusion` (workers, true label, given label), rows sum to 1.
    `log_likelihood`: after each round.
    """

    posterior: Floats
    labels: Ints
    confidence: Floats
    prior: Floats
    confusion: Floats
    log_likelihood: tuple[float, ...]
    is_converged: bool

    @property
    def skill(self) -> Floats:
        """How often each worker is right, by the prior of the labels, shape (workers,)."""
        return np.asarray(np.einsum("k,wkk->w", self.prior, self.confusion))


def _gold(judgements: Judgements, gold: ArrayLike | None) -> Ints:
    if gold is None:
        return np.full(judgements.item_count, -1, dtype=np.int64)
    known = np.asarray(gold, dtype=np.int64)
    if (
        known.shape != (judgements.item_count,)
        or (known >= judgements.label_count).any()
        or (known < -1).any()
    ):
        raise ValueError("gold holds one label code an item, -1 where it is not known")
    return known


def dawid_skene(
    judgements: Judgements,
    *,
    gold: ArrayLike | None = None,
    smoothing: float = 0.0,
    rounds: int = 100,
    tolerance: float = 1e-5,
) -> DawidSkene:
    """Labels and confusion matrices by expectation maximization, begun from the shares of votes.

    `gold` is held fast in every round and teaches the confusion matrices. `smoothing`: added to every cell of
    a worker's counts (0: maximum likelihood; 1: a uniform Dirichlet prior, for workers with few judgements).
    Ends after `rounds`, or when the log likelihood gains less than `tolerance`. Items without judgements and
    without gold get the prior. Memory: items × labels + workers × labels² numbers.
    """
    if smoothing < 0 or rounds < 1:
        raise ValueError("smoothing is at least 0, rounds at least 1")
    known = _gold(judgements, gold)
    items, workers, labels = judgements.item_count, judgements.worker_count, judgements.label_count
    columns = judgements.workers * labels + judgements.labels
    said = sparse.csr_array(
        (np.ones(len(judgements)), (judgements.items, columns)), shape=(items, workers * labels)
    )
    by_worker = said.T  # column by column: walks over the items in order, which memory likes
    is_told = (judgements.per_item > 0) | (known >= 0)
    sizes = np.maximum(judgements.per_item, 1)[:, None]
    posterior = np.where(sizes > 0, judgements.tally.toarray() / sizes, 0.0)
    _clamp(posterior, known)
    history: list[float] = []
    is_converged = False
    while True:
        prior = _shares(posterior[is_told].sum(axis=0))
        counts = np.maximum(by_worker @ posterior, _LEAST) + smoothing  # (workers · given, true)
        confusion = counts.reshape(workers, labels, labels).transpose(0, 2, 1)
        confusion = confusion / confusion.sum(axis=2, keepdims=True)
        if is_converged or len(history) == rounds:
            break
        logs = np.log(confusion).transpose(0, 2, 1).reshape(workers * labels, labels)
        joint = np.asarray(said @ logs)
        joint += np.log(np.maximum(prior, _LEAST))
        posterior, likelihood = _normalized(joint, known, is_told)
        posterior[~is_told] = prior
        history.append(likelihood)
        is_converged = len(history) > 1 and history[-1] - history[-2] < tolerance
    best = posterior.argmax(axis=1) if labels else np.zeros(items, dtype=np.int64)
    confidence = posterior.max(axis=1) if labels else np.zeros(items)
    return DawidSkene(posterior, best, confidence, prior, confusion, tuple(history), is_converged)


def _clamp(posterior: Floats, known: Ints) -> None:
    fixed = np.flatnonzero(known >= 0)
    posterior[fixed] = 0.0
    posterior[fixed, known[fixed]] = 1.0


def _shares(counts: Floats) -> Floats:
    total = counts.sum()
    return np.asarray(counts / total if total > 0 else np.full(len(counts), 1 / max(len(counts), 1)))


def _normalized(joint: Floats, known: Ints, counted: Bools) -> tuple[Floats, float]:
    """Rows of log probabilities turned into probabilities in place, gold held fast; log likelihood of counted rows."""
    if not joint.size:
        return np.zeros_like(joint), 0.0
    fixed = np.flatnonzero(known >= 0)
    held = joint[fixed, known[fixed]]
    top = joint.max(axis=1, keepdims=True)
    joint -= top  # in place from here on: these arrays are large
    np.exp(joint, out=joint)
    sums = joint.sum(axis=1, keepdims=True)
    logs = (top + np.log(sums)).ravel()
    logs[fixed] = held
    joint /= sums
    _clamp(joint, known)
    return joint, float(logs[counted].sum())


# --- MACE -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Mace:
    """What each item probably is, and whom to trust.

    `posterior` (items, labels), `labels`, `confidence` as in DawidSkene; `competence` (workers,): the share of
    judgements in which a worker looked; `habits` (workers, labels): what one gives without looking.
    """

    posterior: Floats
    labels: Ints
    confidence: Floats
    competence: Floats
    habits: Floats
    log_likelihood: float

    def spammers(self, below: float = 0.3) -> Ints:
        """Workers who look less often than that; for a person to check, not to reject by."""
        return np.flatnonzero(self.competence < below)


def mace(
    judgements: Judgements,
    *,
    seed: int,
    gold: ArrayLike | None = None,
    restarts: int = 10,
    rounds: int = 50,
    smoothing: float | None = None,
) -> Mace:
    """Expectation maximization over "looked and gave the truth" against "gave the habit", the best of restarts.

    Every restart begins from other random parameters; the one with the largest likelihood is kept. Labels are
    equally likely beforehand. `smoothing`: added to every expected count, default 0.1 over the number of
    labels. A worker without judgements keeps the middle: competence 0.5, equal habits.
    """
    labels = max(judgements.label_count, 1)
    added = 0.1 / labels if smoothing is None else smoothing
    if added <= 0 or restarts < 1 or rounds < 1:
        raise ValueError("smoothing is above 0, restarts and rounds at least 1")
    known = _gold(judgements, gold)
    counts = np.bincount(judgements.workers, minlength=judgements.worker_count).astype(np.float64)
    draws = np.random.default_rng(seed)
    best: tuple[float, Floats, Floats, Floats] | None = None
    for _restart in range(restarts):
        competence = draws.uniform(0.5, 1.0, judgements.worker_count)
        habits = np.maximum(draws.dirichlet(np.ones(labels), judgements.worker_count), _LEAST)
        for _round in range(rounds):
            _posterior, copied, _likelihood = _mace_expected(judgements, known, competence, habits)
            looked = np.bincount(judgements.workers, weights=copied, minlength=len(counts))
            competence = (looked + added) / (counts + 2 * added)
            cells = judgements.workers * labels + judgements.labels
            guessed = np.bincount(cells, weights=1 - copied, minlength=len(counts) * labels)
            habits = guessed.reshape(-1, labels) + added
            habits /= habits.sum(axis=1, keepdims=True)
        posterior, _copied, likelihood = _mace_expected(judgements, known, competence, habits)
        if best is None or likelihood > best[0]:
            best = (likelihood, posterior, competence, habits)
    assert best is not None
    likelihood, posterior, competence, habits = best
    return Mace(posterior, posterior.argmax(axis=1), posterior.max(axis=1), competence, habits, likelihood)


def _mace_expected(
    judgements: Judgements, known: Ints, competence: Floats, habits: Floats
) -> tuple[Floats, Floats, float]:
    """Posterior of the items, probability that each judgement was looked at, log likelihood."""
    items, labels = judgements.item_count, habits.shape[1]
    trust = competence[judgements.workers]
    blind = (1 - trust) * habits[judgements.workers, judgements.labels]
    base = np.bincount(judgements.items, weights=np.log(blind), minlength=items)
    cells = judgements.items * labels + judgements.labels
    gain = np.bincount(cells, weights=np.log1p(trust / blind), minlength=items * labels)
    joint = base[:, None] + gain.reshape(items, labels) - math.log(labels)
    posterior, likelihood = _normalized(np.asarray(joint), known, np.ones(items, dtype=np.bool_))
    is_true = posterior[judgements.items, judgements.labels]
    return posterior, is_true * trust / (trust + blind), likelihood


def entropy(posterior: Floats) -> Floats:
    """How unsure each item still is, in bits, shape (items,): which to have judged once more."""
    return np.asarray(special.entr(posterior).sum(axis=1) / math.log(2))


# --- boxes ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BoxConsensus:
    """A box on which annotators agree: (x, y, width, height), who marked it, and how closely they agree.

    `members`: places in the input; `support`: share of all annotators; `mean_iou`: of the members with the box.
    """

    box: tuple[float, float, float, float]
    label: Hashable
    members: tuple[int, ...]
    support: float
    mean_iou: float


def fused_boxes(
    boxes: ArrayLike,
    annotators: Sequence[Hashable],
    labels: Sequence[Hashable],
    *,
    annotator_count: int,
    threshold: float = 0.5,
    quorum: float = 0.5,
    weights: Mapping[Hashable, float] | None = None,
    by_median: bool = False,
) -> list[BoxConsensus]:
    """Boxes of one image by several annotators, upright, fused where they lie on one another.

    A box joins the group of its label that it overlaps most, at `threshold` or more, and that holds none of
    the same annotator; groups of at least `quorum` of the annotators (share) remain. The fused box is the mean
    of the members' edges weighted by annotator (`weights`, default 1), or their median. The outcome does not
    depend on the order of the input. Sorted by support, then place.
    """
    rows = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    if not len(rows) == len(annotators) == len(labels) or len(set(annotators)) > annotator_count:
        raise ValueError("one annotator and one label a box, and no more annotators than there are")
    edges = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:]], axis=1)
    weigh = [1.0 if weights is None else weights.get(each, 1.0) for each in annotators]
    # The boxes most alike to those of other annotators found the groups.
    likeness = _likeness(rows, annotators, labels)
    order = sorted(
        range(len(rows)),
        key=lambda n: (-weigh[n], -likeness[n], str(labels[n]), *rows[n], str(annotators[n])),
    )
    groups: list[list[int]] = []
    fused: list[Floats] = []
    for place in order:
        best, closest = -1, threshold
        for number, members in enumerate(groups):
            if labels[members[0]] != labels[place] or annotators[place] in {annotators[n] for n in members}:
                continue
            iou = _edge_iou(fused[number], edges[place])
            if iou >= closest and (best < 0 or iou > closest):
                best, closest = number, iou
        if best < 0:
            groups.append([place])
            fused.append(edges[place])
        else:
            groups[best].append(place)
            fused[best] = _fused(edges[groups[best]], [weigh[n] for n in groups[best]], by_median=by_median)
    found = [
        BoxConsensus(
            (float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])),
            labels[members[0]],
            tuple(sorted(members)),
            len(members) / annotator_count,
            float(np.mean([_edge_iou(box, edges[n]) for n in members])),
        )
        for members, box in zip(groups, fused, strict=True)
        if len(members) >= quorum * annotator_count - 1e-9
    ]
    return sorted(found, key=lambda each: (-each.support, each.box, str(each.label)))


def _likeness(rows: Floats, annotators: Sequence[Hashable], labels: Sequence[Hashable]) -> Floats:
    """Each box's summed IoU with those of the same label by others, to 12 digits."""
    iou = box_iou(rows, rows)
    for one in range(len(rows)):
        for other in range(len(rows)):
            if annotators[one] == annotators[other] or labels[one] != labels[other]:
                iou[one, other] = 0.0
    return np.asarray(np.round(np.sort(iou, axis=1).sum(axis=1), 12))


def _edge_iou(one: Floats, other: Floats) -> float:
    return float(box_iou([[*one[:2], *(one[2:] - one[:2])]], [[*other[:2], *(other[2:] - other[:2])]])[0, 0])


def _fused(edges: Floats, weights: Sequence[float], *, by_median: bool) -> Floats:
    return np.asarray(np.median(edges, axis=0) if by_median else np.average(edges, axis=0, weights=weights))


def medoid(iou: Floats) -> int:
    """The shape most like all others, from their square matrix of IoU; the first of equals.

    For turned boxes and polygons, of which no mean can be drawn.
    """
    if iou.ndim != 2 or iou.shape[0] != iou.shape[1] or not len(iou):
        raise ValueError("a square matrix with at least one shape")
    return int(np.argmax(np.round(iou.sum(axis=1), 12)))


# --- spans ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Marks:
    """The characters that one annotator put under one label, and those at which a span begins."""

    covered: set[int]
    begun: set[int]

    def add(self, start: int, end: int) -> None:
        self.covered.update(range(start, end))
        self.begun.add(start)


def voted_spans(
    answers: Sequence[Iterable[Span]], *, quorum: float = 0.5
) -> list[tuple[int, int, Hashable, float]]:
    """Spans of (start, end, label) by several annotators, voted on character by character.

    A character is under a label when more than `quorum` of the annotators (share) put it there. Stretches of
    such characters are spans, cut where more than `quorum` begin a span. Each with its support: the mean share
    of annotators over its characters. In order of start, end, label.
    """
    count = len(answers)
    if not count:
        return []
    covers: dict[Hashable, list[_Marks]] = {}
    for answer in answers:
        mine: dict[Hashable, _Marks] = {}
        for start, end, label in answer:
            if not 0 <= start < end:
                raise ValueError("a span starts at 0 or later and ends after its start")
            mine.setdefault(label, _Marks(set(), set())).add(start, end)
        for label, marks in mine.items():
            covers.setdefault(label, []).append(marks)
    found: list[tuple[int, int, Hashable, float]] = []
    for label, every in covers.items():
        length = max(max(marks.covered) for marks in every) + 1
        votes, begins = np.zeros(length), np.zeros(length)
        for marks in every:
            votes[list(marks.covered)] += 1
            begins[list(marks.begun)] += 1
        inside = votes > quorum * count + 1e-9
        opens = inside & (~np.concatenate(([False], inside[:-1])) | (begins > quorum * count + 1e-9))
        starts = [*np.flatnonzero(opens), length]
        for start, following in pairwise(starts):
            end = int(start) + int(np.argmin(np.concatenate((inside[start:following], [False]))))
            found.append((int(start), end, label, float(votes[start:end].mean()) / count))
    return sorted(found, key=lambda span: (span[0], span[1], str(span[2])))
