"""Archives whose bytes follow from their content alone: fixed dates, fixed order, safe paths."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from assets.datasets.rules import is_safe_path

_DATE = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Part:
    """One file of an archive, its bytes made when they are read; `is_packed`: pack it (images are packed already)."""

    path: str
    chunks: Iterable[bytes]
    is_packed: bool = True


def text_part(path: str, text: str) -> Part:
    """A small text file."""
    return Part(path, [text.encode()])


def write_zip(parts: Iterable[Part], target: IO[bytes]) -> None:
    """Write the parts in the given order; a path that leads out or stands twice is a mistake of the writer."""
    seen: set[str] = set()
    with zipfile.ZipFile(target, "w", allowZip64=True) as archive:
        for part in parts:
            assert is_safe_path(part.path), f"unsafe path {part.path}"
            assert part.path not in seen, f"{part.path} stands twice"
            seen.add(part.path)
            entry = zipfile.ZipInfo(part.path, date_time=_DATE)
            entry.create_system, entry.external_attr = 3, _READABLE
            entry.compress_type = zipfile.ZIP_DEFLATED if part.is_packed else zipfile.ZIP_STORED
            entry._compresslevel = _LEVEL  # type: ignore[attr-defined]
            with archive.open(entry, "w", force_zip64=True) as file:
                for chunk in part.chunks:
                    file.write(chunk)


def stems(paths: Iterable[str]) -> dict[str, str]:
    """A path without its ending for every image, unique though two differ in the ending only.

    Formats that pair `a/1.jpg` with `a/1.txt` cannot tell it from `a/1.png`; the later one becomes `a/1_png`.
    """
    taken: set[str] = set()
    found: dict[str, str] = {}
    for path in paths:
        pure = PurePosixPath(path)
        stem = str(pure.with_suffix(""))
        if stem in taken:
            stem = f"{stem}_{pure.suffix[1:]}"
        while stem in taken:
            stem += "_"
        taken.add(stem)
        found[path] = stem
    return found


def joined(lines: Iterable[str], *, size: int = 1 << 16) -> Iterator[bytes]:
    """Text in pieces of about `size` characters as UTF-8, so that small writes do not add up."""
    held: list[str] = []
    length = 0
    for line in lines:
        held.append(line)
        length += len(line)
        if length >= size:
            yield "".join(held).encode()
            held, length = [], 0
    if held:
        yield "".join(held).encode()
