"""Prices far from like offers: same kind of product, same industry, same kind of plan."""

from __future__ import annotations

import math
from collections.abc import Iterator

import duckdb

from settlement.risk import rules
from settlement.risk.parameters import Parameters
from settlement.risk.signals.ground import ORDERS, Signal
from settlement.risk.states import SignalKind


def far_prices(con: duckdb.DuckDBPyConnection, given: Parameters) -> Iterator[Signal]:
    """A finding per plan and year that was sold far from what like plans cost; each plan counts once."""
    con.execute(
        """CREATE OR REPLACE TEMP TABLE offers AS
        SELECT DISTINCT year, product_kind, industry, plan_kind, supplier, plan, price_fen FROM trades WHERE price_fen > 0"""
    )
    groups = con.execute(
        """SELECT year, product_kind, industry, plan_kind, list(price_fen), count(DISTINCT supplier)
        FROM offers GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    for year, product_kind, industry, plan_kind, prices, suppliers in groups:
        like = rules.comparison(prices, suppliers, given)
        if like is None:
            continue
        reach = math.exp(float(given.ratio("price_deviation")) * like.spread) * 0.999
        outside = {price for price in prices if not like.median_fen / reach < price < like.median_fen * reach}
        far = {price for price in outside if rules.price_far(price, 0, like, given)}
        if not far:
            continue
        rows = con.execute(
            f"""SELECT supplier, plan, price_fen, sum(kept_fen)::BIGINT, {ORDERS} FROM trades
            WHERE year = ? AND product_kind = ? AND industry = ? AND plan_kind = ? AND list_contains(?::BIGINT[], price_fen)
            GROUP BY supplier, plan, price_fen ORDER BY supplier, plan, price_fen""",
            [year, product_kind, industry, plan_kind, sorted(far)],
        ).fetchall()
        for supplier, plan, price, sold, orders in rows:
            judgement = rules.price_far(price, sold, like, given)
            assert judgement is not None, "only far prices were asked for"
            subject = f"{plan.hex}-{price}"
            parties = sorted({supplier, *(each["payer"] for each in orders)})
            yield Signal(SignalKind.PRICE_FAR, supplier, year, subject, judgement, orders, parties=parties)
