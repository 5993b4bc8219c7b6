"""The facts of the signals, read set-based from orders, releases, refunds and uses into DuckDB.

PostgreSQL streams one row a released order as CSV; DuckDB reads it. A scan sees one moment of the database.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import connection

from exchange.delivery.selectors import USES_BY_ORDER
from kernel import clock
from kernel.columnar import columnar

if TYPE_CHECKING:
    import duckdb

THREADS, MEMORY = 2, "1GB"
COLUMNS = {
    "order_id": "UUID",
    "number": "VARCHAR",
    "supplier": "UUID",
    "buyer": "UUID",
    "product": "UUID",
    "plan": "UUID",
    "product_kind": "VARCHAR",
    "industry": "VARCHAR",
    "plan_kind": "VARCHAR",
    "price_fen": "BIGINT",
    "gross_fen": "BIGINT",
    "back_fen": "BIGINT",
    "same_day_fen": "BIGINT",
    "entry": "UUID",
    "day": "DATE",
    "delivered_on": "DATE",
    "delivery": "UUID",
    "use_count": "BIGINT",
    "verified_on": "DATE",
}
_IN_CITY = "(({}) AT TIME ZONE 'Asia/Shanghai')::date"
_TRADES = """
SELECT o.id, o.number, o.supplier_id, o.buyer_id, o.product_id, o.plan_id, p.kind, p.industry, l.kind, o.amount_fen,
       r.gross_fen, coalesce(b.back_fen, 0), coalesce(b.same_day_fen, 0), r.entry_id, {released}, {delivered}, d.id,
       coalesce(u.use_count, 0), {verified}
FROM payments_release AS r
JOIN trading_order AS o ON o.id = r.order_id
JOIN catalogue_product AS p ON p.id = o.product_id
JOIN catalogue_plan AS l ON l.id = o.plan_id
JOIN organizations_organization AS y ON y.id = o.buyer_id
LEFT JOIN delivery_delivery AS d ON d.order_id = o.id
LEFT JOIN (SELECT f.order_id, sum(f.amount_fen) AS back_fen,
                  sum(f.amount_fen) FILTER (WHERE {refunded} = {released}) AS same_day_fen
           FROM payments_refund AS f JOIN payments_release AS r ON r.order_id = f.order_id GROUP BY 1) AS b
  ON b.order_id = o.id
LEFT JOIN ({uses}) AS u ON u.order_id = o.id
WHERE r.released_at >= '{start}' AND r.released_at < '{end}'
"""


@contextmanager
def empty() -> Iterator[duckdb.DuckDBPyConnection]:
    """A private in-memory database for one scan."""
    with columnar(memory=MEMORY, threads=THREADS) as con:
        con.execute("SET preserve_insertion_order = false")
        yield con


def _query(years: tuple[int, ...]) -> str:
    return _TRADES.format(
        released=_IN_CITY.format("r.released_at"),
        delivered=_IN_CITY.format("o.delivered_at"),
        refunded=_IN_CITY.format("f.refunded_at"),
        verified=_IN_CITY.format("y.verified_at"),
        uses=USES_BY_ORDER,
        start=clock.start_of(date(min(years), 1, 1)).isoformat(),
        end=clock.start_of(date(max(years) + 1, 1, 1)).isoformat(),
    )


@contextmanager
def loaded(years: tuple[int, ...]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the tables `trades`, `firms` and `edges` of these business years."""
    with tempfile.TemporaryDirectory(prefix="risk-") as folder, empty() as con:
        file = Path(folder) / "trades.csv"
        query = f"COPY ({_query(years)}) TO STDOUT (FORMAT csv)"
        with file.open("wb") as out, connection.cursor() as cursor, cursor.copy(query) as copy:
            out.writelines(copy)
        read_trades(con, file)
        file.unlink()
        yield con


def read_trades(con: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Fill the tables from a CSV file with the columns of COLUMNS, without a heading."""
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    con.execute(
        f"CREATE TABLE facts AS SELECT * FROM read_csv('{file}', header = false, columns = {{{columns}}},"
        " auto_detect = false, delim = ',', quote = '\"')"
    )
    prepare(con)


def prepare(con: duckdb.DuckDBPyConnection) -> None:
    """From `facts` (columns of COLUMNS) the tables that the signals read.

    `use_count`: how often the buyer used the product, under whichever of its orders.
    `kept_fen`: what the supplier was paid less what went back; `payer`, `payee`: numbers of the firms, in the
    order of their ids.
    """
    con.execute(
        """CREATE TABLE firms AS SELECT (row_number() OVER (ORDER BY id))::INTEGER AS n, id FROM (
            SELECT supplier AS id FROM facts UNION SELECT buyer FROM facts)"""
    )
    con.execute(
        """CREATE TABLE trades AS SELECT f.* REPLACE (sum(use_count) OVER (PARTITION BY buyer, product) AS use_count), gross_fen - back_fen AS kept_fen, year(day)::INTEGER AS year,
               (day - DATE '1970-01-01')::INTEGER AS epoch_day, b.n AS payer, s.n AS payee
        FROM facts AS f JOIN firms AS b ON b.id = f.buyer JOIN firms AS s ON s.id = f.supplier;
        DROP TABLE facts"""
    )
    con.execute(
        """CREATE TABLE edges AS SELECT DISTINCT payer, payee, epoch_day AS day, kept_fen AS amount
        FROM trades WHERE kept_fen > 0"""
    )


def count_of(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """How many rows a table has."""
    (found,) = con.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
    return int(found)
