"""Reading single rows of a version's tables out of the store, for the firm's own viewer.

A place in a table is the byte at which its row begins, so that any page of a table of any size is as near
as the first. What is read at once is limited; a row that is longer is shown as unreadable.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from django.conf import settings
from django.db.models import Q

from assets.datasets.models import DatasetFile, DatasetVersion
from assets.profiles.rules.facts import MOST_COLUMNS
from documents import objects
from kernel.columnar import columnar
from kernel.wording import listed

PAGE_ROWS = 20
_CHUNK = 256 * 1024
_LONGEST_RECORD = 4 * 1024 * 1024
_SHOWN_COLUMNS = 12
_SEPARATORS = (",", "\t", ";", "|")
PARQUET = ".parquet"
LARGEST_PARQUET = 256 * 1024 * 1024
"""Bytes of a Parquet table that is leafed through: each page fetches it whole."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: the byte at which it begins and its members; `is_broken` when it could not be read."""

    at: int
    values: dict[str, Any]
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class RowsPage:
    """Some rows of a table; `after` is the place of the next page, empty at the end."""

    headers: list[str]
    rows: list[TableRow]
    after: str
    before: str = ""

    @property
    def items(self) -> list[TableRow]:
        """The rows, under the name by which the paging component counts them."""
        return self.rows


def viewable_tables(version: DatasetVersion) -> list[DatasetFile]:
    """The tables that can be leafed through, by path; at most a hundred of them."""
    lines = Q(path__iregex=r"\.(csv|tsv|jsonl|ndjson)$")
    parquet = Q(path__iendswith=PARQUET, size__lte=LARGEST_PARQUET)
    return list(version.files.filter(lines | parquet).order_by("path")[:100])


def too_large(version: DatasetVersion) -> str:
    """The Parquet tables that are too large to be leafed through, in words; empty for none."""
    rows = version.files.filter(path__iendswith=PARQUET, size__gt=LARGEST_PARQUET).order_by("path")
    return listed(rows.values_list("path", flat=True)[:5])


class _Lines:
    """The lines of an object from one byte on; `position` is the byte after the last one given."""

    def __init__(self, key: str, position: int, size: int) -> None:
        self.key, self.position, self.size = key, position, size
        self._pending, self._fetched = b"", position
        self._limit = position + _LONGEST_RECORD

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while b"\n" not in self._pending and self._fetched < min(self.size, self._limit + _CHUNK):
            self._fetch()
        if not self._pending or self.position > self._limit:
            raise StopIteration
        line, newline, self._pending = self._pending.partition(b"\n")
        self.position += len(line) + len(newline)
        return (line + newline).decode("utf-8", "replace")

    def _fetch(self) -> None:
        length = min(_CHUNK, self.size - self._fetched)
        response = objects.client().get_object(
            settings.S3_BUCKET, self.key, offset=self._fetched, length=length
        )
        try:
            found = response.read()
        finally:
            response.close()
            response.release_conn()
        self._fetched += len(found) or length
        self._pending += found

    def refresh(self) -> None:
        """Give the next record its own limit."""
        self._limit = self.position + _LONGEST_RECORD


def rows_of(file: DatasetFile, *, at: int = 0, count: int = PAGE_ROWS) -> RowsPage:
    """`count` rows of a table from byte `at` on (0: the first row); a place beyond the end gives no rows.

    In Parquet a place is the number of a row, from 0.
    """
    at = max(at, 0)
    if file.path.lower().endswith(PARQUET):
        return _column_rows(file, at, count)
    if file.path.lower().endswith((".jsonl", ".ndjson")):
        return _object_rows(file, at, count)
    return _separated_rows(file, at, count)


def _column_rows(file: DatasetFile, at: int, count: int) -> RowsPage:
    """Rows of a Parquet table: its bytes pass through a file on disk, only the asked rows through memory."""
    with tempfile.TemporaryDirectory(prefix="qingshu-rows-") as name:
        path = Path(name) / "table.parquet"
        with path.open("wb") as out:
            out.writelines(objects.stream(file.object_key))
        try:
            with columnar(memory="256MB") as base:
                table = base.read_parquet(str(path))
                headers, total = list(table.columns), table.shape[0]
                found = table.limit(count, offset=at).fetchall()
        except duckdb.Error:
            return RowsPage([], [], "")
    rows = [
        TableRow(at + place, dict(zip(headers, map(_plain, cells), strict=True)))
        for place, cells in enumerate(found)
    ]
    after = at + len(rows)
    return RowsPage(headers[:_SHOWN_COLUMNS], rows, str(after) if rows and after < total else "")


def _plain(value: Any) -> Any:
    """A value of a column as JSON has it; bytes are told by their number."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, bytes | bytearray):
        return f"{len(value):,} B"
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value)


def _object_rows(file: DatasetFile, at: int, count: int) -> RowsPage:
    lines = _Lines(file.object_key, min(at, file.size), file.size)
    rows: list[TableRow] = []
    headers: dict[str, None] = {}
    while len(rows) < count:
        lines.refresh()
        begun = lines.position
        line = next(lines, None)
        if line is None:
            break
        if not line.strip():
            continue
        row = _object_row(begun, line)
        headers.update(dict.fromkeys(list(row.values)[:MOST_COLUMNS]))
        rows.append(row)
    return RowsPage(list(headers)[:_SHOWN_COLUMNS], rows, _after(lines, file))


def _object_row(at: int, line: str) -> TableRow:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        found = None
    return TableRow(at, found) if isinstance(found, dict) else TableRow(at, {}, is_broken=True)


def _separated_rows(file: DatasetFile, at: int, count: int) -> RowsPage:
    lines = _Lines(file.object_key, 0, file.size)
    first = next(lines, "").lstrip("\ufeff")
    separator = max(_SEPARATORS, key=first.count)
    headers = next(csv.reader([first], delimiter=separator), [])
    if at > lines.position:
        lines = _Lines(file.object_key, min(at, file.size), file.size)
    rows: list[TableRow] = []
    while len(rows) < count:
        lines.refresh()
        begun = lines.position
        try:
            cells = next(csv.reader(lines, delimiter=separator), None)
        except csv.Error:
            rows.append(TableRow(begun, {}, is_broken=True))
            continue
        if cells is None:
            break
        if cells:
            told = dict(zip(headers, cells, strict=False))
            rows.append(TableRow(begun, told, is_broken=len(cells) != len(headers)))
    return RowsPage(headers[:_SHOWN_COLUMNS], rows, _after(lines, file))


def _after(lines: _Lines, file: DatasetFile) -> str:
    return str(lines.position) if lines.position < file.size else ""


def beginning_of(file: DatasetFile, *, most: int = 64 * 1024) -> str:
    """The first characters of a text file."""
    if not file.size:
        return ""
    response = objects.client().get_object(
        settings.S3_BUCKET, file.object_key, offset=0, length=min(most, file.size)
    )
    try:
        body: bytes = response.read()
    finally:
        response.close()
        response.release_conn()
    return body.decode("utf-8", "ignore")


def picture_link(file: DatasetFile) -> str:
    """A short-lived link to show an image of the version inside the page."""
    name = file.path.rpartition("/")[2]
    return objects.signed_link(file.object_key, file_name=name, media_type=file.media_type, inline=True)
