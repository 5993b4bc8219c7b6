"""States and vocabularies of data demands and the answers to them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class DemandState(models.TextChoices):
    DRAFT = "draft", _("草稿")
    PUBLISHED = "published", _("征集中")
    ANSWERED = "answered", _("已有应答")
    AWARDED = "awarded", _("已选定")
    CLOSED = "closed", _("已结束")
    EXPIRED = "expired", _("已过期")
    WITHDRAWN = "withdrawn", _("已撤回")


OPEN_DEMAND = (DemandState.PUBLISHED, DemandState.ANSWERED)
DEMAND = Machine(
    "demand",
    DemandState,
    [
        Move("publish", ("draft",), "published", _("发布需求")),
        Move("answer", ("published",), "answered", _("收到应答")),
        Move("award", ("answered",), "awarded", _("选定应答")),
        Move("close", ("published", "answered"), "closed", _("结束征集")),
        Move("expire", ("published", "answered"), "expired", _("到期结束")),
        Move("withdraw", ("draft", "published", "answered"), "withdrawn", _("撤回需求")),
    ],
)


class AnswerState(models.TextChoices):
    SUBMITTED = "submitted", _("已提交")
    SHORTLISTED = "shortlisted", _("已入围")
    CHOSEN = "chosen", _("已中选")
    DECLINED = "declined", _("未中选")
    WITHDRAWN = "withdrawn", _("已撤回")


LIVE_ANSWER = (AnswerState.SUBMITTED, AnswerState.SHORTLISTED)
ANSWER = Machine(
    "demand_answer",
    AnswerState,
    [
        Move("shortlist", ("submitted",), "shortlisted", _("列入候选")),
        Move("choose", ("submitted", "shortlisted"), "chosen", _("选定")),
        Move("decline", ("submitted", "shortlisted"), "declined", _("未选定")),
        Move("withdraw", ("submitted", "shortlisted"), "withdrawn", _("撤回应答")),
        Move("resubmit", ("withdrawn",), "submitted", _("重新提交")),
    ],
)


class DemandVisibility(models.TextChoices):
    """Who finds a published demand."""

    PUBLIC = "public", _("公开")
    INVITED = "invited", _("仅受邀单位")


class Side(models.TextChoices):
    """Who writes in the talk about an answer."""

    BUYER = "buyer", _("需方")
    FIRM = "firm", _("应答方")
