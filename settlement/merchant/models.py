"""What `/v1/` adds to payments: free-standing payments of an organization, payouts, events on their way out.

Balances and balance transactions have no table here: they are the legs of ledger entries on the organization's
wallet.
"""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField
from settlement.ledger.models import Entry, Hold
from settlement.merchant.states import (
    DELIVERY,
    INTENT,
    PAYOUT,
    CancellationReason,
    CaptureMethod,
    CashKind,
    DeliveryState,
    IntentState,
    MethodType,
    PayoutState,
    RefundReason,
)

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


def _kept_by_trigger(column: str) -> pgtrigger.Protect:
    """A total that only the rows it sums may change: depth 0 is a statement of a client."""
    return pgtrigger.Protect(
        name=f"{column}_follows_rows",
        operation=pgtrigger.Update,
        condition=pgtrigger.Condition(
            f"OLD.{column} IS DISTINCT FROM NEW.{column} AND pg_trigger_depth() = 0"
        ),
    )


def _adds_to(table: str, column: str, key: str) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name="adds_up",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        func=f"""
            UPDATE {table} SET {column} = {column} + NEW.amount_fen WHERE id = NEW.{key};
            RETURN NULL;
        """,
    )


class Owned(Record):
    """A thing of one organization's account, with the caller's own notes."""

    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    description = models.CharField(_("说明"), max_length=1000, blank=True)
    metadata = models.JSONField(_("附加信息"), default=dict)

    class Meta:
        abstract = True


class Customer(Owned):
    """Who pays an organization. `cash_fen` is what arrived by bank transfer and is not used yet (kept by a trigger)."""

    name = models.CharField(_("名称"), max_length=200, blank=True)
    email = models.CharField(_("电子邮箱"), max_length=320, blank=True)
    phone = models.CharField(_("电话"), max_length=40, blank=True)
    cash_fen = FenField(_("转账余额"), default=0)
    deleted_at = models.DateTimeField(_("删除时间"), null=True)

    class Meta:
        verbose_name = _("付款客户")
        verbose_name_plural = _("付款客户")
        constraints = [
            models.CheckConstraint(condition=models.Q(cash_fen__gte=0), name="customer_cash_not_negative")
        ]
        triggers = [_kept_by_trigger("cash_fen")]

    def __str__(self) -> str:
        return self.name or self.email or str(self.pk)


class VirtualAccount(Record):
    """The bank account number under which one customer's transfers arrive; given once, never to another."""

    customer = models.OneToOneField(Customer, models.PROTECT, related_name="virtual_account")
    number = models.CharField(_("虚拟账号"), max_length=15, unique=True)

    class Meta:
        verbose_name = _("虚拟账号")
        verbose_name_plural = _("虚拟账号")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.number


class PaymentMethod(Owned):
    """A test card (no card number is ever taken or kept) or the customer's bank transfer."""

    kind = models.CharField(_("种类"), max_length=20, choices=MethodType.choices)
    brand = models.CharField(max_length=20, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    failure_code = models.CharField(max_length=40, blank=True)
    decline_code = models.CharField(max_length=40, blank=True)
    customer = models.ForeignKey(Customer, models.PROTECT, null=True, related_name="methods")

    class Meta:
        verbose_name = _("付款方式")
        verbose_name_plural = _("付款方式")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.last4}".strip()


