"""Hashing a folder for a push and building its manifest, against `sha256sum` on the same files in the same run.

The files lie in the page cache for both. `sha256sum` runs as a person would run it: as many processes as there are
processors, over batches of files.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from assets.datasets.rules import Entry, manifest, read_manifest
from benchmarks import Row, median_seconds
from config.pushing import KnownHashes, hash_all, walk

SETS = (
    ("10,000 files of 4 KiB", 10_000, 4 << 10),
    ("500 files of 1 MiB", 500, 1 << 20),
    ("4 files of 256 MiB", 4, 256 << 20),
)


def _fill(folder: Path, count: int, size: int) -> None:
    block = os.urandom(min(size, 1 << 20))
    for number in range(count):
        place = folder / f"{number % 100:02d}" / f"{number:06d}.bin"
        place.parent.mkdir(exist_ok=True)
        with place.open("wb") as file:
            file.write(number.to_bytes(8, "big"))
            for at in range(8, size, len(block)):
                file.write(block[: size - at])


def ours(folder: Path) -> bytes:
    """Walk, hash, build the canonical manifest: what a push does before it sends anything."""
    files, _skipped = walk(folder)
    hashed = hash_all(files, KnownHashes(folder))
    return manifest(Entry(file.path, file.size, file.sha256) for file in hashed)


def theirs(folder: Path) -> bytes:
    """`find | xargs -P sha256sum`."""
    at_once = os.cpu_count() or 2
    batch = max(1, min(256, sum(len(files) for _place, _folders, files in os.walk(folder)) // at_once))
    command = f"find . -type f -print0 | xargs -0 -n {batch} -P {at_once} sha256sum"
    return subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, check=True).stdout


def measure() -> Iterable[Row]:
    """Megabytes a second of each set; first both are checked to find the same hashes."""
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()  # no hash is known beforehand
    for name, count, size in SETS:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            _fill(folder, count, size)
            lines = (line.split("  ./", 1) for line in theirs(folder).decode().splitlines())
            told = {path: sha256 for sha256, path in lines}
            assert {entry.path: entry.sha256 for entry in read_manifest(ours(folder))} == told
            megabytes = count * size / 1e6
            yield Row(
                f"manifest of {name}",
                megabytes / median_seconds(lambda folder=folder: ours(folder), times=5),  # type: ignore[misc]
                "MB/s",
                "sha256sum, all processors",
                megabytes / median_seconds(lambda folder=folder: theirs(folder), times=5),  # type: ignore[misc]
                0.8,
            )
