"""Annotation tasks, what annotators submitted, and what reviewers said of it."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.projects.models import GuidelineVersion, Item, Project
from annotation.projects.states import ReworkPayer
from annotation.work.states import TASK, HandbackCause, MomentKind, TaskState, Verdict
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Task(Record):
    """One item to be labelled once; `copy` tells parallel tasks of the same item apart (0 for the first).

    `price_fen`: what it pays when accepted; with pay by the hour the most, until acceptance tells the sum.
    `lease_ends_at`: until when the task stays with whom it is: its annotator, or the `reviewer` who took it.
    `attempt`: which attempt of the present annotator this is. `review_level`: which review it waits for, 1 or 2.
    `priority`: the higher, the earlier it is handed out (a model is unsure of it).
    """

    project = models.ForeignKey(Project, models.PROTECT, related_name="tasks")
    item = models.ForeignKey(Item, models.PROTECT, related_name="tasks")
    copy = models.PositiveSmallIntegerField(_("副本"), default=0)
    annotator = models.ForeignKey(
        "accounts.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="annotation_tasks",
        verbose_name=_("标注员"),
    )
    price_fen = FenField(_("报酬"))
    priority = models.IntegerField(_("先后"), default=0)
    assigned_at = models.DateTimeField(_("分配时间"), null=True, blank=True)
    accepted_at = models.DateTimeField(_("通过时间"), null=True, blank=True)
    lease_ends_at = models.DateTimeField(_("领取时限"), null=True, blank=True)
    attempt = models.PositiveSmallIntegerField(_("第几次作业"), default=1)
    review_level = models.PositiveSmallIntegerField(_("质检级别"), default=1)
    reviewer = models.ForeignKey(
        "accounts.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("质检员")
    )
    state = StateField(states=TaskState)

    class Meta:
        verbose_name = _("标注任务")
        verbose_name_plural = _("标注任务")
        constraints = [
            TASK.constraint(),
            models.UniqueConstraint(fields=["item", "copy"], name="task_item_copy_once"),
            models.UniqueConstraint(
                fields=["item", "annotator"],
                condition=models.Q(annotator__isnull=False),
                name="task_item_annotator_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="in_review") | models.Q(reviewer__isnull=False),
                name="task_in_review_has_reviewer",
            ),
            models.CheckConstraint(
                condition=models.Q(reviewer__isnull=True) | models.Q(state="in_review"),
                name="task_reviewer_is_reviewing",
            ),
            models.CheckConstraint(
                condition=models.Q(lease_ends_at__isnull=True)
                | models.Q(state__in=["assigned", "returned", "in_review"]),
                name="task_lease_is_held",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["ready", "skipped"]) | models.Q(annotator__isnull=False),
                name="task_worked_has_annotator",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="accepted") | models.Q(accepted_at__isnull=False),
                name="task_accepted_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["annotator", "state"], name="task_annotator_state"),
            models.Index(
                fields=["lease_ends_at"],
                condition=models.Q(lease_ends_at__isnull=False),
                name="task_lease_ends",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project.number} · {self.item.name}"


class Submission(Record):
    """One result of one task as Label Studio JSON (a list of regions); never changed, only followed.

    `work_seconds`: time spent on it by the server's clock, long pauses cut (`rules.seconds_worked`).
    """

    task = models.ForeignKey(Task, models.PROTECT, related_name="submissions")
    ordinal = models.PositiveIntegerField(_("次数"))
    annotator = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    guideline = models.ForeignKey(GuidelineVersion, models.PROTECT, null=True, related_name="+")
    result = models.JSONField(_("标注结果"))
    result_sha256 = models.CharField(max_length=64)
    submitted_at = models.DateTimeField(_("提交时间"))
    work_seconds = models.PositiveIntegerField(_("用时（秒）"), default=0)

    class Meta:
        verbose_name = _("标注结果")
        verbose_name_plural = _("标注结果")
        constraints = [models.UniqueConstraint(fields=["task", "ordinal"], name="submission_ordinal_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.task} v{self.ordinal}"


class Draft(Record):
    """What the holder of a task has done so far, before it is submitted; `revision` counts its saves from 1.

    Nobody but `by` reads it: a task that changes hands starts anew.
    """

    task = models.OneToOneField(Task, models.CASCADE, related_name="draft")
    by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+", verbose_name=_("标注员"))
    result = models.JSONField(_("标注结果"))
    revision = models.PositiveIntegerField(_("版本"))
    saved_at = models.DateTimeField(_("保存时间"))

    class Meta:
        verbose_name = _("草稿")
        verbose_name_plural = _("草稿")
        constraints = [
            models.CheckConstraint(condition=models.Q(revision__gte=1), name="draft_revision_from_one")
        ]

    def __str__(self) -> str:
        return f"{self.task} r{self.revision}"


class Review(Record):
    """A reviewer's verdict on one submission, with the reason an annotator is owed.

    A submission has a second review (`ordinal` 2) at the second level, after a dispute or when it was reopened.
    `settles`: the contested verdict that this blind second one upholds or overturns.
    """

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="reviews")
    ordinal = models.PositiveSmallIntegerField(_("次数"), default=1)
    level = models.PositiveSmallIntegerField(_("质检级别"), default=1)
    settles = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="settled_by", verbose_name=_("复核的结论")
    )
    verdict = models.CharField(_("结论"), max_length=16, choices=Verdict.choices)
    comment = models.TextField(_("意见"), blank=True)
    reviewer = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(_("质检时间"))

    class Meta:
        verbose_name = _("质检记录")
        verbose_name_plural = _("质检记录")
        constraints = [
            models.UniqueConstraint(fields=["submission", "ordinal"], name="review_ordinal_once"),
            models.CheckConstraint(
                condition=~models.Q(verdict="return") | ~models.Q(comment=""),
                name="review_return_has_comment",
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.submission}: {self.get_verdict_display()}"


class Handback(Record):
    """A task left an annotator's hand without a result that counts, with the cause and the reason told."""

    task = models.ForeignKey(Task, models.PROTECT, related_name="handbacks")
    item = models.ForeignKey(Item, models.PROTECT, related_name="+")
    annotator = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    cause = models.CharField(_("原因类别"), max_length=16, choices=HandbackCause.choices)
    reason = models.TextField(_("原因"), blank=True)
    handed_back_at = models.DateTimeField(_("交回时间"))

    class Meta:
        verbose_name = _("任务交回")
        verbose_name_plural = _("任务交回")
        indexes = [models.Index(fields=["item", "annotator"], name="handback_item_annotator")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.task}: {self.get_cause_display()}"


