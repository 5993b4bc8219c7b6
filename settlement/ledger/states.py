"""The kinds of entries that have a name for people (any other kind shows its own code), and the life of a hold."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class EntryKind(models.TextChoices):
    """What caused an entry."""

    PAYMENT = "payment", _("付款到托管")
    RELEASE = "release", _("验收放款")
    REFUND = "refund", _("退款")
    ESCROW_RETURN = "escrow_return", _("托管退回")
    LABOUR = "labour", _("计提标注报酬")
    COMMISSION = "commission", _("经纪佣金")
    COMMISSION_RETURN = "commission_return", _("退还经纪佣金")
    PAYRUN = "payrun", _("发放标注报酬")
    CHARGE = "charge", _("商户收款")
    CHARGE_REFUND = "charge_refund", _("商户退款")
    TRANSFER = "transfer", _("单位间转账")
    TRANSFER_REVERSAL = "transfer_reversal", _("转账退回")
    CASH_IN = "cash_in", _("客户转账到账")
    PAYOUT = "payout", _("提现")
    PAYOUT_PAID = "payout_paid", _("提现到账")
    PAYOUT_CANCEL = "payout_cancel", _("取消提现")
    PAYOUT_FAILURE = "payout_failure", _("提现失败退回")
    REWARD = "reward", _("拨付奖励")
    REWARD_RETURN = "reward_return", _("缴回奖励")
    REVERSAL = "reversal", _("冲销")


CITED = frozenset(
    {
        EntryKind.PAYMENT, EntryKind.RELEASE, EntryKind.REFUND, EntryKind.ESCROW_RETURN, EntryKind.REWARD,
        EntryKind.REWARD_RETURN,
    }
)  # fmt: skip
"""Entries of trades and awards: what a reviewed claim or risk case cites as its evidence."""


class HoldState(models.TextChoices):
    PENDING = "pending", _("待入账")
    POSTED = "posted", _("已入账")
    VOIDED = "voided", _("已撤销")
    EXPIRED = "expired", _("已过期")


HOLD = Machine(
    "ledger_hold",
    HoldState,
    [
        Move("post", ("pending",), "posted", _("入账")),
        Move("void", ("pending",), "voided", _("撤销预留")),
        Move("expire", ("pending",), "expired", _("预留到期")),
    ],
)
