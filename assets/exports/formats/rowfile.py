"""The rows of a version read from a file on disk, again and again, holding only where each image's rows begin."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from assets.exports.formats.rows import AnnotatedRow, Picture, Size, read_row

Fetch = Callable[[str], Iterator[bytes] | None]


def _nothing(_count: int) -> None:
    return None


@dataclass(slots=True)
class RowFile:
    """A `Source` over a file of JSON lines.

    `fetch`: the bytes of a raw file by path, None when the files stay out; `advance` is told of every row read.
    """

    path: Path
    title: str
    classes: Sequence[str] = ()
    sizes: Mapping[str, Size] = field(default_factory=dict)
    fetch: Fetch | None = None
    advance: Callable[[int], None] = _nothing
    _places: dict[str, list[int]] | None = None

    def _read(self, line: bytes) -> AnnotatedRow:
        raw = json.loads(line)
        self.advance(1)
        return read_row(raw, self.sizes.get(str(raw["item"])))

    def rows(self) -> Iterator[AnnotatedRow]:
        with self.path.open("rb") as lines:
            for line in lines:
                yield self._read(line)

    def _index(self) -> dict[str, list[int]]:
        """Where the rows of each image begin, by path."""
        found: dict[str, list[int]] = {}
        place = 0
        with self.path.open("rb") as lines:
            for line in lines:
                found.setdefault(str(json.loads(line)["item"]), []).append(place)
                place += len(line)
        return {path: found[path] for path in sorted(found, key=str.encode)}

    def pictures(self) -> Iterator[Picture]:
        if self._places is None:
            self._places = self._index()
        with self.path.open("rb") as lines:
            for path, places in self._places.items():
                rows = []
                for place in places:
                    lines.seek(place)
                    rows.append(self._read(lines.readline()))
                yield Picture(path, tuple(rows))

    def bytes_of(self, path: str) -> Iterator[bytes] | None:
        return self.fetch(path) if self.fetch is not None else None
