"""Reading datasets, as far as the viewer may see them; re-hashing a version from the store."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from annotation.projects.models import Project
from annotation.projects.states import ProjectState
from annotation.work.models import Review
from annotation.work.states import Verdict
from assets.datasets.lineage import ORDER, Step, sources_of, steps_of
from assets.datasets.models import Dataset, DatasetFile, DatasetVersion, LineageRow
from assets.datasets.permissions import MANAGE_DATASETS, VIEW_DATASETS
from assets.datasets.rules import (
    Entry,
    FileDiff,
    LabelChange,
    ManifestUnreadable,
    Mismatch,
    RowDiff,
    cells_digest,
    compare,
    diff_files,
    diff_labels,
    diff_rows,
    read_manifest,
    root_hash,
    row_digest,
)
from assets.datasets.states import VersionState
from documents import objects
from kernel.errors import NotFound
from organizations.permissions import Actor
from organizations.states import OrganizationKind
from web.desk import Figure, Todo
from web.finding import Hit

SEALABLE = (ProjectState.ACCEPTED, ProjectState.CLOSED)


def _sees_all(viewer: Actor) -> bool:
    return viewer.is_system or OrganizationKind.AUDITOR in viewer.kinds


def datasets_visible_to(viewer: Actor) -> QuerySet[Dataset]:
    """The firm's own datasets; all of them for auditors."""
    if not viewer.can(VIEW_DATASETS):
        return Dataset.objects.none()
    rows = Dataset.objects.select_related("firm")
    return rows if _sees_all(viewer) else rows.filter(firm=viewer.organization)


def versions_visible_to(viewer: Actor) -> QuerySet[DatasetVersion]:
    """The versions of the datasets that the viewer sees."""
    if not viewer.can(VIEW_DATASETS):
        return DatasetVersion.objects.none()
    rows = DatasetVersion.objects.select_related("dataset__firm", "project")
    return rows if _sees_all(viewer) else rows.filter(dataset__firm=viewer.organization)


def datasets_with_versions(viewer: Actor) -> QuerySet[Dataset]:
    """The visible datasets, each with its versions (newest first) as `listed_versions`; two queries."""
    versions = DatasetVersion.objects.order_by("-version").defer("sample", "dictionary")
    return datasets_visible_to(viewer).prefetch_related(
        Prefetch("versions", versions, to_attr="listed_versions")
    )


def dataset_for(viewer: Actor, dataset_id: UUID) -> Dataset:
    """One visible dataset; NotFound otherwise."""
    found = datasets_visible_to(viewer).filter(pk=dataset_id).first()
    if found is None:
        raise NotFound
    return found


def version_for(viewer: Actor, version_id: UUID) -> DatasetVersion:
    """One visible version; NotFound otherwise."""
    found = versions_visible_to(viewer).filter(pk=version_id).first()
    if found is None:
        raise NotFound
    return found


def may_see_original(viewer: Actor, version: DatasetVersion) -> bool:
    """Whether the viewer may see content unmasked: who manages the firm's datasets, and auditors with a reason."""
    is_own = viewer.can(MANAGE_DATASETS) and viewer.belongs_to(version.dataset.firm_id)
    return is_own or must_say_why(viewer)


def must_say_why(viewer: Actor) -> bool:
    """Whether the viewer sees content unmasked for a written reason only."""
    return OrganizationKind.AUDITOR in viewer.kinds and viewer.can(VIEW_DATASETS)


