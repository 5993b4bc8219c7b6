"""Upload sessions: opened, told their sources, announced file by file, confirmed, abandoned.

The server is the truth about what has arrived. A client that lost its connection announces the same files again and
hears which of them, and which parts, still have to travel. Files wait under keys of their session; only what the
sealing job has read and hashed is kept under a key that no link ever reached.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Sum
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import Dataset
from assets.datasets.selectors import datasets_visible_to
from assets.uploads import rules
from assets.uploads.models import SourceBatch, StoredContent, Upload, UploadFile, slot_key
from assets.uploads.permissions import UPLOAD_FILES
from assets.uploads.rules import FileFault
from assets.uploads.selectors import AUTHORISATION, uploads_visible_to
from assets.uploads.states import UPLOAD, FileState, UploadState
from audit.services import record
from documents import objects
from documents.selectors import stored_document
from kernel.errors import InvalidInput, NotFound, Refusal
from kernel.numbers import new_number
from organizations.permissions import Actor

IDLE_AFTER = timedelta(days=30)
MOST_PLAIN_FILES = 20


class UploadClosed(Refusal):
    """The session is sealed, being sealed or abandoned."""

    code = "upload_closed"
    message = _("上传 %(number)s 已是“%(state)s”，不能再改。请新建一次上传。")


class BatchMissing(Refusal):
    """Files come from a batch with source and licence."""

    code = "batch_missing"
    message = _("请先填写这批数据的来源与许可，再上传文件。")


class TooManyFiles(Refusal):
    """More files than one upload takes."""

    code = "too_many_files"
    message = _("一次上传最多 %(limit)s 个文件。请分成几个数据集，或把小文件合并为 JSONL、Parquet。")


class TooManyBytes(Refusal):
    """More bytes than one upload takes."""

    code = "too_many_bytes"
    message = _("一次上传合计不超过 %(limit)s GB。请分成几个数据集上传。")


@dataclass(frozen=True, slots=True)
class Announced:
    """One file as its owner tells of it: path, size in bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(slots=True)
class Answer:
    """What becomes of one announced file.

    `state`: `stored` (nothing to send), `announced` (send it: PUT to `url`, or each of `parts` in pieces of
    `part_size` bytes; without either, announce it again later), `refused` (see `code` and `reason`).
    """

    path: str
    state: str
    code: str = ""
    reason: str = ""
    url: str = ""
    part_size: int = 0
    parts: dict[int, str] = field(default_factory=dict)
    received: list[int] = field(default_factory=list)


def locked_upload(upload_id: UUID) -> Upload:
    """The upload, locked until the transaction ends; NotFound if there is none."""
    rows = Upload.objects.select_for_update(of=("self",)).select_related("dataset", "organization")
    found = rows.filter(pk=upload_id).order_by("pk").first()
    if found is None:
        raise NotFound
    return found


def locked_slot(upload_id: UUID, slot: int) -> None:
    """Hold the slot of a file until the transaction ends: its parts are looked at and joined by one at a time."""
    rows = UploadFile.objects.select_for_update(of=("self",)).filter(upload=upload_id, slot=slot)
    rows.order_by("pk").first()


def own_upload(by: Actor, upload_id: UUID) -> Upload:
    """The locked upload of the actor's organization, with the right to write to it."""
    upload = locked_upload(upload_id)
    if not uploads_visible_to(by).filter(pk=upload_id).exists():
        raise NotFound
    by.require(UPLOAD_FILES)
    if not by.belongs_to(upload.organization_id):
        raise NotFound
    return upload


def reopened(upload: Upload, by: Actor, at: datetime) -> None:
    """Make sure that the session takes changes; one that failed goes on."""
    if upload.state == UploadState.FAILED:
        UPLOAD.move(upload, "reopen", by=by, at=at)
    if upload.state != UploadState.OPEN:
        raise UploadClosed(number=upload.number, state=upload.get_state_display())
    upload.touched_at = at


# --- opening ------------------------------------------------------------------------------------


@transaction.atomic
def open_upload(*, by: Actor, at: datetime, dataset_id: UUID) -> Upload:
    """A new session for the next version of an own dataset."""
    dataset = datasets_visible_to(by).filter(pk=dataset_id).first()
    if dataset is None:
        raise NotFound
    by.require(UPLOAD_FILES)
    if not by.belongs_to(dataset.firm_id):
        raise NotFound
    return _create(by, at, dataset)


