"""Whole-city runs: the rules over a table of firms in one DuckDB query, equal to deciding each alone.

Needs no database of the product; memory and threads are bounded.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import duckdb

from settlement.rewards import engine, measures
from settlement.rewards.engine import queries
from settlement.rewards.engine.decisions import checked_readings

MEMORY, THREADS = "512MB", 2
Row = tuple[str, str, int, int | None]


@contextmanager
def table(measure: engine.Measure) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty table `facts` for the measure, in memory."""
    with (
        tempfile.TemporaryDirectory(prefix="rewards-") as spill,
        duckdb.connect(
            config={"memory_limit": MEMORY, "threads": THREADS, "temp_directory": spill}
        ) as database,
    ):
        database.execute(queries.table_of(measure))
        yield database


def load(
    database: duckdb.DuckDBPyConnection, measure: engine.Measure, cases: Iterable[tuple[str, engine.Facts]]
) -> None:
    """Put the facts of firms into the table; what is missing or not verified is NULL."""
    types = {spec.name: queries.column_type(measure, spec) for spec in measure.facts}
    lines = [
        json.dumps({"id": key, **{spec.name: facts.value(spec.name) for spec in measure.facts}})
        for key, facts in cases
    ]
    shape = json.dumps({"id": "VARCHAR", **types})
    if lines:
        members = ", ".join(f'found."{name}"' for name in ("id", *types))
        database.execute(
            f"INSERT INTO facts SELECT {members} FROM (SELECT from_json(unnest(?::VARCHAR[])::JSON, ?) AS found)",
            [lines, shape],
        )


def decided(
    database: duckdb.DuckDBPyConnection,
    measure: engine.Measure,
    *,
    year: int,
    version: engine.PolicyVersion | None = None,
    interpretation: Mapping[str, str] | None = None,
) -> duckdb.DuckDBPyRelation:
    """A relation (id, outcome, amount_fen, would_be_fen) for all rows of `facts`; NoSuchReading as a single case."""
    sql = queries.query(
        measure,
        version=version or measures.version_of(measure.id),
        year=year,
        interpretation=checked_readings(measure, interpretation or {}),
    )
    return database.sql(sql)


def outcomes(
    measure: engine.Measure,
    cases: Iterable[tuple[str, engine.Facts]],
    *,
    year: int,
    version: engine.PolicyVersion | None = None,
    interpretation: Mapping[str, str] | None = None,
) -> dict[str, Row]:
    """The results of many firms by their key."""
    with table(measure) as database:
        load(database, measure, cases)
        found: list[Any] = decided(
            database, measure, year=year, version=version, interpretation=interpretation
        ).fetchall()
    return {row[0]: row for row in found}