def sealable_projects(viewer: Actor, dataset: Dataset) -> QuerySet[Project]:
    """Accepted projects of the dataset's firm (as maker or client) in the same form of data."""
    if not viewer.can(MANAGE_DATASETS):
        return Project.objects.none()
    own = Q(firm=dataset.firm_id) | Q(client=dataset.firm_id)
    return Project.objects.filter(own, state__in=SEALABLE, modality=dataset.modality).order_by("-accepted_at")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a version came from, counted: the chain from raw data to the sealed version."""

    batch_count: int
    item_count: int
    sources: Sequence[str]
    guideline_versions: Sequence[int]
    task_count: int
    annotator_count: int
    review_count: int = 0
    return_count: int = 0


def provenance_of(version: DatasetVersion) -> Provenance:
    """The chain of one version, from its lineage rows; three queries. Uploaded versions tell their batches instead."""
    if version.project_id is None:
        batches = sources_of(version)
        sources = list(dict.fromkeys(source for source, _licence in batches))
        return Provenance(len(batches), version.row_count, sources, [], 0, 0)
    rows = LineageRow.objects.filter(version=version)
    counts = rows.aggregate(
        batches=Count("task__item__batch", distinct=True),
        items=Count("task__item", distinct=True),
        tasks=Count("task"),
        annotators=Count("submission__annotator", distinct=True),
    )
    told = rows.values_list("task__item__batch__source", "submission__guideline__version").distinct()
    pairs = list(told.order_by("task__item__batch__source", "submission__guideline__version"))
    reviews = Review.objects.filter(submission__task__in=rows.values("task")).aggregate(
        all=Count("pk"), returned=Count("pk", filter=Q(verdict=Verdict.RETURN))
    )
    return Provenance(
        batch_count=counts["batches"],
        item_count=counts["items"],
        sources=list(dict.fromkeys(source for source, _guideline in pairs)),
        guideline_versions=sorted({number for _source, number in pairs if number is not None}),
        task_count=counts["tasks"],
        annotator_count=counts["annotators"],
        review_count=reviews["all"],
        return_count=reviews["returned"],
    )


# --- is it still as it was sealed? --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VersionCheck:
    """The outcome of re-hashing a version from the store."""

    version_id: UUID
    root_hash: str
    checked_count: int
    byte_count: int
    mismatches: Sequence[Mismatch]

    @property
    def is_intact(self) -> bool:
        return not self.mismatches


def verify_version(version_id: UUID) -> VersionCheck:
    """Read every file of a sealed version back from the store, hash it, and name whatever differs."""
    version = DatasetVersion.objects.exclude(state=VersionState.BUILDING).filter(pk=version_id).first()
    if version is None:
        raise NotFound
    files = list(version.files.order_by("path"))
    stored = objects.measure(version.manifest_key)
    mismatches: list[Mismatch] = []
    if stored is None:
        mismatches.append(Mismatch("manifest", "manifest_missing"))
    else:
        body = objects.get(version.manifest_key)
        if root_hash(body) != version.root_hash:
            mismatches.append(Mismatch("manifest", "manifest_altered"))
        try:
            listed = read_manifest(body)
            mismatches += compare(listed, [Entry(f.path, f.size, f.sha256) for f in files])
        except ManifestUnreadable:
            pass
    found, byte_count = _measure(files)
    return VersionCheck(version.pk, version.root_hash, len(files), byte_count, [*mismatches, *found])


def _measure(files: Sequence[DatasetFile]) -> tuple[list[Mismatch], int]:
    """Hash the stored bytes of every file, several at once; what differs, and how many bytes were read."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        measured = list(pool.map(objects.measure, [file.object_key for file in files]))
    found: list[Mismatch] = []
    for file, stored in zip(files, measured, strict=True):
        if stored is None:
            found.append(Mismatch(file.path, "missing"))
        elif stored.sha256 != file.sha256:
            found.append(Mismatch(file.path, "altered"))
        elif stored.size != file.size:
            found.append(Mismatch(file.path, "size"))
    return found, sum(stored.size for stored in measured if stored)


# --- what changed, and where a file came from ---------------------------------------------------

LARGEST_ROW_DIFF = 32 * 1024 * 1024
"""Bytes of tables that are compared row by row while the reader waits."""
_LINES, _CELLS = ("application/x-ndjson",), ("text/csv", "text/tab-separated-values")


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """Two versions of one dataset; `rows` is None where no table changed or it is too large to compare here."""

    before: DatasetVersion
    after: DatasetVersion
    files: FileDiff
    labels: Sequence[LabelChange]
    rows: RowDiff | None
    is_too_large: bool


def numbered_version(viewer: Actor, dataset_id: UUID, number: int) -> DatasetVersion:
    """One version of a visible dataset by its number; NotFound otherwise."""
    found = versions_visible_to(viewer).filter(dataset=dataset_id, version=number).first()
    if found is None or found.state == VersionState.BUILDING:
        raise NotFound
    return found


def diff_of(before: DatasetVersion, after: DatasetVersion) -> VersionDiff:
    """What changed between two versions: files by path and hash, rows by content, labels by count.

    Only tables that differ are read; together they may have LARGEST_ROW_DIFF bytes.
    """
    old, new = ({file.path: file for file in version.files.all()} for version in (before, after))
    hashes = {file.sha256 for file in old.values()}, {file.sha256 for file in new.values()}
    changed_old = [f for f in old.values() if f.sha256 not in hashes[1] and f.media_type in _LINES + _CELLS]
    changed_new = [f for f in new.values() if f.sha256 not in hashes[0] and f.media_type in _LINES + _CELLS]
    is_too_large = sum(file.size for file in changed_old + changed_new) > LARGEST_ROW_DIFF
    rows = None
    if (changed_old or changed_new) and not is_too_large:
        rows = diff_rows(_row_digests(changed_old), _row_digests(changed_new))
        same = max(0, after.row_count - rows.added) if after.row_count else rows.same
        rows = RowDiff(rows.added, rows.removed, same)
    return VersionDiff(
        before=before,
        after=after,
        files=diff_files(
            (Entry(f.path, f.size, f.sha256) for f in old.values()),
            (Entry(f.path, f.size, f.sha256) for f in new.values()),
        ),
        labels=diff_labels(before.label_counts, after.label_counts),
        rows=rows,
        is_too_large=is_too_large,
    )


