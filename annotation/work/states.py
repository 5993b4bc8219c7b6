"""States of one annotation task."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class TaskState(models.TextChoices):
    READY = "ready", _("待分配")
    ASSIGNED = "assigned", _("标注中")
    SUBMITTED = "submitted", _("待质检")
    IN_REVIEW = "in_review", _("质检中")
    ACCEPTED = "accepted", _("已通过")
    RETURNED = "returned", _("已退回")
    SKIPPED = "skipped", _("已跳过")
    DISPUTED = "disputed", _("有争议")


TASK = Machine(
    "annotation_task",
    TaskState,
    [
        Move("assign", ("ready", "skipped"), "assigned", _("分配")),
        Move("submit", ("assigned",), "submitted", _("提交")),
        Move("take", ("submitted",), "in_review", _("领取质检")),
        Move("put_back", ("in_review",), "submitted", _("放回质检队列")),
        Move("pass_on", ("submitted", "in_review"), "submitted", _("一级质检通过，转二级质检")),
        Move("accept", ("submitted", "in_review", "disputed"), "accepted", _("通过")),
        Move("return", ("submitted", "in_review", "disputed"), "returned", _("退回")),
        Move("resume", ("returned",), "assigned", _("返工")),
        Move("dispute", ("returned",), "disputed", _("申诉")),
        Move("reopen", ("accepted",), "returned", _("复检退回")),
        Move("skip", ("assigned",), "skipped", _("跳过")),
        Move("release", ("assigned",), "ready", _("释放")),
        Move("lapse", ("assigned",), "ready", _("超过领取时限")),
        Move("reassign", ("returned",), "ready", _("转交他人")),
        Move("withdraw", ("ready",), "skipped", _("撤回")),
    ],
)


class Verdict(models.TextChoices):
    """What a quality review says of a submission."""

    ACCEPT = "accept", _("通过")
    RETURN = "return", _("退回")


class HandbackCause(models.TextChoices):
    """How a task left an annotator's hand without a result that counts."""

    SKIPPED = "skipped", _("跳过")
    RELEASED = "released", _("释放")
    LAPSED = "lapsed", _("超过领取时限")
    EXHAUSTED = "exhausted", _("返工次数用完")
    REASSIGNED = "reassigned", _("转交他人")


BARRING = (HandbackCause.SKIPPED, HandbackCause.EXHAUSTED, HandbackCause.REASSIGNED)
"""After these the same person is not given the item again."""


class MomentKind(models.TextChoices):
    """What the server saw an annotator do at a task."""

    SHOWN = "shown", _("打开")
    WORKED = "worked", _("作业")
    SUBMITTED = "submitted", _("提交")
