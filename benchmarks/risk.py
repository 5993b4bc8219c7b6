"""Rings of payments and the whole nightly scan over a year of 1,000,000 trades of 100,000 firms, in one process.

The market is made up: random buyers and sellers, amounts over four powers of ten, and planted rings of two to six
firms. The peer is one recursive SQL statement with the same window of days and tolerance of amounts, without our
pruning, on the same DuckDB; both must find the same rings.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date

import duckdb
import numpy as np

from benchmarks import Row, median_seconds
from settlement.risk import facts, parameters
from settlement.risk.signals import rings, scan

FIRMS, TRADES, PLANTED, TIMES = 100_000, 1_000_000, 300, 3
GIVEN = parameters.in_force(date(2026, 3, 2))
_UUID = "('018f0000-0000-7000-8000-' || lpad(to_hex({}::BIGINT), 12, '0'))::UUID"


def payments() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]:
    """Payer, payee, day of the year and fen of every trade; and how many rings were planted."""
    rng = np.random.default_rng(265)
    payer = rng.integers(0, FIRMS, TRADES)
    payee = (payer + rng.integers(1, FIRMS, TRADES)) % FIRMS
    day = rng.integers(0, 365, TRADES)
    fen = np.exp(rng.uniform(np.log(1e5), np.log(1e9), TRADES)).astype(np.int64)
    at = 0
    for number in range(PLANTED):
        size = 2 + number % 5
        members = rng.choice(FIRMS, size, replace=False)
        begin, amount = int(rng.integers(0, 330)), int(rng.integers(2e8, 9e8))
        for hop in range(size):
            payer[at], payee[at] = members[hop], members[(hop + 1) % size]
            day[at], fen[at] = begin + hop * 5, amount - hop * amount // 200
            at += 1
    return payer, payee, day, fen, PLANTED


@contextmanager
def market() -> Iterator[duckdb.DuckDBPyConnection]:
    """The trades as the product loads them from its tables."""
    with facts.empty() as con:
        _fill(con)
        yield con


def _fill(con: duckdb.DuckDBPyConnection) -> None:
    payer, payee, day, fen, _planted = payments()
    con.register("made", {"payer": payer, "payee": payee, "day": day, "fen": fen})
    con.execute(
        f"""CREATE TABLE facts AS SELECT
            {_UUID.format("rowid_ + 4294967296")} AS order_id, 'DD-2025-' || rowid_ AS number,
            {_UUID.format("payee")} AS supplier, {_UUID.format("payer")} AS buyer, {_UUID.format("payee")} AS product,
            {_UUID.format("payee")} AS plan, 'dataset' AS product_kind, ['commerce', 'tourism', 'education'][payee % 3 + 1] AS industry,
            'one_off' AS plan_kind, fen AS price_fen, fen AS gross_fen, 0::BIGINT AS back_fen, 0::BIGINT AS same_day_fen,
            {_UUID.format("rowid_ + 8589934592")} AS entry, DATE '2025-01-01' + day::INTEGER AS day,
            DATE '2025-01-02' + day::INTEGER AS delivered_on, {_UUID.format("rowid_ + 12884901888")} AS delivery,
            1::BIGINT AS use_count, DATE '2020-01-01' AS verified_on
        FROM (SELECT *, row_number() OVER () AS rowid_ FROM made)"""
    )
    facts.prepare(con)


RECURSIVE = """
WITH RECURSIVE paths AS (
    SELECT payer AS start, payee AS cur, [payer, payee] AS firms, day AS d0, amount AS lo, amount AS hi FROM edges
    UNION
    SELECT p.start, e.payee, list_append(p.firms, e.payee), p.d0, least(p.lo, e.amount), greatest(p.hi, e.amount)
    FROM paths AS p JOIN edges AS e ON e.payer = p.cur
    WHERE e.day BETWEEN p.d0 AND p.d0 + 30 AND NOT list_contains(p.firms, e.payee) AND len(p.firms) < 6
      AND (len(p.firms) < 4 OR least(p.lo, e.amount) >= 100000000)
      AND (greatest(p.hi, e.amount) - least(p.lo, e.amount)) * 20 <= greatest(p.hi, e.amount))
SELECT DISTINCT p.firms FROM paths AS p JOIN edges AS e ON e.payer = p.cur AND e.payee = p.start
WHERE e.day BETWEEN p.d0 AND p.d0 + 30 AND (len(p.firms) <= 4 OR least(p.lo, e.amount) >= 100000000)
  AND (greatest(p.hi, e.amount) - least(p.lo, e.amount)) * 20 <= greatest(p.hi, e.amount)"""


def theirs(con: duckdb.DuckDBPyConnection) -> set[tuple[int, ...]]:
    """The rings of the recursive statement, each told from its smallest member on."""
    return {rings.canonical(tuple(firms)) for (firms,) in con.execute(RECURSIVE).fetchall()}


def whole_scan(con: duckdb.DuckDBPyConnection) -> float:
    """Seconds of all signals over the loaded facts."""
    begun = time.perf_counter()
    for _each in scan(con, years=(2025,), today=date(2026, 3, 2), given=GIVEN):
        pass
    return time.perf_counter() - begun


def measure() -> Iterable[Row]:
    with market() as con:
        ours = {each.firms for each in rings.rings(con, GIVEN)}
        assert ours == theirs(con), "both find the same rings"
        assert len(ours) >= PLANTED
        our_rings = median_seconds(lambda: rings.rings(con, GIVEN), times=TIMES)
        their_rings = median_seconds(lambda: theirs(con), times=TIMES)
        label = f"rings to 6 firms, {FIRMS:,} firms, {TRADES:,} trades"
        yield Row(
            label, our_rings, "s", "recursive SQL, not pruned", their_rings, 1.0, larger_is_better=False
        )
        work = "all signals of a year, the same market"
        yield Row(
            work, whole_scan(con), "s", "that SQL, for rings alone", their_rings, 0.1, larger_is_better=False
        )