def _create(by: Actor, at: datetime, dataset: Dataset) -> Upload:
    upload = Upload.objects.create(
        number=new_number("SC", at),
        dataset=dataset,
        organization_id=dataset.firm_id,
        created_by=by.user,
        created_at=at,
        touched_at=at,
    )
    record(by=by, at=at, action="uploads.open", subject=upload, detail={"dataset": dataset.number})
    return upload


@transaction.atomic
def add_batch(
    *,
    by: Actor,
    at: datetime,
    upload_id: UUID,
    source: str,
    licence: str,
    is_self_produced: bool = False,
    authorisation_id: UUID | None = None,
    collected_from: date | None = None,
    collected_to: date | None = None,
) -> SourceBatch:
    """Tell where the files announced next come from. An authorisation document, unless self-produced."""
    upload = own_upload(by, upload_id)
    reopened(upload, by, at)
    if not source.strip():
        raise InvalidInput(field="source", reason=_("请写明数据来源。"))
    if not licence.strip():
        raise InvalidInput(field="licence", reason=_("请写明来源许可或使用依据。"))
    if collected_from and collected_to and collected_to < collected_from:
        raise InvalidInput(field="collected_to", reason=_("采集止日不能早于起日。"))
    document = None
    if authorisation_id is not None:
        document = stored_document(by, authorisation_id)
        if document.organization_id != upload.organization_id or document.purpose != AUTHORISATION:
            raise InvalidInput(field="authorisation", reason=_("请选择本单位用途为“授权书”的文件。"))
    if document is None and not is_self_produced:
        raise InvalidInput(
            field="authorisation", reason=_("请附上授权文件；本单位自产的数据，请勾选“本单位自产”。")
        )
    newest = upload.batches.aggregate(newest=Max("ordinal"))["newest"] or 0
    batch = SourceBatch.objects.create(
        upload=upload,
        ordinal=newest + 1,
        source=source.strip(),
        licence=licence.strip(),
        is_self_produced=is_self_produced,
        authorisation=document,
        collected_from=collected_from,
        collected_to=collected_to,
        created_at=at,
    )
    upload.save(update_fields=["touched_at"])
    detail = {"batch": batch.ordinal, "authorisation": document.sha256 if document else ""}
    record(by=by, at=at, action="uploads.add_batch", subject=upload, detail=detail)
    return batch


# --- announcing ---------------------------------------------------------------------------------


def announce(
    *, by: Actor, at: datetime, upload_id: UUID, files: Sequence[Announced], batch: int | None = None
) -> list[Answer]:
    """Tell of up to 1,000 files of one batch (the newest by default) and hear what has to be sent.

    Telling the same again changes nothing; another hash under the same path replaces the file. Links work for ten
    minutes; announce again for fresh ones. Raises UploadClosed, BatchMissing, TooManyFiles, TooManyBytes.
    """
    if not 0 < len(files) <= rules.MOST_ENTRIES:
        raise InvalidInput(field="files", reason=_("一次申报 1 到 1,000 个文件。"))
    rows, refused = _told(by, at, upload_id, files, batch)
    waiting = [row for row in rows.values() if row.state == FileState.ANNOUNCED]
    _mark_arrived(upload_id, [row for row in waiting if row.pk in _seen_before(rows)])
    answers = _answers(upload_id, waiting)
    told = []
    for given in files:
        if id(given) in refused:
            fault = refused[id(given)]
            told.append(Answer(given.path, "refused", fault.code, str(fault)))
            continue
        row = rows[rules.path_key(rules.clean_path(given.path))]
        told.append(answers.get(row.pk) or Answer(row.path, "stored"))
    return told


def _seen_before(rows: Mapping[str, UploadFile]) -> set[int]:
    return {row.pk for row in rows.values() if not getattr(row, "is_new", False)}


