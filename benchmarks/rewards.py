"""Article 3(1) for 1,000,000 firms: the query generated from the card against one written by hand.

Both read the same DuckDB table of facts with two threads; the hand-written query gives outcome and amount only and
knows the numbers of the policy. The generated one also reads the register, the readings and every exclusion. Where the
two differ by a fen the measurement fails. A second line is one firm's decision with its whole trace, against the
hand-written query for that one firm.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from benchmarks import Row, median_seconds
from settlement.rewards import measures, rules, runs, scenarios

FIRMS, YEAR, TIMES = 1_000_000, 2025, 5
EXCLUDED = ("venue", "certificate", "filing", "delivery", "receipt", "period", "related_party", "circular")
FILL = f"""
INSERT INTO facts SELECT i::VARCHAR, h % 5 <> 0, ['0101', '0203', '0304'][(1 + h // 7 % 3)::INTEGER], FALSE,
  '441802', '441802', (h // 13 % 20 <> 0)::BIGINT, 1, 0, h % 20000000000,
  CASE WHEN i % 7 = 0 THEN -(h % 300000000) ELSE 0 END, {", ".join("0" for _code in EXCLUDED)}, 0, 0, [], NULL, NULL, []
FROM (SELECT i, (hash(i + 1) % 1000000000000)::BIGINT AS h FROM range({FIRMS}) r(i))
"""
_REVENUE = " + ".join(["receipts_fen", "refunds_fen", *(f"excluded_{code}_fen" for code in EXCLUDED)])
BY_HAND = f"""
SELECT id, CASE WHEN eligible THEN least(revenue // 100, 100000000) ELSE 0 END AS amount_fen FROM (
  SELECT id, revenue, revenue >= 500000000 AND certificate_count > 0 AND len(prior_awards) < 3
    AND (is_annotation_firm OR substr(industry_class, 1, 2) IN ('02', '03', '04', '05')) AS eligible
  FROM (SELECT *, {_REVENUE} AS revenue FROM facts))
"""


def _whole_city(database: duckdb.DuckDBPyConnection) -> Row:
    card = measures.DATA_PRODUCT_TRADING
    generated = runs.decided(database, card, year=YEAR).sql_query()

    def ours() -> None:
        database.execute(f"CREATE OR REPLACE TABLE ours AS {generated}")

    def by_hand() -> None:
        database.execute(f"CREATE OR REPLACE TABLE hand AS {BY_HAND}")

    seconds, peer = median_seconds(ours, times=TIMES), median_seconds(by_hand, times=TIMES)
    differing = database.sql(
        "SELECT count(*) FROM ours FULL JOIN hand USING (id) WHERE ours.amount_fen IS DISTINCT FROM hand.amount_fen"
    ).fetchall()[0][0]
    if differing:
        raise ValueError(f"{differing} firms differ between the generated and the hand-written query")
    return Row(
        "3(1) for 1,000,000 firms, given revenue", seconds, "s", "hand-written SQL", peer, 1 / 1.5, False
    )


def _one_firm(database: duckdb.DuckDBPyConnection) -> Row:
    facts = scenarios.of(measures.DATA_PRODUCT_TRADING.id)[0].facts
    one = median_seconds(lambda: rules.decide("data_product_trading", facts), times=101) * 1000
    peer = median_seconds(lambda: database.execute(f"{BY_HAND} WHERE id = '7'").fetchall(), times=21) * 1000
    return Row(
        "one firm's statement with its whole trace",
        one,
        "ms",
        "its row by hand-written SQL",
        peer,
        0.1,
        False,
    )


def measure() -> Iterable[Row]:
    with runs.table(measures.DATA_PRODUCT_TRADING) as database:
        database.execute(FILL)
        return [_whole_city(database), _one_firm(database)]
