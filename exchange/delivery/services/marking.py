"""Copies of tables that carry marks: one per buyer, made once, kept with its own hash."""

from __future__ import annotations

import csv
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction

from assets.datasets.rules import canonical
from assets.exports import services as exports
from assets.exports.formats.kinds import FORMATS
from assets.exports.models import Export
from audit.services import record
from documents import objects
from exchange.delivery.models import Entitlement, MarkedCopy
from exchange.delivery.rules import marks
from exchange.delivery.rules.marks import Canary, Draws, Row
from exchange.delivery.services.entitlements import marking_key
from kernel.columnar import columnar
from organizations.permissions import Actor

_SAMPLE = 2_000
_BATCH = 2_000
csv.field_size_limit(64 << 20)


def mark(
    *,
    entitlement_id: UUID,
    version_id: UUID,
    format: str,  # noqa: A002
    at: datetime,
    advance: Callable[[int], None],
) -> MarkedCopy:
    """Write a buyer's own copy of a version in a format; the work of the job. Done again, it finds it made."""
    entitlement = Entitlement.objects.get(pk=entitlement_id)
    export = exports.produce(version_id=version_id, format=format, at=at, advance=advance)
    known = MarkedCopy.objects.filter(entitlement=entitlement, export=export).first()
    if known is not None:
        return known
    with tempfile.TemporaryDirectory(prefix="qingshu-mark-") as folder:
        source, target = Path(folder) / f"source.{format}", Path(folder) / f"marked.{format}"
        with source.open("wb") as out:
            out.writelines(objects.stream(export.object_key))
        canaries = _write(entitlement, export, source, target)
        stored = _stored(target, FORMATS[format].media_type) if canaries else None
    return _kept(entitlement, export, stored, canaries, at)


def _kept(
    entitlement: Entitlement,
    export: Export,
    stored: objects.StoredObject | None,
    canaries: Sequence[Canary],
    at: datetime,
) -> MarkedCopy:
    """The row of the copy; where no mark fits, it is the export itself."""
    with transaction.atomic():
        copy, is_new = MarkedCopy.objects.get_or_create(
            entitlement=entitlement,
            export=export,
            defaults={
                "sha256": stored.sha256 if stored else export.sha256,
                "size": stored.size if stored else export.size,
                "object_key": stored.key if stored else export.object_key,
                "canaries": [dict(each.strong) for each in canaries],
                "made_at": at,
            },
        )
        if is_new:
            detail = {"format": export.format, "sha256": copy.sha256, "marks": len(copy.canaries)}
            record(
                by=Actor.system("副本标记"),
                at=at,
                action="deliveries.mark",
                subject=entitlement,
                detail=detail,
            )
    return copy


def _stored(target: Path, media_type: str) -> objects.StoredObject:
    with target.open("rb") as body:
        digest = hashlib.file_digest(body, "sha256").hexdigest()
        key, size = objects.content_key("copies", digest), target.stat().st_size
        body.seek(0)
        objects.put_stream(key, body, size, media_type)
    return objects.StoredObject(key, size, digest)


# --- tables -------------------------------------------------------------------------------------


def rows_of(path: Path, kind: str) -> Iterator[Row]:
    """The rows of a table on disk, as they come."""
    if kind == "csv":
        with path.open(encoding="utf-8-sig", newline="") as lines:
            yield from csv.DictReader(lines)
    elif kind == "jsonl":
        with path.open("rb") as lines:
            for line in lines:
                if line.strip():
                    yield json.loads(line)
    else:
        with columnar() as connection:
            found = connection.execute("SELECT * FROM read_parquet(?)", [str(path)])
            names = [each[0] for each in found.description or ()]
            while batch := found.fetchmany(_BATCH):
                for values in batch:
                    yield dict(zip(names, values, strict=True))


def _write(entitlement: Entitlement, export: Export, source: Path, target: Path) -> list[Canary]:
    kind = export.format
    total = sum(1 for _row in rows_of(source, kind))
    stride = max(1, total // _SAMPLE)
    sample = [row for number, row in enumerate(rows_of(source, kind)) if number % stride == 0][: _SAMPLE * 2]

    def exists(wanted: set[str]) -> set[str]:
        cells = (marks.plain(cell) for row in rows_of(source, kind) for cell in marks.leaves(row))
        return {text for text in cells if text in wanted}

    # One version's formats carry the same marks only by chance: each copy is told apart by itself.
    draws = Draws(marking_key(), entitlement.number, str(export.version_id), kind)
    canaries = marks.make_canaries(sample, total=total, draws=draws, exists=exists)
    if canaries:
        places = marks.places_of(len(canaries), total, draws)
        {"csv": _write_csv, "jsonl": _write_jsonl, "parquet": _write_parquet}[kind](
            source, target, canaries, places
        )
    return canaries


def _write_jsonl(source: Path, target: Path, canaries: Sequence[Canary], places: Sequence[int]) -> None:
    with source.open("rb") as lines:
        first = lines.readline()
    is_canonical = first.strip() == canonical(json.loads(first))

    def line(row: Row) -> bytes:
        body = canonical(row) if is_canonical else json.dumps(row, ensure_ascii=False).encode()
        return body + b"\n"

    with source.open("rb") as real, target.open("wb") as out:
        out.writelines(marks.mixed(real, [line(each.row) for each in canaries], places))


def _write_csv(source: Path, target: Path, canaries: Sequence[Canary], places: Sequence[int]) -> None:
    with source.open("rb") as raw:
        encoding = "utf-8-sig" if raw.read(3) == b"\xef\xbb\xbf" else "utf-8"
    with (
        source.open(encoding="utf-8-sig", newline="") as lines,
        target.open("w", encoding=encoding, newline="") as out,
    ):
        reader, writer = csv.reader(lines), csv.writer(out)
        header = next(reader)
        writer.writerow(header)
        invented = [[each.row.get(name) for name in header] for each in canaries]
        writer.writerows(marks.mixed(reader, invented, places))


def _write_parquet(source: Path, target: Path, canaries: Sequence[Canary], places: Sequence[int]) -> None:
    rows = target.with_suffix(".rows")
    with columnar() as connection:
        told = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(source)]).fetchall()
        types = {name: kind for name, kind, *_more in told}
        with rows.open("w", encoding="utf-8") as out:
            for canary, place in zip(canaries, places, strict=True):
                values: dict[str, Any] = {"place_": place - 0.5, **canary.row}
                out.write(json.dumps(values, ensure_ascii=False, default=str) + "\n")
        names = ", ".join(_quoted(name) for name in types)
        columns = ", ".join(f"{_text(name)}: {_text(kind)}" for name, kind in types.items())
        connection.execute(
            f"COPY (SELECT {names} FROM (SELECT {names}, file_row_number::DOUBLE AS place_"
            f" FROM read_parquet({_text(str(source))}, file_row_number=true)"
            f" UNION ALL SELECT {names}, place_ FROM read_json({_text(str(rows))}, format='newline_delimited',"
            f" columns={{'place_': 'DOUBLE', {columns}}})) ORDER BY place_)"
            f" TO {_text(str(target))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000)"
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
