"""What the figures of a firm's year, and of one pair in a year, look like."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

import duckdb

from settlement.risk import rules
from settlement.risk.parameters import Parameters
from settlement.risk.signals.ground import ORDERS, Signal, largest
from settlement.risk.states import SignalKind

Goal = Callable[[int], int | None]


def reciprocities(con: duckdb.DuckDBPyConnection, given: Parameters) -> Iterator[Signal]:
    """Two firms that buy from one another in a year; a finding for each."""
    rows = con.execute(
        f"""WITH pairs AS (
            SELECT payer AS one, payee AS other, year AS of_year, sum(kept_fen)::BIGINT AS amount
            FROM trades WHERE kept_fen > 0 GROUP BY ALL),
        mutual AS (
            SELECT a.one, a.other, a.of_year, a.amount AS paid, b.amount AS returned FROM pairs AS a
            JOIN pairs AS b ON b.one = a.other AND b.other = a.one AND b.of_year = a.of_year
            WHERE a.one < a.other AND least(a.amount, b.amount) >= $least)
        SELECT of_year, any_value(paid), any_value(returned),
               any_value(buyer) FILTER (payer = one), any_value(supplier) FILTER (payer = one), {ORDERS}
        FROM mutual JOIN trades
          ON least(payer, payee) = one AND greatest(payer, payee) = other AND year = of_year AND kept_fen > 0
        GROUP BY one, other, of_year ORDER BY one, other, of_year""",
        {"least": given.fen("reciprocity_least")},
    ).fetchall()
    for year, paid, returned, one, other, orders in rows:
        judgement = rules.reciprocity(paid, returned, given)
        if judgement is None:
            continue
        for firm, partner in ((one, other), (other, one)):
            yield Signal(
                SignalKind.RECIPROCITY, firm, year, partner.hex, judgement, orders, parties=(one, other)
            )


def concentrations(con: duckdb.DuckDBPyConnection, given: Parameters) -> Iterator[Signal]:
    """A supplier's year most of which is one buyer."""
    rows = con.execute(
        f"""WITH pairs AS (
            SELECT supplier AS firm, buyer AS other, year AS of_year, sum(kept_fen)::BIGINT AS amount
            FROM trades GROUP BY ALL),
        years AS (
            SELECT firm, of_year, sum(amount)::BIGINT AS whole, max(amount) AS most, count(*) AS buyers,
                   arg_max(other, amount) AS top FROM pairs GROUP BY ALL
            HAVING whole >= $least AND most * 2 >= whole)
        SELECT firm, of_year, any_value(top), any_value(most), any_value(whole), any_value(buyers), {ORDERS}
        FROM years JOIN trades ON supplier = firm AND buyer = top AND year = of_year AND kept_fen > 0
        GROUP BY firm, of_year ORDER BY firm, of_year""",
        {"least": given.fen("concentration_least")},
    ).fetchall()
    for supplier, year, top, most, whole, buyers, orders in rows:
        judgement = rules.concentration(most, whole, buyers, given)
        if judgement is not None:
            yield Signal(
                SignalKind.CONCENTRATION,
                supplier,
                year,
                top.hex,
                judgement,
                largest(orders),
                parties=(supplier, top),
            )


def near_thresholds(
    con: duckdb.DuckDBPyConnection, revenues: Mapping[tuple[UUID, int], int], goal: Goal, given: Parameters
) -> Iterator[Signal]:
    """Actual revenue (fen, without VAT) a little above the reward's condition."""
    found = {
        key: judgement
        for key, counted in revenues.items()
        if (judgement := rules.near_threshold(counted, goal(key[1]), given)) is not None
    }
    orders = _orders_of(con, [(firm, year, date(year, 1, 1)) for firm, year in found])
    for (firm, year), judgement in sorted(found.items(), key=lambda each: (str(each[0][0]), each[0][1])):
        named = orders.get((firm, year, date(year, 1, 1)), [])
        yield Signal(SignalKind.NEAR_THRESHOLD, firm, year, "year", judgement, named, parties=(firm,))


Stretch = tuple[UUID, int, date]
"""A supplier, a business year, and the day from which on its trades are asked for."""


def _orders_of(
    con: duckdb.DuckDBPyConnection, stretches: Sequence[Stretch]
) -> dict[Stretch, list[Mapping[str, object]]]:
    """The (largest) orders of many suppliers' stretches, read at once."""
    if not stretches:
        return {}
    con.execute("CREATE OR REPLACE TEMP TABLE asked (firm UUID, of_year INTEGER, since DATE)")
    columns = [list(column) for column in zip(*stretches, strict=True)]
    con.execute(
        "INSERT INTO asked SELECT unnest(?::UUID[]), unnest(?::INTEGER[]), unnest(?::DATE[])", columns
    )
    rows = con.execute(
        f"""SELECT firm, of_year, since, {ORDERS} FROM asked
        JOIN trades ON supplier = firm AND year = of_year AND day >= since AND kept_fen > 0
        GROUP BY firm, of_year, since"""
    ).fetchall()
    return {(firm, year, since): largest(orders) for firm, year, since, orders in rows}


