"""Catalogue search over PRODUCTS products: facets with counts and one page, as the catalogue's page asks for them.

The products lie in a database of its own under BENCH_FOLDER (the temporary directory by default), made by SQL once
and found again by the next run; `BENCH_PRODUCTS=100000` takes fewer. Words are spread unevenly, as in a language: the
commonest stands in a third of all products, the rarest in a few hundred. Every search is measured beside the very same
statements sent by psycopg without Django, and beside one exact statement without bounds written by hand.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from assets.datasets.models import Dataset, DatasetVersion
from assets.registry.models import Application, Certificate
from benchmarks import Row
from embedded.folders import Folders, new_socket_folder
from embedded.postgres import Postgres
from embedded.servers import Place
from exchange.catalogue import searching
from organizations.models import Organization

PRODUCTS = int(os.environ.get("BENCH_PRODUCTS", "1000000"))
FOLDER = Path(os.environ.get("BENCH_FOLDER", Path(tempfile.gettempdir()) / "qingshu-bench-search"))
BATCH, WORDS, TIMES = 20_000, 2_000, 2
ON = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
INDUSTRIES = ("transport", "commerce", "health", "finance", "agriculture", "energy", "education", "weather")


def word(rank: int) -> str:
    """The word of that rank: two Chinese characters; each tenth a Latin one."""
    return f"word{rank}" if rank % 10 == 9 else chr(0x4E00 + rank // 40) + chr(0x6E00 + rank % 40)


_SPOKEN = """
CREATE OR REPLACE FUNCTION bench_spoken(words text[], number integer, gap text, row_number bigint) RETURNS text
LANGUAGE sql VOLATILE AS $$
  SELECT string_agg(words[1 + floor(array_length(words, 1) * power(random(), 1.7))::integer], gap)
  FROM generate_series(1, number) WHERE row_number > 0
$$
"""
_PRODUCTS = """
INSERT INTO catalogue_product (
  id, recorded_at, number, supplier_id, version_id, certificate_id, kind, modality, industry, licence, title, title_en,
  summary, description, keywords, price_from_fen, visibility, ordering, personal_information, has_no_important_data,
  is_source_lawful, restrictions, needs, examples, created_at, listed_at, state
)
SELECT gen_random_uuid(), now(), 'BENCH-' || n, %(supplier)s, %(version)s, %(certificate)s, 'dataset',
  (ARRAY['text', 'image'])[1 + n %% 2], (%(industries)s::text[])[1 + (n * 7) %% 8],
  (ARRAY['internal', 'training', 'commercial'])[1 + (n * 5) %% 3],
  bench_spoken(%(words)s, 4, '', n), '', bench_spoken(%(words)s, 5, '', n), bench_spoken(%(words)s, 16, '，', n),
  bench_spoken(%(words)s, 5, ' ', n), 10000 + floor(random() * random() * 100000000)::bigint, 'public', 'instant', '',
  true, true, '', '[]', '[]', %(at)s, %(at)s - n * interval '7 seconds', 'listed'
FROM generate_series(%(first)s::bigint, %(final)s::bigint) AS n
"""


def fill() -> None:
    """Make the products that are missing; broken off, the next run goes on."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM catalogue_productfacet")
        (there,) = cursor.fetchone()
        if there >= PRODUCTS:
            return
        begun = time.perf_counter()
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '256MB'")
        cursor.execute(_SPOKEN)
        cursor.execute("ALTER TABLE catalogue_product DISABLE TRIGGER keep_facet")
        cursor.execute("DROP INDEX IF EXISTS facet_terms, product_search")
        given = {
            **_ground(),
            "words": [word(rank) for rank in range(WORDS)],
            "industries": list(INDUSTRIES),
            "at": AT,
        }
        for first in range(there + 1, PRODUCTS + 1, BATCH):
            final = min(first + BATCH - 1, PRODUCTS)
            cursor.execute("BEGIN")
            cursor.execute(_PRODUCTS, {**given, "first": first, "final": final})
            cursor.execute(
                "SELECT catalogue_keep_facets(array_agg(id)) FROM catalogue_product WHERE number = ANY(%s)",
                [[f"BENCH-{n}" for n in range(first, final + 1)]],
            )
            cursor.execute("COMMIT")
            if final % 100_000 == 0:
                print(f"  {final:,} products after {time.perf_counter() - begun:.0f} s", flush=True)
        cursor.execute(
            "CREATE INDEX facet_terms ON catalogue_productfacet USING gin (terms) WITH (fastupdate = off)"
        )
        cursor.execute("ALTER TABLE catalogue_product ENABLE TRIGGER keep_facet")
        cursor.execute("VACUUM ANALYZE catalogue_productfacet")
        cursor.execute("VACUUM ANALYZE catalogue_product")
        print(f"  filled and indexed after {time.perf_counter() - begun:.0f} s", flush=True)


