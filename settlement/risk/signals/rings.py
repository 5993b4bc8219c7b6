"""Money that goes round: rings of payments, and groups whose payments cancel out.

Payments that lie on no cycle are cut off first (what has no like payment before or after it, then strongly
connected components); on what is left rings are joined hop by hop from their earliest payment, so that the window
of days and the tolerance of amounts prune every step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from settlement.risk import rules
from settlement.risk.parameters import Parameters
from settlement.risk.signals.ground import ORDERS, Signal
from settlement.risk.states import SignalKind

PRUNINGS = 4


@dataclass(frozen=True, slots=True)
class Round:
    """One passage round a ring: from its first day on, amounts between `least_fen` and `most_fen`."""

    first_day: int
    least_fen: int
    most_fen: int


@dataclass(frozen=True, slots=True)
class Ring:
    """Firms (numbers of the firms table) each of which pays the next one, the last one the first."""

    firms: tuple[int, ...]
    rounds: tuple[Round, ...]


def _components(con: duckdb.DuckDBPyConnection, table: str) -> int:
    """Write `members(n, component)` for the firms of an edge table; how many firms lie on a cycle."""
    pairs = con.execute(f"SELECT DISTINCT payer, payee FROM {table}").fetchnumpy()
    payers, payees = (np.asarray(pairs[side], dtype=np.int64) for side in ("payer", "payee"))
    con.execute("CREATE OR REPLACE TEMP TABLE members (n INTEGER, component INTEGER)")
    if not len(payers):
        return 0
    firms = np.unique(np.concatenate([payers, payees]))
    rows, columns = np.searchsorted(firms, payers), np.searchsorted(firms, payees)
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(len(firms), len(firms)))
    _count, labels = connected_components(graph.tocsr(), directed=True, connection="strong")
    sizes = np.bincount(labels)
    on_cycle = sizes[labels] > 1
    _insert_members(con, firms[on_cycle], labels[on_cycle])
    return int(on_cycle.sum())


def _insert_members(con: duckdb.DuckDBPyConnection, firms: Any, labels: Any) -> None:
    con.execute(
        "INSERT INTO members SELECT unnest(?::INTEGER[]), unnest(?::INTEGER[])",
        [firms.tolist(), labels.tolist()],
    )


def rings(con: duckdb.DuckDBPyConnection, given: Parameters) -> list[Ring]:
    """Every ring of `edges(payer, payee, day, amount)`, each once, with its rounds."""
    window = given.days("round_trip_days")
    tolerance = given.ratio("round_trip_tolerance")
    _prune(con, window, tolerance)
    con.execute(
        """CREATE OR REPLACE TEMP TABLE paths AS
        SELECT payer AS start, payee AS cur, [payer, payee] AS firms, day AS d0, amount AS lo, amount AS hi FROM live"""
    )
    small, longest = given.count("round_trip_longest_small"), given.count("round_trip_longest")
    found: dict[tuple[int, ...], set[Round]] = {}
    for size in range(2, longest + 1):
        if size == small + 1:
            con.execute("DELETE FROM paths WHERE lo < ?", [given.fen("round_trip_large")])
        for firms, first, lo, hi in con.execute(
            _HOP.format(what="p.firms, p.d0, ", closes="e.payee = p.start"),
            {"window": window, "num": tolerance.numerator, "den": tolerance.denominator},
        ).fetchall():
            found.setdefault(canonical(tuple(firms)), set()).add(Round(first, lo, hi))
        if size < longest:
            step = _HOP.format(
                what="p.start, e.payee AS cur, list_append(p.firms, e.payee) AS firms, p.d0, ",
                closes="NOT list_contains(p.firms, e.payee)",
            )
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE longer AS {step}",
                {"window": window, "num": tolerance.numerator, "den": tolerance.denominator},
            )
            con.execute("DROP TABLE paths; ALTER TABLE longer RENAME TO paths")
    return [
        Ring(firms, tuple(sorted(rounds, key=lambda each: (each.first_day, each.least_fen, each.most_fen))))
        for firms, rounds in sorted(found.items())
    ]


_HOP = """SELECT DISTINCT {what}least(p.lo, e.amount) AS lo, greatest(p.hi, e.amount) AS hi
    FROM paths AS p JOIN live AS e ON e.payer = p.cur
    WHERE e.day BETWEEN p.d0 AND p.d0 + $window AND {closes}
      AND (greatest(p.hi, e.amount) - least(p.lo, e.amount)) * $den <= greatest(p.hi, e.amount) * $num"""


def _prune(con: duckdb.DuckDBPyConnection, window: int, tolerance: Fraction) -> None:
    """Leave in `live` only payments that can lie on a ring.

    A like payment before or after is looked for in its own and the two neighbouring bands of amounts: what is
    within the tolerance is never further away.
    """
    width = -math.log(1 - tolerance) * 1.0001 if 0 < tolerance < 1 else 1e-12 if tolerance == 0 else 1e12
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE live AS
        SELECT DISTINCT payer, payee, day, amount, floor(ln(amount) / {width!r})::BIGINT AS band FROM edges"""
    )
    near = f"""abs(e.day - o.day) <= {window} AND (greatest(e.amount, o.amount) - least(e.amount, o.amount))
        * {tolerance.denominator} <= greatest(e.amount, o.amount) * {tolerance.numerator}"""
    left = -1
    for _turn in range(PRUNINGS):
        for one, other in (("payee", "payer"), ("payer", "payee")):
            con.execute(
                f"""CREATE OR REPLACE TEMP TABLE kept AS SELECT e.* FROM live AS e SEMI JOIN (
                    SELECT {other} AS firm, day, amount, unnest([band - 1, band, band + 1]) AS like_band FROM live) AS o
                ON o.firm = e.{one} AND o.like_band = e.band AND {near}"""
            )
            con.execute("DROP TABLE live; ALTER TABLE kept RENAME TO live")
        _components(con, "live")
        con.execute(
            """CREATE OR REPLACE TEMP TABLE kept AS SELECT e.* FROM live AS e
            JOIN members AS a ON a.n = e.payer JOIN members AS b ON b.n = e.payee AND b.component = a.component"""
        )
        con.execute("DROP TABLE live; ALTER TABLE kept RENAME TO live")
        (now,) = con.execute("SELECT count(*) FROM live").fetchone() or (0,)
        if now == left:
            break
        left = now


