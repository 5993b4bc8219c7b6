"""The daily close: final entries sealed into a chain of signed digests, and the stored proof of the books.

Sealing comes afterwards and never waits for posting: an entry is final once no running transaction is older than
it, or when it comes from another life of the database (a restored one).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from kernel import clock
from settlement.ledger import selectors
from settlement.ledger.models import DayClose, ProofRun
from settlement.ledger.selectors import Difference
from signing import services as signing

GENESIS = "0" * 64
TYPE = "ledger-close+jwt"
_LOCK = 0x6C_65_64_67
_LINE = """
  encode(sha256(convert_to(jsonb_build_array(
    e.id, e.key, e.fingerprint, e.kind, e.fact_type, e.fact_id, e.memo,
    to_char(e.effective_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
    to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), e.reverses_id, legs.told
  )::text, 'UTF8')), 'hex')"""
_CONTENT = f"""
SELECT s.close_id, count(*), coalesce(sum(legs.count), 0),
       encode(sha256(convert_to(string_agg({_LINE}, '' ORDER BY s.position), 'UTF8')), 'hex')
FROM ledger_sealed AS s
JOIN ledger_entry AS e ON e.id = s.entry_id
CROSS JOIN LATERAL (
  SELECT count(*) AS count, string_agg(p.account_id::text || ':' || p.amount_fen, ',' ORDER BY p.account_id) AS told
  FROM ledger_posting AS p WHERE p.entry_id = e.id
) AS legs
"""
# Everything below is final: the oldest transaction that may still write here. Transactions of other databases on the
# same server hold a snapshot's xmin back too, but write nothing here; whose database cannot be seen counts as ours.
_FINAL_BELOW = """
SELECT coalesce(min(running.xid), pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
FROM (
  SELECT xip::text::bigint AS xid FROM pg_snapshot_xip(pg_current_snapshot()) AS xip
  UNION ALL SELECT pg_current_xact_id_if_assigned()::text::bigint
) AS running
WHERE running.xid IS NOT NULL AND NOT EXISTS (
  SELECT FROM pg_stat_activity AS other
  WHERE other.datname <> current_database() AND other.backend_xid::text::bigint = mod(running.xid, 4294967296)
)
"""
_SEAL = f"""
INSERT INTO ledger_sealed (position, entry_id, close_id)
SELECT (SELECT coalesce(max(position), 0) FROM ledger_sealed)
       + row_number() OVER (ORDER BY e.transaction_id, e.id), e.id, %s
FROM ledger_entry AS e LEFT JOIN ledger_sealed AS s ON s.entry_id = e.id
WHERE s.entry_id IS NULL
  AND (e.transaction_id < ({_FINAL_BELOW})
       OR e.transaction_id >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
"""
_BALANCES = """
SELECT a.purpose, sum(p.amount_fen)::bigint
FROM ledger_posting AS p JOIN ledger_sealed AS s ON s.entry_id = p.entry_id
JOIN ledger_account AS a ON a.id = p.account_id
WHERE p.effective_at < %s GROUP BY a.purpose ORDER BY a.purpose
"""
EMPTY = hashlib.sha256(b"").hexdigest()
Watch = Callable[[], Any]
_watches: dict[str, Watch] = {}


def register_watch(code: str, watch: Watch) -> None:
    """Let another app's figures stand beside the nightly proof; `watch` gives a dataclass."""
    _watches[code] = watch


def claims(close: DayClose) -> dict[str, Any]:
    """What a close says, and what its hash is over."""
    return {
        "ordinal": close.ordinal,
        "day": close.day.isoformat(),
        "entries": close.entry_count,
        "postings": close.posting_count,
        "content_sha256": close.content_sha256,
        "previous": close.previous_hash,
        "balances": close.balances,
        "closed_at": close.closed_at.isoformat(),
    }


def hash_of(close: DayClose) -> str:
    """SHA-256 (hex) over the canonical JSON of the claims."""
    told = json.dumps(claims(close), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()


@transaction.atomic
def close_day(*, at: datetime, day: date | None = None) -> DayClose | None:
    """Close a business day that has ended (yesterday by default); None when it is closed or another closes it.

    Seals everything that is final by now and was not sealed. A day that was missed is closed with the next one.
    """
    day = day or clock.business_date(at) - timedelta(days=1)
    assert clock.end_of(day) <= at, "a day is closed after its end"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return None
        before = DayClose.objects.order_by("-ordinal").first()
        if before is not None and before.day >= day:
            return None
        close = DayClose(
            ordinal=before.ordinal + 1 if before else 1,
            day=day,
            previous_hash=before.hash if before else GENESIS,
            closed_at=at,
        )
        cursor.execute(_SEAL, [close.pk])
        cursor.execute(f"{_CONTENT} WHERE s.close_id = %s GROUP BY s.close_id", [close.pk])
        found = cursor.fetchone() or (None, 0, 0, EMPTY)
        close.entry_count, close.posting_count, close.content_sha256 = int(found[1]), int(found[2]), found[3]
        cursor.execute(_BALANCES, [clock.end_of(day)])
        close.balances = {purpose: int(fen) for purpose, fen in cursor.fetchall()}
    close.hash = hash_of(close)
    close.token = signing.sign({**claims(close), "hash": close.hash, "iat": int(at.timestamp())}, type_=TYPE)
    close.save(force_insert=True)
    return close


def differences(*, limit: int = 100) -> list[Difference]:
    """Every close against the entries it sealed, the close before it, and its own signature."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_CONTENT} GROUP BY s.close_id")
        held = {row[0]: (int(row[1]), int(row[2]), row[3]) for row in cursor.fetchall()}
    found, previous = [], GENESIS
    for close in DayClose.objects.order_by("ordinal"):
        kept = (close.entry_count, close.posting_count, close.content_sha256)
        now = held.get(close.pk, (0, 0, EMPTY))
        if now != kept:
            found.append(Difference("sealed_content", close.pk, kept[2], now[2]))
        if close.previous_hash != previous or hash_of(close) != close.hash:
            found.append(Difference("close_chain", close.pk, previous, close.previous_hash))
        try:
            told = signing.verify(close.token)
        except signing.SignatureInvalid:
            told = {}
        if told.get("hash") != close.hash:
            found.append(Difference("close_signature", close.pk, close.hash, str(told.get("hash", "--"))))
        previous = close.hash
    return found[:limit]


@transaction.atomic
def record_proof(*, at: datetime, by: str, limit: int = 100) -> ProofRun:
    """Prove the books and every close now, and keep what was found."""
    proof = selectors.prove(limit=limit)
    found = [*proof.differences, *differences(limit=limit)]
    return ProofRun.objects.create(
        proved_at=at,
        proved_by=by[:200],
        entry_count=proof.entry_count,
        posting_count=proof.posting_count,
        account_count=proof.account_count,
        differences=[{**dataclasses.asdict(each), "subject_id": str(each.subject_id)} for each in found],
        watches={
            code: json.loads(json.dumps(dataclasses.asdict(watch()), default=str))
            for code, watch in sorted(_watches.items())
        },
    )
