"""Near-duplicates: fingerprints and search in PostgreSQL, against datasketch's MinHash and LSH in memory.

The same texts, 128 permutations and 80 % on both sides. What each finds is held against the pairs whose
Jaccard similarity over 5-character shingles is counted out.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from datasketch import MinHash, MinHashLSH
from django.db import connection

from annotation.intake import likeness
from assets.datasets.models import Dataset, DatasetVersion
from assets.profiles import selectors
from assets.profiles.models import Fingerprint
from assets.profiles.rules.facts import FORMAT
from assets.profiles.states import FingerprintKind
from benchmarks import Row
from kernel.records import new_id
from organizations.models import Organization

TEXTS, ASKED, LENGTH, TIMES = 20_000, 2_000, 120, 3
AT = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def corpus() -> tuple[list[str], list[str]]:
    """Texts of one firm; and those of another, half of them copies with up to three signs changed."""
    rng = random.Random(36_344)
    known = ["".join(chr(rng.randrange(0x4E00, 0x9F00)) for _n in range(LENGTH)) for _t in range(TEXTS)]
    asked = []
    for number in range(ASKED):
        signs = list(known[number * (TEXTS // ASKED)])
        if number % 2:
            rng.shuffle(signs)
        for place in rng.sample(range(LENGTH), rng.randrange(4)):
            signs[place] = chr(rng.randrange(0x4E00, 0x9F00))
        asked.append("".join(signs))
    return known, asked


def shingles(text: str) -> set[str]:
    return {text[n : n + likeness.SHINGLE] for n in range(len(text) - likeness.SHINGLE + 1)}


def alike(known: list[str], asked: list[str]) -> set[int]:
    """Which of the asked texts are at least 80 % like the one they were made from."""
    found = set()
    for number, text in enumerate(asked):
        one, other = shingles(text), shingles(known[number * (TEXTS // ASKED)])
        if len(one & other) * 100 >= likeness.ALIKE_PERCENT * len(one | other):
            found.add(number)
    return found


def their_hash(text: str) -> MinHash:
    made = MinHash(num_perm=likeness.PERMUTATIONS)
    made.update_batch([shingle.encode() for shingle in shingles(likeness.normalised(text))])
    return made


def stored(texts: list[str]) -> DatasetVersion:
    """A version whose fingerprints lie in the product's table."""
    firm = Organization.objects.create(name="基准", uscc=new_id().hex[-18:])
    dataset = Dataset.objects.create(
        number=new_id().hex[:24], firm=firm, name="基准", modality="text", created_at=AT
    )
    version = DatasetVersion.objects.create(dataset=dataset, version=1)
    rows = []
    for row, text in enumerate(texts, start=1):
        made = likeness.text_fingerprint(text)
        assert made is not None
        rows.append(
            Fingerprint(
                version=version, format=FORMAT, kind=FingerprintKind.TEXT, path="rows.jsonl", row=row,
                digest=made[0], bands=made[1],
            )
        )  # fmt: skip
    Fingerprint.objects.bulk_create(rows, batch_size=2_000)
    return version


def rates(count: int, *works: Callable[[], object]) -> list[float]:
    """Units of work a second of each, taking turns; the median of several."""
    durations: list[list[float]] = [[] for _work in works]
    for _time in range(TIMES):
        for work, found in zip(works, durations, strict=True):
            begun = time.perf_counter()
            work()
            found.append(time.perf_counter() - begun)
    return [count / statistics.median(found) for found in durations]


def measure() -> Iterable[Row]:
    """Fingerprints a second, look-ups a second, and how many of the true pairs each side finds."""
    known, asked = corpus()
    truth = alike(known, asked)
    prints, their_prints = rates(
        ASKED,
        lambda: [likeness.text_fingerprint(text) for text in asked],
        lambda: [their_hash(text) for text in asked],
    )

    theirs, mine = stored(known), stored(asked)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE profiles_fingerprint")
    among = DatasetVersion.objects.filter(pk=theirs.pk)
    copies = stored([asked[number] for number in sorted(truth)])
    found = selectors.near_duplicates(copies, among).matched_count
    wrong = selectors.near_duplicates(mine, among).matched_count - found

    lsh = MinHashLSH(threshold=likeness.ALIKE_PERCENT / 100, num_perm=likeness.PERMUTATIONS)
    hashes = [their_hash(text) for text in known]
    for number, made in enumerate(hashes):
        lsh.insert(number, made)
    wanted = [their_hash(text) for text in asked]

    def their_search() -> set[int]:
        limit = likeness.ALIKE_PERCENT / 100
        return {
            number
            for number, made in enumerate(wanted)
            if any(made.jaccard(hashes[each]) >= limit for each in lsh.query(made))
        }

    search, their_rate = rates(ASKED, lambda: selectors.near_duplicates(mine, among), their_search)
    theirs_all = their_search()
    their_found = len(theirs_all & truth)
    recall, their_recall = found * 100 / len(truth), their_found * 100 / len(truth)
    precision, their_precision = found * 100 / (found + wrong), their_found * 100 / len(theirs_all)
    return [
        Row(
            f"fingerprint of {LENGTH} characters", prints, "texts/s", "datasketch MinHash", their_prints, 1.0
        ),
        Row(
            f"look-up among {TEXTS:,} in PostgreSQL",
            search,
            "texts/s",
            "datasketch LSH in memory",
            their_rate,
            0.2,
        ),
        Row("pairs of at least 80 % that are found", recall, "%", "datasketch LSH", their_recall, 1.0),
        Row("found pairs that are at least 80 %", precision, "%", "datasketch LSH", their_precision, 0.95),
    ]
