"""Payments into escrow, releases to sellers, refunds to buyers, pay to annotators."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.projects.models import Project
from exchange.brokers.models import Commission
from exchange.trading.models import Order
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField
from settlement.ledger.models import Entry
from settlement.payments.states import INTENT, Failure, IntentState

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class PaymentIntent(Record):
    """A buyer's intent to pay one order into escrow; captured when the delivery is accepted."""

    number = models.CharField(_("支付编号"), max_length=24, unique=True)
    order = models.OneToOneField(Order, models.PROTECT, related_name="payment")
    amount_fen = FenField(_("金额"))
    method = models.CharField(_("付款方式"), max_length=40, blank=True)
    failure = models.CharField(_("失败原因"), max_length=40, blank=True, choices=Failure.choices)
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


_AS_DECIDED = pgtrigger.Trigger(
    name="as_decided",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("held", "record")],
    func="""
        SELECT i.amount_fen AS whole, o.tax_fen AS whole_tax, d.amount_fen AS part, d.tax_fen AS part_tax INTO held
          FROM payments_paymentintent AS i JOIN trading_order AS o ON o.id = i.order_id
          LEFT JOIN acceptance_reduction AS d ON d.order_id = i.order_id
          WHERE i.id = NEW.intent_id AND i.order_id = NEW.order_id;
        IF NOT FOUND
           OR NEW.amount_fen <> coalesce(held.part, held.whole)
           OR NEW.tax_fen <> coalesce(held.part_tax, held.whole_tax) THEN
          RAISE EXCEPTION 'what goes back of order % is not what was decided', NEW.order_id USING ERRCODE = 'QP003';
        END IF;
        RETURN NEW;
    """,
)


class EscrowReturn(Record):
    """Money given back to the buyer out of escrow, once: before release in a dispute, wholly or in part.

    In part: exactly the order's reduction, the rest is released. Wholly: the whole price with all its VAT, the
    intent is canceled and the order refunded. No fee was taken, so none goes back.
    """

    intent = models.OneToOneField(PaymentIntent, models.PROTECT, related_name="escrow_return")
    order = models.OneToOneField(Order, models.PROTECT, related_name="escrow_return")
    amount_fen = FenField(_("退回金额"))
    tax_fen = FenField(_("其中税额"))
    reason = models.CharField(_("原因"), max_length=300)
    returned_at = models.DateTimeField(_("退回时间"))
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("托管退回")
        verbose_name_plural = _("托管退回")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0, tax_fen__gte=0, tax_fen__lte=models.F("amount_fen")),
                name="escrow_return_sound",
            )
        ]
        triggers = [_APPEND_ONLY, _AS_DECIDED]

    def __str__(self) -> str:
        return f"{self.order} {self.returned_at:%Y-%m-%d}"


_KEEPS_THE_REST = pgtrigger.Trigger(
    name="keeps_the_rest",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("held", "record")],
    func="""
        SELECT i.amount_fen - coalesce(t.amount_fen, 0) AS rest, coalesce(d.amount_fen, 0) AS decided,
               coalesce(t.amount_fen, 0) AS returned INTO held
          FROM payments_paymentintent AS i
          LEFT JOIN payments_escrowreturn AS t ON t.intent_id = i.id
          LEFT JOIN acceptance_reduction AS d ON d.order_id = i.order_id
          WHERE i.id = NEW.intent_id;
        IF NEW.gross_fen <> held.rest OR held.returned <> held.decided THEN
          RAISE EXCEPTION 'the release of order % is not what lies in escrow', NEW.order_id USING ERRCODE = 'QP003';
        END IF;
        RETURN NEW;
    """,
)


class Release(Record):
    """Escrow paid out once: `gross_fen` = `fee_fen` (exchange) + `seller_fen` (supplier).

    `gross_fen` is the price less what went back to the buyer before (`EscrowReturn`); a trigger holds that.

    `fee_bp` is the rate in basis points that was in force; the fee is floored to the fen.
    """

    intent = models.OneToOneField(PaymentIntent, models.PROTECT, related_name="release")
    order = models.OneToOneField(Order, models.PROTECT, related_name="release")
    gross_fen = FenField(_("总额"))
    fee_bp = models.PositiveIntegerField(_("服务费率（万分比）"))
    fee_fen = FenField(_("交易服务费"))
    seller_fen = FenField(_("供方所得"))
    released_at = models.DateTimeField(_("放款时间"))
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("放款")
        verbose_name_plural = _("放款")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(gross_fen=models.F("fee_fen") + models.F("seller_fen"))
                & models.Q(fee_fen__gte=0, seller_fen__gte=0),
                name="release_adds_up",
            )
        ]
        triggers = [_APPEND_ONLY, _KEEPS_THE_REST]

    def __str__(self) -> str:
        return f"{self.order} {self.released_at:%Y-%m-%d}"


