"""Annotation projects: guideline, labeling config, raw items."""

from __future__ import annotations

import json

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.projects.states import PROJECT, RECORD_TYPE, Modality, ProjectState
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Project(Record):
    """A piece of annotation work of one firm, for a client or for itself (client empty).

    `labeling_config`: Label Studio XML. `task_price_fen`: what one accepted task pays its annotator.
    """

    number = models.CharField(_("项目编号"), max_length=24, unique=True)
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="annotation_projects")
    client = models.ForeignKey(
        "organizations.Organization",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="commissioned_projects",
        verbose_name=_("委托方"),
    )
    title = models.CharField(_("项目名称"), max_length=120)
    brief = models.TextField(_("任务说明"), blank=True)
    modality = models.CharField(_("数据形态"), max_length=16, choices=Modality.choices)
    labeling_config = models.TextField(_("标注配置"))
    task_price_fen = FenField(_("单条报酬"))
    due_on = models.DateField(_("约定交付"), null=True, blank=True)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    opened_at = models.DateTimeField(_("发布时间"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("交付时间"), null=True, blank=True)
    delivered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    accepted_at = models.DateTimeField(_("验收时间"), null=True, blank=True)
    state = StateField(states=ProjectState)

    class Meta:
        verbose_name = _("标注项目")
        verbose_name_plural = _("标注项目")
        constraints = [
            PROJECT.constraint(),
            models.CheckConstraint(
                condition=models.Q(task_price_fen__gte=0), name="project_price_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(client__isnull=True) | ~models.Q(client=models.F("firm")),
                name="project_client_is_not_firm",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", "cancelled"]) | models.Q(opened_at__isnull=False),
                name="project_opened_has_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["accepted", "closed"]) | models.Q(accepted_at__isnull=False),
                name="project_accepted_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.number})"


class GuidelineVersion(Record):
    """One published, immutable version of a project's annotation guideline (Markdown)."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="guidelines")
    version = models.PositiveIntegerField(_("版本"))
    body = models.TextField(_("标注规范"))
    published_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    published_at = models.DateTimeField(_("发布时间"))

    class Meta:
        verbose_name = _("标注规范")
        verbose_name_plural = _("标注规范")
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="guideline_version_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.project.title} v{self.version}"


class Batch(Record):
    """One import of raw items, with where they came from and by what right they are used."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="batches")
    ordinal = models.PositiveIntegerField(_("批次"))
    source = models.TextField(_("数据来源"))
    licence = models.CharField(_("来源许可"), max_length=200)
    authorisation = models.ForeignKey(
        "documents.Document", models.PROTECT, null=True, blank=True, related_name="+"
    )
    imported_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    imported_at = models.DateTimeField(_("导入时间"))

    class Meta:
        verbose_name = _("原始数据批次")
        verbose_name_plural = _("原始数据批次")
        constraints = [models.UniqueConstraint(fields=["project", "ordinal"], name="batch_ordinal_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.project.number} #{self.ordinal}"


class Item(Record):
    """One raw item: its bytes lie in the object store under `object_key`, named by their SHA-256.

    `text` repeats the content of a text item, so that a work page needs no fetch; images have none. Several texts
    in one item are a JSON object (its media type says so).
    `width`, `height`: pixels of an image as people see it (its EXIF turn applied).
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="items")
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="items")
    ordinal = models.PositiveIntegerField(_("序号"))
    name = models.CharField(_("文件名"), max_length=255)
    media_type = models.CharField(_("媒体类型"), max_length=80)
    size = models.BigIntegerField(_("字节数"))
    sha256 = models.CharField("SHA-256", max_length=64)
    object_key = models.CharField(_("对象键"), max_length=300)
    text = models.TextField(_("文本"), blank=True)
    width = models.PositiveIntegerField(_("宽（像素）"), null=True, blank=True)
    height = models.PositiveIntegerField(_("高（像素）"), null=True, blank=True)

    class Meta:
        verbose_name = _("原始数据")
        verbose_name_plural = _("原始数据")
        constraints = [
            models.UniqueConstraint(fields=["project", "sha256"], name="item_content_once"),
            models.UniqueConstraint(fields=["project", "ordinal"], name="item_ordinal_once"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.name

    @property
    def words(self) -> str:
        """The text as a list shows it; several texts one after the other."""
        return " / ".join(json.loads(self.text).values()) if self.media_type == RECORD_TYPE else self.text
