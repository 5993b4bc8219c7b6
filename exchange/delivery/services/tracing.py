"""Whose copy is it: reading a leaked file and saying which order it belongs to, with the evidence."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetFile
from audit.services import record
from exchange.delivery.models import Entitlement
from exchange.delivery.rules import marks
from exchange.delivery.selectors import traceable_copies, traceable_entitlements
from kernel.columnar import columnar
from kernel.errors import Refusal
from organizations.permissions import Actor

MOST_BYTES = 256 << 20
_TAG_BYTES = 16 << 20
_BATCH = 2_000
_SEPARATORS = ",\t;|"


class TooLargeToTrace(Refusal):
    """The page reads files up to a bound; the command reads any."""

    code = "trace_too_large"
    message = _("文件超过 %(most)s MB。请截取一部分，或由运维人员用命令行追溯。")
    status = 413


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one entitlement: `found` of its copy's `total` marks; `how`: file, rows or tag."""

    entitlement: Entitlement
    how: str
    found: int
    total: int
    format: str = ""

    @property
    def is_proven(self) -> bool:
        return self.how != "rows" or marks.is_proven(self.found)


@dataclass(slots=True)
class Traced:
    """What a file is: its SHA-256, rows read, evidence by weight; `original`: it is a sealed file as it was delivered."""

    sha256: str
    row_count: int = 0
    original: str = ""
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def proven(self) -> list[Evidence]:
        return [each for each in self.evidence if each.is_proven]


@transaction.atomic
def trace(*, by: Actor, at: datetime, path: Path, name: str) -> Traced:
    """Say to which entitlements a file belongs; on record with its hash. Raises NotAllowed.

    The operator traces every product's copies, a supplier those of its own.
    """
    copies = list(traceable_copies(by))
    with path.open("rb") as body:
        traced = Traced(hashlib.file_digest(body, "sha256").hexdigest())
    original = DatasetFile.objects.filter(sha256=traced.sha256).select_related("version__dataset").first()
    if original is not None:
        traced.original = original.path
    search = marks.Search({str(copy.pk): copy.canaries for copy in copies})
    for cells in _cells_of(path):
        search.look(cells)
    traced.row_count = search.rows
    for copy in copies:
        total = len(copy.canaries)
        if copy.sha256 == traced.sha256 and total:
            traced.evidence.append(Evidence(copy.entitlement, "file", total, total, copy.export.format))
        elif found := search.found.get(str(copy.pk)):
            traced.evidence.append(Evidence(copy.entitlement, "rows", len(found), total, copy.export.format))
    with path.open("rb") as body:
        tags = marks.tags_in(body.read(_TAG_BYTES).decode("utf-8", "ignore"))
    for entitlement in traceable_entitlements(by).filter(tag__in=tags) if tags else ():
        traced.evidence.append(Evidence(entitlement, "tag", 1, 1))
    order = {"file": 0, "tag": 1, "rows": 2}
    traced.evidence.sort(key=lambda each: (order[each.how], -each.found))
    detail = {
        "file": name[:200],
        "sha256": traced.sha256,
        "entitlements": [
            [each.entitlement.number, each.how, each.found, each.total] for each in traced.evidence
        ][:20],
    }
    record(by=by, at=at, action="deliveries.trace", detail=detail)
    return traced


def _cells_of(path: Path) -> Iterator[Sequence[object]]:
    """The cells of each row of a table in whatever form; a line of text is a row of one cell."""
    with path.open("rb") as body:
        head = body.read(1 << 16)
    if head.startswith(b"PAR1"):
        yield from _parquet(path)
        return
    encoding = "utf-8-sig" if _is_utf8(head) else "gb18030"
    with path.open(encoding=encoding, errors="replace", newline="") as lines:
        start = lines.read(1 << 12).lstrip()
        lines.seek(0)
        if start.startswith("["):
            yield from _json_array(lines)
        elif start.startswith("{"):
            yield from _json_lines(lines)
        else:
            first = start.splitlines()[0] if start else ""
            separator = max(_SEPARATORS, key=first.count)
            yield from csv.reader(lines, delimiter=separator)


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 4  # a character cut in two
    return True


def _parquet(path: Path) -> Iterator[Sequence[object]]:
    try:
        with columnar() as connection:
            found = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
            while batch := found.fetchmany(_BATCH):
                yield from batch
    except duckdb.Error:
        return


def _json_lines(lines: io.TextIOBase) -> Iterator[Sequence[object]]:
    for line in lines:
        try:
            yield list(marks.leaves(json.loads(line)))
        except ValueError:
            yield [line]


def _json_array(lines: io.TextIOBase) -> Iterator[Sequence[object]]:
    try:
        found = json.load(lines)
    except ValueError:
        return
    for each in found:
        yield list(marks.leaves(each))