class Intent(Owned):
    """A payment that an organization collects for itself, outside any order of the exchange."""

    customer = models.ForeignKey(Customer, models.PROTECT, null=True, related_name="intents")
    method = models.ForeignKey(PaymentMethod, models.PROTECT, null=True, related_name="+")
    method_types = ArrayField(models.CharField(max_length=20, choices=MethodType.choices))
    amount_fen = FenField(_("金额"))
    received_fen = FenField(_("已收金额"), default=0)
    capture_method = models.CharField(_("请款方式"), max_length=10, choices=CaptureMethod.choices)
    statement_descriptor = models.CharField(max_length=22, blank=True)
    receipt_email = models.CharField(max_length=320, blank=True)
    transfer_group = models.CharField(max_length=120, blank=True)
    last_error = models.JSONField(null=True)
    canceled_at = models.DateTimeField(_("取消时间"), null=True)
    cancellation_reason = models.CharField(max_length=24, blank=True, choices=CancellationReason.choices)
    state = StateField(states=IntentState)

    class Meta:
        verbose_name = _("收款")
        verbose_name_plural = _("收款")
        constraints = [
            INTENT.constraint(),
            models.CheckConstraint(
                condition=models.Q(
                    amount_fen__gt=0, received_fen__gte=0, received_fen__lte=models.F("amount_fen")
                ),
                name="merchant_intent_amounts_sound",
            ),
            models.CheckConstraint(
                condition=models.Q(state="succeeded", received_fen__gt=0)
                | (~models.Q(state="succeeded") & models.Q(received_fen=0)),
                name="merchant_intent_received_when_succeeded",
            ),
            models.CheckConstraint(
                condition=models.Q(state="canceled", canceled_at__isnull=False)
                | (~models.Q(state="canceled") & models.Q(canceled_at__isnull=True)),
                name="merchant_intent_canceled_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class Charge(Record):
    """One attempt to take the money of an intent: failed, authorized (a hold in the ledger), or captured with its one
    ledger entry.

    `refunded_fen` is the sum of its refunds, kept by their trigger; it never exceeds what was captured.
    """

    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    intent = models.ForeignKey(Intent, models.PROTECT, related_name="charges")
    method = models.ForeignKey(PaymentMethod, models.PROTECT, related_name="+")
    amount_fen = FenField(_("金额"))
    captured_fen = FenField(_("已请款"), default=0)
    refunded_fen = FenField(_("已退款"), default=0)
    failure_code = models.CharField(max_length=40, blank=True)
    decline_code = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField(_("创建时间"))
    captured_at = models.DateTimeField(_("请款时间"), null=True)
    hold = models.OneToOneField(Hold, models.PROTECT, null=True, related_name="+")
    entry = models.OneToOneField(Entry, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("扣款")
        verbose_name_plural = _("扣款")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    amount_fen__gt=0, captured_fen__gte=0, captured_fen__lte=models.F("amount_fen")
                ),
                name="charge_captured_within_amount",
            ),
            models.CheckConstraint(
                condition=models.Q(refunded_fen__gte=0, refunded_fen__lte=models.F("captured_fen")),
                name="charge_refunds_within_captured",
            ),
            models.CheckConstraint(
                condition=models.Q(captured_fen=0, entry__isnull=True, captured_at__isnull=True)
                | models.Q(
                    captured_fen__gt=0, entry__isnull=False, captured_at__isnull=False, failure_code=""
                ),
                name="charge_captured_has_entry",
            ),
            models.UniqueConstraint(
                fields=["intent"], condition=models.Q(failure_code=""), name="charge_succeeds_once"
            ),
        ]
        triggers = [_kept_by_trigger("refunded_fen")]

    def __str__(self) -> str:
        return f"{self.pk}"


