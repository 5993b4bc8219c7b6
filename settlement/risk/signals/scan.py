"""All signals over the loaded facts, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from uuid import UUID

import duckdb

from settlement.risk.parameters import Parameters
from settlement.risk.signals import figures, prices, relations, rings
from settlement.risk.signals.ground import Signal
from settlement.risk.signals.relations import Held, Shared


def scan(
    con: duckdb.DuckDBPyConnection,
    *,
    years: tuple[int, ...],
    today: date,
    given: Parameters,
    holdings: Sequence[Held] = (),
    details: Sequence[Shared] = (),
    revenues: Mapping[tuple[UUID, int], int] | None = None,
    goal: Callable[[int], int | None] = lambda _year: None,
) -> Iterator[Signal]:
    """Every signal of these business years; `con` holds `trades`, `firms` and `edges` (see `facts`)."""
    found = (
        rings.round_trips(con, given),
        rings.circulations(con, years, given),
        relations.related_parties(con, holdings, details, given),
        prices.far_prices(con, given),
        figures.reciprocities(con, given),
        figures.concentrations(con, given),
        figures.near_thresholds(con, revenues or {}, goal, given),
        figures.year_ends(con, years, today, given),
        figures.unused(con, today, given),
        figures.same_day_refunds(con, given),
        figures.new_buyers(con, given),
    )
    for signals in found:
        yield from (each for each in signals if each.year in years)
