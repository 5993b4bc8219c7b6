"""Gold answers and what they tell of each submission, workers' standing, measurements, and the merged results."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.projects.models import Item, Project
from annotation.quality.scoring import WHOLE, Least
from annotation.quality.states import (
    CONTEST,
    QUALIFICATION,
    ContestState,
    GoldRole,
    GoldSource,
    Method,
    Origin,
    Standing,
)
from annotation.work.models import Submission
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


def share(label: object, default: int) -> models.PositiveSmallIntegerField:  # type: ignore[type-arg]
    """A share in ten-thousandths."""
    return models.PositiveSmallIntegerField(label, default=default, validators=[MaxValueValidator(WHOLE)])  # type: ignore[arg-type]


class GoldPlan(Record):
    """One version of how a project uses gold and merges results; the greatest version counts. Shares of 10,000.

    `hidden_share`: how many of the handed-out tasks are hidden gold. `reveal_after`: after how many further tasks a
    worker learns of a hidden one. `least_…`: from which score an answer counts as right (choices must be equal).
    `poor`, `good`: the accuracies between which the sequential test decides. `sure`: a merged result below it goes to
    an adjudicator. `measure_every`: after so many submissions the board is measured anew.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="gold_plans")
    version = models.PositiveIntegerField(_("版本"))
    hidden_share = share(_("隐藏质检题比例"), 500)
    training_count = models.PositiveSmallIntegerField(_("练习题数"), default=0)
    screening_count = models.PositiveSmallIntegerField(_("测试题数"), default=0)
    pass_share = share(_("测试合格线"), 8_000)
    reveal_after = models.PositiveSmallIntegerField(_("公布间隔（条）"), default=20)
    least_shapes = share(_("框与多边形最低分"), 7_500)
    least_spans = share(_("区间最低分"), 8_000)
    least_texts = share(_("文字最低分"), 9_000)
    least_ratings = share(_("评分最低分"), 7_500)
    iou = share(_("框匹配 IoU"), 5_000)
    poor = share(_("不合格正确率"), 7_500)
    good = share(_("合格正确率"), 9_000)
    method = models.CharField(_("合并方法"), max_length=16, choices=Method.choices, default=Method.MAJORITY)
    sure = share(_("自动采用的把握"), 6_000)
    measure_every = models.PositiveIntegerField(_("每多少次提交计算一次"), default=200)
    made_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(_("生效时间"))

    class Meta:
        verbose_name = _("质检题方案")
        verbose_name_plural = _("质检题方案")
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="gold_plan_version_once"),
            models.CheckConstraint(condition=models.Q(hidden_share__lte=5_000), name="gold_plan_share_known"),
            models.CheckConstraint(
                condition=models.Q(poor__gt=0, good__gt=models.F("poor"), good__lt=WHOLE),
                name="gold_plan_accuracies_in_order",
            ),
            models.CheckConstraint(
                condition=models.Q(iou__range=(1, WHOLE), pass_share__lte=WHOLE, sure__lte=WHOLE),
                name="gold_plan_shares_known",
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.project.number} · {self.version}"

    @classmethod
    def label_of(cls, name: str) -> str:
        """What people call one of the numbers."""
        return str(getattr(cls._meta.get_field(name), "verbose_name", name))

    @property
    def least(self) -> Least:
        """From which scores an answer counts as right."""
        return Least(self.least_shapes, self.least_spans, self.least_texts, self.least_ratings, self.iou)


