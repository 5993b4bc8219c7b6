"""Side-by-side measurements: every figure is a ratio against a named peer in the same run.

A measurement is a module here with a function `measure() -> Iterable[Row]`. `make bench` runs them
all on durable private servers with an empty, migrated database; `make bench ONLY=ledger` runs one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table. `ours` and `peer_figure` share the unit."""

    work: str
    ours: float
    unit: str
    peer: str
    peer_figure: float
    bar: float
    larger_is_better: bool = True

    @property
    def ratio(self) -> float:
        """Ours against the peer, in the direction in which 1 is as good as the peer and more is better."""
        ratio = self.ours / self.peer_figure
        return ratio if self.larger_is_better else 1 / ratio

    @property
    def is_reached(self) -> bool:
        """Whether the bar is reached; the bar is a ratio too."""
        return self.ratio >= self.bar


def median_seconds(work: Callable[[], object], *, times: int = 5) -> float:
    """The median duration of the work, in seconds."""
    durations = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        durations.append(time.perf_counter() - begun)
    return statistics.median(durations)
