"""States of payments, payouts and deliveries, in the words that Stripe's shapes use."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class IntentState(models.TextChoices):
    REQUIRES_PAYMENT_METHOD = "requires_payment_method", _("待选付款方式")
    REQUIRES_CONFIRMATION = "requires_confirmation", _("待确认")
    REQUIRES_ACTION = "requires_action", _("待买方转账")
    PROCESSING = "processing", _("处理中")
    REQUIRES_CAPTURE = "requires_capture", _("已授权，待请款")
    SUCCEEDED = "succeeded", _("已收款")
    CANCELED = "canceled", _("已取消")


CHANGEABLE = ("requires_payment_method", "requires_confirmation")
INTENT = Machine(
    "merchant_intent",
    IntentState,
    [
        Move("choose_method", ("requires_payment_method",), "requires_confirmation", _("选择付款方式")),
        Move("confirm", ("requires_confirmation",), "processing", _("确认付款")),
        Move("await_transfer", ("processing",), "requires_action", _("等待转账")),
        Move("arrive", ("requires_action",), "processing", _("款项到账")),
        Move("decline", ("processing",), "requires_payment_method", _("付款失败")),
        Move("authorize", ("processing",), "requires_capture", _("授权")),
        Move("capture", ("requires_capture", "processing"), "succeeded", _("请款")),
        Move(
            "cancel",
            (
                "requires_payment_method",
                "requires_confirmation",
                "requires_action",
                "requires_capture",
            ),
            "canceled",
            _("取消"),
        ),
        Move("lapse", ("requires_capture",), "canceled", _("授权到期")),
    ],
)


class PayoutState(models.TextChoices):
    PENDING = "pending", _("待批准")
    IN_TRANSIT = "in_transit", _("银行处理中")
    PAID = "paid", _("已到账")
    FAILED = "failed", _("失败，已退回余额")
    CANCELED = "canceled", _("已取消，已退回余额")


PAYOUT = Machine(
    "merchant_payout",
    PayoutState,
    [
        Move("send", ("pending",), "in_transit", _("交银行处理")),
        Move("settle", ("in_transit",), "paid", _("登记到账")),
        Move("fail", ("in_transit", "paid"), "failed", _("登记失败或退汇")),
        Move("cancel", ("pending",), "canceled", _("取消提现")),
    ],
)


class DeliveryState(models.TextChoices):
    PENDING = "pending", _("待送达")
    ACKNOWLEDGED = "acknowledged", _("已确认")
    DROPPED = "dropped", _("端点已删除")


DELIVERY = Machine(
    "merchant_delivery",
    DeliveryState,
    [
        Move("acknowledge", ("pending",), "acknowledged", _("对方确认收到")),
        Move("replay", ("acknowledged",), "pending", _("重新推送")),
        Move("drop", ("pending",), "dropped", _("停止推送")),
    ],
)


class CaptureMethod(models.TextChoices):
    AUTOMATIC = "automatic", _("自动请款")
    MANUAL = "manual", _("手动请款")


class MethodType(models.TextChoices):
    CARD = "card", _("测试卡")
    CUSTOMER_BALANCE = "customer_balance", _("银行转账")


class CancellationReason(models.TextChoices):
    DUPLICATE = "duplicate", _("重复")
    FRAUDULENT = "fraudulent", _("疑似欺诈")
    REQUESTED_BY_CUSTOMER = "requested_by_customer", _("客户要求")
    ABANDONED = "abandoned", _("放弃")
    EXPIRED = "expired", _("授权到期")  # ours alone: callers cannot give it


GIVEN_REASONS = tuple(each for each in CancellationReason.values if each != "expired")


class RefundReason(models.TextChoices):
    DUPLICATE = "duplicate", _("重复")
    FRAUDULENT = "fraudulent", _("疑似欺诈")
    REQUESTED_BY_CUSTOMER = "requested_by_customer", _("客户要求")


class CashKind(models.TextChoices):
    FUNDED = "funded", _("银行到账")
    APPLIED = "applied_to_payment", _("用于付款")
    REFUNDED = "refunded_from_payment", _("退款转入")