class GoldAnswer(Record):
    """One version of the right answer for an item; the greatest version counts, unless it `is_active` no more.

    Nothing an annotator can see tells that an item has one.
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="gold_answers")
    item = models.ForeignKey(Item, models.PROTECT, related_name="gold_answers")
    version = models.PositiveIntegerField(_("版本"))
    role = models.CharField(_("用途"), max_length=16, choices=GoldRole.choices)
    source = models.CharField(_("来源"), max_length=16, choices=GoldSource.choices)
    result = models.JSONField(_("标准答案"))
    result_sha256 = models.CharField(max_length=64)
    note = models.TextField(_("依据"), blank=True)
    is_active = models.BooleanField(_("使用中"), default=True)
    made_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    made_at = models.DateTimeField(_("确定时间"))

    class Meta:
        verbose_name = _("标准答案")
        verbose_name_plural = _("标准答案")
        constraints = [models.UniqueConstraint(fields=["item", "version"], name="gold_version_once")]
        indexes = [models.Index(fields=["project", "role"], name="gold_project_role")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.item} · {self.version}"


class GoldOutcome(Record):
    """How near a worker's first answer came to one version of the gold answer; the latest version's counts.

    `score` and `parts` (by control) in ten-thousandths.
    """

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="gold_outcomes")
    gold = models.ForeignKey(GoldAnswer, models.PROTECT, related_name="outcomes")
    project = models.ForeignKey(Project, models.PROTECT, related_name="gold_outcomes")
    worker = models.ForeignKey("accounts.User", models.PROTECT, related_name="gold_outcomes")
    role = models.CharField(_("用途"), max_length=16, choices=GoldRole.choices)
    score = share(_("得分"), 0)
    parts = models.JSONField(_("分项得分"), default=dict)
    is_right = models.BooleanField(_("答对"))
    scored_at = models.DateTimeField(_("评分时间"))

    class Meta:
        verbose_name = _("质检题得分")
        verbose_name_plural = _("质检题得分")
        constraints = [models.UniqueConstraint(fields=["submission", "gold"], name="gold_outcome_once")]
        indexes = [models.Index(fields=["project", "worker"], name="gold_outcome_worker")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.submission}: {self.score}"


class GoldContest(Record):
    """A worker says that a gold answer is wrong; the lead upholds it, or corrects it for everybody."""

    outcome = models.OneToOneField(GoldOutcome, models.PROTECT, related_name="contest")
    project = models.ForeignKey(Project, models.PROTECT, related_name="gold_contests")
    worker = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    reason = models.TextField(_("理由"))
    contested_at = models.DateTimeField(_("提出时间"))
    answer = models.TextField(_("答复"), blank=True)
    decided_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("处理时间"), null=True, blank=True)
    state = StateField(states=ContestState)

    class Meta:
        verbose_name = _("标准答案质疑")
        verbose_name_plural = _("标准答案质疑")
        constraints = [
            CONTEST.constraint(),
            models.CheckConstraint(
                condition=models.Q(state="open") | models.Q(decided_at__isnull=False),
                name="gold_contest_decided_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome}: {self.get_state_display()}"


class Qualification(Record):
    """A worker's standing in one project: whether tasks are handed out, and why not."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="qualifications")
    worker = models.ForeignKey("accounts.User", models.PROTECT, related_name="qualifications")
    attempt = models.PositiveSmallIntegerField(_("第几次测试"), default=1)
    attempt_at = models.DateTimeField(_("本次开始时间"))
    reason = models.TextField(_("原因"), blank=True)
    appeal = models.TextField(_("申诉理由"), blank=True)
    warned_at = models.DateTimeField(_("提醒时间"), null=True, blank=True)
    state = StateField(states=Standing)

    class Meta:
        verbose_name = _("项目资格")
        verbose_name_plural = _("项目资格")
        constraints = [
            QUALIFICATION.constraint(),
            models.UniqueConstraint(fields=["project", "worker"], name="qualification_once"),
        ]

    def __str__(self) -> str:
        return f"{self.worker}: {self.get_state_display()}"


class Measurement(Record):
    """What a project's judgements said of themselves at one moment; kept, never changed."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="measurements")
    ordinal = models.PositiveIntegerField(_("次数"))
    submission_count = models.PositiveIntegerField(_("提交数"))
    facts = models.JSONField(_("结果"))
    confusion = models.JSONField(_("混淆矩阵"), default=list)
    measured_at = models.DateTimeField(_("计算时间"))

    class Meta:
        verbose_name = _("质量测量")
        verbose_name_plural = _("质量测量")
        constraints = [models.UniqueConstraint(fields=["project", "ordinal"], name="measurement_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.project.number} · {self.ordinal}"


class Consensus(Record):
    """One version of what an item with several answers delivers, and what it rests on; the greatest counts.

    `evidence`: the submissions that speak, in order of id. `confidence` in ten-thousandths; `is_settled`: sure enough,
    or decided by a person. `posterior`: weight of each label by control.
    """

    item = models.ForeignKey(Item, models.PROTECT, related_name="consensuses")
    project = models.ForeignKey(Project, models.PROTECT, related_name="consensuses")
    version = models.PositiveIntegerField(_("版本"))
    origin = models.CharField(_("来由"), max_length=16, choices=Origin.choices)
    method = models.CharField(_("合并方法"), max_length=16, choices=Method.choices)
    method_version = models.PositiveSmallIntegerField(_("方法版本"))
    result = models.JSONField(_("结果"))
    result_sha256 = models.CharField(max_length=64)
    confidence = share(_("把握"), 0)
    posterior = models.JSONField(_("后验概率"), default=dict)
    evidence = ArrayField(models.UUIDField(), verbose_name=_("依据的提交"))
    is_settled = models.BooleanField(_("已定"))
    reason = models.TextField(_("裁定理由"), blank=True)
    decided_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("形成时间"))

    class Meta:
        verbose_name = _("共识结果")
        verbose_name_plural = _("共识结果")
        constraints = [
            models.UniqueConstraint(fields=["item", "version"], name="consensus_version_once"),
            models.CheckConstraint(
                condition=~models.Q(origin="adjudicated") | ~models.Q(reason=""),
                name="consensus_adjudicated_has_reason",
            ),
        ]
        indexes = [models.Index(fields=["project", "item", "-version"], name="consensus_project_item")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.item} · {self.version}"

    @property
    def percent(self) -> int:
        """The confidence in whole per cent, rounded down."""
        return int(self.confidence) // 100