class Refund(Owned):
    """Money of a charge given back; all of a charge together never exceed what was captured."""

    charge = models.ForeignKey(Charge, models.PROTECT, related_name="refunds")
    amount_fen = FenField(_("退款金额"))
    reason = models.CharField(_("原因"), max_length=24, blank=True, choices=RefundReason.choices)
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("收款退款")
        verbose_name_plural = _("收款退款")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="charge_refund_positive")
        ]
        triggers = [
            pgtrigger.Protect(
                name="money_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("charge", "amount_fen", "entry", "organization"),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            _adds_to("merchant_charge", "refunded_fen", "charge_id"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class CashMove(Record):
    """One change of a customer's unused transfers. `reference` is the bank's own number of an arrival, used once."""

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="cash_moves")
    kind = models.CharField(_("种类"), max_length=24, choices=CashKind.choices)
    amount_fen = FenField(_("金额"))
    reference = models.CharField(_("银行流水号"), max_length=120, blank=True)
    at = models.DateTimeField(_("时间"))
    intent = models.ForeignKey(Intent, models.PROTECT, null=True, related_name="+")
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("转账余额变动")
        verbose_name_plural = _("转账余额变动")
        constraints = [
            models.CheckConstraint(condition=~models.Q(amount_fen=0), name="cash_move_not_zero"),
            models.UniqueConstraint(
                fields=["reference"], condition=~models.Q(reference=""), name="arrival_reference_once"
            ),
        ]
        triggers = [_APPEND_ONLY, _adds_to("merchant_customer", "cash_fen", "customer_id")]

    def __str__(self) -> str:
        return f"{self.customer}: {self.amount_fen}"


class Transfer(Owned):
    """Money from one organization's balance to another's. `reversed_fen` is the sum of its reversals (by trigger)."""

    destination = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    amount_fen = FenField(_("金额"))
    reversed_fen = FenField(_("已退回"), default=0)
    transfer_group = models.CharField(max_length=120, blank=True)
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("转账")
        verbose_name_plural = _("转账")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0) & ~models.Q(organization=models.F("destination")),
                name="transfer_sound",
            ),
            models.CheckConstraint(
                condition=models.Q(reversed_fen__gte=0, reversed_fen__lte=models.F("amount_fen")),
                name="transfer_reversals_within_amount",
            ),
        ]
        triggers = [
            _kept_by_trigger("reversed_fen"),
            pgtrigger.Protect(
                name="money_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("organization", "destination", "amount_fen", "entry"),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class TransferReversal(Owned):
    """A transfer's money, or a part of it, back where it came from. `organization` is who took the transfer back."""

    transfer = models.ForeignKey(Transfer, models.PROTECT, related_name="reversals")
    amount_fen = FenField(_("金额"))
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("转账退回")
        verbose_name_plural = _("转账退回")
        constraints = [
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="transfer_reversal_positive")
        ]
        triggers = [
            pgtrigger.Protect(
                name="money_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("organization", "transfer", "amount_fen", "entry"),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            _adds_to("merchant_transfer", "reversed_fen", "transfer_id"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class BankAccount(Record):
    """Where an organization's payouts go. Added by a person on the page, never by a key; replaced, never edited."""

    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    holder = models.CharField(_("户名"), max_length=120)
    bank_name = models.CharField(_("开户行"), max_length=120)
    number = models.CharField(_("账号"), max_length=32)
    added_at = models.DateTimeField(_("添加时间"))
    retired_at = models.DateTimeField(_("停用时间"), null=True)

    class Meta:
        verbose_name = _("银行账户")
        verbose_name_plural = _("银行账户")
        constraints = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(retired_at__isnull=True),
                name="bank_account_one_in_use",
            )
        ]
        triggers = [
            pgtrigger.Protect(
                name="destination_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("organization", "holder", "bank_name", "number"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.bank_name} ****{self.last4}"

    @property
    def last4(self) -> str:
        return self.number[-4:]


_APPROVED = pgtrigger.Trigger(
    name="sent_when_approved",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert | pgtrigger.Update,
    declare=[("given", "integer")],
    func="""
        IF NEW.state IN ('in_transit', 'paid') AND NEW.approvals_needed > 0 THEN
          SELECT count(*) INTO given FROM merchant_payoutapproval WHERE payout_id = NEW.id;
          IF given < NEW.approvals_needed THEN
            RAISE EXCEPTION 'payout % has % of % approvals', NEW.id, given, NEW.approvals_needed
              USING ERRCODE = 'QM001';
          END IF;
        END IF;
        RETURN NEW;
    """,
)


class Payout(Owned):
    """Money from an organization's balance to its bank account; what fails or comes back returns to the balance."""

    bank_account = models.ForeignKey(BankAccount, models.PROTECT, related_name="payouts")
    amount_fen = FenField(_("金额"))
    statement_descriptor = models.CharField(max_length=22, blank=True)
    approvals_needed = models.PositiveSmallIntegerField(_("需批准人数"), default=0)
    requested_by = models.UUIDField(_("发起人"), null=True)
    failure_message = models.CharField(_("失败原因"), max_length=300, blank=True)
    settled_at = models.DateTimeField(_("到账时间"), null=True)
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")
    paid_entry = models.OneToOneField(Entry, models.PROTECT, null=True, related_name="+")
    back_entry = models.OneToOneField(Entry, models.PROTECT, null=True, related_name="+")
    state = StateField(states=PayoutState)

    class Meta:
        verbose_name = _("提现")
        verbose_name_plural = _("提现")
        constraints = [
            PAYOUT.constraint(),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="merchant_payout_positive"),
            models.CheckConstraint(
                condition=models.Q(state__in=["failed", "canceled"], back_entry__isnull=False)
                | (~models.Q(state__in=["failed", "canceled"]) & models.Q(back_entry__isnull=True)),
                name="merchant_payout_back_when_ended",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="paid") | models.Q(paid_entry__isnull=False),
                name="merchant_payout_paid_has_entry",
            ),
        ]
        triggers = [
            _APPROVED,
            pgtrigger.Protect(
                name="money_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "organization", "bank_account", "amount_fen", "entry", "approvals_needed"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class PayoutApproval(Record):
    """One person's yes to one payout."""

    payout = models.ForeignKey(Payout, models.PROTECT, related_name="approvals")
    user = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    at = models.DateTimeField(_("批准时间"))

    class Meta:
        verbose_name = _("提现批准")
        verbose_name_plural = _("提现批准")
        constraints = [models.UniqueConstraint(fields=["payout", "user"], name="payout_approved_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.user} {self.at:%Y-%m-%d}"


class Event(Record):
    """What happened to an object of an account, as it was then; kept for ever.

    `sequence` counts the events of one object from 1, so that a receiver can put them in order and drop repeats.
    """

    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    type = models.CharField(_("类型"), max_length=60)
    object_id = models.CharField(_("对象"), max_length=60)
    sequence = models.PositiveIntegerField(_("序号"))
    data = models.JSONField()
    created_at = models.DateTimeField(_("时间"))
    request_id = models.CharField(max_length=64, blank=True)
    idempotency_key = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = _("事件")
        verbose_name_plural = _("事件")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "object_id", "sequence"], name="event_sequence_once"
            )
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="event_of_account")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.type


class WebhookEndpoint(Owned):
    """An address that wants events. Secrets are kept sealed; after a change the former one counts for a while."""

    url = models.CharField(_("地址"), max_length=500)
    enabled_events = ArrayField(models.CharField(max_length=60), verbose_name=_("事件类型"))
    is_enabled = models.BooleanField(_("启用"), default=True)
    secret_sealed = models.CharField(max_length=400)
    former_secret_sealed = models.CharField(max_length=400, blank=True)
    former_secret_until = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(_("删除时间"), null=True)

    class Meta:
        verbose_name = _("推送端点")
        verbose_name_plural = _("推送端点")

    def __str__(self) -> str:
        return self.url


class EventDelivery(Record):
    """One event on its way to one endpoint, tried until it is acknowledged."""

    event = models.ForeignKey(Event, models.PROTECT, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, models.PROTECT, related_name="deliveries")
    state = StateField(states=DeliveryState)
    attempt_count = models.PositiveIntegerField(_("次数"), default=0)
    next_at = models.DateTimeField(_("下次时间"))
    tried_at = models.DateTimeField(_("最近尝试"), null=True)
    last_status = models.PositiveSmallIntegerField(_("状态码"), null=True)
    last_error = models.CharField(_("错误"), max_length=120, blank=True)
    acknowledged_at = models.DateTimeField(_("确认时间"), null=True)

    class Meta:
        verbose_name = _("事件推送")
        verbose_name_plural = _("事件推送")
        constraints = [
            DELIVERY.constraint(),
            models.UniqueConstraint(fields=["event", "endpoint"], name="event_delivery_once"),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(state="pending"), name="event_delivery_due")
        ]

    def __str__(self) -> str:
        return f"{self.event} → {self.endpoint}"
