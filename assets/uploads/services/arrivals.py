"""Looking into files as they arrive, so that their faults are told before sealing, and not only by it.

Only faults are kept: a file in which none is found stays "arrived", and sealing reads it again, whole. Large files are
looked at by their beginning. One worker looks into an upload at a time; what arrives meanwhile is found before it ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from django.core.cache import cache
from django.db import transaction

from assets.uploads import rules
from assets.uploads.models import UploadFile
from assets.uploads.rules import FileFault
from assets.uploads.selectors import unread_files
from assets.uploads.services import reading
from assets.uploads.services.sessions import locked_upload
from assets.uploads.states import FileState, UploadState
from documents import objects

WHOLE_LIMIT = 64 * 1024 * 1024
"""Bytes up to which a file is read whole when it arrives; larger ones are read whole only by sealing."""
STEP, READERS_AT_ONCE = 200, 4
HELD_SECONDS = 600
_Fault = tuple[str, dict[str, object]]


def check_arrived(*, upload_id: UUID) -> int:
    """Read what has arrived in an open upload and was not read yet; how many files were found faulty."""
    key, found = f"uploads.checking.{upload_id}", 0
    while unread_files(upload_id).exists():
        if not cache.add(key, True, timeout=HELD_SECONDS):
            return found
        try:
            with ThreadPoolExecutor(max_workers=READERS_AT_ONCE) as pool:
                while rows := list(unread_files(upload_id).select_related("content").order_by("pk")[:STEP]):
                    faults = dict(zip([row.pk for row in rows], pool.map(_fault_of, rows), strict=True))
                    if not _write(upload_id, rows, faults):
                        return found
                    found += sum(fault is not None for fault in faults.values())
        finally:
            cache.delete(key)
    return found


def _fault_of(row: UploadFile) -> _Fault | None:
    """What is wrong with the bytes of one file, None when nothing is found."""
    name = reading.reader_of(row.path)
    if row.content is not None:
        if name in row.content.readings:
            told = row.content.readings[name]
            return (told["code"], told["words"]) if told["code"] else None
        key = row.content.object_key
    else:
        key = row.waiting_key
    with objects.opened(key) as stored:
        if stored is None:
            return "missing", {}
        if row.size > WHOLE_LIMIT:
            return _fault_of_head(row.path, next(iter(stored.chunks), b""))
        told_all = reading.read(row.path, stored.chunks)
    if told_all.sha256 != row.sha256 or told_all.size != row.size:
        return "altered", {}
    return (told_all.code, told_all.words) if told_all.code else None


def _fault_of_head(path: str, chunk: bytes) -> _Fault | None:
    try:
        rules.check_head(path, rules.kind_of(path), chunk[: rules.HEAD])
    except FileFault as fault:
        return fault.code, {name: rules.plain(word) for name, word in fault.words.items()}
    return None


@transaction.atomic
def _write(upload_id: UUID, rows: Sequence[UploadFile], faults: dict[int, _Fault | None]) -> bool:
    """Keep the faults of files that are still those that were read; False when the upload is no longer open."""
    upload = locked_upload(upload_id)
    if upload.state not in (UploadState.OPEN, UploadState.FAILED):
        return False
    read = {row.pk: row for row in rows}
    faulty = []
    for row in upload.files.filter(pk__in=read, state=FileState.STORED).order_by("pk"):
        before, fault = read[row.pk], faults[row.pk]
        if (row.sha256, row.slot, row.path) != (before.sha256, before.slot, before.path):
            continue
        row.is_read = True
        if fault is not None:
            row.state, row.code = FileState.REFUSED, fault[0]
            row.words = {**fault[1], "path": rules.shown_path(row.path)}
        faulty.append(row)
    UploadFile.objects.bulk_update(faulty, ["is_read", "state", "code", "words"], batch_size=500)
    return True
