"""States of an order."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class OrderState(models.TextChoices):
    PLACED = "placed", _("待签约")
    CONTRACTED = "contracted", _("待付款")
    PAID = "paid", _("待交付")
    DELIVERED = "delivered", _("待验收")
    ACCEPTED = "accepted", _("已验收")
    COMPLETED = "completed", _("已完成")
    CANCELLED = "cancelled", _("已取消")
    DISPUTED = "disputed", _("争议中")
    REFUNDED = "refunded", _("已退款")


ORDER = Machine(
    "order",
    OrderState,
    [
        Move("contract", ("placed",), "contracted", _("双方签约")),
        Move("pay", ("contracted",), "paid", _("付款托管")),
        Move("deliver", ("paid",), "delivered", _("交付")),
        Move("accept", ("delivered",), "accepted", _("验收")),
        Move("complete", ("accepted",), "completed", _("结算完成")),
        Move("cancel", ("placed", "contracted"), "cancelled", _("取消")),
        Move("dispute", ("delivered",), "disputed", _("提出争议")),
        Move("resume", ("disputed",), "delivered", _("恢复验收")),
        Move("settle", ("disputed",), "accepted", _("了结争议并验收")),
        Move("refund", ("disputed", "completed"), "refunded", _("全额退款")),
    ],
)


class Party(models.TextChoices):
    """The two sides of a contract."""

    SUPPLIER = "supplier", _("供方")
    BUYER = "buyer", _("需方")


class ContractTemplate(models.TextChoices):
    """Which of the national kinds of data contract the text follows."""

    PROVISION = "provision", _("数据提供合同")