def canonical(firms: tuple[int, ...]) -> tuple[int, ...]:
    """The same ring told from its smallest member on."""
    at = firms.index(min(firms))
    return firms[at:] + firms[:at]


def round_trips(con: duckdb.DuckDBPyConnection, given: Parameters) -> Iterator[Signal]:
    """A finding per ring, business year and member."""
    found = rings(con, given)
    if not found:
        return
    _write_hops(con, found)
    window = given.days("round_trip_days")
    # Every trade of a hop that fits one of the ring's rounds.
    rows = con.execute(
        f"""WITH fitting AS (
            SELECT DISTINCT h.ring, t.order_id AS fits FROM hops AS h
            JOIN rounds AS r ON r.ring = h.ring
            JOIN trades AS t ON t.payer = h.payer AND t.payee = h.payee
              AND t.kept_fen BETWEEN r.lo AND r.hi AND t.epoch_day BETWEEN r.d0 AND r.d0 + {window}),
        years AS (SELECT DISTINCT f.ring, t.year AS of_year FROM fitting AS f JOIN trades AS t ON t.order_id = f.fits)
        SELECT y.ring, y.of_year, {ORDERS} AS orders
        FROM years AS y JOIN fitting AS f ON f.ring = y.ring JOIN trades AS t ON t.order_id = f.fits
        GROUP BY y.ring, y.of_year ORDER BY y.ring, y.of_year"""
    ).fetchall()
    ids = dict(con.execute("SELECT n, id FROM firms").fetchall())
    for number, year, orders in rows:
        ring = found[number]
        members = [ids[each] for each in ring.firms]
        sums = dict.fromkeys(members, 0)
        for order in orders:
            sums[order["payer"]] += order["amount_fen"]
        judgement = rules.round_trip(list(sums.values()), _shortest(ring, orders), given)
        if judgement is None:
            continue
        subject = "-".join(each.hex for each in members)
        for member in members:
            yield Signal(SignalKind.ROUND_TRIP, member, year, subject, judgement, orders, parties=members)


