"""Rewards: a city from transactions to decisions, from revenue to decisions, and one firm's statement.

The city's transactions lie in a Parquet file. The peer is one hand-written query that gives the numbers only and knows
those of the policy; ours is generated from the card, tells the outcome and what would have been, and reads the register
and refunds and exclusions apart. Two threads and 512 MB each; where the two differ by a fen the measurement fails. What
memory the run takes is measured in processes of their own. OpenFisca-core, a rules engine of this kind, computes the same
million firms in a process of its own; it counts in float32, and how many firms it misses by a fen stands in its line.

The statement is one firm's facts gathered from the database with their evidence, decided, with every step: beside
20,000 lines of other firms and beside ten times as many.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import duckdb
import numpy
from django.db import connection

from benchmarks import Row, peers
from settlement.rewards import measures, runs

FIRMS, LINES, YEAR, TIMES = 1_000_000, 10_000_000, 2025, 5
EXCLUDED = ("venue", "certificate", "filing", "delivery", "receipt", "period", "related_party", "circular")
CARD = measures.DATA_PRODUCT_TRADING
_DRAWN = f"(SELECT i, (hash(i + 1) % 1000000000000)::BIGINT AS h FROM range({FIRMS}) r(i))"
FILL = f"""
INSERT INTO facts SELECT i::VARCHAR, h % 5 <> 0, ['0101', '0203', '0304'][(1 + h // 7 % 3)::INTEGER], FALSE,
  '441802', '441802', (h // 13 % 20 <> 0)::BIGINT, 1, 0, h % 20000000000,
  CASE WHEN i % 7 = 0 THEN -(h % 300000000) ELSE 0 END, {", ".join("0" for _code in EXCLUDED)}, 0, 0, [], NULL, NULL, []
FROM {_DRAWN}
"""
_REVENUE = " + ".join(["receipts_fen", "refunds_fen", *(f"excluded_{code}_fen" for code in EXCLUDED)])
_ELIGIBLE = (
    "revenue >= 500000000 AND certificate_count > 0 AND len(prior_awards) < 3 "
    "AND (is_annotation_firm OR substr(industry_class, 1, 2) IN ('02', '03', '04', '05'))"
)
BY_HAND = f"""
SELECT id, CASE WHEN eligible THEN least(revenue // 100, 100000000) ELSE 0 END AS amount_fen FROM (
  SELECT id, {_ELIGIBLE} AS eligible, revenue FROM (SELECT *, {_REVENUE} AS revenue FROM facts))
"""
CITY = f"""
CREATE TABLE firms AS SELECT i AS id, h % 5 <> 0 AS is_annotation_firm, FALSE AS in_recognised_park,
  ['0101', '0203', '0304'][(1 + h // 7 % 3)::INTEGER] AS industry_class, '441802' AS registered_place,
  '441802' AS tax_place, (h // 13 % 20 <> 0)::BIGINT AS certificate_count,
  CAST([] AS STRUCT("measure" VARCHAR, "group" VARCHAR, "year" BIGINT, "amount_fen" BIGINT, "matter" VARCHAR)[])
  AS prior_awards
FROM {_DRAWN}
"""
TRADES = f"""
COPY (SELECT (h % {FIRMS})::BIGINT AS firm, CASE WHEN h % 97 = 0 THEN {YEAR - 1} ELSE {YEAR} END::SMALLINT AS year,
  n AS net_fen, n + n * 6 // 100 AS gross_fen, -(n // 50) AS fee_fen, h % 29 = 0 AS is_refund,
  CASE WHEN h % 41 = 0 THEN 'circular' WHEN h % 43 = 0 THEN 'certificate' ELSE '' END AS exclusion
FROM (SELECT h, CASE WHEN h % 29 = 0 THEN -(h // 7 % 20000000) ELSE h // 11 % 140000000 END AS n
  FROM (SELECT (hash(i + 1) % 1000000000000)::BIGINT AS h FROM range({{lines}}) r(i)))) TO '{{path}}' (FORMAT parquet)
"""
CITY_BY_HAND = f"""
SELECT id, CASE WHEN {_ELIGIBLE} THEN least(revenue // 100, 100000000) ELSE 0 END AS amount_fen
FROM firms LEFT JOIN (SELECT firm, CAST(sum(net_fen) AS BIGINT) AS revenue FROM lines
  WHERE year = {YEAR} AND exclusion = '' GROUP BY firm) sums ON firm = id
"""


@contextmanager
def _city(lines: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A city's firms, and its transactions in a file; `facts` is the product's view over them."""
    with tempfile.TemporaryDirectory() as folder, runs.table(CARD) as database:
        path = Path(folder) / "trades.parquet"
        database.execute(TRADES.format(lines=lines, path=path))
        database.execute(CITY)
        database.execute(f"CREATE VIEW lines AS SELECT * FROM read_parquet('{path}')")
        runs.sum_lines(database, year=YEAR)
        yield database


def _side_by_side(database: duckdb.DuckDBPyConnection, work: str, by_hand: str) -> Row:
    """Ours and the peer in turn, so that what else the machine does falls on both."""
    queries = {"ours": runs.decided(database, CARD, year=YEAR).sql_query(), "hand": by_hand}
    seconds: dict[str, list[float]] = {name: [] for name in queries}
    for _each in range(TIMES):
        for name, query in queries.items():
            begun = time.perf_counter()
            database.execute(f"CREATE OR REPLACE TABLE {name} AS {query}")
            seconds[name].append(time.perf_counter() - begun)
    differing = database.sql(
        "SELECT count(*) FROM ours FULL JOIN hand ON ours.id = hand.id "
        "WHERE ours.amount_fen IS DISTINCT FROM hand.amount_fen"
    ).fetchall()[0][0]
    if differing:
        raise ValueError(f"{differing} firms differ between the generated and the hand-written query")
    ours, peer = (statistics.median(seconds[name]) for name in queries)
    return Row(work, ours, "s", "hand-written SQL, numbers only", peer, 1 / 1.5, False)


def _peak_mb(lines: int) -> float:
    """The most memory that a process holds which makes the city, decides it, and does nothing else."""
    with _city(lines) as database:
        query = runs.decided(database, CARD, year=YEAR).sql_query()
        database.execute(f"COPY ({query}) TO '/dev/null' (FORMAT csv)")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _memory() -> Row:
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        few, many = pool.map(_peak_mb, [LINES // 5, LINES], chunksize=1)
    return Row(
        "its memory, 10,000,000 transactions", many, "MB", "2,000,000 transactions", few, 1 / 1.5, False
    )


_FOR_OPENFISCA = f"""
SELECT revenue AS revenue_fen, len(prior_awards) < 3 AND certificate_count > 0
    AND (is_annotation_firm OR substr(industry_class, 1, 2) IN ('02', '03', '04', '05')) AS is_in_scope, amount_fen
FROM (SELECT *, {_REVENUE} AS revenue FROM facts) JOIN hand USING (id)
"""


def _openfisca(database: duckdb.DuckDBPyConnection, ours: Row) -> Row:
    """OpenFisca-core on the facts that ours has just decided."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "firms.npz"
        numpy.savez(
            path,
            **{
                name: numpy.asarray(found)
                for name, found in database.sql(_FOR_OPENFISCA).fetchnumpy().items()
            },
        )
        with peers.running("openfisca_trading.py", str(path), str(TIMES)) as peer:
            told = peer.ask()
    name = f"OpenFisca-core, {told['differing']:,} firms wrong"
    return Row(ours.work, ours.ours, "s", name, told["seconds"], 1.0, False)


# --- one firm's statement -------------------------------------------------------------------------

FIRM_LINES, REST = 500, 20_000
_DAY = f"timestamptz '{YEAR}-03-02 04:00+00'"
_BOOKED = """
WITH new AS (
  SELECT uuidv7() AS id, uuidv7() AS release, uuidv7() AS line, i,
    CASE WHEN i <= {own} THEN '{firm}'::uuid ELSE md5((i % {firms})::text)::uuid END AS firm,
    1000000 + i % 9000000 AS fen FROM generate_series({first}, {last}) i
), orders AS (
  INSERT INTO trading_order (id, recorded_at, number, product_id, plan_id, version_id, certificate_id, supplier_id,
    buyer_id, use_statement, amount_fen, tax_fen, inspection_days, is_exclusive, placed_at, supplier_signed_at,
    buyer_signed_at, contracted_at, paid_at, accepted_at, completed_at, state)
  SELECT id, now(), 'BENCH' || i, uuidv7(), uuidv7(), uuidv7(), uuidv7(), firm, uuidv7(), '', fen, 0, 7, FALSE, {day},
    {day}, {day}, {day}, {day}, {day}, {day}, 'completed' FROM new
), releases AS (
  INSERT INTO payments_release (id, recorded_at, intent_id, order_id, gross_fen, fee_bp, fee_fen, seller_fen,
    released_at, entry_id)
  SELECT release, now(), uuidv7(), id, fen, 0, 0, fen, {day}, uuidv7() FROM new
)
INSERT INTO revenue_revenueline (id, recorded_at, firm_id, year, order_id, received_at, gross_fen, net_fen, fee_fen,
  is_credit, exclusions, evidence)
SELECT line, now(), firm, {year}, id, {day}, fen, fen, 0, FALSE, '{{}}', '{{}}' FROM new
"""


def _book(firm: UUID, first: int, last: int) -> None:
    """Lines with their orders and releases; the first ones are the firm's, the rest go round a thousand others."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # the benchmark's rows stand for themselves
        cursor.execute(
            _BOOKED.format(own=FIRM_LINES, firm=firm, firms=1000, first=first, last=last, day=_DAY, year=YEAR)
        )
        cursor.execute("SET session_replication_role = DEFAULT")
        for table in ("trading_order", "payments_release", "revenue_revenueline"):
            cursor.execute(f"ANALYZE {table}")


def _statements() -> list[Row]:
    from organizations.models import Organization
    from settlement.rewards import rules, selectors

    firm = Organization.objects.create(
        name="清蓝（测速示例）", uscc="91441802MA5000001N", kinds=["annotation_firm"]
    )

    def statement() -> None:
        facts = selectors.gather_facts(firm, YEAR)
        found = rules.decide(CARD.id, facts)
        assert found.bytes
        assert facts.value("receipts_fen"), "the firm has its lines"

    def milliseconds() -> float:
        statement()
        durations = []
        for _each in range(41):
            begun = time.perf_counter()
            statement()
            durations.append(time.perf_counter() - begun)
        return statistics.median(durations) * 1000

    _book(firm.pk, 1, FIRM_LINES + REST)
    alone = milliseconds()
    _book(firm.pk, FIRM_LINES + REST + 1, FIRM_LINES + 10 * REST)
    beside = milliseconds()
    work = "one firm's statement with its whole trace"
    return [
        Row(work, beside, "ms", "the bar of 50 ms", 50.0, 1.0, False),
        Row(f"{work}, 10 × the rest", beside, "ms", "1 × the rest", alone, 1 / 1.5, False),
    ]


def measure() -> Iterable[Row]:
    with _city(LINES) as database:
        city = _side_by_side(database, "a city: 10,000,000 transactions, 1,000,000 firms", CITY_BY_HAND)
    with runs.table(CARD) as database:
        database.execute(FILL)
        given = _side_by_side(database, "3(1) for 1,000,000 firms, given revenue", BY_HAND)
        openfisca = _openfisca(database, given)
    return [city, _memory(), given, openfisca, *_statements()]
