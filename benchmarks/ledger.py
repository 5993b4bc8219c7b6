"""Ledger: durable postings a second through the product's own service, against raw SQL on the same tables.

Every variant posts from the same number of threads; the variants take turns, each round
begins with another one (what one leaves to be written slows the next), and the median round counts. The Django
peer, django-hordak, runs in a process and a database of its own on the same server.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count
from threading import Thread
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection, connections

from benchmarks import Row, peers
from kernel.money import Money
from kernel.records import new_id
from organizations.models import Organization
from settlement.ledger import services
from settlement.ledger.models import Account, Purpose

THREADS, ROUNDS, POSTINGS, OWNERS, BATCH = 8, 9, 150, 64, 100
AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
CALL = "SELECT * FROM ledger_post(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
_serial = count()
Pair = Callable[[int], tuple[Account, Account]]


class Books:
    """Owners with a funded wallet each, and the platform's stripes."""

    def __init__(self) -> None:
        self.fact = Organization.objects.create(name="基准", uscc=new_id().hex[-18:])
        owners = [
            Organization.objects.create(name=f"基准 {n}", uscc=new_id().hex[-18:]) for n in range(OWNERS)
        ]
        wanted = [services.Address(Purpose.WALLET, owner.pk) for owner in owners]
        stripes = [services.Address(Purpose.BANK, stripe=stripe) for stripe in range(8)]
        found = services.accounts([*wanted, *stripes])
        self.wallets = [found[address] for address in wanted]
        self.stripes = [found[address] for address in stripes]
        funding = [services.Transfer(self.stripes[0], wallet, Money(10**12)) for wallet in self.wallets]
        services.post(key=f"fund-{new_id()}", kind="bench", fact=self.fact, transfers=funding, at=AT)

    def spread(self, number: int) -> tuple[Account, Account]:
        """Any two owners."""
        return self.wallets[number % OWNERS], self.wallets[(number * 7 + 1) % OWNERS]

    def striped(self, number: int) -> tuple[Account, Account]:
        """One stripe of the platform's account, and an owner."""
        return self.stripes[number % 8], self.wallets[(number * 7) % OWNERS]

    def hot(self, number: int) -> tuple[Account, Account]:
        """Always the same row."""
        return self.stripes[0], self.wallets[(number * 7) % OWNERS]


def _distinct(pair: Pair, number: int) -> tuple[Account, Account]:
    source, destination = pair(number)
    return (source, destination) if source != destination else pair(number + 1)


def through_the_service(books: Books, pair: Pair, _raw: psycopg.Connection[Any]) -> int:
    """`services.post`, as the product does it."""
    number = next(_serial)
    source, destination = _distinct(pair, number)
    services.post(
        key=f"bench-{new_id()}",
        kind="bench",
        fact=books.fact,
        transfers=[services.Transfer(source, destination, Money(1))],
        at=AT,
    )
    return 1


def through_the_function(books: Books, pair: Pair, raw: psycopg.Connection[Any]) -> int:
    """The SQL function by psycopg: one round trip, nothing else."""
    source, destination = _distinct(pair, next(_serial))
    entry = new_id()
    raw.execute(
        CALL,
        (entry, f"bench-{entry}", "x", "bench", "x", books.fact.pk, "", AT, None,
         [source.pk, destination.pk], [-1, 1]),
    ).fetchall()  # fmt: skip
    return 1


def by_statements(books: Books, pair: Pair, raw: psycopg.Connection[Any]) -> int:
    """The same work in separate statements: look up the key, lock, write the entry, write the legs."""
    source, destination = _distinct(pair, next(_serial))
    entry: UUID = new_id()
    with raw.transaction():
        raw.execute("SELECT id FROM ledger_entry WHERE key = %s", (f"bench-{entry}",)).fetchall()
        raw.execute(
            "SELECT id, posted_fen, floor_fen FROM ledger_account WHERE id = ANY(%s)"
            " ORDER BY id FOR NO KEY UPDATE",
            ([source.pk, destination.pk],),
        ).fetchall()
        raw.execute(
            "INSERT INTO ledger_entry (id, recorded_at, key, fingerprint, kind, fact_type, fact_id, memo,"
            " effective_at) VALUES (%s, now(), %s, 'x', 'bench', 'x', %s, '', %s)",
            (entry, f"bench-{entry}", books.fact.pk, AT),
        )
        raw.execute(
            "INSERT INTO ledger_posting (entry_id, account_id, amount_fen, effective_at)"
            " VALUES (%s, %s, -1, %s), (%s, %s, 1, %s)",
            (entry, source.pk, AT, entry, destination.pk, AT),
        )
    return 1


