"""The double-entry ledger: accounts, entries, postings. Append-only and balanced by the database."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.money import FenField
from kernel.records import Record

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Purpose(models.TextChoices):
    """What an account is for. `ASSET_LIKE` ones hold negative (debit) balances; see docs/glossary.md."""

    BANK = "bank", _("托管银行存款")  # the platform's custody account: debit, mirrors all money held
    ESCROW = "escrow", _("交易托管款")
    WALLET = "wallet", _("可用余额")
    FEES = "fees", _("交易服务费收入")
    LABOUR_COST = "labour_cost", _("标注人工成本")
    EARNINGS = "earnings", _("标注员应付报酬")


class Account(Record):
    """An account of one organization or person (or the platform) for one purpose, in renminbi.

    `stripe` spreads hot platform accounts over several rows; an owner's total is the sum. The balance is
    credit-positive fen: what is owed to the owner. `floor_fen` is the lowest allowed balance (null: none).
    """

    organization = models.ForeignKey("organizations.Organization", models.PROTECT, null=True, related_name="+")
    user = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    purpose = models.CharField(_("用途"), max_length=24, choices=Purpose.choices)
    stripe = models.PositiveSmallIntegerField(_("条带"), default=0)
    floor_fen = FenField(_("余额下限"), null=True)
    posted_fen = FenField(_("余额"), default=0)

    class Meta:
        verbose_name = _("账户")
        verbose_name_plural = _("账户")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user", "purpose", "stripe"], name="account_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=models.Q(floor_fen__isnull=True) | models.Q(posted_fen__gte=models.F("floor_fen")),
                name="account_above_floor",
            ),
            models.CheckConstraint(
                condition=models.Q(organization__isnull=True) | models.Q(user__isnull=True), name="account_one_owner"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization or self.user or '平台'} · {self.get_purpose_display()}"


class Entry(Record):
    """One balanced entry and the business fact that caused it.

    `key` is the permanent idempotency key, `fingerprint` the SHA-256 of the content posted under it.
    """

    key = models.CharField(_("幂等键"), max_length=120, unique=True)
    fingerprint = models.CharField(max_length=64)
    kind = models.CharField(_("种类"), max_length=40)
    fact_type = models.CharField(_("业务类型"), max_length=80)
    fact_id = models.UUIDField(_("业务对象"))
    memo = models.CharField(_("摘要"), max_length=200, blank=True)
    effective_at = models.DateTimeField(_("生效时间"))
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversed_by", verbose_name=_("冲销")
    )

    class Meta:
        verbose_name = _("记账凭证")
        verbose_name_plural = _("记账凭证")
        indexes = [models.Index(fields=["fact_id"], name="entry_fact")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.kind} {self.effective_at:%Y-%m-%d}"


class Posting(models.Model):
    """One leg of an entry: credit positive, debit negative, never zero. The legs of an entry sum to zero."""

    id = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="postings")
    account = models.ForeignKey(Account, models.PROTECT, related_name="postings")
    amount_fen = FenField(_("金额"))

    class Meta:
        verbose_name = _("分录")
        verbose_name_plural = _("分录")
        constraints = [models.CheckConstraint(condition=~models.Q(amount_fen=0), name="posting_not_zero")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.account}: {self.amount_fen}"
