"""Reading datasets, as far as the viewer may see them; re-hashing a version from the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from annotation.projects.models import Project
from annotation.projects.states import ProjectState
from annotation.work.models import Submission
from annotation.work.states import TaskState
from assets.datasets.models import Dataset, DatasetFile, DatasetVersion, LineageRow
from assets.datasets.permissions import MANAGE_DATASETS, VIEW_DATASETS
from assets.datasets.rules import Entry, ManifestUnreadable, Mismatch, compare, read_manifest, root_hash
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


def sealable_projects(viewer: Actor, dataset: Dataset) -> QuerySet[Project]:
    """Accepted projects of the dataset's firm (as maker or client) in the same form of data."""
    if not viewer.can(MANAGE_DATASETS):
        return Project.objects.none()
    own = Q(firm=dataset.firm_id) | Q(client=dataset.firm_id)
    return Project.objects.filter(own, state__in=SEALABLE, modality=dataset.modality).order_by("-accepted_at")


def final_submissions(project_id: UUID) -> QuerySet[Submission]:
    """The submission that stands for each accepted task of a project, by item order."""
    newest = (
        Submission.objects.filter(task__project_id=project_id, task__state=TaskState.ACCEPTED)
        .order_by("task_id", "-ordinal")
        .distinct("task_id")
    )
    return (
        Submission.objects.filter(pk__in=newest.values("pk"))
        .select_related("task__item", "guideline")
        .order_by("task__item__ordinal", "task__copy")
    )


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a version came from, counted: the chain from raw data to the sealed version."""

    batch_count: int
    item_count: int
    sources: Sequence[str]
    guideline_versions: Sequence[int]
    task_count: int
    annotator_count: int


def provenance_of(version: DatasetVersion) -> Provenance:
    """The chain of one version, from its lineage rows; two queries."""
    rows = LineageRow.objects.filter(version=version)
    counts = rows.aggregate(
        batches=Count("task__item__batch", distinct=True),
        items=Count("task__item", distinct=True),
        tasks=Count("task"),
        annotators=Count("submission__annotator", distinct=True),
    )
    told = rows.values_list("task__item__batch__source", "submission__guideline__version").distinct()
    pairs = list(told.order_by("task__item__batch__source", "submission__guideline__version"))
    return Provenance(
        batch_count=counts["batches"],
        item_count=counts["items"],
        sources=list(dict.fromkeys(source for source, _guideline in pairs)),
        guideline_versions=sorted({number for _source, number in pairs if number is not None}),
        task_count=counts["tasks"],
        annotator_count=counts["annotators"],
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
