"""Datasets and their sealed, hashed, immutable versions."""

from __future__ import annotations

from typing import Any

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.intake.sensitive import masked
from annotation.projects.models import Project
from annotation.projects.states import Modality
from annotation.work.models import Submission, Task
from assets.datasets.states import DATASET_VERSION, VersionState
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_ONLY_WHILE_BUILDING = pgtrigger.Trigger(
    name="only_while_building",
    operation=pgtrigger.Insert,
    when=pgtrigger.Before,
    func="""
        IF (SELECT state FROM datasets_datasetversion WHERE id = NEW.version_id) <> 'building' THEN
            RAISE EXCEPTION 'a sealed dataset version takes no more rows';
        END IF;
        RETURN NEW;
    """,
)


class Dataset(Record):
    """A named line of versions of one firm's data."""

    number = models.CharField(_("数据集编号"), max_length=24, unique=True)
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="datasets")
    name = models.CharField(_("数据集名称"), max_length=120)
    name_en = models.CharField(_("英文名称"), max_length=160, blank=True)
    description = models.TextField(_("说明"), blank=True)
    modality = models.CharField(_("数据形态"), max_length=16, choices=Modality.choices)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))

    class Meta:
        verbose_name = _("数据集")
        verbose_name_plural = _("数据集")

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"


class DatasetVersion(Record):
    """One numbered version. Once sealed, its files and hashes never change.

    `root_hash`: SHA-256 (hex) over the canonical manifest; `manifest_key`: the manifest's place in the
    object store; sizes in bytes. `annotation_root`: root (hex) of the tree of its annotations, "" without one. `project` is the annotation project it came from, if any.
    """

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField(_("版本"))
    project = models.ForeignKey(
        Project, models.PROTECT, null=True, blank=True, related_name="dataset_versions"
    )
    root_hash = models.CharField(_("根哈希"), max_length=64, blank=True)
    manifest_key = models.CharField(max_length=300, blank=True)
    file_count = models.PositiveIntegerField(_("文件数"), default=0)
    byte_count = models.BigIntegerField(_("字节数"), default=0)
    row_count = models.PositiveIntegerField(_("样本数"), default=0)
    label_counts = models.JSONField(_("标签分布"), default=dict)
    sample = models.JSONField(_("样例"), default=list)
    dictionary = models.JSONField(_("字段字典"), default=list)
    annotation_root = models.CharField(_("标注树根"), max_length=64, blank=True)
    annotation_count = models.PositiveIntegerField(_("标注条数"), default=0)
    sealed_at = models.DateTimeField(_("封版时间"), null=True, blank=True)
    state = StateField(states=VersionState)

    class Meta:
        verbose_name = _("数据集版本")
        verbose_name_plural = _("数据集版本")
        constraints = [
            DATASET_VERSION.constraint(),
            models.UniqueConstraint(fields=["dataset", "version"], name="dataset_version_once"),
            models.CheckConstraint(
                condition=models.Q(state="building")
                | (models.Q(sealed_at__isnull=False) & ~models.Q(root_hash="")),
                name="dataset_version_sealed_has_hash",
            ),
            models.UniqueConstraint(
                fields=["dataset", "root_hash"],
                condition=models.Q(state="sealed"),
                name="dataset_content_sealed_once",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="sealed_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.AnyChange(
                    "dataset", "version", "project", "root_hash", "manifest_key", "file_count", "byte_count",
                    "row_count", "label_counts", "sample", "dictionary", "annotation_root", "annotation_count", "sealed_at",
                ),
                func="""
                    IF OLD.state <> 'building' THEN
                        RAISE EXCEPTION 'a sealed dataset version never changes';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.dataset.name} v{self.version}"

    @property
    def masked_sample(self) -> list[dict[str, Any]]:
        """The sample as it is shown: personal information masked."""
        return [masked(row) for row in self.sample]


class DatasetFile(models.Model):
    """One file of a version: path within it, size in bytes, SHA-256, place in the object store."""

    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="files")
    path = models.CharField(_("路径"), max_length=400)
    size = models.BigIntegerField(_("字节数"))
    sha256 = models.CharField("SHA-256", max_length=64)
    object_key = models.CharField(max_length=300)
    media_type = models.CharField(_("媒体类型"), max_length=80)

    class Meta:
        verbose_name = _("数据文件")
        verbose_name_plural = _("数据文件")
        constraints = [models.UniqueConstraint(fields=["version", "path"], name="dataset_path_once")]
        triggers = [_APPEND_ONLY, _ONLY_WHILE_BUILDING]

    def __str__(self) -> str:
        return self.path


class LineageRow(models.Model):
    """Which accepted submission a row of a version came from: the walk back to the annotation batch."""

    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="lineage")
    task = models.ForeignKey(Task, models.PROTECT, related_name="+")
    submission = models.ForeignKey(Submission, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("数据血缘")
        verbose_name_plural = _("数据血缘")
        constraints = [models.UniqueConstraint(fields=["version", "task"], name="lineage_task_once")]
        triggers = [_APPEND_ONLY, _ONLY_WHILE_BUILDING]

    def __str__(self) -> str:
        return f"{self.version_id} ← {self.submission_id}"
