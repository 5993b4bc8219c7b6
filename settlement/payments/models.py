"""Payments into escrow, releases to sellers, refunds to buyers, pay to annotators."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.projects.models import Project
from exchange.trading.models import Order
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField
from settlement.ledger.models import Entry
from settlement.payments.states import INTENT, IntentState

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class PaymentIntent(Record):
    """A buyer's intent to pay one order into escrow; captured when the delivery is accepted."""

    number = models.CharField(_("支付编号"), max_length=24, unique=True)
    order = models.OneToOneField(Order, models.PROTECT, related_name="payment")
    amount_fen = FenField(_("金额"))
    method = models.CharField(_("付款方式"), max_length=40, blank=True)
    failure = models.CharField(_("失败原因"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("创建时间"))
    authorized_at = models.DateTimeField(_("入托管时间"), null=True, blank=True)
    escrow_entry = models.OneToOneField(Entry, models.PROTECT, null=True, blank=True, related_name="+")
    state = StateField(states=IntentState)

    class Meta:
        verbose_name = _("支付")
        verbose_name_plural = _("支付")
        constraints = [
            INTENT.constraint(),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="intent_amount_positive"),
            models.CheckConstraint(
                condition=~models.Q(state__in=["requires_capture", "succeeded"])
                | (models.Q(authorized_at__isnull=False) & models.Q(escrow_entry__isnull=False)),
                name="intent_escrowed_has_entry",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Release(Record):
    """Escrow paid out once: `gross_fen` = `fee_fen` (exchange) + `seller_fen` (supplier)."""

    intent = models.OneToOneField(PaymentIntent, models.PROTECT, related_name="release")
    order = models.OneToOneField(Order, models.PROTECT, related_name="release")
    gross_fen = FenField(_("总额"))
    fee_fen = FenField(_("交易服务费"))
    seller_fen = FenField(_("供方所得"))
    released_at = models.DateTimeField(_("放款时间"))
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("放款")
        verbose_name_plural = _("放款")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(gross_fen=models.F("fee_fen") + models.F("seller_fen")), name="release_adds_up"
            )
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.order} {self.released_at:%Y-%m-%d}"


class Refund(Record):
    """Money given back to the buyer after release, with the credit-invoice number (红字发票) if any.

    All refunds of an order together never exceed what was released (trigger in migration).
    """

    number = models.CharField(_("退款编号"), max_length=24, unique=True)
    order = models.ForeignKey(Order, models.PROTECT, related_name="refunds")
    amount_fen = FenField(_("退款金额"))
    tax_fen = FenField(_("其中税额"))
    reason = models.CharField(_("原因"), max_length=300)
    refunded_at = models.DateTimeField(_("退款时间"))
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("退款")
        verbose_name_plural = _("退款")
        constraints = [models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="refund_amount_positive")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.number


class Payout(Record):
    """Annotators' pay for one accepted project, one row per annotator: tasks × price."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="payouts")
    annotator = models.ForeignKey("accounts.User", models.PROTECT, related_name="payouts")
    task_count = models.PositiveIntegerField(_("任务数"))
    amount_fen = FenField(_("报酬"))
    earned_at = models.DateTimeField(_("入账时间"))
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("标注报酬")
        verbose_name_plural = _("标注报酬")
        constraints = [models.UniqueConstraint(fields=["project", "annotator"], name="payout_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.annotator} · {self.project.number}"