def _row_digests(files: Sequence[DatasetFile]) -> Counter[str]:
    """How often each row stands in some tables; the heads of CSV files are no rows."""
    counted: Counter[str] = Counter()
    for file in files:
        body = objects.get(file.object_key)
        if file.media_type in _CELLS:
            delimiter = "\t" if file.media_type.endswith("tab-separated-values") else ","
            text = io.StringIO(body.decode("utf-8-sig", "replace"), newline="")
            rows = csv.reader(text, delimiter=delimiter)
            counted.update(cells_digest(row) for row in islice(rows, 1, None) if row)
        else:
            counted.update(row_digest(line) for line in body.split(b"\n") if line.strip())
    return counted


@dataclass(frozen=True, slots=True)
class FileHistory:
    """One file: the walk from its source to its sale, and the versions that hold the same content."""

    file: DatasetFile
    steps: Sequence[Step]
    holders: Sequence[DatasetFile]


def file_history(viewer: Actor, file_id: int) -> FileHistory:
    """The walk of one file of a visible version; NotFound otherwise."""
    visible = versions_visible_to(viewer)
    file = (
        DatasetFile.objects.filter(pk=file_id, version__in=visible)
        .select_related("version__dataset__firm", "version__project")
        .first()
    )
    if file is None:
        raise NotFound
    same = DatasetFile.objects.filter(
        sha256=file.sha256, version__in=visible.filter(dataset__firm=file.version.dataset.firm_id)
    ).select_related("version__dataset")
    steps = sorted(_own_steps(file) + steps_of(viewer, file), key=lambda step: ORDER.index(step.kind))
    return FileHistory(file, steps, list(same.order_by("-version_id", "path")[:50]))


def _own_steps(file: DatasetFile) -> list[Step]:
    """What datasets know themselves: the annotation behind the version, the file, the version."""
    version, steps = file.version, []
    if version.project:
        chain = provenance_of(version)
        steps.append(
            Step(
                kind="source",
                label=_("原始数据"),
                title=chain.sources[0] if chain.sources else version.project.title,
                details=(
                    _("%(batches)s 批，%(items)s 条")
                    % {"batches": chain.batch_count, "items": chain.item_count},
                ),
                url=reverse("projects:detail", args=[version.project_id]),
            )
        )
        steps.append(
            Step(
                kind="annotation",
                label=_("标注项目"),
                title=version.project.title,
                details=(version.project.number,),
                url=reverse("projects:detail", args=[version.project_id]),
                at=version.project.accepted_at,
            )
        )
    steps.append(Step(kind="file", label=_("文件"), title=file.path, details=(f"SHA-256 {file.sha256}",)))
    steps.append(
        Step(
            kind="version",
            label=_("数据集版本"),
            title=f"{version.dataset.name} v{version.version}",
            details=(_("根哈希 %(hash)s") % {"hash": version.root_hash}, version.get_state_display()),
            url=reverse("datasets:version", args=[version.dataset_id, version.version]),
            at=version.sealed_at,
        )
    )
    return steps


# --- desk and search ----------------------------------------------------------------------------


def todos(viewer: Actor) -> list[Todo]:
    """Accepted projects of the firm that are in no dataset yet."""
    if not viewer.can(MANAGE_DATASETS) or viewer.organization is None:
        return []
    waiting = Project.objects.filter(
        firm=viewer.organization, client=None, state=ProjectState.ACCEPTED, dataset_versions=None
    )
    return [
        Todo(
            _("封版：%(title)s") % {"title": project.title},
            reverse("datasets:list"),
            _("项目已验收，可以封版为数据集并申请登记"),
            icon="package-check",
        )
        for project in waiting.order_by("accepted_at")[:5]
    ]


def figures(viewer: Actor) -> list[Figure]:
    """How many sealed versions and rows the firm holds."""
    if not viewer.can(VIEW_DATASETS):
        return []
    sealed = versions_visible_to(viewer).filter(state=VersionState.SEALED)
    return [Figure(_("已封版数据集版本"), sealed.count(), url=reverse("datasets:list"))]


def find(viewer: Actor, text: str) -> list[Hit]:
    """Datasets by number or part of the name."""
    rows = datasets_visible_to(viewer).filter(Q(number__iexact=text) | Q(name__icontains=text))
    return _hits(rows.order_by("-pk")[:10], text)


def _hits(rows: Iterable[Dataset], text: str) -> list[Hit]:
    return [
        Hit(
            row.name,
            reverse("datasets:detail", args=[row.pk]),
            row.get_modality_display(),
            row.number,
            row.number == text.upper(),
        )
        for row in rows
    ]