_WITHIN_RELEASE = pgtrigger.Trigger(
    name="within_release",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("released", "record"), ("given", "record")],
    func="""
        SELECT r.gross_fen, r.fee_fen, o.tax_fen - coalesce(t.tax_fen, 0) AS tax_fen INTO released
          FROM payments_release AS r JOIN trading_order AS o ON o.id = r.order_id
          LEFT JOIN payments_escrowreturn AS t ON t.order_id = r.order_id
          WHERE r.order_id = NEW.order_id FOR UPDATE OF r;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'order % was not released, nothing can be refunded', NEW.order_id
            USING ERRCODE = 'QP001';
        END IF;
        SELECT coalesce(sum(amount_fen), 0) + NEW.amount_fen AS amount_fen,
               coalesce(sum(tax_fen), 0) + NEW.tax_fen AS tax_fen,
               coalesce(sum(fee_fen), 0) + NEW.fee_fen AS fee_fen INTO given
          FROM payments_refund WHERE order_id = NEW.order_id;
        IF given.amount_fen > released.gross_fen OR given.tax_fen > released.tax_fen
           OR given.fee_fen > released.fee_fen THEN
          RAISE EXCEPTION 'refunds of order % exceed what was released', NEW.order_id USING ERRCODE = 'QP001';
        END IF;
        RETURN NEW;
    """,
)


class Refund(Record):
    """Money given back to the buyer after release: from the supplier's balance, with its share of the fee.

    Tax and fee share are proportional to all refunds so far, floored to the fen, less what earlier refunds
    gave back: any sequence of refunds that ends in the whole amount gives back the whole tax and fee. All
    refunds of an order together never exceed what was released; a trigger holds that.
    """

    number = models.CharField(_("退款编号"), max_length=24, unique=True)
    order = models.ForeignKey(Order, models.PROTECT, related_name="refunds")
    amount_fen = FenField(_("退款金额"))
    tax_fen = FenField(_("其中税额"))
    fee_fen = FenField(_("退回服务费"))
    reason = models.CharField(_("原因"), max_length=300)
    refunded_at = models.DateTimeField(_("退款时间"))
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("退款")
        verbose_name_plural = _("退款")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="refund_amount_positive"),
            models.CheckConstraint(
                condition=models.Q(tax_fen__gte=0, tax_fen__lte=models.F("amount_fen"))
                & models.Q(fee_fen__gte=0, fee_fen__lte=models.F("amount_fen")),
                name="refund_parts_within_amount",
            ),
        ]
        triggers = [_APPEND_ONLY, _WITHIN_RELEASE]

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


class CommissionPayment(Record):
    """A broker's commission, paid once: from the supplier's balance or the buyer's bank to the broker's balance."""

    commission = models.OneToOneField(Commission, models.PROTECT, related_name="payment")
    order = models.ForeignKey(Order, models.PROTECT, related_name="commission_payments")
    amount_fen = FenField(_("佣金"))
    paid_at = models.DateTimeField(_("支付时间"))
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("佣金支付")
        verbose_name_plural = _("佣金支付")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="commission_paid_positive")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.order} {self.paid_at:%Y-%m-%d}"


class CommissionReturn(Record):
    """What a broker gave back of a commission with one refund: its share, floored to the fen in sum."""

    payment = models.ForeignKey(CommissionPayment, models.PROTECT, related_name="returns")
    refund = models.ForeignKey(Refund, models.PROTECT, related_name="commission_returns")
    amount_fen = FenField(_("退还佣金"))
    returned_at = models.DateTimeField(_("退还时间"))
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("佣金退还")
        verbose_name_plural = _("佣金退还")
        constraints = [
            models.UniqueConstraint(fields=["payment", "refund"], name="commission_returned_once"),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="commission_returned_positive"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.payment} · {self.refund}"
