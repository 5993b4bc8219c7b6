"""Reading uploads, as far as the viewer may see their dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, QuerySet, Sum
from django.urls import reverse
from django.utils.translation import gettext as _

from assets.datasets.lineage import Step
from assets.datasets.models import DatasetFile, DatasetVersion
from assets.uploads.models import SourceBatch, Upload, UploadFile
from assets.uploads.permissions import VIEW_UPLOADS
from assets.uploads.states import FileState, UploadState
from documents.models import Document
from documents.selectors import documents_visible_to
from documents.states import DocumentState
from kernel.errors import NotFound
from organizations.permissions import Actor
from organizations.states import OrganizationKind

AUTHORISATION = "authorisation"


def uploads_visible_to(viewer: Actor) -> QuerySet[Upload]:
    """The organization's own uploads; all of them for auditors."""
    if not viewer.can(VIEW_UPLOADS):
        return Upload.objects.none()
    rows = Upload.objects.select_related("dataset", "version", "created_by", "job")
    if viewer.is_system or OrganizationKind.AUDITOR in viewer.kinds:
        return rows
    return rows.filter(organization=viewer.organization)


def upload_for(viewer: Actor, upload_id: UUID) -> Upload:
    """One visible upload; NotFound otherwise."""
    found = uploads_visible_to(viewer).filter(pk=upload_id).first()
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class Tally:
    """How many files and bytes of an upload stand where."""

    counts: dict[str, int]
    bytes: dict[str, int]

    def count(self, *states: str) -> int:
        return sum(self.counts.get(state, 0) for state in states)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def total_bytes(self) -> int:
        return sum(self.bytes.values())

    @property
    def waiting(self) -> int:
        return self.count(FileState.ANNOUNCED)

    @property
    def arrived(self) -> int:
        return self.count(FileState.STORED, FileState.VERIFIED)

    @property
    def refused(self) -> int:
        return self.count(FileState.REFUSED)


def tallies_of(upload_ids: Sequence[UUID]) -> dict[UUID, Tally]:
    """The files of some uploads by state; one query."""
    rows = (
        UploadFile.objects.filter(upload__in=upload_ids)
        .values_list("upload_id", "state")
        .annotate(count=Count("id"), size=Sum("size"))
        .order_by("upload_id", "state")
    )
    found = {upload_id: Tally({}, {}) for upload_id in upload_ids}
    for upload_id, state, count, size in rows:
        found[upload_id].counts[state] = count
        found[upload_id].bytes[state] = int(size or 0)
    return found


def tally_of(upload_id: UUID) -> Tally:
    """The files of one upload by state; one query."""
    return tallies_of([upload_id])[upload_id]


def unread_files(upload_id: UUID) -> QuerySet[UploadFile]:
    """Files that have arrived and were not looked into yet."""
    return UploadFile.objects.filter(upload=upload_id, state=FileState.STORED, is_read=False)


def authorisations(viewer: Actor) -> QuerySet[Document]:
    """The organization's checked authorisation documents, newest first."""
    rows = documents_visible_to(viewer).filter(organization=viewer.organization, state=DocumentState.STORED)
    return rows.filter(purpose=AUTHORISATION).order_by("-pk")


def unfinished(viewer: Actor, dataset_id: UUID) -> QuerySet[Upload]:
    """Uploads to a dataset that can be gone on with, newest first."""
    states = (UploadState.OPEN, UploadState.FAILED, UploadState.SEALING)
    return uploads_visible_to(viewer).filter(dataset=dataset_id, state__in=states).order_by("-pk")


# --- where files of a version came from ---------------------------------------------------------


def batches_of(version: DatasetVersion) -> Sequence[SourceBatch]:
    """The batches from which an uploaded version came; none for a version made by annotation."""
    rows = SourceBatch.objects.filter(upload__version=version).select_related("authorisation", "upload")
    return list(rows.order_by("upload_id", "ordinal"))


def source_steps(viewer: Actor, file: DatasetFile) -> list[Step]:
    """The batch and the authorisation behind one file of a version."""
    rows = UploadFile.objects.filter(upload__version=file.version_id, path=file.path)
    steps = []
    for row in rows.select_related("batch__authorisation", "upload").order_by("upload_id"):
        batch = row.batch
        steps.append(
            Step(
                kind="source",
                label=_("来源批次 %(ordinal)s") % {"ordinal": batch.ordinal},
                title=batch.source,
                details=(batch.licence, _("本单位自产") if batch.is_self_produced else ""),
                url=reverse("uploads:detail", args=[row.upload_id]),
                at=batch.created_at,
            )
        )
        if batch.authorisation:
            steps.append(
                Step(
                    kind="authorisation",
                    label=_("授权文件"),
                    title=batch.authorisation.name,
                    details=(f"SHA-256 {batch.authorisation.sha256[:16]}…",),
                    at=batch.authorisation.created_at,
                )
            )
    return steps


def source_words(version: DatasetVersion) -> list[tuple[str, str]]:
    """Source and licence of each batch of an uploaded version."""
    return [(batch.source, batch.licence) for batch in batches_of(version)]
