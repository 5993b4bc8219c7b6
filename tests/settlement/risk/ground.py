"""Small markets for tests of the signals: trades written down one by one, firms by a letter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import duckdb

from settlement.risk import facts, parameters
from settlement.risk.signals import Signal, scan

DAY = date(2025, 6, 1)
TODAY = date(2026, 3, 2)
GIVEN = parameters.in_force(TODAY)
YUAN = 100


def firm(letter: str) -> UUID:
    """The firm of that letter; ids follow the alphabet."""
    return UUID(int=0x018F0000_0000_7000_8000_000000000000 + ord(letter))


def letters(ids: Sequence[UUID]) -> str:
    """The letters of these firms, in order."""
    return "".join(chr(each.int & 0xFFFF) for each in ids)


def trade(payer: str, payee: str, yuan: int, **kept: Any) -> dict[str, Any]:
    """A released order that `payer` bought from `payee`; used, not refunded, unless told otherwise."""
    day = kept.pop("day", DAY)
    return {
        "supplier": firm(payee), "buyer": firm(payer), "gross_fen": yuan * YUAN, "back_fen": 0, "same_day_fen": 0,
        "day": day if isinstance(day, date) else DAY + timedelta(days=day), "delivered_on": kept.pop("delivered_on", DAY),
        "use_count": 1, "verified_on": date(2024, 1, 1), "product_kind": "dataset", "industry": "commerce",
        "plan_kind": "one_off", "product": firm(payee),
        "plan": firm(payee), "price_fen": yuan * YUAN, **kept,
    }  # fmt: skip


@contextmanager
def market(trades: Sequence[dict[str, Any]]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with these trades, as the product loads them."""
    with facts.empty() as con:
        _fill(con, trades)
        yield con


def _fill(con: duckdb.DuckDBPyConnection, trades: Sequence[dict[str, Any]]) -> None:
    serial = itertools.count(1)
    con.execute("CREATE TABLE facts (" + ", ".join(f"{n} {k}" for n, k in facts.COLUMNS.items()) + ")")
    for each in trades:
        number = next(serial)
        row = {
            "order_id": UUID(int=10**9 + number), "number": f"DD-{number}", "entry": UUID(int=2 * 10**9 + number),
            "delivery": UUID(int=3 * 10**9 + number), **each,
        }  # fmt: skip
        con.execute(
            f"INSERT INTO facts VALUES ({', '.join('?' * len(facts.COLUMNS))})",
            [row[name] for name in facts.COLUMNS],
        )
    facts.prepare(con)


def found(trades: Sequence[dict[str, Any]], kind: str, **more: Any) -> list[Signal]:
    """The signals of one kind in a market, for 2025 and 2026."""
    more.setdefault("years", (2025, 2026))
    with market(trades) as con:
        return [
            each
            for each in scan(con, today=TODAY, given=more.pop("given", GIVEN), **more)
            if each.kind == kind
        ]
