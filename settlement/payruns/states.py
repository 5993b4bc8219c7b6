"""States of a pay run and of its items."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class RunState(models.TextChoices):
    DRAFTED = "drafted", _("待提交")
    SUBMITTED = "submitted", _("待复核")
    APPROVED = "approved", _("待发放")
    PAID = "paid", _("已发放")
    CANCELLED = "cancelled", _("已取消")


PAY_RUN = Machine(
    "pay_run",
    RunState,
    [
        Move("submit", ("drafted",), "submitted", _("提交复核")),
        Move("send_back", ("submitted",), "drafted", _("退回")),
        Move("approve", ("submitted",), "approved", _("复核通过")),
        Move("pay", ("approved",), "paid", _("发放")),
        Move("cancel", ("drafted", "submitted", "approved"), "cancelled", _("取消")),
    ],
)


class ItemState(models.TextChoices):
    PENDING = "pending", _("待发放")
    PAID = "paid", _("已发放")
    RETURNED = "returned", _("银行退票")
    DROPPED = "dropped", _("未发放")


PAY_ITEM = Machine(
    "pay_item",
    ItemState,
    [
        Move("pay", ("pending",), "paid", _("发放")),
        Move("return", ("paid",), "returned", _("银行退票")),
        Move("drop", ("pending",), "dropped", _("取消发放")),
    ],
)