def batch_through_the_service(books: Books, pair: Pair, _raw: psycopg.Connection[Any]) -> int:
    """`services.post_many`, a hundred entries at once."""
    entries = []
    for _one in range(BATCH):
        source, destination = _distinct(pair, next(_serial))
        entries.append(
            services.NewEntry(
                key=f"bench-{new_id()}",
                kind="bench",
                fact=books.fact,
                transfers=[services.Transfer(source, destination, Money(1))],
                at=AT,
            )
        )
    services.post_many(entries)
    return BATCH


def batch_through_the_function(books: Books, pair: Pair, raw: psycopg.Connection[Any]) -> int:
    """The batch function by psycopg."""
    rows = []
    for _one in range(BATCH):
        source, destination = _distinct(pair, next(_serial))
        entry = str(new_id())
        rows.append(
            {"id": entry, "key": f"bench-{entry}", "fingerprint": "x", "kind": "bench", "fact_type": "x",
             "fact_id": str(books.fact.pk), "memo": "", "effective_at": AT.isoformat(), "reverses_id": None,
             "accounts": [str(source.pk), str(destination.pk)], "amounts": [-1, 1]}
        )  # fmt: skip
    raw.execute("SELECT * FROM ledger_post_many(%s::jsonb)", (json.dumps(rows),)).fetchall()
    return BATCH


Work = Callable[[Books, Pair, "psycopg.Connection[Any]"], int]


def rate(work: Work, books: Books, pair: Pair, times: int) -> float:
    """Postings a second of all threads together; each has its own connections, opened beforehand."""
    done = [0] * THREADS
    parameters = {
        key: value for key, value in connection.get_connection_params().items() if key != "cursor_factory"
    }
    raws = [psycopg.connect(**{**parameters, "autocommit": True}) for _thread in range(THREADS)]

    def run(number: int) -> None:
        connection.ensure_connection()
        try:
            for _time in range(times):
                done[number] += work(books, pair, raws[number])
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(number,)) for number in range(THREADS)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - begun
    for raw in raws:
        raw.close()
    assert sum(done) >= THREADS * times, "a thread broke off"
    return sum(done) / elapsed


def _beside(database: str) -> str:
    """How to reach a new, empty database on the server that the product uses, as JSON."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {database}")
    known = {**connection.get_connection_params(), "dbname": database}
    kept = {name: known[name] for name in ("host", "port", "user", "password", "dbname") if known.get(name)}
    return json.dumps(kept)


def measure() -> Iterable[Row]:
    """One posting, batches of a hundred, everything on one hot account, and the Django peer."""
    with peers.running("hordak_postings.py", _beside("hordak"), str(THREADS), str(OWNERS)) as hordak:
        hordak.ask(str(POSTINGS // 10))
        return _measured(hordak)


def _measured(hordak: peers.Peer) -> list[Row]:
    books = Books()
    variants: dict[str, tuple[Work, Pair, int]] = {
        "service": (through_the_service, books.spread, POSTINGS),
        "function": (through_the_function, books.spread, POSTINGS),
        "statements": (by_statements, books.spread, POSTINGS),
        "batch service": (batch_through_the_service, books.spread, max(1, POSTINGS // 30)),
        "batch function": (batch_through_the_function, books.spread, max(1, POSTINGS // 30)),
        "striped": (through_the_service, books.striped, POSTINGS),
        "hot": (through_the_service, books.hot, POSTINGS),
    }
    asked = {"hordak": str(POSTINGS), "hordak checked": f"{POSTINGS} checked"}
    names = [*variants, *asked]
    rates: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(ROUNDS):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if name in asked:
                rates[name].append(hordak.ask(asked[name])["rate"])
            else:
                work, pair, times = variants[name]
                rates[name].append(rate(work, books, pair, times))
    figure = {name: statistics.median(found) for name, found in rates.items()}
    service, unit = figure["service"], "postings/s"
    return [
        Row("one posting, durable", service, unit, "SQL function, raw psycopg", figure["function"], 0.7),
        Row("one posting, durable", service, unit, "separate statements", figure["statements"], 1.0),
        Row("one posting, durable", service, unit, "django-hordak, overdrafts pass", figure["hordak"], 3.0),
        Row(
            "one posting, durable",
            service,
            unit,
            "django-hordak, balance asked",
            figure["hordak checked"],
            3.0,
        ),
        Row(
            "the SQL function alone",
            figure["function"],
            unit,
            "separate statements",
            figure["statements"],
            1.0,
        ),
        Row(
            "100 postings at once",
            figure["batch service"],
            unit,
            "SQL function",
            figure["batch function"],
            0.7,
        ),
        Row(
            "all on 8 stripes of one account",
            figure["striped"],
            unit,
            "spread over 64 accounts",
            service,
            0.5,
        ),
        Row("all on 8 stripes of one account", figure["striped"], unit, "one hot row", figure["hot"], 1.0),
        Row("all on one account row", figure["hot"], unit, "spread over 64 accounts", service, 0.5),
    ]
