"""Sealing an upload: every file is read back, hashed and checked; what passes becomes a version.

The work commits in steps and goes on where it stopped. A file that passed is copied (that very version of the object)
to its content key, where no link of the client ever led; then one transaction writes the version. A kill in between
leaves content that the next run finds and uses.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_lazy as _

from assets.datasets import rules as datasets
from assets.datasets.models import DatasetFile, DatasetVersion
from assets.datasets.services import MANIFESTS_PREFIX, Content, write_version
from assets.uploads import rules
from assets.uploads.models import StoredContent, Upload, UploadFile
from assets.uploads.selectors import tally_of
from assets.uploads.services import reading
from assets.uploads.services.sessions import (
    BatchMissing,
    UploadClosed,
    clear_waiting,
    locked_upload,
    own_upload,
)
from assets.uploads.states import UPLOAD, FileState, UploadState
from audit.services import record
from documents import objects
from jobs import services as jobs
from kernel.errors import Refusal
from organizations.permissions import Actor

KIND = "uploads.seal"
STEP = 500  # files between two commits
READERS_AT_ONCE = 8
CONTENTS_PREFIX = "datasets/contents"
Facts = dict[str, Any]


class NothingUploaded(Refusal):
    """An upload without files."""

    code = "nothing_uploaded"
    message = _("还没有上传任何文件。请先上传文件，再封版。")


class FilesWaiting(Refusal):
    """Some files have not arrived."""

    code = "files_waiting"
    message = _("还有 %(count)s 个文件没有传完。请继续上传，或从清单中移除它们，再封版。")


class FilesRefused(Refusal):
    """Some files did not pass."""

    code = "files_refused"
    message = _("%(count)s 个文件未通过检查，版本未封：%(first)s")


@transaction.atomic
def seal(*, by: Actor, at: datetime, upload_id: UUID) -> Upload:
    """Queue the check of every file and the sealing of the next version.

    Raises UploadClosed, BatchMissing, NothingUploaded, FilesWaiting, FilesRefused.
    """
    upload = own_upload(by, upload_id)
    if upload.state not in (UploadState.OPEN, UploadState.FAILED):
        raise UploadClosed(number=upload.number, state=upload.get_state_display())
    if not upload.batches.exists():
        raise BatchMissing
    tally = tally_of(upload.pk)
    if not tally.total:
        raise NothingUploaded
    if tally.waiting:
        raise FilesWaiting(count=f"{tally.waiting:,}")
    if tally.refused:
        raise _refusal(upload.pk)
    if upload.state == UploadState.FAILED:
        UPLOAD.move(upload, "reopen", by=by, at=at)
    title = _("封版：%(name)s（%(number)s）") % {"name": upload.dataset.name[:60], "number": upload.number}
    upload.job = jobs.queue(
        by=by, at=at, kind=KIND, title=title, arguments={"upload": str(upload.pk)}, total=tally.total
    )
    upload.touched_at = at
    UPLOAD.move(upload, "begin_sealing", by=by, at=at, update_fields=["job", "touched_at"])
    record(by=by, at=at, action="uploads.begin_sealing", subject=upload, detail={"files": tally.total})
    return upload


def _refusal(upload_id: UUID) -> FilesRefused:
    rows = UploadFile.objects.filter(upload=upload_id, state=FileState.REFUSED)
    first = rows.order_by("path").first()
    return FilesRefused(count=f"{rows.count():,}", first=first.fault if first else "")


def check_and_seal(
    *, by: Actor, at: datetime, upload_id: UUID, progress: jobs.Progress | None = None
) -> DatasetVersion:
    """The work behind the job: check what is unchecked, then seal. Running it again gives the same version.

    FilesRefused: some did not pass; the session is handed back with the reasons on its files.
    """
    upload = Upload.objects.select_related("dataset", "version").get(pk=upload_id)
    if upload.version is not None:
        clear_waiting(upload.pk)
        return upload.version
    if upload.state != UploadState.SEALING:
        raise UploadClosed(number=upload.number, state=upload.get_state_display())
    tally = tally_of(upload.pk)
    if progress:
        progress.start(tally.total, done=tally.total - tally.count(FileState.STORED))
    with ThreadPoolExecutor(max_workers=READERS_AT_ONCE) as pool:
        while rows := _unchecked(upload):
            _check_step(upload, rows, pool, at)
            if progress:
                progress.advance(len(rows))
    if UploadFile.objects.filter(upload=upload, state=FileState.REFUSED).exists():
        raise _hand_back(by, at, upload_id)
    version = _seal_version(by, at, upload)
    clear_waiting(upload.pk)
    return version


@transaction.atomic
def _hand_back(by: Actor, at: datetime, upload_id: UUID) -> FilesRefused:
    refusal = _refusal(upload_id)
    upload = locked_upload(upload_id)
    if upload.state == UploadState.SEALING:
        UPLOAD.move(upload, "fail", by=by, at=at, reason=str(refusal)[:300])
        record(
            by=by, at=at, action="uploads.fail", subject=upload, detail={"refused": refusal.context["count"]}
        )
    return refusal


# --- checking -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Found:
    """What one distinct content turned out to be."""

    sha256: str
    size: int
    key: str
    readings: dict[str, Facts]


def _unchecked(upload: Upload) -> list[UploadFile]:
    """The next files to check; those of equal content together, so that it is read once."""
    rows = UploadFile.objects.filter(upload=upload, state=FileState.STORED).select_related("content")
    found = list(rows.order_by("pk")[:STEP])
    digests = {row.sha256 for row in found}
    chosen = {row.pk for row in found}
    return found + list(rows.filter(sha256__in=digests).exclude(pk__in=chosen).order_by("pk")[: 10 * STEP])


def _check_step(upload: Upload, rows: Sequence[UploadFile], pool: ThreadPoolExecutor, at: datetime) -> None:
    """Read the contents of some files and write what came out, in one transaction."""
    groups: dict[str, list[UploadFile]] = {}
    for row in rows:
        groups.setdefault(row.sha256, []).append(row)
    organization_id = upload.organization_id
    found = {
        each.sha256: each
        for each in pool.map(lambda group: _inspect(organization_id, group), groups.values())
    }
    kept = [each for each in found.values() if each.key]
    with transaction.atomic():
        contents = _kept_contents(organization_id, kept, at)
        for row in rows:
            _judge(row, found[row.sha256], contents.get(row.sha256))
        refused = [row for row in rows if row.state == FileState.REFUSED]
        UploadFile.objects.bulk_update(refused, ["state", "code", "words", "content"], batch_size=500)
        _mark_verified(upload, [row.pk for row in rows if row.state == FileState.VERIFIED])


def _mark_verified(upload: Upload, files: list[int]) -> None:
    """One statement for all of them; each gets the content of its own hash."""
    same = StoredContent.objects.filter(organization=upload.organization_id, sha256=OuterRef("sha256"))
    UploadFile.objects.filter(pk__in=files).update(
        state=FileState.VERIFIED, code="", words={}, content=Subquery(same.values("pk")[:1])
    )


def _inspect(organization_id: UUID, group: Sequence[UploadFile]) -> _Found:
    """Read one content once for each way its paths want it read; copy it to its content key when one of them passes."""
    first = group[0]
    held = first.content
    source = held.object_key if held is not None else first.waiting_key
    readings: dict[str, Facts] = dict(held.readings) if held is not None else {}
    found = _Found(first.sha256, first.size, source if held is not None else "", readings)
    for row in group:
        name = reading.reader_of(row.path)
        if name in readings:
            continue
        with objects.opened(source) as stored:
            if stored is None:
                readings[name] = {"code": "missing", "words": {}}
                continue
            told = reading.read(row.path, stored.chunks)
            arrival = objects.Arrival(source, told.size, told.sha256, told.head, stored.version)
        if told.sha256 != row.sha256 or told.size != row.size:
            readings[name] = {"code": "altered", "words": {}}
            continue
        readings[name] = {"code": told.code, "words": told.words, "facts": told.facts}
        if not told.code and not found.key:
            found.key = objects.content_key(f"{CONTENTS_PREFIX}/{organization_id}", told.sha256)
            _keep(arrival, told, found.key)
    return found


def _keep(arrival: objects.Arrival, told: reading.Reading, target: str) -> None:
    """Store what was read: small ones from memory, large ones by copying that version inside the store."""
    if told.body is not None:
        objects.put_stream(target, io.BytesIO(told.body), told.size, "application/octet-stream")
    else:
        objects.keep(arrival.key, arrival, target)


def _kept_contents(organization_id: UUID, kept: Iterable[_Found], at: datetime) -> dict[str, StoredContent]:
    """The rows of contents that passed, made or found; what was read about them is kept with them."""
    listed = list(kept)
    StoredContent.objects.bulk_create(
        [
            StoredContent(
                organization_id=organization_id,
                sha256=each.sha256,
                size=each.size,
                object_key=each.key,
                readings=_lasting(each.readings),
                created_at=at,
            )
            for each in listed
        ],
        ignore_conflicts=True,
        batch_size=500,
    )
    wanted = {each.sha256: each for each in listed}
    rows = StoredContent.objects.select_for_update(of=("self",)).filter(
        organization_id=organization_id, sha256__in=list(wanted)
    )
    contents = {row.sha256: row for row in rows.order_by("pk")}
    told = []
    for sha256, row in contents.items():
        fresh = _lasting(wanted[sha256].readings)
        if fresh.keys() - row.readings.keys():
            row.readings = {**row.readings, **fresh}
            told.append(row)
    StoredContent.objects.bulk_update(told, ["readings"], batch_size=500)
    return contents


def _lasting(readings: dict[str, Facts]) -> dict[str, Facts]:
    """Readings that say something about the content itself, not about one broken transfer."""
    return {name: facts for name, facts in readings.items() if facts["code"] not in ("missing", "altered")}


def _judge(row: UploadFile, found: _Found, content: StoredContent | None) -> None:
    told = found.readings[reading.reader_of(row.path)]
    row.content = content
    if told["code"] or content is None:
        row.state, row.code = FileState.REFUSED, told["code"] or "missing"
        row.words = {**told["words"], "path": rules.shown_path(row.path)}
    else:
        row.state, row.code, row.words = FileState.VERIFIED, "", {}


# --- the version --------------------------------------------------------------------------------


def _seal_version(by: Actor, at: datetime, upload: Upload) -> DatasetVersion:
    rows = list(upload.files.select_related("content").order_by("path"))
    files = [
        DatasetFile(
            path=row.path,
            size=row.size,
            sha256=row.sha256,
            object_key=row.content.object_key if row.content else "",
            media_type=rules.kind_of(row.path).media_type,
        )
        for row in rows
    ]
    manifest = datasets.manifest(datasets.Entry(file.path, file.size, file.sha256) for file in files)
    stored = objects.put(MANIFESTS_PREFIX, manifest, "application/json")
    until = at + timedelta(days=settings.S3_OBJECT_LOCK_DAYS)
    locked = objects.retain([*{file.object_key for file in files}, stored.key], until)
    content = Content(files=files, manifest=manifest, manifest_key=stored.key, **_summary(rows))
    with transaction.atomic():
        held = locked_upload(upload.pk)
        if held.version is not None:
            return held.version
        UPLOAD.check(held, "seal")
        version = write_version(
            by=by,
            at=at,
            dataset_id=held.dataset_id,
            content=content,
            detail={"upload": held.number, "locked_objects": locked},
        )
        held.version, held.touched_at = version, at
        UPLOAD.move(held, "seal", by=by, at=at, update_fields=["version", "touched_at"])
        detail = {"version": version.version, "root_hash": version.root_hash}
        record(by=by, at=at, action="uploads.seal", subject=held, detail=detail)
    return version


def _summary(rows: Sequence[UploadFile]) -> dict[str, Any]:
    """Rows, labels, samples and fields of all files together.

    Rows are those of the tables; without any, every file but the notes on the data (README, LICENSE) is one.
    """
    told = [(row, _facts(row)) for row in rows]
    tables = [(row, facts) for row, facts in told if "rows" in facts]
    if tables:
        labels: dict[str, int] = {}
        for _row, facts in tables:
            for label, count in facts["labels"].items():
                labels[label] = labels.get(label, 0) + count
        return {
            "row_count": sum(facts["rows"] for _row, facts in tables),
            "label_counts": dict(
                sorted(labels.items(), key=lambda pair: (-pair[1], pair[0]))[: rules.MOST_LABELS]
            ),
            "sample": _samples(tables),
            "dictionary": _dictionary(tables),
        }
    items = [(row, facts) for row, facts in told if not _is_note(row.path)] or told
    return {
        "row_count": len(items),
        "label_counts": rules.folder_labels([row.path for row, facts in items if "width" in facts]),
        "sample": [_item_sample(row, facts) for row, facts in items[: rules.SAMPLE_ROWS]],
        "dictionary": _item_dictionary([facts for _row, facts in items]),
    }


def _facts(row: UploadFile) -> Facts:
    assert row.content is not None, "a verified file has its content"
    facts: Facts = row.content.readings[reading.reader_of(row.path)]["facts"]
    return facts


def _is_note(path: str) -> bool:
    stem = path.rpartition("/")[2].partition(".")[0].lower()
    return stem in ("readme", "license", "licence", "说明", "许可")


def _samples(tables: Sequence[tuple[UploadFile, Facts]]) -> list[Facts]:
    """A few rows: from every table one after the other, the first rows first."""
    found: list[Facts] = []
    for place in range(rules.SAMPLE_ROWS):
        for row, facts in tables[: rules.SAMPLE_ROWS]:
            if place < len(facts["sample"]) and len(found) < rules.SAMPLE_ROWS:
                shown = facts["sample"][place]
                found.append(
                    {**shown, "item": row.path, "id": f"{row.path.rpartition('/')[2]}:{shown['id']}"[:80]}
                )
    return found


def _item_sample(row: UploadFile, facts: Facts) -> Facts:
    shown: Facts = {"id": row.path.rpartition("/")[2][:80], "item": row.path, "labels": []}
    return {**shown, "text": facts["text"]} if facts.get("text") else shown


def _field(name: str, kind: str, words: tuple[str, str], filled: int, rows: int) -> Facts:
    return {
        "name": name,
        "type": kind,
        "description": words[0],
        "description_en": words[1],
        "filled": filled,
        "rows": rows,
        "completeness_bp": min(10_000, filled * 10_000 // rows) if rows else 0,
    }


def _dictionary(tables: Sequence[tuple[UploadFile, Facts]]) -> list[Facts]:
    """The fields of all tables, with where they stand; counted over the rows of the tables that have them."""
    types: dict[str, str] = {}
    filled: dict[str, int] = {}
    rows: dict[str, int] = {}
    places: dict[str, list[str]] = {}
    for row, facts in tables:
        for each in facts["fields"]:
            name = each["name"]
            types[name] = rules.joined_type(types.get(name, ""), each["type"])
            filled[name] = filled.get(name, 0) + each["filled"]
            rows[name] = rows.get(name, 0) + facts["rows"]
            places.setdefault(name, []).append(row.path)
    return [
        _field(name, kind, _place_words(places[name]), filled[name], rows[name])
        for name, kind in list(types.items())[: rules.MOST_FIELDS]
    ]


def _place_words(paths: Sequence[str]) -> tuple[str, str]:
    shown = rules.shown_path(paths[0])
    if len(paths) == 1:
        return f"{shown} 中的字段", f"Field of {shown}"
    return f"{shown} 等 {len(paths)} 个文件中的字段", f"Field of {shown} and {len(paths) - 1} more files"


def _item_dictionary(facts: Sequence[Facts]) -> list[Facts]:
    """Files as rows: what is known of each."""
    total = len(facts)
    found = [
        _field("path", "string", ("文件在本数据集中的路径", "Path of the file in this dataset"), total, total)
    ]
    if pictures := sum("width" in each for each in facts):
        found.append(
            _field(
                "width", "integer", ("图像宽度（像素）", "Width of the picture in pixels"), pictures, total
            )
        )
        found.append(
            _field(
                "height", "integer", ("图像高度（像素）", "Height of the picture in pixels"), pictures, total
            )
        )
    if texts := sum("text" in each for each in facts):
        found.append(_field("text", "string", ("文本内容", "Text"), texts, total))
    return found