def year_ends(
    con: duckdb.DuckDBPyConnection, years: tuple[int, ...], today: date, given: Parameters
) -> Iterator[Signal]:
    """Years made in December, and final days that outdo the rest of the year."""
    for year in years:
        final_days = given.days("burst_days")
        final_from = date.fromordinal(date(year, 12, 31).toordinal() - final_days + 1)
        rows = con.execute(
            """SELECT supplier, sum(kept_fen)::BIGINT,
                      coalesce(sum(kept_fen) FILTER (day >= $december), 0)::BIGINT,
                      coalesce(sum(kept_fen) FILTER (day >= $final), 0)::BIGINT
            FROM trades WHERE year = $year AND kept_fen > 0 GROUP BY supplier
            HAVING max(day) >= $december ORDER BY supplier""",
            {"year": year, "december": date(year, 12, 1), "final": final_from},
        ).fetchall()
        passed = min(final_days, (min(today, date(year, 12, 31)) - final_from).days + 1)
        before = (final_from - date(year, 1, 1)).days
        told: list[tuple[SignalKind, Stretch, rules.Judgement]] = []
        for supplier, whole, in_december, in_final in rows:
            judged = rules.december(in_december, whole, given)
            if judged is not None:
                told.append((SignalKind.DECEMBER, (supplier, year, date(year, 12, 1)), judged))
            judged = rules.year_end_burst(in_final, passed, whole - in_final, before, given)
            if judged is not None:
                told.append((SignalKind.YEAR_END_BURST, (supplier, year, final_from), judged))
        orders = _orders_of(con, [stretch for _kind, stretch, _judged in told])
        for kind, stretch, judged in told:
            yield Signal(
                kind, stretch[0], year, "year", judged, orders.get(stretch, []), parties=(stretch[0],)
            )


def unused(con: duckdb.DuckDBPyConnection, today: date, given: Parameters) -> Iterator[Signal]:
    """A buyer that paid and never used what was delivered to it."""
    rows = con.execute(
        f"""SELECT supplier, buyer, year, sum(kept_fen)::BIGINT, count(*), {ORDERS},
                   list(delivery ORDER BY day, order_id) AS deliveries
        FROM trades WHERE use_count = 0 AND kept_fen > 0 AND delivered_on <= $due
        GROUP BY supplier, buyer, year HAVING sum(kept_fen) >= $least ORDER BY supplier, buyer, year""",
        {
            "due": date.fromordinal(today.toordinal() - given.days("unused_days")),
            "least": given.fen("unused_least"),
        },
    ).fetchall()
    for supplier, buyer, year, amount, count, orders, deliveries in rows:
        judgement = rules.buyer_without_use(amount, count, given)
        if judgement is not None:
            proofs = [{"kind": "delivery", "id": str(each), "accesses": 0} for each in deliveries if each]
            yield Signal(
                SignalKind.BUYER_WITHOUT_USE,
                supplier,
                year,
                buyer.hex,
                judgement,
                orders,
                proofs,
                (supplier, buyer),
            )


def same_day_refunds(con: duckdb.DuckDBPyConnection, given: Parameters) -> Iterator[Signal]:
    """Money that went back to the buyer on the day on which it came."""
    rows = con.execute(
        f"""SELECT supplier, buyer, year, sum(same_day_fen)::BIGINT, count(*), {ORDERS}
        FROM trades WHERE same_day_fen > 0 GROUP BY supplier, buyer, year ORDER BY supplier, buyer, year"""
    ).fetchall()
    for supplier, buyer, year, amount, count, orders in rows:
        judgement = rules.same_day_refund(amount, count, given)
        if judgement is not None:
            yield Signal(
                SignalKind.SAME_DAY_REFUND,
                supplier,
                year,
                buyer.hex,
                judgement,
                orders,
                parties=(supplier, buyer),
            )


def new_buyers(con: duckdb.DuckDBPyConnection, given: Parameters) -> Iterator[Signal]:
    """A year whose buyers came to the platform for this supplier, and for nobody else."""
    rows = con.execute(
        f"""WITH buyers AS (
            SELECT buyer, min(day) AS first, count(DISTINCT supplier) AS suppliers, min(verified_on) AS verified
            FROM trades GROUP BY buyer),
        marked AS (
            SELECT t.*, b.suppliers = 1 AND b.verified IS NOT NULL
                   AND b.first - b.verified BETWEEN 0 AND $days AS is_new
            FROM trades AS t JOIN buyers AS b USING (buyer) WHERE kept_fen > 0)
        SELECT supplier, year, sum(kept_fen)::BIGINT AS whole,
               coalesce(sum(kept_fen) FILTER (is_new), 0)::BIGINT AS fresh,
               count(DISTINCT buyer) FILTER (is_new), {ORDERS} FILTER (is_new)
        FROM marked GROUP BY supplier, year HAVING whole >= $least AND fresh > 0 ORDER BY supplier, year""",
        {"days": given.days("new_buyer_days"), "least": given.fen("new_buyers_least")},
    ).fetchall()
    for supplier, year, whole, fresh, count, orders in rows:
        judgement = rules.new_buyers_only(fresh, whole, count, given)
        if judgement is not None:
            kept = largest(orders)
            parties = [supplier, *sorted({each["payer"] for each in kept})]
            yield Signal(SignalKind.NEW_BUYERS_ONLY, supplier, year, "year", judgement, kept, parties=parties)
