"""States of a payment intent (Stripe's words)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class IntentState(models.TextChoices):
    REQUIRES_PAYMENT_METHOD = "requires_payment_method", _("待选付款方式")
    REQUIRES_CONFIRMATION = "requires_confirmation", _("待确认")
    PROCESSING = "processing", _("处理中")
    REQUIRES_CAPTURE = "requires_capture", _("已托管，待放款")
    SUCCEEDED = "succeeded", _("已放款")
    CANCELED = "canceled", _("已取消")


_OPEN = ("requires_payment_method", "requires_confirmation", "processing")
INTENT = Machine(
    "payment_intent",
    IntentState,
    [
        Move("choose_method", ("requires_payment_method",), "requires_confirmation", _("选择付款方式")),
        Move("decline", ("requires_confirmation", "processing"), "requires_payment_method", _("付款失败")),
        Move("confirm", ("requires_confirmation",), "processing", _("确认付款")),
        Move("authorize", ("processing",), "requires_capture", _("资金进入托管")),
        Move("capture", ("requires_capture",), "succeeded", _("放款")),
        Move("cancel", (*_OPEN, "requires_capture"), "canceled", _("取消")),
    ],
)


class TestMethod(models.TextChoices):
    """Payment methods of the built-in test provider."""

    __test__ = False

    OK = "pm_test_ok", _("测试账户（付款成功）")
    DECLINED = "pm_test_declined", _("测试账户（付款失败）")


BANK_TRANSFER = "bank_transfer"
"""The method of a payment that came as a transfer, booked from lines of the bank's statement."""


class Failure(models.TextChoices):
    """Why a payment did not go through."""

    DECLINED = "declined", _("付款方账户拒绝了这笔付款")
