"""Measuring one table with DuckDB: every column by its different values, each value with its count.

The table is read as text, lines that are no row are counted aside. The database's memory is limited, what
exceeds it goes to a folder that ends with it, and it reaches no file but the table.
"""

from __future__ import annotations

import csv
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from annotation.intake import likeness
from annotation.intake.sensitive import MOST_MASKED, PREFILTER, hits_in, is_name_header
from assets.datasets.rules import ROWS_PATH
from assets.profiles.rules.facts import (
    MOST_COLUMNS,
    MOST_LABELS,
    MOST_TOP_VALUES,
    SHOWN_VALUE_LENGTH,
    Candidate,
    Fault,
    FieldFacts,
    Finding,
    PartFacts,
    RowChecks,
    TableFacts,
    TextFacts,
    ValueCount,
    added,
)
from assets.profiles.rules.texts import language_of
from kernel import clock
from kernel.columnar import columnar

logger = logging.getLogger(__name__)

MEMORY, THREADS = "512MB", 2
LONGEST_LINE, READ_AT_ONCE = 4 * 1024 * 1024, 32 * 1024 * 1024
MOST_FINGERPRINTS = 20_000
"""Texts of one table that get a fingerprint."""
MOST_SHOWN_COLUMNS, CANDIDATES_PER_LABEL, MOST_CANDIDATES = 30, 6, 120
SHOWN_TEXT_LENGTH, LARGEST_RESULT = 400, 20_000
LABEL_HEADERS = frozenset(
    {"labels", "label", "标签", "类别", "分类", "category", "class", "sentiment", "情感", "target"}
)
TEXT_HEADERS = frozenset({"text", "content", "sentence", "body", "正文", "内容", "文本", "评论"})
KIND_PERCENT = 95
"""A column is of a kind when so many per cent of its filled values have its form."""

_NUMBER = r"[-+]?(0|[1-9][0-9]{0,14})(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?"
_DATE = r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}"
_MOMENT = r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[ T][0-9]{1,2}:[0-9]{2}.*"
_UNCLEAN = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\ufffd]"
# The form of one value, each looked at once. CASE asks the dear questions of those only that may say yes.
_FORM = f"""CASE
  WHEN v[1] IN ('-', '+') OR v[1] BETWEEN '0' AND '9' THEN CASE
    WHEN regexp_full_match(v, '{_NUMBER}') THEN CASE
      WHEN v[1] = '+' OR contains(v, '.') OR contains(lower(v), 'e') THEN 'decimal' ELSE 'integer' END
    WHEN regexp_full_match(v, '{_DATE}') AND TRY_CAST(replace(v, '/', '-') AS DATE) IS NOT NULL THEN 'date'
    WHEN regexp_full_match(v, '{_MOMENT}') AND TRY_CAST(v AS TIMESTAMP) IS NOT NULL THEN 'moment'
    ELSE 'text' END
  WHEN lower(v) IN ('true', 'false', 'yes', 'no', '是', '否') THEN 'boolean'
  WHEN v LIKE '[%]' OR v LIKE '{{%}}' THEN 'list'
  ELSE 'text' END"""
# The shortest text in which something is found has six bytes; digits alone are at least a mobile number.
_LONG_ENOUGH = "strlen(v) >= 11 OR (strlen(v) >= 6 AND form NOT IN ('integer', 'decimal'))"
# kind of a column → the forms its values may have, in the order in which the kinds are tried
_KINDS = {
    "integer": ("integer",),
    "decimal": ("integer", "decimal"),
    "date": ("date",),
    "moment": ("date", "moment"),
    "boolean": ("boolean",),
    "list": ("list",),
}
_COLUMN = """
SELECT form, sum(c)::BIGINT, count(*), coalesce(sum(length(v) * c) FILTER (form = 'text'), 0)::BIGINT,
       coalesce(sum(c) FILTER (form NOT IN ('text', 'list') OR NOT regexp_matches(v, ?)), 0)::BIGINT
FROM g WHERE v IS NOT NULL GROUP BY form
"""


