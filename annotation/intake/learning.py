"""A small text classifier of our own: multinomial logistic regression over characters and their pairs.

Features are hashed into 32,768 places, damped by the logarithm and brought to length one; the weights minimise the
cross-entropy with an L2 penalty by L-BFGS (scipy). Same texts and labels give the same weights. Made to be a helpful
first guess from a few dozen accepted texts in a second, not to be the best model.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

PLACES = 1 << 15
LEAST_EXAMPLES, MOST_EXAMPLES, LONGEST_TEXT = 10, 20_000, 2_000
PENALTY = 1e-4
STEPS = 200
_MIX = np.uint64(0x9E37_79B9_7F4A_7C15)

Weights = NDArray[np.float64]


class NotEnoughToLearn(Exception):
    """Too few texts, or all of one label."""


@dataclass(frozen=True, slots=True)
class Guess:
    """The likeliest label and its probability."""

    label: str
    score: float


@dataclass(frozen=True)
class TextClassifier:
    """A trained model: for each label the weight of each place, and its bias."""

    labels: tuple[str, ...]
    weights: Weights
    bias: Weights

    def guesses(self, texts: Sequence[str]) -> list[Guess]:
        if not texts:
            return []
        shares = _softmax(features(texts) @ self.weights.T + self.bias)
        best = shares.argmax(axis=1)
        return [Guess(self.labels[int(n)], float(shares[row, n])) for row, n in enumerate(best)]

    def to_bytes(self) -> bytes:
        out = io.BytesIO()
        labels = np.array(self.labels, dtype=np.str_)
        np.savez_compressed(out, labels=labels, weights=self.weights.astype(np.float32), bias=self.bias)
        return out.getvalue()

    @classmethod
    def from_bytes(cls, body: bytes) -> TextClassifier:
        with np.load(io.BytesIO(body), allow_pickle=False) as told:
            labels = tuple(str(each) for each in told["labels"])
            return cls(labels, told["weights"].astype(np.float64), told["bias"].astype(np.float64))


def features(texts: Sequence[str]) -> Any:
    """One sparse row a text."""
    places: list[NDArray[np.int64]] = []
    values: list[Weights] = []
    ends = [0]
    for text in texts:
        plain = "".join(unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).casefold().split())
        points = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
        pairs = points[:-1] * np.uint64(0x11_0000) + points[1:] if len(points) > 1 else points[:0]
        hashed = np.concatenate([points, pairs]) * _MIX
        place, count = np.unique((hashed >> np.uint64(49)).astype(np.int64), return_counts=True)
        value = np.log1p(count.astype(np.float64))
        length = float(np.sqrt((value * value).sum())) or 1.0
        places.append(place)
        values.append(value / length)
        ends.append(ends[-1] + len(place))
    return csr_matrix((np.concatenate(values), np.concatenate(places), ends), shape=(len(texts), PLACES))


def _softmax(scores: Weights) -> Weights:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Weights = raised / raised.sum(axis=1, keepdims=True)
    return found


def learnt(texts: Sequence[str], labels: Sequence[str]) -> TextClassifier:
    """The classifier that fits these labels. Raises NotEnoughToLearn."""
    names = tuple(sorted(set(labels)))
    if len(texts) < LEAST_EXAMPLES or len(names) < 2:
        raise NotEnoughToLearn
    rows = features(texts)
    wanted = np.zeros((len(texts), len(names)))
    wanted[np.arange(len(texts)), [names.index(label) for label in labels]] = 1.0
    size = len(names) * PLACES

    def cost(flat: Weights) -> tuple[float, Weights]:
        weights, bias = flat[:size].reshape(len(names), PLACES), flat[size:]
        shares = _softmax(rows @ weights.T + bias)
        loss = -float((wanted * np.log(np.maximum(shares, 1e-300))).sum()) / len(texts)
        loss += PENALTY / 2 * float((weights * weights).sum())
        missed = (shares - wanted) / len(texts)
        slope = (rows.T @ missed).T + PENALTY * weights
        return loss, np.concatenate([slope.ravel(), missed.sum(axis=0)])

    found = minimize(
        cost, np.zeros(size + len(names)), jac=True, method="L-BFGS-B", options={"maxiter": STEPS}
    ).x
    return TextClassifier(names, found[:size].reshape(len(names), PLACES), found[size:])
