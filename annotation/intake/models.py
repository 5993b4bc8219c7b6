"""Data on its way in: imports with their files and rows, what labels they brought, and models that label beforehand."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.intake.rules import FORMS
from annotation.intake.states import (
    INTAKE,
    PREDICTOR,
    IntakeState,
    NearChoice,
    PersonalChoice,
    PredictorKind,
    PredictorState,
    ProposalSource,
)
from annotation.projects.models import Batch, Item, Project
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Storage(Record):
    """A bucket of a firm's own that imports read from; the secret is sealed with the installation's key."""

    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    name = models.CharField(_("名称"), max_length=60)
    endpoint = models.CharField(_("服务地址"), max_length=200)
    bucket = models.CharField(_("存储桶"), max_length=63)
    region = models.CharField(_("区域"), max_length=40, blank=True)
    access_key = models.CharField(_("访问密钥 ID"), max_length=128)
    sealed_secret = models.TextField()
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    ended_at = models.DateTimeField(_("停用时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("导入用的对象存储")
        verbose_name_plural = _("导入用的对象存储")
        constraints = [
            models.UniqueConstraint(
                fields=["firm", "name"], condition=models.Q(ended_at=None), name="storage_name_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} · {self.bucket}"


class Intake(Record):
    """One import: its files, what a dry run found in them, what the lead decided, and the batch that came of it.

    `form`: how the files are read (`rules.FORMS`). `found`: the report of the dry run. `staged_count`: samples that
    the dry run has passed, so that it goes on there after a break.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="intakes")
    form = models.CharField(_("文件格式"), max_length=16)
    storage = models.ForeignKey(
        Storage, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("对象存储")
    )
    prefix = models.CharField(_("前缀"), max_length=400, blank=True)
    source = models.TextField(_("数据来源"))
    licence = models.CharField(_("来源许可"), max_length=200)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    job = models.ForeignKey("jobs.Job", models.PROTECT, null=True, related_name="+")
    staged_count = models.PositiveIntegerField(default=0)
    found = models.JSONField(_("试运行结果"), default=dict)
    near_choice = models.CharField(_("近似数据"), max_length=16, choices=NearChoice.choices, blank=True)
    personal_choice = models.CharField(
        _("个人信息"), max_length=16, choices=PersonalChoice.choices, blank=True
    )
    legal_ground = models.TextField(_("法律依据"), blank=True)
    is_skipping_bad = models.BooleanField(_("跳过有问题的行"), default=False)
    decided_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("决定时间"), null=True, blank=True)
    batch = models.ForeignKey(Batch, models.PROTECT, null=True, related_name="intakes")
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)
    state = StateField(states=IntakeState)

    class Meta:
        verbose_name = _("数据导入")
        verbose_name_plural = _("数据导入")
        constraints = [
            INTAKE.constraint(),
            models.CheckConstraint(
                condition=~models.Q(state__in=["importing", "imported"])
                | (
                    models.Q(decided_at__isnull=False)
                    & ~models.Q(near_choice="")
                    & ~models.Q(personal_choice="")
                ),
                name="intake_imports_as_decided",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project.number} · {self.get_state_display()}"

    @property
    def title(self) -> str:
        """How its files are read, in words."""
        return str(FORMS[self.form][0])


class IntakeFile(Record):
    """One uploaded file of an import, as it lies in the object store until the import ends."""

    intake = models.ForeignKey(Intake, models.PROTECT, related_name="files")
    path = models.CharField(_("文件"), max_length=400)
    size = models.BigIntegerField(_("字节数"))
    sha256 = models.CharField("SHA-256", max_length=64)
    object_key = models.CharField(max_length=300)
    added_at = models.DateTimeField(_("上传时间"))

    class Meta:
        verbose_name = _("导入的文件")
        verbose_name_plural = _("导入的文件")
        constraints = [models.UniqueConstraint(fields=["intake", "path"], name="intake_file_once")]

    def __str__(self) -> str:
        return self.path


class IntakeRow(models.Model):
    """One sample that a dry run found: where it stood, its hash and likeness, what the gate found in it.

    `text` and `results` are emptied when the import ends; hash, likeness and the item remain, so that the same
    content is known again. `personal`: how many pieces of personal information of each kind. `is_repeat`: the same
    content stood earlier in this import. `known_item`: the project has it already. `alike`: nearly the same as that
    row. `final_sha256`: of the bytes that were stored, after masking.
    """

    intake = models.ForeignKey(Intake, models.PROTECT, related_name="rows")
    ordinal = models.PositiveIntegerField()
    file = models.CharField(max_length=400)
    line = models.PositiveIntegerField(default=0)
    media_type = models.CharField(max_length=80)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    text = models.TextField(blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    digest = models.BinaryField(null=True)
    bands = ArrayField(models.BigIntegerField(), default=list)
    personal = models.JSONField(default=dict)
    results = models.JSONField(default=list)
    is_repeat = models.BooleanField(default=False)
    known_item = models.ForeignKey(Item, models.PROTECT, null=True, related_name="+")
    alike = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    alike_percent = models.PositiveSmallIntegerField(default=0)
    final_sha256 = models.CharField(max_length=64, blank=True)
    final_size = models.BigIntegerField(default=0)
    item = models.ForeignKey(Item, models.PROTECT, null=True, related_name="intake_rows")

    class Meta:
        verbose_name = _("导入的数据")
        verbose_name_plural = _("导入的数据")
        constraints = [models.UniqueConstraint(fields=["intake", "ordinal"], name="intake_row_once")]
        indexes = [models.Index(fields=["intake", "file"], name="intake_row_file")]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Predictor(Record):
    """A model that labels a project's items beforehand: the built-in one, or a server that speaks Label Studio's shapes.

    `version`: of its newest predictions. `trained_count`: accepted tasks it has learnt from. `is_ordering`: what it is
    unsure of is handed out first.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="predictors")
    kind = models.CharField(_("种类"), max_length=16, choices=PredictorKind.choices)
    name = models.CharField(_("名称"), max_length=60)
    address = models.CharField(_("地址"), max_length=200, blank=True)
    sealed_token = models.TextField(blank=True)
    is_ordering = models.BooleanField(_("按不确定性排序"), default=True)
    version = models.CharField(_("模型版本"), max_length=100, blank=True)
    trained_count = models.PositiveIntegerField(_("训练样本"), default=0)
    job = models.ForeignKey("jobs.Job", models.PROTECT, null=True, related_name="+")
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    state = StateField(states=PredictorState)

    class Meta:
        verbose_name = _("预标注模型")
        verbose_name_plural = _("预标注模型")
        constraints = [
            PREDICTOR.constraint(),
            models.UniqueConstraint(
                fields=["project", "name"], condition=models.Q(state="active"), name="predictor_name_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PredictorVersion(Record):
    """One training or one run of a model: what it learnt from, how well it did on what it had not seen.

    `right_count` of `tested_count` accepted texts were predicted as people labelled them. `object_key`: its weights.
    """

    predictor = models.ForeignKey(Predictor, models.PROTECT, related_name="versions")
    version = models.CharField(_("模型版本"), max_length=100)
    trained_count = models.PositiveIntegerField(_("训练样本"), default=0)
    tested_count = models.PositiveIntegerField(_("检验样本"), default=0)
    right_count = models.PositiveIntegerField(_("与验收一致"), default=0)
    object_key = models.CharField(max_length=300, blank=True)
    made_at = models.DateTimeField(_("训练时间"))

    class Meta:
        verbose_name = _("模型版本")
        verbose_name_plural = _("模型版本")
        constraints = [
            models.UniqueConstraint(fields=["predictor", "version"], name="predictor_version_once"),
            models.CheckConstraint(
                condition=models.Q(right_count__lte=models.F("tested_count")),
                name="predictor_right_of_tested",
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.predictor} {self.version}"


class Proposal(Record):
    """A result that came with an item or from a model: the annotator's starting point, never a submission."""

    item = models.ForeignKey(Item, models.PROTECT, related_name="proposals")
    source = models.CharField(_("来源"), max_length=16, choices=ProposalSource.choices)
    model_version = models.CharField(_("模型版本"), max_length=100, blank=True)
    result = models.JSONField(_("标注结果"))
    result_sha256 = models.CharField(max_length=64)
    score = models.FloatField(_("把握"), null=True, blank=True)
    intake = models.ForeignKey(Intake, models.PROTECT, null=True, related_name="proposals")
    predictor = models.ForeignKey(Predictor, models.PROTECT, null=True, related_name="proposals")
    made_at = models.DateTimeField(_("生成时间"))

    class Meta:
        verbose_name = _("预标注")
        verbose_name_plural = _("预标注")
        constraints = [
            models.UniqueConstraint(
                fields=["item", "source", "model_version", "result_sha256"], name="proposal_once"
            ),
            models.CheckConstraint(
                condition=models.Q(score__isnull=True) | models.Q(score__gte=0, score__lte=1),
                name="proposal_score_is_a_share",
            ),
            models.CheckConstraint(
                condition=models.Q(intake__isnull=False) ^ models.Q(predictor__isnull=False),
                name="proposal_has_one_origin",
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.item} · {self.get_source_display()}"