class NotATable(Exception):
    """The file can't be read as a table; `code` as in Fault."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class Measured:
    """What came of a table: its facts, and fingerprints as (row, digest, bands)."""

    part: PartFacts
    fingerprints: list[tuple[int, bytes, list[int]]] = field(default_factory=list)


def measure(source: Path, path: str, folder: Path, *, at: datetime) -> Measured:
    """Measure the table in `source`, whose name in the version is `path`; `at`: when it was sealed.

    Raises NotATable.
    """
    broken = 0
    if path.endswith((".jsonl", ".ndjson")):
        source, broken = _csv_of_lines(source, folder, is_ours=path == ROWS_PATH)
    with _database() as database:
        try:
            headers, rejected = _load(database, source, path)
        except duckdb.OutOfMemoryException:
            raise NotATable("too_large") from None
        except duckdb.Error:
            raise NotATable("not_a_table") from None
        try:
            return _Table(database, path, headers, at).measured(rejected, broken)
        except duckdb.Error as error:  # its words may quote a value, so only its kind is logged
            logger.error("measuring a table failed: %s", type(error).__name__)
            is_large = isinstance(error, duckdb.OutOfMemoryException)
            raise NotATable("too_large" if is_large else "not_a_table") from None


@contextmanager
def _database() -> Iterator[duckdb.DuckDBPyConnection]:
    with columnar(memory=MEMORY, threads=THREADS) as database:
        # DuckDB 2.0.0 fails an internal check when this one meets rowid in the choice of candidates.
        database.execute("SET disabled_optimizers = 'top_n_window_elimination'")
        yield database


def _load(database: duckdb.DuckDBPyConnection, source: Path, path: str) -> tuple[list[str], int]:
    """The file as table `t` with columns c0, c1 …; its headers, and how many lines were no row."""
    if path.endswith(".parquet"):
        read, arguments = "read_parquet(?)", [str(source)]
    else:
        form = ", delim = '\t', quote = '\"', escape = '\"'" if path.endswith(".tsv") else ""
        if path.endswith((".jsonl", ".ndjson")):
            form = ", delim = ',', quote = '\"', escape = '\"', new_line = '\\n'"
        read = (
            f"read_csv(?, all_varchar = true, header = true, max_line_size = {LONGEST_LINE}, buffer_size = {READ_AT_ONCE}"
            f", store_rejects = true, rejects_limit = 0{form})"
        )
        arguments = [str(source)]
    described = database.execute(f"DESCRIBE SELECT * FROM {read}", arguments).fetchall()
    headers = [str(row[0]) for row in described]
    if len(headers) > MOST_COLUMNS:
        raise NotATable("too_wide")
    columns = ", ".join(f"{_as_text(str(row[0]), str(row[1]))} AS c{n}" for n, row in enumerate(described))
    database.execute(f"CREATE OR REPLACE TABLE t AS SELECT {columns} FROM {read}", arguments)
    database.execute("SET enable_external_access = false")
    if path.endswith(".parquet"):
        return headers, 0
    (rejected,) = _one(database.execute("SELECT count(DISTINCT line) FROM reject_errors"))
    return headers, rejected


def _as_text(name: str, kind: str) -> str:
    """A column as text: lists and objects as JSON, bytes by their number."""
    if kind == "BLOB":
        return f"octet_length({_quoted(name)}) || ' B'"
    is_nested = kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))
    return f"CAST({f'to_json({_quoted(name)})' if is_nested else _quoted(name)} AS VARCHAR)"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _one(found: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    row = found.fetchone()
    assert row is not None
    return row


# --- JSON lines ---------------------------------------------------------------------------------


def _csv_of_lines(source: Path, folder: Path, *, is_ours: bool) -> tuple[Path, int]:
    """JSON lines as a CSV of their members in the order of their first appearance; how many were broken.

    In rows of annotation the quotations inside `result` are left out: `text` holds them already.
    """
    members: dict[str, None] = {}
    broken = 0
    for row in _objects(source):
        if row is None:
            broken += 1
            continue
        members.update(dict.fromkeys(row))
        if len(members) > MOST_COLUMNS:
            raise NotATable("too_wide")
    if not members:
        raise NotATable("not_a_table" if broken else "empty")
    target = folder / "lines.csv"
    with target.open("w", encoding="utf-8", errors="replace", newline="") as out:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(members)
        for row in _objects(source):
            if row is not None:
                told = _without_quotations(row) if is_ours else row
                writer.writerow(_cell(told.get(member)) for member in members)
    return target, broken


def _objects(source: Path) -> Iterator[dict[str, Any] | None]:
    """Each line's object; None for a line that holds something else. Blank lines are passed over."""
    with source.open("rb") as lines:
        for line in lines:
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                found = None
            yield found if isinstance(found, dict) and found else None


