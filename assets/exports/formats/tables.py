"""Tables of a firm's own files as one table, read and written by DuckDB without holding it in memory.

Cells of CSV are text; a column becomes a number, a date or a yes/no only where every cell of it says the same after the
change: `007` stays a text. Several files count as one table when their columns have the same names.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import duckdb

from kernel.columnar import columnar

LARGEST_ROW = 64 * 1024 * 1024
MOST_COLUMNS = 2_000
LINES = frozenset({".jsonl", ".ndjson"})
TEXT_KIND = "VARCHAR"
_SEPARATED = "read_csv('{}', all_varchar=true, header=true, sample_size=20480, max_line_size=16777216, buffer_size=67108864{})"
_READERS = {
    ".csv": _SEPARATED.format("{}", ""),
    ".tsv": _SEPARATED.format("{}", ", delim='\t', quote='\"', escape='\"'"),
    ".jsonl": (
        "read_json('{}', format='newline_delimited', sample_size=-1, map_inference_threshold=-1,"
        f" maximum_object_size={LARGEST_ROW}, dateformat='%Y-%m-%d', timestampformat='%Y-%m-%d %H:%M:%S')"
    ),
    ".parquet": "read_parquet('{}')",
}
_READERS[".ndjson"] = _READERS[".jsonl"]
ENDINGS = frozenset(_READERS)
# What every cell of a text column must look like for the column to be of that kind; the first that fits wins.
_FORMS = {
    "BIGINT": "regexp_full_match({0}, '-?(0|[1-9][0-9]{{0,17}})')",
    "DOUBLE": (
        "regexp_full_match({0}, '-?((0|[1-9][0-9]{{0,11}})(\\.[0-9]{{1,3}})?|(0|[1-9][0-9]{{0,8}})(\\.[0-9]{{1,6}})?)')"
    ),
    "BOOLEAN": "{0} IN ('true', 'false')",
    "DATE": (
        "regexp_full_match({0}, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') AND TRY_CAST({0} AS DATE) IS NOT NULL"
    ),
}
_RUNS = "^[=+\\-@\\t\\r＝＋－＠]"
"""Signs by which a spreadsheet takes a text for a formula; as in `csv.safe_cell`."""


class TableUnfit(Exception):
    """The files are no one table: `code` as in `kinds.REASONS`, `names` the files it is about."""

    def __init__(self, code: str, names: str) -> None:
        super().__init__(code)
        self.code, self.names = code, names


@dataclass(frozen=True, slots=True)
class TableFile:
    """One table: its path in the version, and where it lies on this machine."""

    name: str
    path: Path

    @property
    def ending(self) -> str:
        return ending_of(self.name)

    @property
    def reader(self) -> str:
        return _READERS[self.ending].format(str(self.path).replace("'", "''"))


def ending_of(name: str) -> str:
    """The ending that says how a file is read, in small letters."""
    return PurePosixPath(name).suffix.lower()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class OneTable:
    """Some files of the same columns as one table."""

    def __init__(self, base: duckdb.DuckDBPyConnection, files: Sequence[TableFile]) -> None:
        self.base, self.files = base, files
        self.columns: dict[str, str] = {}
        self._selects: list[str] = []
        found = [self._described(file) for file in files]
        for file, columns in zip(files[1:], found[1:], strict=True):
            if columns.keys() != found[0].keys():
                raise TableUnfit("tables_differ", f"{files[0].name}, {file.name}")
        kinds = self._kinds([file for file in files if _is_text(file)], list(found[0]))
        for file in files:
            cells = (
                f"CAST({_quoted(name)} AS {kinds[name]}) AS {_quoted(name)}"
                if _is_text(file)
                else _quoted(name)
                for name in found[0]
            )
            self._selects.append(f"SELECT {', '.join(cells)} FROM {file.reader}")
        told = self._asked(f"DESCRIBE {self.query}", files[0])
        self.columns = {str(row[0]): str(row[1]) for row in told}

    @property
    def query(self) -> str:
        return " UNION ALL BY NAME ".join(self._selects)

    def _asked(self, query: str, file: TableFile) -> list[tuple[object, ...]]:
        try:
            return self.base.execute(query).fetchall()
        except duckdb.Error as error:
            raise TableUnfit("table_unreadable", file.name) from error

    def _described(self, file: TableFile) -> dict[str, str]:
        found = {
            str(row[0]): str(row[1]) for row in self._asked(f"DESCRIBE SELECT * FROM {file.reader}", file)
        }
        if len(found) > MOST_COLUMNS:
            raise TableUnfit("table_unreadable", file.name)
        return found

    def _kinds(self, files: Sequence[TableFile], names: Sequence[str]) -> dict[str, str]:
        """The kind of every column of the files of text, over all of them; reads them once."""
        kinds = {name: [*_FORMS] for name in names}
        filled = dict.fromkeys(names, 0)
        asked = [
            f"count({_quoted(name)}), "
            + ", ".join(f"coalesce(bool_and({form.format(_quoted(name))}), true)" for form in _FORMS.values())
            for name in names
        ]
        for file in files:
            (row,) = self._asked(f"SELECT {', '.join(asked)} FROM {file.reader}", file)
            width = len(_FORMS) + 1
            for place, name in enumerate(names):
                count, *fits = row[place * width : (place + 1) * width]
                filled[name] += int(str(count))
                fitting = dict(zip(_FORMS, fits, strict=True))
                kinds[name] = [kind for kind in kinds[name] if fitting[kind]]
        return {name: kinds[name][0] if kinds[name] and filled[name] else TEXT_KIND for name in names}

    def row_count(self) -> int:
        total = 0
        for file in self.files:
            ((count,),) = self._asked(f"SELECT count(*) FROM {file.reader}", file)
            total += int(str(count))
        return total

    def _copied(self, select: str, target: Path, options: str) -> None:
        place = str(target).replace("'", "''")
        self._asked(f"COPY ({select}) TO '{place}' ({options})", self.files[0])

    def write_parquet(self, target: Path) -> None:
        self._copied(self.query, target, "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000")

    def write_lines(self, target: Path) -> None:
        """JSON lines; files that are JSON lines already are joined byte for byte."""
        if not all(file.ending in LINES for file in self.files):
            self._copied(self.query, target, "FORMAT json")
            return
        with target.open("wb") as out:
            for file in self.files:
                with file.path.open("rb") as lines:
                    shutil.copyfileobj(lines, out, 1 << 20)
                    lines.seek(-1, 2)
                    if lines.read(1) != b"\n":
                        out.write(b"\n")

    def write_csv(self, target: Path) -> None:
        """CSV with its mark, no text in it that a spreadsheet would run; nested values as JSON."""
        cells = []
        for name, kind in self.columns.items():
            column = _quoted(name)
            if is_nested(kind):
                column_text = f"CAST(to_json({column}) AS VARCHAR)"
            elif kind in (TEXT_KIND, "JSON"):
                column_text = (
                    f"CASE WHEN regexp_matches({column}, '{_RUNS}') THEN '''' || {column} ELSE {column} END"
                )
            else:
                column_text = column
            cells.append(f"{column_text} AS {_quoted(_safe_head(name))}")
        plain = target.with_suffix(".plain")
        self._copied(f"SELECT {', '.join(cells)} FROM ({self.query})", plain, "FORMAT csv, HEADER true")
        with target.open("wb") as out, plain.open("rb") as told:
            out.write("\ufeff".encode())
            shutil.copyfileobj(told, out, 1 << 20)
        plain.unlink()


def _safe_head(name: str) -> str:
    return f"'{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")) else name


def _is_text(file: TableFile) -> bool:
    return file.ending in (".csv", ".tsv")


def is_nested(kind: str) -> bool:
    """Whether a column holds lists or objects."""
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))


@contextmanager
def one_table(files: Sequence[TableFile]) -> Iterator[OneTable]:
    """The files as one table. Raises TableUnfit."""
    with columnar() as base:
        yield OneTable(base, files)
