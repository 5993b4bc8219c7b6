"""The files of an import as the readers walk them: plain files, entries of zips, Parquet as lines, objects of a bucket.

Only plain files and zips lie on disk; an entry is expanded while it is read. Nothing is unpacked under a name
that came in. A Parquet table appears as `name.parquet.jsonl`, one JSON object a row.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import duckdb
from django.utils.translation import gettext as _

from annotation.labelstudio.importing import Report
from annotation.labelstudio.importing.found import WHOLE_LIMIT, Size, ending, is_safe
from annotation.projects.rules import FILE_LIMIT
from kernel.columnar import columnar

ARCHIVE_ENTRIES, ARCHIVE_RATIO, ARCHIVE_SMALL = 200_000, 200, 100 * 1024**2
LONGEST_LINE = 8 * 1024**2
ROWS_AT_ONCE = 1_000
NESTED = (".zip", ".gz", ".tar", ".7z", ".rar", ".bz2", ".xz")
IMAGE_ENDINGS = ("png", "jpg", "jpeg")
TABLE = ".parquet"
LINES = ".jsonl"
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file's bytes are: a path, an entry of a zip, or a call that fetches them."""

    size: int
    path: Path | None = None
    entry: str = ""
    fetch: Callable[[], bytes] | None = None


@dataclass
class Folder:
    """The files of one import. `report` takes faults of whole files; `on_read` hears of bytes of lines read."""

    root: Path
    report: Report
    allowance: int
    sizes: Mapping[str, Size] = field(default_factory=dict)
    on_read: Callable[[int], None] = lambda _count: None

    def __post_init__(self) -> None:
        self._places: dict[str, _Place] = {}
        self._zips: dict[Path, zipfile.ZipFile] = {}
        self._sorted: list[str] | None = None

    def close(self) -> None:
        for each in self._zips.values():
            each.close()

    # --- filling ------------------------------------------------------------------------------------

    def add(self, name: str, path: Path) -> None:
        """A file on disk; a zip gives its entries."""
        if ending(name) == "zip":
            self._add_archive(name, path)
        else:
            self._place(name, _Place(path.stat().st_size, path=path))

    def add_remote(self, name: str, size: int, fetch: Callable[[], bytes]) -> None:
        """A file that is fetched when it is asked for."""
        self._place(name, _Place(size, fetch=fetch))

    def _place(self, name: str, place: _Place) -> None:
        parts = name.split("/")
        if not is_safe(name) or len(name) > 400:
            self.report.refuse(name[:100], 0, "unsafe_path", _("路径过长，或含有“..”等，请改名后再传。"))
        elif any(part.startswith(".") or part == "__MACOSX" for part in parts):
            return  # what systems leave in folders
        elif name in self._places:
            self.report.refuse(name, 0, "path_twice", _("有两个同名的文件，请改名或放在不同的文件夹里。"))
        else:
            self._places[name], self._sorted = place, None

    def _add_archive(self, name: str, path: Path) -> None:
        try:
            archive = zipfile.ZipFile(path)
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError):
            self.report.refuse(name, 0, "zip_broken", _("不是完好的 zip 文件，请重新压缩后再传。"))
            return
        expanded, packed = sum(e.file_size for e in entries), sum(e.compress_size for e in entries)
        limit = min(self.allowance, max(ARCHIVE_SMALL, packed * ARCHIVE_RATIO))
        if len(entries) > ARCHIVE_ENTRIES or expanded > limit:
            words = _("解开后过大，或文件超过 %(count)s 个，请分成几次导入。")
            self.report.refuse(name, 0, "zip_too_large", words % {"count": f"{ARCHIVE_ENTRIES:,}"})
        elif any(entry.flag_bits & 0x1 for entry in entries):
            self.report.refuse(name, 0, "zip_encrypted", _("有密码，无法读取，请去掉密码再传。"))
        else:
            self.allowance -= expanded
            self._zips[path] = archive
            for entry in entries:
                if entry.filename.lower().endswith(NESTED):
                    words = _("压缩包里的压缩包不会解开，请先解压。")
                    self.report.refuse(f"{name}/{entry.filename}"[:300], 0, "zip_nested", words)
                else:
                    self._place(entry.filename, _Place(entry.file_size, path=path, entry=entry.filename))
            return
        archive.close()

    # --- reading (the protocol of annotation.labelstudio.importing) -----------------------------------

    def names(self) -> Sequence[str]:
        if self._sorted is None:
            self._sorted = sorted(
                name + LINES if name.lower().endswith(TABLE) else name for name in self._places
            )
        return self._sorted

    def images(self) -> list[str]:
        return [name for name in self.names() if ending(name) in IMAGE_ENDINGS]

    def length(self, name: str) -> int:
        return self._of(name).size

    def total(self) -> int:
        """Bytes of all files that are read line by line or as a whole."""
        return sum(self.length(name) for name in self.names() if ending(name) not in IMAGE_ENDINGS)

    def whole(self, name: str) -> bytes:
        body = self._bytes(name, WHOLE_LIMIT)
        self.on_read(len(body))
        return body

    def image(self, name: str) -> bytes:
        """The bytes of an image, one more than allowed at most."""
        return self._bytes(name, FILE_LIMIT + 1)

    def lines(self, name: str) -> Iterator[bytes]:
        place = self._of(name)
        if place.path is not None and name.endswith(TABLE + LINES):
            yield from self._rows(name.removesuffix(LINES), place.path)
            return
        try:
            with self._open(place) as file:
                yield from self._lines(file)
        except _BROKEN:
            self.report.refuse(name, 0, "zip_broken", _("这个文件在压缩包中已损坏，请重新压缩后再传。"))

    def _lines(self, file: IO[bytes]) -> Iterator[bytes]:
        while line := file.readline(LONGEST_LINE):
            self.on_read(len(line))
            is_cut = len(line) == LONGEST_LINE and not line.endswith(b"\n")
            yield line.rstrip(b"\n")
            while is_cut:  # a line without end is a fault where it begins; its rest says nothing
                rest = file.readline(LONGEST_LINE)
                is_cut = bool(rest) and not rest.endswith(b"\n")

    def _of(self, name: str) -> _Place:
        return self._places[name.removesuffix(LINES) if name.endswith(TABLE + LINES) else name]

    def _bytes(self, name: str, most: int) -> bytes:
        place = self._of(name)
        if place.fetch is not None:
            return place.fetch()[:most]
        try:
            with self._open(place) as file:
                return file.read(most)
        except _BROKEN:
            return b""

    def _open(self, place: _Place) -> IO[bytes]:
        if place.fetch is not None:
            import io

            return io.BytesIO(place.fetch())
        assert place.path is not None
        return self._zips[place.path].open(place.entry) if place.entry else place.path.open("rb")

    def _rows(self, name: str, path: Path) -> Iterator[bytes]:
        """The rows of a Parquet table as JSON objects; a table in a zip is expanded into the folder first."""
        place = self._places[name]
        if place.entry:
            path = self.root / "table.parquet"
            with self._open(place) as packed, path.open("wb") as out:
                while chunk := packed.read(1 << 20):
                    out.write(chunk)
        try:
            with columnar(memory="256MB") as base:
                rows = base.execute("SELECT CAST(to_json(t) AS VARCHAR) FROM read_parquet(?) t", [str(path)])
                while chunk_ := rows.fetchmany(ROWS_AT_ONCE):
                    for (row,) in chunk_:
                        self.on_read(len(row))
                        yield row.encode()
        except duckdb.Error:
            self.report.refuse(name, 0, "parquet_broken", _("不是完好的 Parquet 文件，请重新导出后再传。"))