def _without_quotations(row: Mapping[str, Any]) -> dict[str, Any]:
    if "text" not in row or not isinstance(row.get("result"), list):
        return dict(row)
    kept = []
    for region in row["result"]:
        value = region.get("value") if isinstance(region, dict) else None
        if isinstance(value, dict) and "start" in value:
            region = {**region, "value": {name: each for name, each in value.items() if name != "text"}}  # noqa: PLW2901
        kept.append(region)
    return {**row, "result": kept}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("\x00", "\ufffd")
    return json.dumps(value)


# --- columns ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Counts:
    """One column in counts: filled values, different values, characters, clean values, values per form."""

    filled: int
    distinct: int
    characters: int
    clean: int
    forms: dict[str, int]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, int, int, int, int]]) -> _Counts:
        told = list(rows)
        return cls(
            filled=sum(row[1] for row in told),
            distinct=sum(row[2] for row in told),
            characters=sum(row[3] for row in told),
            clean=sum(row[4] for row in told),
            forms={row[0]: row[1] for row in told},
        )

    def of_kind(self, kind: str) -> int:
        """How many values have a form of that kind."""
        return sum(self.forms.get(form, 0) for form in _KINDS[kind])

    @property
    def kind(self) -> str:
        if not self.filled:
            return "empty"
        return next((k for k in _KINDS if self.of_kind(k) * 100 >= self.filled * KIND_PERCENT), "text")

    @property
    def conforming(self) -> int:
        return self.of_kind(self.kind) if self.kind in _KINDS else self.clean