class KeptAnswer(Record):
    """A result that came when the task was no longer its annotator's: it does not count, and it is not lost."""

    task = models.ForeignKey(Task, models.PROTECT, related_name="kept_answers")
    annotator = models.ForeignKey("accounts.User", models.PROTECT, related_name="kept_answers")
    result = models.JSONField(_("标注结果"))
    result_sha256 = models.CharField(max_length=64)
    kept_at = models.DateTimeField(_("保存时间"))

    class Meta:
        verbose_name = _("未计入的结果")
        verbose_name_plural = _("未计入的结果")
        constraints = [
            models.UniqueConstraint(
                fields=["task", "annotator", "result_sha256"], name="kept_answer_content_once"
            )
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.task} · {self.annotator}"


class WorkMoment(Record):
    """One moment at which the server saw an annotator at a task; what working time is reckoned from."""

    task = models.ForeignKey(Task, models.PROTECT, related_name="moments")
    annotator = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    kind = models.CharField(_("动作"), max_length=16, choices=MomentKind.choices)
    seen_at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("作业时刻")
        verbose_name_plural = _("作业时刻")
        indexes = [models.Index(fields=["annotator", "seen_at"], name="work_moment_annotator_time")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.task} {self.kind} {self.seen_at:%F %T}"


class ReworkPay(Record):
    """What a task pays once more because accepted work is done again after a change of the guideline."""

    task = models.ForeignKey(Task, models.PROTECT, related_name="rework_pays")
    guideline = models.ForeignKey(GuidelineVersion, models.PROTECT, related_name="+")
    payer = models.CharField(_("承担方"), max_length=16, choices=ReworkPayer.choices)
    amount_fen = FenField(_("返工报酬"))
    decided_at = models.DateTimeField(_("确定时间"))

    class Meta:
        verbose_name = _("返工报酬")
        verbose_name_plural = _("返工报酬")
        constraints = [
            models.UniqueConstraint(fields=["task", "guideline"], name="rework_pay_once"),
            models.CheckConstraint(condition=models.Q(amount_fen__gte=0), name="rework_pay_not_negative"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.task}: {self.amount_fen}"


class PayCheck(Record):
    """What a pilot said of a project's hourly earning when the project was published, against the wage floor."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="pay_checks")
    task_count = models.PositiveIntegerField(_("试标条数"))
    median_seconds = models.PositiveIntegerField(_("每条中位用时（秒）"))
    hourly_fen = FenField(_("每小时收入中位数"))
    floor_fen = FenField(_("工资下限"))
    floor_source = models.CharField(_("下限依据"), max_length=300)
    reason = models.TextField(_("低于下限的理由"), blank=True)
    checked_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    checked_at = models.DateTimeField(_("核对时间"))

    class Meta:
        verbose_name = _("报酬核对")
        verbose_name_plural = _("报酬核对")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(hourly_fen__gte=models.F("floor_fen")) | ~models.Q(reason=""),
                name="pay_check_below_floor_has_reason",
            )
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.project.number}: {self.hourly_fen}"


class WageSetting(Record):
    """A wage floor from a day on: the operator's for a place, or a firm's own; of the same day the latest counts."""

    firm = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, related_name="+", verbose_name=_("单位")
    )
    place = models.CharField(_("地区"), max_length=6, blank=True)
    effective_from = models.DateField(_("起始日"))
    hourly_fen = FenField(_("每小时下限"))
    source = models.CharField(_("依据文件"), max_length=200)
    notice = models.CharField(_("文号或条款"), max_length=90)
    is_assumption = models.BooleanField(_("适用性待确认"))
    set_by = models.ForeignKey(
        "accounts.User", models.PROTECT, null=True, related_name="+", verbose_name=_("设定人")
    )
    set_at = models.DateTimeField(_("设定时间"))

    class Meta:
        verbose_name = _("小时工资下限")
        verbose_name_plural = _("小时工资下限")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(firm__isnull=True) ^ models.Q(place=""),
                name="wage_setting_of_place_or_firm",
            ),
            models.CheckConstraint(condition=models.Q(hourly_fen__gt=0), name="wage_setting_above_nothing"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.firm or self.place} {self.effective_from}: {self.hourly_fen}"
