"""States of a reward claim."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class ClaimState(models.TextChoices):
    DRAFTED = "drafted", _("系统测算，待企业确认")
    CONFIRMED = "confirmed", _("企业已确认，待初审")
    OBJECTED = "objected", _("企业有异议")
    FIRST_REVIEWED = "first_reviewed", _("初审通过，待复审")
    SECOND_REVIEWED = "second_reviewed", _("复审通过，待公示")
    IN_NOTICE = "in_notice", _("公示中")
    APPROVED = "approved", _("已批准")
    DISBURSED = "disbursed", _("已拨付")
    RETURNED = "returned", _("退回补正")
    REJECTED = "rejected", _("不予支持")
    REOPENED = "reopened", _("重新核定")
    RECOVERING = "recovering", _("追回中")
    RECOVERED = "recovered", _("已追回")


CLAIM = Machine(
    "reward_claim",
    ClaimState,
    [
        Move("confirm", ("drafted", "returned"), "confirmed", _("确认测算")),
        Move("object", ("drafted", "returned"), "objected", _("提出异议")),
        Move("redraft", ("objected", "returned", "drafted"), "drafted", _("重新测算")),
        Move("first_review", ("confirmed",), "first_reviewed", _("初审通过")),
        Move("return", ("confirmed", "first_reviewed"), "returned", _("退回补正")),
        Move("reject", ("confirmed", "first_reviewed"), "rejected", _("不予支持")),
        Move("second_review", ("first_reviewed",), "second_reviewed", _("复审通过")),
        Move("announce", ("second_reviewed",), "in_notice", _("公示")),
        Move("approve", ("in_notice",), "approved", _("批准")),
        Move("disburse", ("approved",), "disbursed", _("拨付")),
        Move("reopen", ("approved", "disbursed"), "reopened", _("重新核定")),
        Move("recover", ("reopened",), "recovering", _("启动追回")),
        Move("settle_recovery", ("recovering",), "recovered", _("完成追回")),
    ],
)


class Outcome(models.TextChoices):
    """What a decision says."""

    GRANTED = "granted", _("予以奖励")
    NOTHING_DUE = "nothing_due", _("无应付金额")
    NOT_ELIGIBLE = "not_eligible", _("不符合条件")
    SUPERSEDED = "superseded", _("已由更高奖励替代")
    UNDETERMINED = "undetermined", _("事实不全，暂不能认定")