@transaction.atomic
def _told(
    by: Actor, at: datetime, upload_id: UUID, files: Sequence[Announced], batch: int | None
) -> tuple[dict[str, UploadFile], dict[int, FileFault]]:
    """Write the rows of the files that can be taken, by path key; the faults of the others, by identity."""
    upload = own_upload(by, upload_id)
    reopened(upload, by, at)
    source = upload.batches.filter(**({"ordinal": batch} if batch else {})).order_by("-ordinal").first()
    if source is None:
        raise BatchMissing
    clean, refused = _checked(upload, files)
    held = {row.path_key: row for row in upload.files.filter(path_key__in=list(clean))}
    digests = {given.sha256 for given in clean.values()}
    contents = {
        content.sha256: content
        for content in StoredContent.objects.filter(organization=upload.organization_id, sha256__in=digests)
    }
    slots: dict[str, UploadFile] = {
        row.sha256: row
        for row in upload.files.filter(
            sha256__in=digests, slot__gt=0, state__in=(FileState.ANNOUNCED, FileState.STORED)
        )
    }
    made: list[UploadFile] = []
    changed: list[UploadFile] = []
    for key, given in clean.items():
        row = held.get(key)
        if row is not None and row.sha256 == given.sha256 and row.state != FileState.REFUSED:
            if row.batch_id != source.pk and batch:
                row.batch = source
                changed.append(row)
            continue
        fresh = row or UploadFile(upload=upload, path_key=key)
        fresh.batch, fresh.path, fresh.size, fresh.sha256 = source, given.path, given.size, given.sha256
        fresh.code, fresh.words, fresh.parts_id, fresh.is_read = "", {}, "", False
        _place(upload, fresh, contents.get(given.sha256), slots)
        fresh.is_new = True  # type: ignore[attr-defined]
        held[key] = fresh
        (made if row is None else changed).append(fresh)
    UploadFile.objects.bulk_create(made, batch_size=1_000)
    UploadFile.objects.bulk_update(
        changed,
        [
            "batch",
            "path",
            "size",
            "sha256",
            "slot",
            "parts_id",
            "content",
            "code",
            "words",
            "is_read",
            "state",
        ],
        batch_size=500,
    )
    if any(row.state == FileState.STORED for row in (*made, *changed)):
        _look_soon(upload_id)
    _check_limits(upload)
    upload.save(update_fields=["touched_at", "slot_count"])
    return held, refused


def _look_soon(upload_id: UUID) -> None:
    """Have what arrived looked into, once this is committed."""
    from assets.uploads.tasks import check_arrived

    transaction.on_commit(lambda: check_arrived.delay(str(upload_id)))


def _checked(upload: Upload, files: Sequence[Announced]) -> tuple[dict[str, Announced], dict[int, FileFault]]:
    """Clean paths by path key; two that some system takes for one refuse the second."""
    clean: dict[str, Announced] = {}
    refused: dict[int, FileFault] = {}
    for given in files:
        try:
            path = rules.check_announced(
                given.path, given.size, given.sha256, largest=settings.UPLOAD_LARGEST_FILE
            )
            other = clean.get(rules.path_key(path))
            if other is not None and other.path != path:
                raise FileFault("path_clash", given.path, other=rules.shown_path(other.path))
            clean[rules.path_key(path)] = Announced(path, given.size, given.sha256)
        except FileFault as fault:
            refused[id(given)] = fault
    taken = dict(upload.files.filter(path_key__in=list(clean)).values_list("path_key", "path"))
    for given in files:
        if id(given) in refused:
            continue
        path = rules.clean_path(given.path)
        key = rules.path_key(path)
        if taken.get(key, path) != path:
            refused[id(given)] = FileFault("path_clash", given.path, other=rules.shown_path(taken[key]))
            clean.pop(key, None)
    return clean, refused


def _place(
    upload: Upload, row: UploadFile, content: StoredContent | None, slots: dict[str, UploadFile]
) -> None:
    """Where the file's bytes are or will be: held already, coming with an equal file, or in a slot of its own."""
    same = slots.get(row.sha256)
    if content is not None:
        row.content, row.slot, row.state = content, 0, FileState.STORED
    elif same is not None:
        row.content, row.slot, row.state, row.parts_id = None, same.slot, FileState(same.state), same.parts_id
    else:
        upload.slot_count += 1
        row.content, row.slot, row.state = None, upload.slot_count, FileState.ANNOUNCED
        slots[row.sha256] = row


