"""Who judged what, and how: three parallel arrays of small numbers."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Judgements:
    """`workers[n]` gave `items[n]` the label with code `labels[n]`; a pair not listed is a missing value.

    Shapes: three arrays of one length; codes from 0 below the counts. Ordinal measures read the order of the
    labels from their codes. ValueError: other lengths, a code out of range, or one worker twice on one item.
    """

    items: Ints
    workers: Ints
    labels: Ints
    item_count: int
    worker_count: int
    label_count: int

    @classmethod
    def of(
        cls,
        items: ArrayLike,
        workers: ArrayLike,
        labels: ArrayLike,
        *,
        item_count: int | None = None,
        worker_count: int | None = None,
        label_count: int | None = None,
    ) -> Self:
        """Checked judgements; a count not given is the largest code plus one."""
        columns = [np.ascontiguousarray(each, dtype=np.int64) for each in (items, workers, labels)]
        counts = [item_count, worker_count, label_count]
        for place, (column, name) in enumerate(zip(columns, ("items", "workers", "labels"), strict=True)):
            if column.ndim != 1 or len(column) != len(columns[0]):
                raise ValueError(f"{name} must be one-dimensional and as long as the others")
            top = int(column.max()) + 1 if len(column) else 0
            given = counts[place]
            counts[place] = top if given is None else given
            if (len(column) and column.min() < 0) or (given is not None and top > given):
                raise ValueError(f"{name} hold a code out of range")
        made = cls(columns[0], columns[1], columns[2], *(count or 0 for count in counts))
        keys = made.items * max(made.worker_count, 1) + made.workers
        keys.sort()
        if (keys[1:] == keys[:-1]).any():
            raise ValueError("one worker judged one item twice; keep the judgement that counts")
        return made

    @classmethod
    def from_rows(
        cls, rows: Iterable[tuple[Hashable, Hashable, Hashable]], *, labels: Sequence[Hashable] | None = None
    ) -> tuple[Self, tuple[list[Any], list[Any], list[Any]]]:
        """Judgements of (item, worker, label) names, and the names by code.

        Items and workers are numbered as they come; labels too, or as `labels` orders them (KeyError for
        one that is not there).
        """
        books: tuple[dict[Any, int], dict[Any, int], dict[Any, int]] = ({}, {}, {})
        if labels is not None:
            books[2].update({label: code for code, label in enumerate(labels)})
        columns: tuple[list[int], list[int], list[int]] = ([], [], [])
        for row in rows:
            for name, book, column, is_closed in zip(
                row, books, columns, (False, False, labels is not None), strict=True
            ):
                column.append(book[name] if is_closed else book.setdefault(name, len(book)))
        counts = [len(book) for book in books]
        made = cls.of(*columns, item_count=counts[0], worker_count=counts[1], label_count=counts[2])
        return made, (list(books[0]), list(books[1]), list(books[2]))

    def __len__(self) -> int:
        return len(self.items)

    def chosen(self, which: Bools) -> Judgements:
        """Those judgements, all codes and counts as before. `which`: one truth value a judgement."""
        return Judgements(
            self.items[which], self.workers[which], self.labels[which],
            self.item_count, self.worker_count, self.label_count,
        )  # fmt: skip

    @cached_property
    def per_item(self) -> Ints:
        """How many judgements each item has, shape (items,)."""
        return np.bincount(self.items, minlength=self.item_count)

    @cached_property
    def tally(self) -> sparse.csr_array:
        """How often each item got each label: sparse, shape (items, labels)."""
        shape = (self.item_count, self.label_count)
        return sparse.csr_array((np.ones(len(self)), (self.items, self.labels)), shape=shape)
