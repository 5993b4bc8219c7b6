"""States and vocabularies of annotation tenders, bids, engagements and their milestones."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class TenderState(models.TextChoices):
    DRAFT = "draft", _("草稿")
    PUBLISHED = "published", _("招标中")
    AWARDED = "awarded", _("已定标")
    CLOSED = "closed", _("已终止招标")
    EXPIRED = "expired", _("逾期未定标")
    WITHDRAWN = "withdrawn", _("已撤回")


TENDER = Machine(
    "tender",
    TenderState,
    [
        Move("publish", ("draft",), "published", _("发布招标")),
        Move("award", ("published",), "awarded", _("定标")),
        Move("close", ("published",), "closed", _("终止招标")),
        Move("expire", ("published",), "expired", _("逾期未定标")),
        Move("withdraw", ("draft",), "withdrawn", _("撤回草稿")),
    ],
)


class BidState(models.TextChoices):
    DRAFT = "draft", _("编制中")
    SUBMITTED = "submitted", _("已投标")
    WITHDRAWN = "withdrawn", _("已撤回")
    SHORTLISTED = "shortlisted", _("已入围")
    CHOSEN = "chosen", _("已中标")
    DECLINED = "declined", _("未中标")


IN_HAND = (BidState.DRAFT, BidState.SUBMITTED, BidState.WITHDRAWN)
IN_THE_RUNNING = (BidState.SUBMITTED, BidState.SHORTLISTED)
SHOWN_TO_BUYER = (BidState.SUBMITTED, BidState.SHORTLISTED, BidState.CHOSEN, BidState.DECLINED)
BID = Machine(
    "tender_bid",
    BidState,
    [
        Move("submit", ("draft", "withdrawn"), "submitted", _("提交投标")),
        Move("withdraw", ("submitted",), "withdrawn", _("撤回投标")),
        Move("shortlist", ("submitted",), "shortlisted", _("列入候选")),
        Move("choose", ("submitted", "shortlisted"), "chosen", _("中标")),
        Move("decline", ("submitted", "shortlisted"), "declined", _("未中标")),
    ],
)


class PriceUnit(models.TextChoices):
    """What a bid's unit price is for."""

    ITEM = "item", _("按条")
    HOUR = "hour", _("按小时")


class EngagementState(models.TextChoices):
    SIGNING = "signing", _("待签约")
    ACTIVE = "active", _("履约中")
    COMPLETED = "completed", _("已完成")
    CANCELLED = "cancelled", _("已取消")
    TERMINATED = "terminated", _("已解除")


ENGAGEMENT = Machine(
    "engagement",
    EngagementState,
    [
        Move("start", ("signing",), "active", _("双方签约")),
        Move("complete", ("active",), "completed", _("全部验收")),
        Move("cancel", ("signing",), "cancelled", _("签约前取消")),
        Move("terminate", ("active",), "terminated", _("解除合同")),
    ],
)


class MilestoneState(models.TextChoices):
    PLANNED = "planned", _("待托管")
    FUNDED = "funded", _("已托管")
    DELIVERED = "delivered", _("待验收")
    ACCEPTED = "accepted", _("已验收")
    RETURNED = "returned", _("已退回")
    DROPPED = "dropped", _("已取消")


IN_ESCROW = (MilestoneState.FUNDED, MilestoneState.DELIVERED)
MILESTONE = Machine(
    "engagement_milestone",
    MilestoneState,
    [
        Move("fund", ("planned",), "funded", _("付款托管")),
        Move("deliver", ("funded",), "delivered", _("交付本批")),
        Move("reject", ("delivered",), "funded", _("验收不通过")),
        Move("accept", ("funded", "delivered"), "accepted", _("验收通过")),
        Move("give_back", ("funded",), "returned", _("退回托管款")),
        Move("drop", ("planned",), "dropped", _("取消本批")),
    ],
)