def _ground() -> dict[str, Any]:
    """One supplier with one registered version, under which all products stand."""
    firm, _made = Organization.objects.get_or_create(
        uscc="BENCHSEARCH0000001",
        defaults={"name": "基准", "registered_place": "441802", "tax_place": "441802"},
    )
    dataset, _made = Dataset.objects.get_or_create(
        number="BENCH", defaults={"firm": firm, "name": "基准", "modality": "text", "created_at": AT}
    )
    version, _made = DatasetVersion.objects.get_or_create(dataset=dataset, version=1)
    application = Application.objects.filter(number="BENCH").first() or Application.objects.create(
        number="BENCH", registrant=firm, version=version, title="基准", use_case="基准", rights=["holding"],
        classification="general", created_at=AT, submitted_at=AT, notice_until=ON, state="certified",
    )  # fmt: skip
    certificate = Certificate.objects.filter(number="BENCH").first() or Certificate.objects.create(
        number="BENCH", application=application, version=version, holder=firm, title="基准", issued_at=AT,
        valid_from=ON, valid_until=ON.replace(year=2029), claims={}, token="", key_id="", state="valid",
    )  # fmt: skip
    return {"supplier": firm.pk, "version": version.pk, "certificate": certificate.pk}


@contextmanager
def own_database() -> Iterator[None]:
    """The kept database of this measurement, in the place of the run's own until the end."""
    place = Place(folders=Folders.at(FOLDER), sockets=new_socket_folder(), durable=True)
    server = Postgres(place)
    FOLDER.chmod(0o711)
    server.start()
    before = dict(connections.databases["default"])
    connections.close_all()
    try:
        connections.databases["default"].update(
            {"HOST": str(server.sockets), "NAME": _name(server), "USER": _user(server)}
        )
        connection.settings_dict.update(connections.databases["default"])
        call_command("migrate", verbosity=0)
        yield
    finally:
        connections.close_all()
        connections.databases["default"].update(before)
        connection.settings_dict.update(before)
        server.stop()


def _address(server: Postgres) -> str:
    return server.settings()["DATABASE_URL"]


def _name(server: Postgres) -> str:
    return _address(server).rpartition("@/")[2].partition("?")[0]


def _user(server: Postgres) -> str:
    return _address(server).partition("//")[2].partition("@")[0]


Search = tuple[str, dict[str, list[str]], str]


def searches() -> dict[str, list[Search]]:
    """What is asked, by kind: words of every frequency, several words, facets, sorts."""
    chance = random.Random(36_344)
    ranks = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 1_500, 1_998]
    words = [word(rank) for rank in ranks]
    pairs = [word(chance.choice(ranks[:8])) + word(chance.choice(ranks)) for _n in range(12)]
    one = [{"industry": [chance.choice(INDUSTRIES)]} for _n in range(12)]
    two = [{"industry": [chance.choice(INDUSTRIES)], "licence": ["training"]} for _n in range(12)]
    return {
        "one word": [(each, {}, "") for each in words],
        "two words in a row": [(each, {}, "") for each in pairs],
        "a word and a facet": [(each, facet, "") for each, facet in zip(words, one, strict=False)],
        "a word and two facets": [(each, facet, "") for each, facet in zip(words, two, strict=False)],
        "a word, cheapest first": [(each, {}, "cheapest") for each in words],
        "a word, newest first": [(each, {}, "newest") for each in words],
        "facets alone": [("", facet, "") for facet in (*one[:6], *two[:6])],
        "nothing": [("", {}, sort) for sort in ("newest", "cheapest", "dearest")],
    }


