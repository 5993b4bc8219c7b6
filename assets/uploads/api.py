"""Uploads over JSON: open, tell the source, announce, send to the store, confirm, seal.

Announcing and confirming say what is so; repeating them gives the same state (and fresh links), so they need no
idempotency key. Bytes never pass through here: they go to the object store by links that work for ten minutes.
"""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from assets.datasets.selectors import datasets_visible_to
from assets.uploads import selectors, services
from assets.uploads.models import Upload
from assets.uploads.permissions import VIEW_UPLOADS
from assets.uploads.schemas import (
    AnnouncedOut,
    AnnounceIn,
    AnswerOut,
    BatchIn,
    BatchOut,
    ConfirmedFileOut,
    ConfirmedOut,
    FilesOut,
    PathsIn,
    ReasonIn,
    RemovedOut,
    UploadFileOut,
    UploadIn,
    UploadOut,
)
from assets.uploads.states import FileState, UploadState
from gateway.api import Page, actor, cursor_page, idempotent
from kernel import clock
from kernel.errors import InvalidInput, NotFound

router = Router()


def _told(upload: Upload) -> UploadOut:
    return UploadOut.of(upload, selectors.tally_of(upload.pk))


@router.get("", response=Page[UploadOut], summary="List uploads")
def list_uploads(
    request: HttpRequest, cursor: str | None = None, limit: int = 20, dataset: str = "", state: str = ""
) -> Page[UploadOut]:
    """Newest first; `dataset` is a dataset's number, `state` one of the upload's states."""
    viewer = actor(request)
    viewer.require(VIEW_UPLOADS)
    rows = selectors.uploads_visible_to(viewer)
    if dataset:
        rows = rows.filter(dataset__number=dataset.strip().upper()) if "\0" not in dataset else rows.none()
    if state:
        if state not in UploadState.values:
            raise InvalidInput(field="state", reason=f"state: {', '.join(UploadState.values)}")
        rows = rows.filter(state=state)
    found, following = cursor_page(rows.prefetch_related("batches"), cursor=cursor, limit=limit)
    tallies = selectors.tallies_of([upload.pk for upload in found])
    items = [UploadOut.of(upload, tallies[upload.pk]) for upload in found]
    return Page[UploadOut](items=items, next=following)


@router.post("", response={201: UploadOut}, summary="Open an upload to a dataset")
@idempotent
def open_upload(request: HttpRequest, body: UploadIn) -> Status[UploadOut]:
    by = actor(request)
    number = body.dataset.strip().upper().replace("\0", "")
    dataset = datasets_visible_to(by).filter(number=number).first()
    if dataset is None:
        by.require(VIEW_UPLOADS)
        raise NotFound
    return Status(201, _told(services.open_upload(by=by, at=clock.now(), dataset_id=dataset.pk)))


@router.get("/{uuid:upload_id}", response=UploadOut, summary="One upload, with counts")
def get_upload(request: HttpRequest, upload_id: UUID) -> UploadOut:
    return _told(selectors.upload_for(actor(request), upload_id))


@router.get("/{uuid:upload_id}/files", response=FilesOut, summary="Files of an upload, by path")
def list_files(
    request: HttpRequest, upload_id: UUID, state: str = "", after: str = "", limit: int = 100
) -> FilesOut:
    """`state` is announced, stored, verified or refused; at most 1,000 at once."""
    upload = selectors.upload_for(actor(request), upload_id)
    if not 1 <= limit <= 1000:
        raise InvalidInput(field="limit", reason="limit: 1–1000")
    rows = upload.files.select_related("batch").order_by("path")
    if state:
        if state not in FileState.values:
            raise InvalidInput(field="state", reason=f"state: {', '.join(FileState.values)}")
        rows = rows.filter(state=state)
    if after:
        rows = rows.filter(path__gt=after.replace("\0", ""))
    found = list(rows[: limit + 1])
    following = found[limit - 1].path if len(found) > limit else None
    return FilesOut(items=[UploadFileOut.of(row) for row in found[:limit]], next=following)


@router.post("/{uuid:upload_id}/batches", response={201: BatchOut}, summary="Tell where files come from")
@idempotent
def add_batch(request: HttpRequest, upload_id: UUID, body: BatchIn) -> Status[BatchOut]:
    told = body.dict()
    told["authorisation_id"] = told.pop("authorisation")
    batch = services.add_batch(by=actor(request), at=clock.now(), upload_id=upload_id, **told)
    return Status(201, BatchOut.of(batch))


@router.post("/{uuid:upload_id}/files", response=AnnouncedOut, summary="Announce files, hear what to send")
def announce(request: HttpRequest, upload_id: UUID, body: AnnounceIn) -> AnnouncedOut:
    files = [services.Announced(each.path, each.size, each.sha256) for each in body.files]
    answers = services.announce(
        by=actor(request), at=clock.now(), upload_id=upload_id, files=files, batch=body.batch
    )
    return AnnouncedOut(files=[AnswerOut.of(answer) for answer in answers])


@router.post("/{uuid:upload_id}/confirmation", response=ConfirmedOut, summary="Say that files were sent")
def confirm(request: HttpRequest, upload_id: UUID, body: PathsIn) -> ConfirmedOut:
    found = services.confirm(by=actor(request), at=clock.now(), upload_id=upload_id, paths=body.paths)
    return ConfirmedOut(files=[ConfirmedFileOut.of(each) for each in found])


@router.post("/{uuid:upload_id}/removal", response=RemovedOut, summary="Take files out of an upload")
@idempotent
def remove_files(request: HttpRequest, upload_id: UUID, body: PathsIn) -> RemovedOut:
    count = services.remove_files(by=actor(request), at=clock.now(), upload_id=upload_id, paths=body.paths)
    return RemovedOut(removed=count)


@router.post("/{uuid:upload_id}/sealing", response={202: UploadOut}, summary="Check all files and seal")
@idempotent
def seal(request: HttpRequest, upload_id: UUID) -> Status[UploadOut]:
    """Queues the work; ask the upload or its job (`/api/jobs/{job}`) how far it is."""
    upload = services.seal(by=actor(request), at=clock.now(), upload_id=upload_id)
    return Status(202, _told(upload))


@router.post("/{uuid:upload_id}/abandonment", response=UploadOut, summary="Give an upload up")
@idempotent
def abandon(request: HttpRequest, upload_id: UUID, body: ReasonIn) -> UploadOut:
    upload = services.abandon(
        by=actor(request), at=clock.now(), upload_id=upload_id, reason=body.reason.replace("\0", "")
    )
    return _told(upload)