def _check_limits(upload: Upload) -> None:
    if upload.files.count() > settings.UPLOAD_MOST_FILES:
        raise TooManyFiles(limit=f"{settings.UPLOAD_MOST_FILES:,}")
    total = upload.files.aggregate(total=Sum("size"))["total"] or 0
    if total > settings.UPLOAD_LARGEST_TOTAL:
        raise TooManyBytes(limit=settings.UPLOAD_LARGEST_TOTAL // 1024**3)


def _answers(upload_id: UUID, rows: Iterable[UploadFile]) -> dict[int, Answer]:
    """The links for what has to be sent, by row; every slot is asked for once, and no answer grows too long."""
    answers: dict[int, Answer] = {}
    asked: set[int] = set()
    link_count = 0
    for row in rows:
        if row.state != FileState.ANNOUNCED:
            continue
        answer = answers[row.pk] = Answer(row.path, "announced")
        if row.slot in asked or link_count >= rules.MOST_LINKS:
            continue
        asked.add(row.slot)
        if row.size <= rules.WHOLE:
            answer.url = objects.signed_put(row.waiting_key)
            link_count += 1
        else:
            link_count += _add_parts(upload_id, row, answer)
    return answers


def _add_parts(upload_id: UUID, row: UploadFile, answer: Answer) -> int:
    """Links for the parts that the store does not hold yet; how many."""
    received = objects.received_parts(row.waiting_key, row.parts_id) if row.parts_id else None
    if received is None:
        begun = objects.begin_parts(row.waiting_key, rules.kind_of(row.path).media_type)
        rows = UploadFile.objects.filter(upload=upload_id, slot=row.slot, parts_id=row.parts_id)
        if not rows.update(parts_id=begun):  # somebody else began at the same moment
            objects.drop_parts(row.waiting_key, begun)
            return 0
        row.parts_id, received = begun, {}
    sizes = rules.part_sizes(row.size)
    answer.part_size = rules.part_size(row.size)
    answer.received = sorted(n for n, size in received.items() if sizes.get(n) == size)
    answer.parts = {
        number: objects.signed_part(row.waiting_key, row.parts_id, number)
        for number in sizes
        if number not in answer.received
    }
    return len(answer.parts)


# --- confirming ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Where one file stands; `missing_parts` are the numbers that have not arrived."""

    path: str
    state: str
    missing_parts: Sequence[int] = ()


def confirm(*, by: Actor, at: datetime, upload_id: UUID, paths: Sequence[str]) -> list[Confirmed]:
    """Say that up to 1,000 files were sent; the store is asked what is there. Saying it again changes nothing."""
    if not 0 < len(paths) <= rules.MOST_ENTRIES:
        raise InvalidInput(field="paths", reason=_("一次确认 1 到 1,000 个文件。"))
    with transaction.atomic():
        upload = own_upload(by, upload_id)
        reopened(upload, by, at)
        upload.save(update_fields=["touched_at"])
    keys = {path: _key_or_nothing(path) for path in paths}
    rows = {row.path_key: row for row in upload.files.filter(path_key__in=set(keys.values()))}
    waiting = [row for row in rows.values() if row.state == FileState.ANNOUNCED]
    missing = _mark_arrived(upload_id, waiting)
    return [
        Confirmed(path, rows[key].state, missing.get(rows[key].slot, ()) if rows[key].slot else ())
        if key in rows
        else Confirmed(path, "unknown")
        for path, key in keys.items()
    ]


def _key_or_nothing(path: str) -> str:
    try:
        return rules.path_key(rules.clean_path(path))
    except FileFault:
        return ""


def _mark_arrived(upload_id: UUID, rows: Sequence[UploadFile]) -> dict[int, list[int]]:
    """Mark the slots whose bytes lie in the store; the missing parts of those that came in part."""
    missing: dict[int, list[int]] = {}
    waiting = {row.slot: row for row in rows}
    whole = [slot for slot, row in waiting.items() if row.size <= rules.WHOLE]
    sizes = _sizes(upload_id, whole)
    arrived = [slot for slot in whole if sizes.get(slot_key(upload_id, slot)) == waiting[slot].size]
    for slot, row in waiting.items():
        if row.size > rules.WHOLE:
            missing[slot] = _missing_parts(row)
            arrived += [slot] if not missing[slot] else []
    if not arrived:
        return missing
    with transaction.atomic():
        upload = locked_upload(upload_id)
        if upload.state != UploadState.OPEN:
            raise UploadClosed(number=upload.number, state=upload.get_state_display())
        upload.files.filter(slot__in=arrived, state=FileState.ANNOUNCED).update(state=FileState.STORED)
        _look_soon(upload_id)
    landed = set(arrived)
    for row in rows:
        row.state = FileState.STORED if row.slot in landed else row.state
    return missing


def _sizes(upload_id: UUID, slots: Sequence[int]) -> dict[str, int]:
    """Sizes in the store by key: by one listing where the slots lie close together, else one by one."""
    if not slots:
        return {}
    low, high = min(slots), max(slots)
    if high - low <= 4 * len(slots) + 50:
        return objects.sizes_under(
            slot_key(upload_id, 0)[:-8], first=slot_key(upload_id, low), final=slot_key(upload_id, high)
        )
    found = {slot_key(upload_id, slot): objects.size_of(slot_key(upload_id, slot)) for slot in slots}
    return {key: size for key, size in found.items() if size is not None}


@transaction.atomic
def _missing_parts(row: UploadFile) -> list[int]:
    """The parts that have not arrived; when all have, they are joined. A store lists fewer while it joins them."""
    sizes = rules.part_sizes(row.size)
    locked_slot(row.upload_id, row.slot)
    received = objects.received_parts(row.waiting_key, row.parts_id) if row.parts_id else None
    if received is not None:
        absent = [number for number, size in sizes.items() if received.get(number) != size]
        if absent:
            return absent
        objects.finish_parts(row.waiting_key, row.parts_id)
    return [] if objects.size_of(row.waiting_key) == row.size else list(sizes)


# --- without a program --------------------------------------------------------------------------


def store_files(
    *, by: Actor, at: datetime, upload_id: UUID, files: Sequence[tuple[str, BinaryIO]]
) -> list[Answer]:
    """Take a few small files that came through the site itself (the way without JavaScript)."""
    if not 0 < len(files) <= MOST_PLAIN_FILES:
        raise InvalidInput(
            field="files", reason=_("请一次选择 1 到 20 个文件；更多文件请用文件夹上传或命令行。")
        )
    bodies = {name: file.read(rules.WHOLE + 1) for name, file in files}
    for name, body in bodies.items():
        if len(body) > rules.WHOLE:
            reason = _("“%(path)s”超过 16 MB。请用文件夹上传或命令行上传。") % {
                "path": rules.shown_path(name)
            }
            raise InvalidInput(field="files", reason=reason)
    told = [Announced(name, len(body), hashlib.sha256(body).hexdigest()) for name, body in bodies.items()]
    answers = announce(by=by, at=at, upload_id=upload_id, files=told)
    rows = {row.path: row for row in UploadFile.objects.filter(upload=upload_id, state=FileState.ANNOUNCED)}
    for given, answer in zip(told, answers, strict=True):
        if answer.state == "announced" and answer.path in rows:
            row = rows[answer.path]
            body = bodies[given.path]
            media_type = rules.kind_of(row.path).media_type
            objects.put_stream(row.waiting_key, io.BytesIO(body), len(body), media_type)
    taken = [answer.path for answer in answers if answer.state == "announced"]
    states = (
        {each.path: each.state for each in confirm(by=by, at=at, upload_id=upload_id, paths=taken)}
        if taken
        else {}
    )
    for answer in answers:
        answer.state, answer.url = states.get(answer.path, answer.state), ""
    return answers


# --- leaving ------------------------------------------------------------------------------------


@transaction.atomic
def remove_files(*, by: Actor, at: datetime, upload_id: UUID, paths: Sequence[str]) -> int:
    """Take files out of the session; how many."""
    upload = own_upload(by, upload_id)
    reopened(upload, by, at)
    keys = [_key_or_nothing(path) for path in paths[: rules.MOST_ENTRIES]]
    count, _kinds = upload.files.filter(path_key__in=keys).delete()
    upload.save(update_fields=["touched_at"])
    record(by=by, at=at, action="uploads.remove_files", subject=upload, detail={"count": count})
    return count


@transaction.atomic
def abandon(*, by: Actor, at: datetime, upload_id: UUID, reason: str = "") -> Upload:
    """Give the session up: what waits in the store is thrown away, the record stays."""
    from assets.uploads.tasks import clear_waiting

    upload = own_upload(by, upload_id)
    UPLOAD.move(upload, "abandon", by=by, at=at, reason=reason.strip())
    record(by=by, at=at, action="uploads.abandon", subject=upload, detail={"reason": reason.strip()})
    transaction.on_commit(lambda: clear_waiting.delay(str(upload_id)))
    return upload


def abandon_idle(*, at: datetime, limit: int = 200) -> int:
    """Give up sessions that nobody touched for thirty days; how many."""
    idle = Upload.objects.filter(
        state__in=(UploadState.OPEN, UploadState.FAILED), touched_at__lt=at - IDLE_AFTER
    )
    found = list(idle.order_by("pk").values_list("pk", flat=True)[:limit])
    for upload_id in found:
        abandon(by=Actor.system("uploads"), at=at, upload_id=upload_id, reason=str(_("三十天没有活动")))
    return len(found)


def clear_waiting(upload_id: UUID) -> int:
    """Delete what waits in the store under a session that has ended; how many objects."""
    upload = Upload.objects.get(pk=upload_id)
    if upload.state not in (UploadState.SEALED, UploadState.ABANDONED):
        return 0
    return objects.clear(upload.prefix)