def _shortest(ring: Ring, orders: list[dict[str, Any]]) -> int:
    """The days of the ring's shortest round, from its first payment to the one that closes it."""
    spans = []
    for each in ring.rounds:
        first = each.first_day
        ends: dict[tuple[Any, Any], int] = {}
        for order in orders:
            day = order["day"].toordinal() - EPOCH
            if day >= first and each.least_fen <= order["amount_fen"] <= each.most_fen:
                hop = (order["payer"], order["payee"])
                ends[hop] = min(ends.get(hop, day), day)
        if len(ends) == len(ring.firms):
            spans.append(max(ends.values()) - first)
    return min(spans)


EPOCH = 719_163
"""1970-01-01 as Python's date ordinal."""


def _write_hops(con: duckdb.DuckDBPyConnection, found: list[Ring]) -> None:
    hops = [
        (number, hop, payer, ring.firms[(hop + 1) % len(ring.firms)])
        for number, ring in enumerate(found)
        for hop, payer in enumerate(ring.firms)
    ]
    con.execute("CREATE OR REPLACE TEMP TABLE hops (ring INTEGER, hop INTEGER, payer INTEGER, payee INTEGER)")
    con.execute(
        "INSERT INTO hops SELECT unnest(?::INTEGER[]), unnest(?::INTEGER[]), unnest(?::INTEGER[]), unnest(?::INTEGER[])",
        [list(column) for column in zip(*hops, strict=True)],
    )
    rounds = [
        (number, each.first_day, each.least_fen, each.most_fen)
        for number, ring in enumerate(found)
        for each in ring.rounds
    ]
    con.execute("CREATE OR REPLACE TEMP TABLE rounds (ring INTEGER, d0 INTEGER, lo BIGINT, hi BIGINT)")
    con.execute(
        "INSERT INTO rounds SELECT unnest(?::INTEGER[]), unnest(?::INTEGER[]), unnest(?::BIGINT[]), unnest(?::BIGINT[])",
        [list(column) for column in zip(*rounds, strict=True)],
    )


def circulations(
    con: duckdb.DuckDBPyConnection, years: tuple[int, ...], given: Parameters
) -> Iterator[Signal]:
    """Groups of firms that pay one another in a circle, per business year: gross against what changed hands."""
    for year in years:
        con.execute(
            """CREATE OR REPLACE TEMP TABLE flows AS SELECT payer, payee, sum(kept_fen)::BIGINT AS amount
            FROM trades WHERE year = ? AND kept_fen > 0 GROUP BY payer, payee""",
            [year],
        )
        if not _components(con, "flows"):
            continue
        rows = con.execute(
            """WITH inner_flows AS (
                SELECT a.component, f.payer, f.payee, f.amount FROM flows AS f
                JOIN members AS a ON a.n = f.payer JOIN members AS b ON b.n = f.payee AND b.component = a.component),
            balances AS (
                SELECT component, n, sum(amount) AS net FROM (
                    SELECT component, payer AS n, -amount AS amount FROM inner_flows
                    UNION ALL SELECT component, payee, amount FROM inner_flows) GROUP BY component, n)
            SELECT component, (SELECT sum(amount) FROM inner_flows AS i WHERE i.component = b.component)::BIGINT,
                   (sum(abs(net)) / 2)::BIGINT, list(n ORDER BY n)
            FROM balances AS b GROUP BY component ORDER BY component"""
        ).fetchall()
        for component, gross, net, numbers in rows:
            judgement = rules.circulation(gross, net, len(numbers), given)
            if judgement is not None:
                yield from _of_group(con, year, component, numbers, judgement)


def _of_group(
    con: duckdb.DuckDBPyConnection, year: int, component: int, numbers: list[int], judgement: rules.Judgement
) -> Iterator[Signal]:
    ((orders,),) = con.execute(
        f"""SELECT {ORDERS} FROM trades AS t
        JOIN members AS a ON a.n = t.payer AND a.component = $component
        JOIN members AS b ON b.n = t.payee AND b.component = $component
        WHERE t.year = $year AND t.kept_fen > 0""",
        {"component": component, "year": year},
    ).fetchall()
    ids = dict(con.execute("SELECT n, id FROM firms WHERE list_contains(?, n)", [numbers]).fetchall())
    members = [ids[n] for n in numbers]
    subject = members[0].hex
    for member in members:
        yield Signal(SignalKind.CIRCULATION, member, year, subject, judgement, orders, parties=members)