class _Table:
    """One loaded table on its way to its facts."""

    def __init__(
        self, database: duckdb.DuckDBPyConnection, path: str, headers: list[str], at: datetime
    ) -> None:
        self.database, self.path, self.headers, self.at = database, path, _told_apart(headers), at
        (self.rows,) = _one(database.execute("SELECT count(*) FROM t"))
        self.is_ours = path == ROWS_PATH and "labels" in headers
        self.findings: list[Finding] = []
        self.fields: list[FieldFacts] = []
        self.labels: dict[str, int] = {}
        self.label_column = self._headed(LABEL_HEADERS)
        self.text_column: int | None = None
        self.lengths: dict[str, int] = {}
        self.dated = self.timely = 0

    def _headed(self, words: Iterable[str]) -> int | None:
        wanted = set(words)
        return next((n for n, name in enumerate(self.headers) if name.strip().lower() in wanted), None)

    def measured(self, rejected: int, broken: int) -> Measured:
        """Everything, column by column and then over the rows."""
        counts = []
        for place in range(len(self.headers)):
            counts.append(self._column(place))
        self.text_column = self._find_text(counts)
        languages, fingerprints = self._read_texts()
        faults = [
            Fault(self.path, code, count)
            for code, count in (("ragged_rows", rejected), ("broken_rows", broken))
            if count
        ]
        table = TableFacts(
            path=self.path,
            kind=self.path.rpartition(".")[2],
            row_count=self.rows,
            rejected_count=rejected + broken,
            duplicate_count=self._duplicates(),
            fields=tuple(self.fields),
        )
        part = PartFacts(
            file_count=1,
            read_count=1,
            tables=(table,),
            texts=TextFacts(self._text_lengths(), languages),
            labels=self.labels,
            label_field=self.headers[self.label_column]
            if self.label_column is not None and self.labels
            else "",
            findings=tuple(self.findings),
            faults=tuple(faults),
            candidates=tuple(self._candidates()),
            checks=self._checks(),
            fingerprint_count=len(fingerprints),
        )
        return Measured(part, fingerprints)

    def _column(self, place: int) -> _Counts:
        self.database.execute(
            f"""CREATE OR REPLACE TEMP TABLE g AS SELECT v, c, {_FORM} AS form
                FROM (SELECT c{place} AS v, count(*) AS c FROM t GROUP BY 1)"""
        )
        counts = _Counts.of(self.database.execute(_COLUMN, [_UNCLEAN]).fetchall())
        is_sensitive = self._scan(place, counts)
        if place == self.label_column and counts.distinct:
            self._count_labels(counts)
        if counts.kind in ("date", "moment"):
            self._count_dates()
        low, quartiles, high = ("", (), "") if is_sensitive else self._range(place, counts)
        shown = [] if is_sensitive else self.database.execute(
            f"SELECT v, c FROM g WHERE v IS NOT NULL AND c > 1 ORDER BY c DESC, v LIMIT {MOST_TOP_VALUES}"
        ).fetchall()  # fmt: skip
        self.fields.append(
            FieldFacts(
                name=self.headers[place],
                kind=counts.kind,
                filled_count=counts.filled,
                null_count=self.rows - counts.filled,
                distinct_count=counts.distinct,
                conforming_count=counts.conforming,
                minimum=low,
                maximum=high,
                quartiles=quartiles,
                top=tuple(ValueCount(value[:SHOWN_VALUE_LENGTH], count) for value, count in shown),
                is_withheld=is_sensitive,
            )
        )
        return counts

    def _range(self, place: int, counts: _Counts) -> tuple[str, tuple[str, ...], str]:
        """Least value, quartiles (nearest rank) and greatest value of numbers; ends of dates."""
        kind = counts.kind
        if kind in ("date", "moment"):
            wanted = "CAST(TRY_CAST(replace(v, '/', '-') AS TIMESTAMP) AS VARCHAR)"
            low, high = _one(
                self.database.execute(
                    f"SELECT min({wanted}), max({wanted}) FROM g WHERE form IN {_KINDS['moment']}"
                )
            )
            cut = 10 if kind == "date" else 19
            return low[:cut], (), high[:cut]
        if kind not in ("integer", "decimal"):
            return "", (), ""
        is_pure = counts.conforming == counts.filled
        where = "" if is_pure else f"WHERE c{place} IN (SELECT v FROM g WHERE form IN {(*_KINDS[kind], '')})"
        (found,) = _one(
            self.database.execute(
                f"SELECT quantile_disc(TRY_CAST(c{place} AS DOUBLE), [0, 0.25, 0.5, 0.75, 1]) FROM t {where}"
            )
        )
        told = [str(int(each)) if kind == "integer" else f"{each:.12g}" for each in found]
        return told[0], tuple(told[1:4]), told[4]

    def _scan(self, place: int, counts: _Counts) -> bool:
        """Look for personal information in the different values; whether any was found."""
        header = self.headers[place]
        in_name_field = is_name_header(header)
        where = "" if in_name_field else f"AND CASE WHEN {_LONG_ENOUGH} THEN regexp_matches(v, ?) END"
        found: dict[str, tuple[int, set[int], list[str]]] = {}
        cursor = self.database.execute(
            f"SELECT v, c FROM g WHERE v IS NOT NULL {where} ORDER BY v", [] if in_name_field else [PREFILTER]
        )
        while rows := cursor.fetchmany(5_000):
            for value, count in rows:
                for hit in hits_in(value, in_name_field=in_name_field):
                    total, distinct, masked = found.get(hit.kind, (0, set(), []))
                    distinct.add(hash(hit.value))
                    if len(masked) < MOST_MASKED and hit.masked not in masked:
                        masked.append(hit.masked)
                    found[hit.kind] = (total + count, distinct, masked)
        self.findings += [
            Finding(kind, self.path, header, total, len(distinct), tuple(masked))
            for kind, (total, distinct, masked) in sorted(found.items())
        ]
        return bool(found)

    # --- labels, dates, duplicates --------------------------------------------------------------

    def _count_labels(self, counts: _Counts) -> None:
        """Labels of a column with few different values; lists of labels are taken apart."""
        if counts.kind != "list" and counts.distinct > MOST_LABELS:
            self.label_column = None
            return
        rows = self.database.execute("SELECT v, c FROM g WHERE v IS NOT NULL").fetchall()
        self.labels = added({label[:120]: count} for value, count in rows for label in labels_of(value))

    def _count_dates(self) -> None:
        day = clock.business_date(self.at).isoformat()
        known, timely = _one(
            self.database.execute(
                f"""SELECT coalesce(sum(c), 0)::BIGINT,
                    coalesce(sum(c) FILTER (TRY_CAST(replace(v, '/', '-') AS TIMESTAMP)::DATE <= ?::DATE), 0)::BIGINT
                    FROM g WHERE form IN {_KINDS["moment"]}""",
                [day],
            )
        )
        self.dated, self.timely = self.dated + known, self.timely + timely

    def _duplicates(self) -> int:
        columns = ", ".join(f"c{n}" for n in range(len(self.headers)))
        (distinct,) = _one(self.database.execute(f"SELECT count(DISTINCT hash({columns})) FROM t"))
        return int(self.rows - distinct)

    def _checks(self) -> RowChecks:
        content = self._headed(["item_sha256"]) if self.is_ours else self.text_column
        repeated = agreeing = guided = newest = 0
        if content is not None and self.label_column is not None and content != self.label_column:
            repeated, agreeing = _one(
                self.database.execute(
                    f"""SELECT coalesce(sum(n), 0)::BIGINT, coalesce(sum(n) FILTER (k = 1), 0)::BIGINT FROM (
                        SELECT count(*) AS n, count(DISTINCT c{self.label_column}) AS k FROM t
                        WHERE c{content} IS NOT NULL AND c{self.label_column} IS NOT NULL
                        GROUP BY c{content} HAVING count(*) > 1)"""
                )
            )
        guideline = self._headed(["guideline_version"]) if self.is_ours else None
        if guideline is not None:
            guided, newest = _one(
                self.database.execute(
                    f"""WITH v AS (SELECT TRY_CAST(c{guideline} AS INTEGER) AS n FROM t)
                        SELECT count(n), count(n) FILTER (n = (SELECT max(n) FROM v)) FROM v"""
                )
            )
        return RowChecks(repeated, agreeing, guided, newest, self.dated, self.timely)

    # --- texts ----------------------------------------------------------------------------------

    def _find_text(self, counts: list[_Counts]) -> int | None:
        """The column of running text: by its header, else the one with the longest values, if long at all."""
        texts = [n for n, each in enumerate(counts) if each.kind == "text" and n != self.label_column]
        headed = self._headed(TEXT_HEADERS)
        if headed in texts:
            return headed
        if not texts or self.is_ours:
            return None
        longest = max(texts, key=lambda n: counts[n].characters * 1_000 // counts[n].filled)
        return longest if counts[longest].characters >= 15 * counts[longest].filled else None

    def _text_lengths(self) -> dict[str, int]:
        if self.text_column is None:
            return {}
        rows = self.database.execute(
            f"SELECT length(c{self.text_column}) AS n, count(*) FROM t WHERE n IS NOT NULL GROUP BY 1"
        ).fetchall()
        return {str(length): count for length, count in rows}

    def _texts(self) -> Iterator[tuple[int, str]]:
        cursor = self.database.cursor()
        cursor.execute(
            f"SELECT rowid + 1, c{self.text_column} FROM t WHERE c{self.text_column} IS NOT NULL ORDER BY rowid"
        )
        while rows := cursor.fetchmany(5_000):
            yield from rows

    def _read_texts(self) -> tuple[dict[str, int], list[tuple[int, bytes, list[int]]]]:
        """Languages of the texts, and fingerprints of at most MOST_FINGERPRINTS of them."""
        if self.text_column is None:
            return {}, []
        languages: dict[str, int] = {}

        def ranked() -> Iterator[tuple[tuple[int, int], int]]:
            for row, text in self._texts():
                language = language_of(text)
                languages[language] = languages.get(language, 0) + 1
                plain = likeness.normalised(text)
                if len(plain) >= likeness.SHORTEST_TEXT:
                    yield likeness.rank(likeness.shingles(plain)), row

        chosen = set(likeness.spread(ranked(), MOST_FINGERPRINTS))
        prints = []
        for row, text in self._texts():
            made = likeness.text_fingerprint(text) if row in chosen else None
            if made is not None:
                prints.append((row, *made))
        return languages, prints

    # --- sample ---------------------------------------------------------------------------------

    def _candidates(self) -> Iterator[Candidate]:
        """A few rows of every label in which nothing sensitive is found, the same ones every time."""
        label = f"c{self.label_column}" if self.label_column is not None and self.labels else "''"
        step = max(1, self.rows // 50_000)
        columns = ", ".join(f"c{n}" for n in range(len(self.headers)))
        cursor = self.database.cursor()
        cursor.execute(
            f"""SELECT rowid + 1, coalesce({label}, ''), {columns} FROM t WHERE rowid % {step} = 0
                QUALIFY row_number() OVER (PARTITION BY {label} ORDER BY md5(CAST(rowid AS VARCHAR)))
                        <= {CANDIDATES_PER_LABEL if label != "''" else MOST_CANDIDATES}
                ORDER BY 1"""
        )
        given = 0
        while given < MOST_CANDIDATES and (found := cursor.fetchone()):
            row, stratum, *cells = found
            if self._is_clean(cells):
                given += 1
                shown = self._shown(cells)
                yield Candidate(self.path, row, (labels_of(stratum) or [""])[0][:120], shown)

    def _is_clean(self, cells: list[str | None]) -> bool:
        return not any(
            hits_in(cell, in_name_field=is_name_header(header))
            for header, cell in zip(self.headers, cells, strict=True)
            if cell
        )

    def _shown(self, cells: list[str | None]) -> dict[str, Any]:
        told = dict(zip(self.headers, cells, strict=True))
        if not self.is_ours:
            return {name: (cell or "")[:200] for name, cell in list(told.items())[:MOST_SHOWN_COLUMNS]}
        shown: dict[str, Any] = {
            "id": told.get("id") or "",
            "item": told.get("item") or "",
            "item_name": told.get("item_name") or "",
            "labels": labels_of(told.get("labels") or ""),
        }
        text, result = told.get("text"), told.get("result")
        if text:
            shown["text"] = text[:SHOWN_TEXT_LENGTH]
        if result and len(result) <= LARGEST_RESULT:
            shown["result"] = json.loads(result)
        return shown


def _told_apart(headers: list[str]) -> list[str]:
    """The headers, at most 200 characters long and none twice."""
    found: list[str] = []
    for place, header in enumerate(headers):
        name = header.replace("\x00", "\ufffd")
        is_unclear = len(name) > 200 or name in found
        found.append(f"{name[:180]} #{place + 1}" if is_unclear else name)
    return found


def labels_of(value: str) -> list[str]:
    """The labels in a cell: a JSON list of them, or the cell itself."""
    if value.startswith("["):
        try:
            found = json.loads(value)
        except ValueError:
            found = None
        if isinstance(found, list):
            return [str(each) for each in found if isinstance(each, str | int)]
    return [value] if value else []
