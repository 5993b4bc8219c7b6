"""JSON shapes of datasets."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from ninja import Field, Schema

from assets.datasets.models import Dataset, DatasetVersion
from assets.datasets.selectors import FileHistory, VersionCheck, VersionDiff


class DatasetIn(Schema):
    name: str = Field(max_length=120)
    name_en: str = Field("", max_length=160)
    description: str = ""
    modality: str


class DatasetOut(Schema):
    id: UUID
    number: str
    name: str
    name_en: str
    description: str
    modality: str
    created_at: datetime
    versions: list[int]

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetOut:
        listed = getattr(dataset, "listed_versions", None)
        versions = listed if listed is not None else dataset.versions.order_by("-version")
        return cls(
            id=dataset.pk,
            number=dataset.number,
            name=dataset.name,
            name_en=dataset.name_en,
            description=dataset.description,
            modality=dataset.modality,
            created_at=dataset.created_at,
            versions=[version.version for version in versions],
        )


class SealIn(Schema):
    """`with_posterior`: rows that several people labelled carry the weight of each label."""

    project_id: UUID
    with_posterior: bool = False


class WithdrawIn(Schema):
    reason: str = Field(max_length=500)


class VersionOut(Schema):
    """A version; `root_hash` is the SHA-256 of its canonical manifest, sizes are bytes."""

    id: UUID
    dataset: str
    version: int
    state: str
    root_hash: str
    file_count: int
    byte_count: int
    row_count: int
    label_counts: dict[str, int]
    dictionary: list[dict[str, Any]]
    sample: list[dict[str, Any]]
    sealed_at: datetime | None

    @classmethod
    def of(cls, version: DatasetVersion) -> VersionOut:
        return cls(
            id=version.pk,
            dataset=version.dataset.number,
            version=version.version,
            state=version.state,
            root_hash=version.root_hash,
            file_count=version.file_count,
            byte_count=version.byte_count,
            row_count=version.row_count,
            label_counts=version.label_counts,
            dictionary=version.dictionary,
            sample=version.masked_sample,
            sealed_at=version.sealed_at,
        )


class MismatchOut(Schema):
    path: str
    code: str
    words: str


class CheckOut(Schema):
    """The outcome of re-hashing a version from the store."""

    is_intact: bool
    root_hash: str
    checked_count: int
    byte_count: int
    mismatches: list[MismatchOut]

    @classmethod
    def of(cls, check: VersionCheck) -> CheckOut:
        return cls(
            is_intact=check.is_intact,
            root_hash=check.root_hash,
            checked_count=check.checked_count,
            byte_count=check.byte_count,
            mismatches=[MismatchOut(path=m.path, code=m.code, words=m.words) for m in check.mismatches],
        )


class FileChangeOut(Schema):
    """`kind`: added, removed, changed or moved; `other` is where a moved file was before."""

    kind: str
    path: str
    size: int
    other: str


class RowDiffOut(Schema):
    added: int
    removed: int
    same: int


class LabelChangeOut(Schema):
    label: str
    before: int
    after: int
    delta: int


class DiffOut(Schema):
    """What changed from version `before` to version `after`."""

    before: int
    after: int
    same_files: int
    files: list[FileChangeOut]
    rows: RowDiffOut | None
    labels: list[LabelChangeOut]

    @classmethod
    def of(cls, diff: VersionDiff) -> DiffOut:
        rows = diff.rows
        return cls(
            before=diff.before.version,
            after=diff.after.version,
            same_files=diff.files.same,
            files=[
                FileChangeOut(kind=each.kind, path=each.path, size=each.size, other=each.other)
                for each in diff.files.changes
            ],
            rows=RowDiffOut(added=rows.added, removed=rows.removed, same=rows.same) if rows else None,
            labels=[
                LabelChangeOut(label=each.label, before=each.before, after=each.after, delta=each.delta)
                for each in diff.labels
            ],
        )


class StepOut(Schema):
    """A station of the walk; `kind`: source, authorisation, annotation, file, version, certificate, product, sale."""

    kind: str
    label: str
    title: str
    details: list[str]
    url: str
    at: datetime | None


class HolderOut(Schema):
    """A version that holds the same content."""

    dataset: str
    version: int
    path: str


class FileOut(Schema):
    """One file of a version, the walk from its source to its sale, and who else holds its content."""

    id: int
    path: str
    size: int
    sha256: str
    media_type: str
    dataset: str
    version: int
    steps: list[StepOut]
    holders: list[HolderOut]

    @classmethod
    def of(cls, history: FileHistory) -> FileOut:
        file = history.file
        return cls(
            id=file.pk,
            path=file.path,
            size=file.size,
            sha256=file.sha256,
            media_type=file.media_type,
            dataset=file.version.dataset.number,
            version=file.version.version,
            steps=[
                StepOut(
                    kind=step.kind, label=step.label, title=step.title, details=[d for d in step.details if d],
                    url=step.url, at=step.at,
                )
                for step in history.steps
            ],
            holders=[
                HolderOut(dataset=each.version.dataset.number, version=each.version.version, path=each.path)
                for each in history.holders
            ],
        )  # fmt: skip
