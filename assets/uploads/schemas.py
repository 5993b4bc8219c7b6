"""JSON shapes of uploads."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from ninja import Field, Schema

from assets.uploads import rules
from assets.uploads.models import SourceBatch, Upload, UploadFile
from assets.uploads.selectors import Tally
from assets.uploads.services import Answer, Confirmed


class UploadIn(Schema):
    """`dataset` is the dataset's number."""

    dataset: str = Field(max_length=24)


class BatchIn(Schema):
    """Source and licence of the files announced next; a document, unless self-produced."""

    source: str = Field(max_length=2000)
    licence: str = Field(max_length=200)
    is_self_produced: bool = False
    authorisation: UUID | None = None
    collected_from: date | None = None
    collected_to: date | None = None


class BatchOut(Schema):
    ordinal: int
    source: str
    licence: str
    is_self_produced: bool
    authorisation: UUID | None

    @classmethod
    def of(cls, batch: SourceBatch) -> BatchOut:
        return cls(
            ordinal=batch.ordinal,
            source=batch.source,
            licence=batch.licence,
            is_self_produced=batch.is_self_produced,
            authorisation=batch.authorisation_id,
        )


class UploadOut(Schema):
    """A session; counts of its files by state, `version` once it is sealed."""

    id: UUID
    number: str
    dataset: str
    dataset_id: UUID
    state: str
    created_at: datetime
    batches: list[BatchOut]
    file_count: int
    byte_count: int
    counts: dict[str, int]
    job: UUID | None
    version: int | None

    @classmethod
    def of(cls, upload: Upload, tally: Tally) -> UploadOut:
        return cls(
            id=upload.pk,
            number=upload.number,
            dataset=upload.dataset.number,
            dataset_id=upload.dataset_id,
            state=upload.state,
            created_at=upload.created_at,
            batches=[BatchOut.of(batch) for batch in sorted(upload.batches.all(), key=lambda b: b.ordinal)],
            file_count=tally.total,
            byte_count=tally.total_bytes,
            counts=tally.counts,
            job=upload.job_id,
            version=upload.version.version if upload.version else None,
        )


class FileIn(Schema):
    """A file: path within the dataset, size in bytes, SHA-256 in hex."""

    path: str = Field(max_length=2000)
    size: int = Field(ge=0, le=2**53)
    sha256: str = Field(max_length=128)


class AnnounceIn(Schema):
    """Up to 1,000 files; `batch` is the batch's ordinal, the newest without it."""

    files: list[FileIn] = Field(min_length=1, max_length=rules.MOST_ENTRIES)
    batch: int | None = Field(None, ge=1, le=2**31 - 1)


class PartOut(Schema):
    number: int
    url: str


class AnswerOut(Schema):
    """`stored`: nothing to send. `announced`: PUT to `url`, or each of `parts` (pieces of `part_size` bytes, the
    final one shorter); with neither, announce again later. `refused`: `code` and `reason`.
    """

    path: str
    state: str
    code: str
    reason: str
    url: str
    part_size: int
    parts: list[PartOut]
    received: list[int]

    @classmethod
    def of(cls, answer: Answer) -> AnswerOut:
        return cls(
            path=answer.path,
            state=answer.state,
            code=answer.code,
            reason=answer.reason,
            url=answer.url,
            part_size=answer.part_size,
            parts=[PartOut(number=number, url=url) for number, url in answer.parts.items()],
            received=answer.received,
        )


class AnnouncedOut(Schema):
    """One answer per file, in the order given."""

    files: list[AnswerOut]


class PathsIn(Schema):
    paths: list[str] = Field(min_length=1, max_length=rules.MOST_ENTRIES)


class ConfirmedFileOut(Schema):
    path: str
    state: str
    missing_parts: list[int]

    @classmethod
    def of(cls, each: Confirmed) -> ConfirmedFileOut:
        return cls(path=each.path, state=each.state, missing_parts=list(each.missing_parts))


class ConfirmedOut(Schema):
    """Where each file stands, in the order given."""

    files: list[ConfirmedFileOut]


class RemovedOut(Schema):
    removed: int


class ReasonIn(Schema):
    reason: str = Field("", max_length=500)


class UploadFileOut(Schema):
    """A file of a session; `code` and `reason` when it was refused."""

    path: str
    size: int
    sha256: str
    state: str
    batch: int
    code: str
    reason: str

    @classmethod
    def of(cls, row: UploadFile) -> UploadFileOut:
        return cls(
            path=row.path,
            size=row.size,
            sha256=row.sha256,
            state=row.state,
            batch=row.batch.ordinal,
            code=row.code,
            reason=row.fault,
        )


class FilesOut(Schema):
    """Files by path; `next` is the path to give as `after` for the following page, null at the end."""

    items: list[UploadFileOut]
    next: str | None