def ask(search: Search, after: str = "") -> tuple[int, str]:
    """What the catalogue's page asks: all facets, the number of results, one page."""
    wanted = searching.read_wanted(search[0], search[1], search[2], on=ON)
    _groups, total = searching.facets(wanted)
    page = searching.found_page(wanted, searching.ANYBODY, {"after": after}, total=total)
    return total.count, page.after


def deep(search: Search, pages: int = 40) -> str:
    """The cursor that so many pages lead to."""
    after = ""
    for _page in range(pages):
        _total, following = ask(search, after)
        if not following:
            break
        after = following
    return after


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1_000


def statements_of(work: Callable[[], object]) -> list[str]:
    """The SQL that a piece of work sends, with its values."""
    with CaptureQueriesContext(connection) as captured:
        work()
    return [query["sql"] for query in captured.captured_queries]


def sent_bare(statements: list[str]) -> None:
    """The same statements through psycopg, rows fetched and left as they are."""
    raw = connection.connection
    with raw.cursor() as cursor:
        for sql in statements:
            cursor.execute(sql.encode())
            if cursor.description:
                cursor.fetchall()


def exactly(search: Search) -> list[str]:
    """One exact answer by hand: every match counted by every facet, all matches sorted."""
    query = searching._words(search[0])
    narrowed = "".join(f" AND {code} = '{values[0]}'" for code, values in search[1].items())
    where = f"is_public AND terms @@ $${query}$$::tsquery{narrowed}"
    codes = "industry, kind, modality, task, licence, price, quality, place"
    sets = ", ".join(f"({code})" for code in codes.split(", "))
    order = {"cheapest": "price_fen"}.get(search[2], "listed_at DESC")
    return [
        f"SELECT {codes}, count(*) FROM catalogue_productfacet WHERE {where} GROUP BY GROUPING SETS ((), {sets})",
        f"SELECT product_id FROM catalogue_productfacet WHERE {where} ORDER BY {order} LIMIT 21",
    ]


def measure() -> Iterable[Row]:
    """Per kind of search the p95 of what we ask, against the same statements bare; and against exact ones."""
    with own_database():
        fill()
        connection.ensure_connection()
        rows, everything, bare_everything = [], [], []
        kinds: dict[str, list[tuple[Search, str]]] = {
            name: [(each, "") for each in asked] for name, asked in searches().items()
        }
        kinds["a word, 40 pages deep"] = [((word(rank), {}, sort), deep((word(rank), {}, sort)))
                                          for rank in (0, 5, 50) for sort in ("", "newest", "cheapest")]  # fmt: skip
        for name, asked in kinds.items():
            ours, bare, exact = [], [], []
            for search, after in asked:
                ask(search, after)
                statements = statements_of(lambda s=search, a=after: ask(s, a))
                for _time in range(TIMES):
                    ours.append(milliseconds(lambda s=search, a=after: ask(s, a)))
                    bare.append(milliseconds(lambda s=statements: sent_bare(s)))
                if search[0]:
                    exact.append(milliseconds(lambda s=search: sent_bare(exactly(s))))
            everything += ours
            bare_everything += bare
            rows.append(
                Row(f"{name}, median", statistics.median(ours), "ms", "the same statements, psycopg",
                    statistics.median(bare), 1 / 1.3, larger_is_better=False)
            )  # fmt: skip
            if exact:
                rows.append(
                    Row(f"{name}, p95", percentile(ours), "ms", "exact statements by hand", percentile(exact), 1.0,
                        larger_is_better=False)
                )  # fmt: skip
        rows.append(
            Row(f"all searches among {PRODUCTS:,}, p95", percentile(everything), "ms", "the bar", 100.0, 1.0,
                larger_is_better=False)
        )  # fmt: skip
        rows.append(
            Row(f"all searches among {PRODUCTS:,}, sum", sum(everything), "ms", "the same statements, psycopg",
                sum(bare_everything), 1 / 1.3, larger_is_better=False)
        )  # fmt: skip
        print(f"  load while measuring: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    return rows


def percentile(found: list[float], share: float = 0.95) -> float:
    """The value below which that share of the figures lies."""
    return sorted(found)[min(len(found) - 1, int(len(found) * share))]
