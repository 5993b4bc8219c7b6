"""Profiling: a table of 1,000,000 rows through the product's own measuring, against bare DuckDB queries.

The peer reads the same file and asks for the same numbers: rows, filled and different values, quartiles, ends
of dates, the ten most frequent values, repeated rows. Both have two threads and 512 MB. Ours also tells
the form of every value, scans for personal information and picks candidates for a sample; where the
numbers of the two differ the measurement fails.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import duckdb

from assets.profiles.rules.facts import TableFacts
from assets.profiles.services import tables
from benchmarks import Row

ROWS, TIMES = 1_000_000, 3
AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
TABLE = f"""
SELECT i AS id, ['清远','英德','连州','佛冈','阳山'][(1 + hash(i) % 5)::BIGINT] AS city,
       (hash(i + 1) % 1000000) / 100.0 AS amount, (hash(i + 2) % 50)::INTEGER AS quantity,
       DATE '2025-01-01' + (hash(i + 3) % 400)::INTEGER AS ordered_on,
       CASE WHEN i % 20 = 0 THEN NULL ELSE 'note ' || (hash(i + 4) % 2000) END AS note,
       ['好评','差评','中评'][(1 + hash(i + 5) % 3)::BIGINT] AS label
FROM range({ROWS}) r(i)
"""


@dataclass(frozen=True)
class Column:
    """What both sides tell of a column."""

    filled: int
    distinct: int
    quartiles: tuple[str, ...]
    ends: tuple[str, str]
    top: tuple[int, ...]


def bare(source: Path, folder: Path) -> tuple[int, int, dict[str, Column]]:
    """Rows, repeated rows and columns by plain queries."""
    with duckdb.connect(str(folder / "bare.duckdb")) as database:
        database.execute("SET memory_limit = '512MB'; SET threads = 2")
        database.execute("CREATE TABLE t AS SELECT * FROM read_csv(?)", [str(source)])
        described = database.execute("DESCRIBE t").fetchall()
        (rows,) = database.execute("SELECT count(*) FROM t").fetchall()[0]
        listed = ", ".join(str(row[0]) for row in described)
        (distinct_rows,) = database.execute(f"SELECT count(DISTINCT hash({listed})) FROM t").fetchall()[0]
        columns = {}
        for name, kind, *_rest in described:
            filled, distinct = database.execute(
                f"SELECT count({name}), count(DISTINCT {name}) FROM t"
            ).fetchall()[0]
            quartiles: tuple[str, ...] = ()
            ends = ("", "")
            if kind in ("BIGINT", "DOUBLE"):
                found = database.execute(
                    f"SELECT quantile_disc({name}, [0, 0.25, 0.5, 0.75, 1]) FROM t"
                ).fetchall()
                told = [f"{value:.12g}" if kind == "DOUBLE" else str(value) for value in found[0][0]]
                quartiles, ends = tuple(told[1:4]), (told[0], told[4])
            elif kind == "DATE":
                low, high = database.execute(f"SELECT min({name}), max({name}) FROM t").fetchall()[0]
                ends = (str(low), str(high))
            top = database.execute(
                f"SELECT count(*) AS c FROM t WHERE {name} IS NOT NULL GROUP BY {name} HAVING c > 1 ORDER BY c DESC LIMIT 10"
            ).fetchall()
            columns[name] = Column(filled, distinct, quartiles, ends, tuple(row[0] for row in top))
    (folder / "bare.duckdb").unlink()
    return rows, rows - distinct_rows, columns


def ours(source: Path, folder: Path) -> TableFacts:
    """The product's own facts."""
    return tables.measure(source, "orders.csv", folder, at=AT).part.tables[0]


def check(found: TableFacts, peer: tuple[int, int, dict[str, Column]]) -> None:
    """Insist on the same numbers."""
    told = {
        f.name: Column(
            f.filled_count,
            f.distinct_count,
            f.quartiles,
            (f.minimum, f.maximum),
            tuple(v.count for v in f.top),
        )
        for f in found.fields
    }
    assert (found.row_count, found.duplicate_count, told) == peer, "the two tell different numbers"


def measure() -> Iterable[Row]:
    """The same table by both, in turns."""
    with tempfile.TemporaryDirectory(prefix="qingshu-bench-") as name:
        folder = Path(name)
        source = folder / "orders.csv"
        duckdb.execute(f"COPY ({TABLE}) TO '{source}' (HEADER, DELIMITER ',')")
        seconds: dict[str, list[float]] = {"ours": [], "bare": []}
        for _time in range(TIMES):
            begun = time.perf_counter()
            found = ours(source, folder)
            between = time.perf_counter()
            peer = bare(source, folder)
            seconds["ours"].append(between - begun)
            seconds["bare"].append(time.perf_counter() - between)
            check(found, peer)
        figure = {side: median(found) for side, found in seconds.items()}
    return [
        Row(
            f"profile of {ROWS:,} rows × 7 columns",
            figure["ours"],
            "s",
            "bare DuckDB, same numbers",
            figure["bare"],
            0.5,
            larger_is_better=False,
        )
    ]
