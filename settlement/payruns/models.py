"""Pay runs: one firm's annotators, one month, two people; and where each annotator is paid."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField
from settlement.ledger.models import Entry
from settlement.payments.models import Payout
from settlement.payruns.states import PAY_ITEM, PAY_RUN, ItemState, RunState

_USER = "accounts.User"
_NO_DELETE = pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)


class PayAccount(Record):
    """Where an annotator wants to be paid, in force from `set_at` until the next one. Append-only."""

    user = models.ForeignKey(_USER, models.PROTECT, related_name="pay_accounts")
    holder_name = models.CharField(_("户名"), max_length=60)
    bank_name = models.CharField(_("开户银行"), max_length=80)
    account = models.CharField(_("账号"), max_length=19)
    set_at = models.DateTimeField(_("设置时间"))

    class Meta:
        verbose_name = _("收款账户")
        verbose_name_plural = _("收款账户")
        indexes = [models.Index(fields=["user", "-set_at"], name="pay_account_user")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.masked

    @property
    def masked(self) -> str:
        """Bank and the last four digits."""
        return f"{self.bank_name} ****{self.account[-4:]}"


class PayRun(Record):
    """A firm's pay of one month (`month` is its first day). `made_by` and `approved_by` are different people.

    Money moves once, when the run is paid: all its entries in one batch. The file for the bank lies under its SHA-256.
    """

    number = models.CharField(_("批次编号"), max_length=24, unique=True)
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="pay_runs")
    month = models.DateField(_("月份"))
    made_by = models.ForeignKey(_USER, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(_("编制时间"))
    approved_by = models.ForeignKey(_USER, models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(_("复核时间"), null=True)
    paid_at = models.DateTimeField(_("发放时间"), null=True)
    gross_fen = FenField(_("应发合计"))
    tax_fen = FenField(_("代扣合计"))
    net_fen = FenField(_("实发合计"))
    item_count = models.PositiveIntegerField(_("人数"))
    object_key = models.CharField(max_length=300, blank=True)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    state = StateField(states=RunState)

    class Meta:
        verbose_name = _("报酬发放批次")
        verbose_name_plural = _("报酬发放批次")
        constraints = [
            PAY_RUN.constraint(),
            models.UniqueConstraint(
                fields=["firm"],
                condition=Q(state__in=["drafted", "submitted", "approved"]),
                name="pay_run_one_open",
            ),
            models.CheckConstraint(
                condition=Q(gross_fen=F("net_fen") + F("tax_fen"), tax_fen__gte=0, gross_fen__gt=0),
                name="pay_run_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("made_by")),
                name="pay_run_two_people",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "paid"]) | Q(approved_by__isnull=False),
                name="pay_run_approved_by",
            ),
            models.CheckConstraint(
                condition=~Q(state="paid") | (Q(paid_at__isnull=False) & ~Q(sha256="")), name="pay_run_paid"
            ),
        ]
        triggers = [
            _NO_DELETE,
            pgtrigger.Protect(
                name="sums_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "firm", "month", "gross_fen", "tax_fen", "net_fen", "item_count"
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.number


class PayItem(Record):
    """One annotator's pay in a run: gross less what is withheld, to an account. Sums never change.

    The other columns explain the tax: the month's income with this pay, its deduction, rate and quick deduction.
    """

    run = models.ForeignKey(PayRun, models.PROTECT, related_name="items")
    annotator = models.ForeignKey(_USER, models.PROTECT, related_name="pay_items")
    account = models.ForeignKey(PayAccount, models.PROTECT, related_name="+")
    gross_fen = FenField(_("应发"))
    tax_fen = FenField(_("代扣个人所得税"))
    net_fen = FenField(_("实发"))
    income_fen = FenField(_("当月收入"))
    deduction_fen = FenField(_("减除费用"))
    rate_bp = models.PositiveIntegerField(_("预扣率（万分比）"))
    quick_deduction_fen = FenField(_("速算扣除数"))
    table_from = models.DateField(_("预扣率表生效日"))
    entry = models.OneToOneField(Entry, models.PROTECT, null=True, related_name="+")
    state = StateField(states=ItemState)

    class Meta:
        verbose_name = _("报酬单")
        verbose_name_plural = _("报酬单")
        constraints = [
            PAY_ITEM.constraint(),
            models.UniqueConstraint(fields=["run", "annotator"], name="pay_item_once"),
            models.CheckConstraint(
                condition=Q(
                    gross_fen=F("net_fen") + F("tax_fen"), tax_fen__gte=0, net_fen__gte=0, gross_fen__gt=0
                ),
                name="pay_item_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "dropped"], entry__isnull=True)
                | Q(state__in=["paid", "returned"], entry__isnull=False),
                name="pay_item_paid_has_entry",
            ),
        ]
        triggers = [
            _NO_DELETE,
            pgtrigger.Protect(
                name="sums_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "run", "annotator", "account", "gross_fen", "tax_fen", "net_fen"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run} · {self.annotator}"


class PayLine(Record):
    """An earning that an item pays. It is free for another run once the item was returned or dropped."""

    item = models.ForeignKey(PayItem, models.PROTECT, related_name="lines")
    payout = models.ForeignKey(Payout, models.PROTECT, related_name="pay_lines")
    is_live = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("报酬明细")
        verbose_name_plural = _("报酬明细")
        constraints = [
            models.UniqueConstraint(fields=["payout"], condition=Q(is_live=True), name="payout_paid_once")
        ]
        triggers = [_NO_DELETE]

    def __str__(self) -> str:
        return f"{self.item} · {self.payout_id}"
