"""Annotation tasks, what annotators submitted, and what reviewers said of it."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.projects.models import GuidelineVersion, Item, Project
from annotation.work.states import TASK, TaskState, Verdict
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Task(Record):
    """One item to be labelled once; `copy` tells parallel tasks of the same item apart (0 for the first)."""

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
    assigned_at = models.DateTimeField(_("分配时间"), null=True, blank=True)
    accepted_at = models.DateTimeField(_("通过时间"), null=True, blank=True)
    state = StateField(states=TaskState)

    class Meta:
        verbose_name = _("标注任务")
        verbose_name_plural = _("标注任务")
        constraints = [
            TASK.constraint(),
            models.UniqueConstraint(fields=["item", "copy"], name="task_item_copy_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=["ready", "skipped"]) | models.Q(annotator__isnull=False),
                name="task_worked_has_annotator",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="accepted") | models.Q(accepted_at__isnull=False),
                name="task_accepted_has_time",
            ),
        ]
        indexes = [models.Index(fields=["annotator", "state"], name="task_annotator_state")]

    def __str__(self) -> str:
        return f"{self.project.number} · {self.item.name}"


class Submission(Record):
    """One result of one task as Label Studio JSON (a list of regions); never changed, only followed."""

    task = models.ForeignKey(Task, models.PROTECT, related_name="submissions")
    ordinal = models.PositiveIntegerField(_("次数"))
    annotator = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    guideline = models.ForeignKey(GuidelineVersion, models.PROTECT, null=True, related_name="+")
    result = models.JSONField(_("标注结果"))
    result_sha256 = models.CharField(max_length=64)
    submitted_at = models.DateTimeField(_("提交时间"))

    class Meta:
        verbose_name = _("标注结果")
        verbose_name_plural = _("标注结果")
        constraints = [models.UniqueConstraint(fields=["task", "ordinal"], name="submission_ordinal_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.task} v{self.ordinal}"


class Review(Record):
    """A reviewer's verdict on one submission, with the reason an annotator is owed.

    A submission has a second review (`ordinal` 2) after a dispute or when it was reopened.
    """

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="reviews")
    ordinal = models.PositiveSmallIntegerField(_("次数"), default=1)
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
