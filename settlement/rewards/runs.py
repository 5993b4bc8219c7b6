"""Whole-city runs: the rules over a table of firms in one DuckDB query, equal to deciding each alone.

Needs no database of the product; memory and threads are bounded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from kernel.columnar import columnar
from settlement.rewards import engine, measures
from settlement.rewards.engine import queries
from settlement.rewards.engine.decisions import checked_readings

if TYPE_CHECKING:
    import duckdb

MEMORY, THREADS = "512MB", 2
AT_ONCE = 5_000
Row = tuple[str, str, int, int | None]


@contextmanager
def table(measure: engine.Measure) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty table `facts` for the measure, in memory."""
    with columnar(memory=MEMORY, threads=THREADS) as database:
        database.execute(queries.table_of(measure))
        yield database


def load(
    database: duckdb.DuckDBPyConnection, measure: engine.Measure, cases: Iterable[tuple[str, engine.Facts]]
) -> None:
    """Put the facts of firms into the table as they come; what is missing or not verified is NULL."""
    types = {spec.name: queries.column_type(measure, spec) for spec in measure.facts}
    lines = (
        json.dumps({"id": key, **{spec.name: facts.value(spec.name) for spec in measure.facts}})
        for key, facts in cases
    )
    shape = json.dumps({"id": "VARCHAR", **types})
    members = ", ".join(f'found."{name}"' for name in ("id", *types))
    while some := list(islice(lines, AT_ONCE)):
        database.execute(
            f"INSERT INTO facts SELECT {members} FROM (SELECT from_json(unnest(?::VARCHAR[])::JSON, ?) AS found)",
            [some, shape],
        )


FIRM_FACTS = (
    "is_annotation_firm", "industry_class", "in_recognised_park", "registered_place", "tax_place",
    "certificate_count", "prior_awards",
)  # fmt: skip


def sum_lines(
    database: duckdb.DuckDBPyConnection, *, year: int, firms: str = "firms", lines: str = "lines"
) -> None:
    """Make `facts` of article 3(1) a view over transactions, under the default readings, in the place of the table.

    `firms` has `id` and FIRM_FACTS, `lines` has firm, year, net_fen, gross_fen, fee_fen, is_refund and `exclusion`: the
    reason for not counting, '' where it counts. Refunds are taken off what was received, and all that does not count
    stands in one sum: the rule only uses them together. Nothing is kept in memory but the sums of each firm, and only those that the deciding query asks for are
    made. A firm without a line has received nothing.
    """
    card = measures.DATA_PRODUCT_TRADING
    sums = {
        "transaction_count": "count(*) FILTER (NOT is_refund)",
        "excluded_count": "count(*) FILTER (NOT is_refund AND exclusion <> '')",
        "receipts_fen": "sum(net_fen)",
        "excluded_period_fen": "-sum(net_fen) FILTER (exclusion <> '')",
        "vat_fen": "sum(gross_fen - net_fen) FILTER (exclusion = '')",
        "fees_fen": "sum(fee_fen) FILTER (exclusion = '')",
    }
    columns: dict[str, str] = dict.fromkeys(card.varying, "0") | {
        **{name: f'f."{name}"' for name in FIRM_FACTS},
        **{name: f"COALESCE(s.{name}, 0)" for name in sums},
        "readings": "[]",
    }
    typed = ", ".join(
        f'CAST({columns.get(spec.name, "NULL")} AS {queries.column_type(card, spec)}) AS "{spec.name}"'
        for spec in card.facts
    )
    summed = ", ".join(f"CAST({expression} AS BIGINT) AS {name}" for name, expression in sums.items())
    database.execute("DROP TABLE IF EXISTS facts")
    database.execute(
        f"CREATE OR REPLACE VIEW facts AS SELECT f.id, {typed} FROM {firms} f "
        f"LEFT JOIN (SELECT firm, {summed} FROM {lines} WHERE year = {int(year)} GROUP BY firm) s ON s.firm = f.id"
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
