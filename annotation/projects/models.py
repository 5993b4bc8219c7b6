"""Annotation projects: guideline, labeling config, raw items."""

from __future__ import annotations

import json

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.projects.states import (
    PROJECT,
    RECORD_TYPE,
    ExampleKind,
    Modality,
    ProjectState,
    ReworkPayer,
)
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Project(Record):
    """A piece of annotation work of one firm, for a client or for itself (client empty).

    `labeling_config`: Label Studio XML. `task_price_fen`: what one accepted task pays its annotator; with an
    `hourly_rate_fen` (pay for one accepted hour by the server's clock) the most that one task pays.
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
    hourly_rate_fen = FenField(_("每小时报酬"), null=True, blank=True)
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
                condition=models.Q(hourly_rate_fen__isnull=True) | models.Q(hourly_rate_fen__gt=0),
                name="project_hourly_rate_positive",
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


class QualityPlan(Record):
    """One version of how a project's quality is kept; the greatest version counts, a project may have none.

    `overlap`: how many people label each item, blind. `lease_minutes`: how long a task stays in hand without work.
    `review_share_bp`: which share of the submissions is reviewed (10000: all). `review_firm`: where the reviewers
    come from instead of the labelling firm. `attempt_limit`: after so many returns somebody else does the task.
    `idle_minutes`: a longer pause between two signs of work counts as this much.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="quality_plans")
    version = models.PositiveIntegerField(_("版本"))
    overlap = models.PositiveSmallIntegerField(_("每条标注份数"), default=1)
    lease_minutes = models.PositiveIntegerField(_("领取时限（分钟）"), default=120)
    review_share_bp = models.PositiveIntegerField(_("质检比例（万分比）"), default=10_000)
    has_second_review = models.BooleanField(_("二级质检"), default=False)
    review_firm = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, blank=True, related_name="reviewed_plans",
        verbose_name=_("质检单位"),
    )  # fmt: skip
    attempt_limit = models.PositiveSmallIntegerField(_("返工次数上限"), default=3)
    idle_minutes = models.PositiveSmallIntegerField(_("空闲截断（分钟）"), default=5)
    decided_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("确定时间"))

    class Meta:
        verbose_name = _("质量方案")
        verbose_name_plural = _("质量方案")
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="quality_plan_version_once"),
            models.CheckConstraint(
                condition=models.Q(overlap__range=(1, 9)), name="quality_plan_overlap_in_bounds"
            ),
            models.CheckConstraint(
                condition=models.Q(lease_minutes__range=(5, 10_080)), name="quality_plan_lease_in_bounds"
            ),
            models.CheckConstraint(
                condition=models.Q(review_share_bp__range=(0, 10_000)), name="quality_plan_share_in_bounds"
            ),
            models.CheckConstraint(
                condition=models.Q(attempt_limit__range=(1, 20)), name="quality_plan_attempts_in_bounds"
            ),
            models.CheckConstraint(
                condition=models.Q(idle_minutes__range=(1, 60)), name="quality_plan_idle_in_bounds"
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.project.number} Q{self.version}"


class GuidelineVersion(Record):
    """One published, immutable version of a project's annotation guideline (Markdown).

    `change_note`: what is different from the version before; `touched_labels`: the labels whose rule changed
    (none named: all); `rework_payer`: who bears the pay when work accepted under older versions is done again.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="guidelines")
    version = models.PositiveIntegerField(_("版本"))
    body = models.TextField(_("标注规范"))
    change_note = models.TextField(_("修改说明"), blank=True)
    touched_labels = ArrayField(models.CharField(max_length=200), verbose_name=_("涉及标签"), default=list)
    rework_payer = models.CharField(_("返工报酬"), max_length=16, choices=ReworkPayer.choices, blank=True)
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


class GuidelineExample(Record):
    """A worked example of one guideline version: an item, a result for it, and why that is right or wrong."""

    guideline = models.ForeignKey(GuidelineVersion, models.PROTECT, related_name="examples")
    ordinal = models.PositiveSmallIntegerField(_("序号"))
    kind = models.CharField(_("类别"), max_length=8, choices=ExampleKind.choices)
    item = models.ForeignKey(Item, models.PROTECT, related_name="+", verbose_name=_("原始数据"))
    result = models.JSONField(_("标注结果"))
    note = models.TextField(_("说明"))

    class Meta:
        verbose_name = _("规范示例")
        verbose_name_plural = _("规范示例")
        constraints = [
            models.UniqueConstraint(fields=["guideline", "ordinal"], name="guideline_example_ordinal_once")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.guideline} · {self.ordinal}"


class GuidelineQuestion(Record):
    """What an annotator asked about the guideline at one item, and what the lead answered, for all to read."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="questions")
    item = models.ForeignKey(Item, models.PROTECT, null=True, related_name="+")
    question = models.TextField(_("问题"))
    asked_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(_("提问时间"))
    answer = models.TextField(_("答复"), blank=True)
    answered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(_("答复时间"), null=True)
    included_in = models.ForeignKey(
        GuidelineVersion, models.PROTECT, null=True, related_name="questions", verbose_name=_("并入规范")
    )

    class Meta:
        verbose_name = _("规范问答")
        verbose_name_plural = _("规范问答")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(answered_at__isnull=True, answer="")
                | models.Q(answered_at__isnull=False) & ~models.Q(answer=""),
                name="guideline_question_answer_has_time",
            ),
            models.CheckConstraint(
                condition=models.Q(included_in__isnull=True) | models.Q(answered_at__isnull=False),
                name="guideline_question_included_is_answered",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project.number}: {self.question[:40]}"
