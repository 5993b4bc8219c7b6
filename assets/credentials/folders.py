"""A folder of data to be checked, whether it lies on a disk or in a zip. Nothing here touches Django."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

MANIFEST_NAME = "manifest.json"
LARGEST_DIRECTORY = 8 * 1024 * 1024
"""Bytes of a zip's own directory, where its size is limited at all: some hundred thousand files."""
_END, _END_64, _END_LENGTH, _LONGEST_COMMENT = b"PK\x05\x06", b"PK\x06\x07", 22, 65_535
NO_ZIP = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError, ValueError
)  # fmt: skip
"""What reading a broken or hostile zip may raise."""


class Unreadable(ValueError):
    """What was handed in is nothing that can be checked."""


class TooLarge(Unreadable):
    """The zip opens to more than may be looked through."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Some files by path below their common root (`/` between parts), and how to open one."""

    sizes: Mapping[str, int]
    open: Callable[[str], BinaryIO]

    def read(self, path: str, limit: int) -> bytes:
        """The first `limit` bytes of a file."""
        with self.open(path) as file:
            return file.read(limit)


class Bounded(io.RawIOBase):
    """A file of a zip that never gives more bytes than the zip's directory promised."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = -1) -> bytes:
        found = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(found)
        return found


def disk_folder(root: Path) -> Folder:
    """Every regular file below a directory; links are not followed."""
    sizes = {}
    for place, _folders, names in os.walk(root):
        for name in names:
            path = Path(place) / name
            if path.is_file() and not path.is_symlink():
                sizes[path.relative_to(root).as_posix()] = path.stat().st_size
    return Folder(sizes, lambda path: (root / path).open("rb"))


def _directory_size(file: IO[bytes]) -> int:
    """What the end of a zip says of its directory; a 64-bit one counts as beyond measure."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - _END_LENGTH - _LONGEST_COMMENT - 20))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(_END)
    if at < 0 or at + _END_LENGTH > len(tail):
        raise Unreadable("not a zip")
    if tail[max(0, at - 20) : at].startswith(_END_64):
        return LARGEST_DIRECTORY + 1
    return int.from_bytes(tail[at + 12 : at + 16], "little")


def zip_folder(file: IO[bytes], largest: int | None = None) -> Folder:
    """The files of a zip below their common root.

    Unreadable when it is no zip, TooLarge when its files come to more than `largest` bytes together (or its
    directory alone is beyond measure, which is found before it is read).
    """
    if largest is not None and _directory_size(file) > LARGEST_DIRECTORY:
        raise TooLarge("too large")
    try:
        archive = zipfile.ZipFile(file)
        names = {info.filename: info for info in archive.infolist() if not info.is_dir()}
    except NO_ZIP as error:
        raise Unreadable("not a zip") from error
    if largest is not None and sum(info.file_size for info in names.values()) > largest:
        raise TooLarge("too large")
    heads = {name.partition("/")[0] for name in names}
    has_root = MANIFEST_NAME not in names and len(heads) == 1 and all("/" in name for name in names)
    prefix = f"{next(iter(heads))}/" if has_root else ""

    def opened(path: str) -> BinaryIO:
        info = names[prefix + path]
        return cast(BinaryIO, Bounded(archive.open(info), info.file_size))

    return Folder({name.removeprefix(prefix): info.file_size for name, info in names.items()}, opened)
