"""Sealing versions: from an accepted project, or from content that another app has checked.

Sealing writes the objects first (content-addressed, so writing them again is harmless) and then, in one
transaction, the version with its files, lineage and the move to `sealed`. A kill in between leaves unused
objects and nothing else; running it again gives the version. Sealing equal content twice gives one version.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from annotation.labelstudio.rules import digest_of
from annotation.projects.models import Batch, Project
from annotation.projects.states import Modality
from annotation.quality.selectors import Delivered, confusion_rows, delivered_results
from annotation.work.models import Submission
from assets.datasets import rules, trees
from assets.datasets.events import VersionSealed
from assets.datasets.models import Dataset, DatasetFile, DatasetVersion, LineageRow
from assets.datasets.permissions import MANAGE_DATASETS
from assets.datasets.selectors import SEALABLE
from assets.datasets.services.datasets import locked_dataset
from assets.datasets.states import DATASET_VERSION, VersionState
from audit.services import record
from documents import objects
from kernel.errors import NotFound, Refusal
from kernel.events import announce
from organizations.permissions import Actor

FILES_PREFIX, MANIFESTS_PREFIX = "datasets/files", "datasets/manifests"


class ProjectNotAccepted(Refusal):
    """Only accepted work becomes a dataset."""

    code = "project_not_accepted"
    message = _("项目“%(title)s”尚未验收。请先完成交付与验收，再封版。")


class NothingToSeal(Refusal):
    """The project has no accepted task."""

    code = "nothing_to_seal"
    message = _("项目“%(title)s”没有已通过质检的任务，无法封版。")


class OtherModality(Refusal):
    """The project's data are of another form than the dataset's."""

    code = "other_modality"
    message = _("数据集的形态是“%(dataset)s”，项目的形态是“%(project)s”，请选择形态一致的项目。")


@dataclass(frozen=True, slots=True)
class Content:
    """Everything of a version but its number: files that lie in the store, manifest, and what is told of the rows.

    `lineage`: (task, submission) of each row that annotation made, with the `project` they belong to; `tree`: the
    tree over those answers, as the manifest tells it.
    """

    files: Sequence[DatasetFile]
    manifest: bytes
    manifest_key: str
    row_count: int
    label_counts: dict[str, int]
    sample: list[rules.Row]
    dictionary: list[dict[str, Any]]
    project: Project | None = None
    lineage: Sequence[tuple[UUID, UUID]] = ()
    tree: rules.AnnotationTree | None = None

    @property
    def root_hash(self) -> str:
        return rules.root_hash(self.manifest)


def seal_from_project(
    *, by: Actor, at: datetime, dataset_id: UUID, project_id: UUID, with_posterior: bool = False
) -> DatasetVersion:
    """Seal an accepted project's work as a dataset's next version; equal content gives the same version.

    `with_posterior`: rows carry each annotator's answer (by pseudonym), those that several people labelled the weight
    of each label too, and a file of its own tells how each annotator errs. Raises NotFound, ProjectNotAccepted, NothingToSeal, OtherModality,
    ConsensusMissing.
    """
    by.require(MANAGE_DATASETS)
    dataset = Dataset.objects.filter(pk=dataset_id).first()
    project = Project.objects.filter(pk=project_id).first()
    if dataset is None or project is None or not by.belongs_to(dataset.firm_id):
        raise NotFound
    if dataset.firm_id not in (project.firm_id, project.client_id):
        raise NotFound
    if project.state not in SEALABLE:
        raise ProjectNotAccepted(title=project.title)
    if project.modality != dataset.modality:
        raise OtherModality(dataset=dataset.get_modality_display(), project=project.get_modality_display())
    content = _stored_content(dataset, project, with_posterior=with_posterior)
    keys = [*{file.object_key for file in content.files}, content.manifest_key]
    locked = objects.retain(keys, at + timedelta(days=settings.S3_OBJECT_LOCK_DAYS))
    detail = {"project": project.number, "locked_objects": locked}
    return write_version(by=by, at=at, dataset_id=dataset_id, content=content, detail=detail)


def _stored_content(dataset: Dataset, project: Project, *, with_posterior: bool) -> Content:
    """Build rows, card and manifest, and put them into the store; the raw items lie there already."""
    delivered = list(delivered_results(project.pk))
    if not delivered:
        raise NothingToSeal(title=project.title)
    rows = _rows(delivered, has_text=project.modality == Modality.TEXT, with_posterior=with_posterior)
    files = {
        row["item"]: DatasetFile(
            path=row["item"],
            size=each.item.size,
            sha256=each.item.sha256,
            object_key=each.item.object_key,
            media_type=each.item.media_type,
        )
        for row, each in zip(rows, delivered, strict=True)
    }
    written = [
        (rules.ROWS_PATH, rules.jsonl(rows), "application/x-ndjson"),
        (rules.CARD_PATH, rules.card(_card_facts(dataset, project, delivered), rows), "text/markdown"),
    ]
    leaves = trees.leaves_file(_leaves(project, delivered, rows))
    tree = trees.tree_of(trees.hashes_of(leaves.splitlines()))
    written.append((rules.LEAVES_PATH, leaves, "text/plain"))
    if with_posterior and (told := confusion_rows(project)):
        written.append((rules.CONFUSION_PATH, rules.canonical(told), "application/json"))
    for path, body, media_type in written:
        stored = objects.put(FILES_PREFIX, body, media_type)
        files[path] = DatasetFile(
            path=path, size=stored.size, sha256=stored.sha256, object_key=stored.key, media_type=media_type
        )
    manifest = rules.manifest((rules.Entry(f.path, f.size, f.sha256) for f in files.values()), tree)
    return Content(
        project=project,
        row_count=len(rows),
        label_counts=rules.count_labels(rows),
        sample=rules.sample_of(rows),
        dictionary=rules.dictionary_of(rows),
        files=list(files.values()),
        lineage=[(one.task_id, one.pk) for each in delivered for one in each.submissions],
        tree=tree,
        manifest=manifest,
        manifest_key=objects.put(MANIFESTS_PREFIX, manifest, "application/json").key,
    )


def _leaves(
    project: Project, delivered: Sequence[Delivered], rows: Sequence[rules.Row]
) -> Iterator[trees.Leaf]:
    """One leaf per accepted answer, in the order of the rows."""
    batches = dict(Batch.objects.filter(project=project).values_list("pk", "ordinal"))
    for each, row in zip(delivered, rows, strict=True):
        digest = digest_of(row["result"])
        for one in each.submissions:
            yield trees.Leaf(
                batch=batches[each.item.batch_id],
                copy=one.task.copy,
                guideline_version=one.guideline.version if one.guideline else None,
                item=row["item"],
                item_sha256=each.item.sha256,
                project=project.number,
                result_sha256=digest,
                row=row["id"],
                submission=str(one.pk),
                submission_sha256=one.result_sha256,
            )


def _rows(delivered: Sequence[Delivered], *, has_text: bool, with_posterior: bool) -> list[rules.Row]:
    """One row per item; annotators get pseudonyms A001, A002 … in order of appearance, several joined by "+"."""
    pseudonyms: dict[UUID, str] = {}
    rows = []
    for ordinal, each in enumerate(delivered, start=1):
        item = each.item
        names = [
            pseudonyms.setdefault(one.annotator_id, f"A{len(pseudonyms) + 1:03d}") for one in each.submissions
        ]
        versions = [one.guideline.version for one in each.submissions if one.guideline]
        row = rules.row_of(
            ordinal=ordinal,
            path=rules.item_path(item.ordinal, item.media_type),
            name=item.name,
            sha256=item.sha256,
            text=item.text if has_text else None,
            result=each.result,
            guideline_version=max(versions, default=None),
            annotator="+".join(names),
        )
        if with_posterior:
            row["judgements"] = _judgements(each, names)
        if each.consensus is not None:
            row["consensus"] = {
                "origin": each.consensus.origin,
                "method": each.consensus.method,
                "method_version": each.consensus.method_version,
                "version": each.consensus.version,
                "result_sha256": each.consensus.result_sha256,
                "confidence": each.consensus.confidence,
                "answers": len(each.submissions),
                "agreement_bp": _agreement(each.submissions),
                **({"posterior": each.consensus.posterior} if with_posterior else {}),
            }
        rows.append(row)
    return rows


def _agreement(submissions: Sequence[Submission]) -> int | None:
    """The share of pairs of answers with the same labels, in basis points; None for a single answer."""
    told = [sorted(rules.labels_in(one.result)) for one in submissions]
    pairs = [first == second for first, second in combinations(told, 2)]
    return sum(pairs) * 10_000 // len(pairs) if pairs else None


def _judgements(each: Delivered, names: Sequence[str]) -> list[dict[str, Any]]:
    """What each annotator of an item answered, by pseudonym."""
    delivered = digest_of(each.result)
    return [
        {
            "annotator": name,
            "labels": rules.labels_in(one.result),
            "is_delivered": digest_of(one.result) == delivered,
            "submission_sha256": one.result_sha256,
        }
        for name, one in zip(names, each.submissions, strict=True)
    ]


def _card_facts(dataset: Dataset, project: Project, delivered: Sequence[Delivered]) -> rules.CardFacts:
    batches = Batch.objects.filter(project=project).order_by("ordinal").values_list("source", "licence")
    return rules.CardFacts(
        name=dataset.name,
        name_en=dataset.name_en,
        number=dataset.number,
        description=dataset.description,
        modality=dataset.modality,
        project_number=project.number,
        guideline_versions=sorted(
            {one.guideline.version for each in delivered for one in each.submissions if one.guideline}
        ),
        sources=list(dict.fromkeys(batches)),
    )


@transaction.atomic
def write_version(
    *, by: Actor, at: datetime, dataset_id: UUID, content: Content, detail: dict[str, Any] | None = None
) -> DatasetVersion:
    """Write version, files and lineage and seal, all or nothing; equal sealed content gives that version.

    For apps that checked the content themselves: the caller has judged the permission. `detail` goes to the audit.
    """
    dataset = locked_dataset(dataset_id)
    known = dataset.versions.filter(root_hash=content.root_hash, state=VersionState.SEALED).first()
    if known is not None:
        return known
    newest = dataset.versions.aggregate(newest=Max("version"))["newest"] or 0
    version = DatasetVersion.objects.create(
        dataset=dataset,
        version=newest + 1,
        project=content.project,
        root_hash=content.root_hash,
        manifest_key=content.manifest_key,
        file_count=len(content.files),
        byte_count=sum(file.size for file in content.files),
        row_count=content.row_count,
        label_counts=content.label_counts,
        sample=content.sample,
        dictionary=content.dictionary,
        annotation_root=content.tree.root if content.tree else "",
        annotation_count=content.tree.count if content.tree else 0,
    )
    for file in content.files:
        file.version = version
    DatasetFile.objects.bulk_create(content.files, batch_size=2_000)
    LineageRow.objects.bulk_create(
        [
            LineageRow(version=version, task_id=task, submission_id=submission)
            for task, submission in content.lineage
        ],
        batch_size=2_000,
    )
    version.sealed_at = at
    DATASET_VERSION.move(version, "seal", by=by, at=at, update_fields=["sealed_at"])
    record(
        by=by,
        at=at,
        action="datasets.seal",
        subject=version,
        detail={"root_hash": version.root_hash, "rows": version.row_count, **(detail or {})},
    )
    announce(VersionSealed(at=at, version_id=version.pk, by=by))
    return version
