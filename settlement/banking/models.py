"""Bank statements, their lines, and which payment each line is evidence of. Lines and matches are append-only."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from exchange.trading.models import Order
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField
from settlement.banking.states import BANK_IMPORT, ImportState, MatchKind, StatementFormat
from settlement.merchant.models import CashMove, Payout
from settlement.payments.models import EscrowReturn, Refund
from settlement.payruns.models import PayItem

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class BankImport(Record):
    """A bank statement's file: looked at (dry run), then imported as a whole or not at all.

    `faults`: one for each bad cell (row, column, code, value). Counts as they were found when the file was looked at;
    what is imported is judged again.
    """

    organization = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, related_name="+"
    )
    format = models.CharField(_("格式"), max_length=12, choices=StatementFormat.choices)
    account = models.CharField(_("本方账号"), max_length=40)
    file_name = models.CharField(_("文件名"), max_length=255)
    size = models.BigIntegerField(_("字节数"))
    sha256 = models.CharField("SHA-256", max_length=64)
    object_key = models.CharField(max_length=300)
    row_count = models.PositiveIntegerField(_("行数"))
    new_count = models.PositiveIntegerField(_("可导入"))
    known_count = models.PositiveIntegerField(_("已存在，跳过"))
    faulty_count = models.PositiveIntegerField(_("有问题"))
    credit_fen = FenField(_("收入合计"))
    debit_fen = FenField(_("支出合计"))
    faults = models.JSONField(_("问题"), default=list)
    checked_by = models.CharField(_("上传人"), max_length=200)
    checked_at = models.DateTimeField(_("检查时间"))
    imported_by = models.CharField(_("导入人"), max_length=200, blank=True)
    imported_at = models.DateTimeField(_("导入时间"), null=True, blank=True)
    imported_count = models.PositiveIntegerField(_("已导入"), default=0)
    state = StateField(states=ImportState)

    class Meta:
        verbose_name = _("银行流水导入")
        verbose_name_plural = _("银行流水导入")
        constraints = [
            BANK_IMPORT.constraint(),
            models.CheckConstraint(
                condition=~Q(state="imported") | Q(imported_at__isnull=False, faulty_count=0),
                name="bank_import_imported_is_clean",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name


class BankLine(models.Model):
    """One line of an account's statement, as the bank gave it: positive came in, negative went out.

    The id follows from account and bank reference, so that a line is the same row whichever file it comes in;
    `content_sha256` tells another content under the same reference.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    recorded_at = models.DateTimeField(_("记录时间"), auto_now_add=True)
    source = models.ForeignKey(BankImport, models.PROTECT, related_name="lines")
    row_number = models.PositiveIntegerField(_("行"))
    account = models.CharField(_("本方账号"), max_length=40)
    reference = models.CharField(_("银行流水号"), max_length=64)
    content_sha256 = models.CharField(max_length=64)
    booked_on = models.DateField(_("记账日期"))
    amount_fen = FenField(_("金额"))
    balance_fen = FenField(_("余额"), null=True)
    party_name = models.CharField(_("对方户名"), max_length=120, blank=True)
    party_account = models.CharField(_("对方账号"), max_length=40, blank=True)
    party_uscc = models.CharField(_("对方统一社会信用代码"), max_length=18, blank=True)
    virtual_account = models.CharField(_("收款虚拟账号"), max_length=40, blank=True)
    text = models.CharField(_("附言"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("银行流水")
        verbose_name_plural = _("银行流水")
        indexes = [models.Index(fields=["-booked_on", "-id"], name="bank_line_booked")]
        constraints = [
            models.UniqueConstraint(fields=["account", "reference"], name="bank_line_once"),
            models.CheckConstraint(condition=~Q(amount_fen=0), name="bank_line_not_zero"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.reference


_WITHIN_LINE = pgtrigger.Trigger(
    name="within_line",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("held", "record"), ("used", "bigint")],
    func="""
        SELECT amount_fen INTO held FROM banking_bankline WHERE id = NEW.line_id FOR UPDATE;
        IF (held.amount_fen > 0) <> (NEW.kind IN ('receipt', 'arrival')) THEN
          RAISE EXCEPTION 'line % goes the other way', NEW.line_id USING ERRCODE = 'QB002';
        END IF;
        SELECT coalesce(sum(m.amount_fen), 0) + NEW.amount_fen INTO used
          FROM banking_match AS m LEFT JOIN banking_matchend AS e ON e.match_id = m.id
          WHERE m.line_id = NEW.line_id AND e.id IS NULL;
        IF used > abs(held.amount_fen) THEN
          RAISE EXCEPTION 'the matches of line % exceed its amount', NEW.line_id USING ERRCODE = 'QB001';
        END IF;
        RETURN NEW;
    """,
)


_TARGETS = ("order", "refund", "escrow_return", "cash_move", "pay_item", "payout")


def _pays(kinds: list[str], *targets: str) -> Q:
    """Matches of these kinds name exactly these targets."""
    return Q(kind__in=kinds, **{f"{name}__isnull": name not in targets for name in _TARGETS})


class Match(Record):
    """A line, or a part of it, is the money of one payment. Never changed: it ends by a `MatchEnd`.

    What it pays: an order (its receipt, refund, return or surplus), a merchant's customer whose transfer arrived, an
    annotator's pay, or a merchant's payout.

    `matcher`: the person, where one matched it; none for the system.

    All live matches of a line together never exceed its amount; a trigger holds that and the direction.
    """

    line = models.ForeignKey(BankLine, models.PROTECT, related_name="matches")
    kind = models.CharField(_("用途"), max_length=16, choices=MatchKind.choices)
    order = models.ForeignKey(Order, models.PROTECT, null=True, blank=True, related_name="bank_matches")
    refund = models.ForeignKey(Refund, models.PROTECT, null=True, blank=True, related_name="bank_matches")
    escrow_return = models.ForeignKey(
        EscrowReturn, models.PROTECT, null=True, blank=True, related_name="bank_matches"
    )
    cash_move = models.ForeignKey(
        CashMove, models.PROTECT, null=True, blank=True, related_name="bank_matches"
    )
    pay_item = models.ForeignKey(PayItem, models.PROTECT, null=True, blank=True, related_name="bank_matches")
    payout = models.ForeignKey(Payout, models.PROTECT, null=True, blank=True, related_name="bank_matches")
    amount_fen = FenField(_("匹配金额"))
    is_automatic = models.BooleanField(_("自动匹配"), default=False)
    score = models.PositiveSmallIntegerField(_("得分"), default=0)
    reasons = ArrayField(models.CharField(max_length=24), verbose_name=_("依据"), default=list)
    matched_by = models.CharField(_("匹配人"), max_length=200)
    matched_at = models.DateTimeField(_("匹配时间"))
    matcher = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("流水匹配")
        verbose_name_plural = _("流水匹配")
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="bank_match_positive"),
            models.CheckConstraint(
                condition=_pays(["receipt", "surplus"], "order")
                | _pays(["refund"], "order", "refund")
                | _pays(["escrow_return"], "order", "escrow_return")
                | _pays(["arrival"], "cash_move")
                | _pays(["wage"], "pay_item")
                | _pays(["payout"], "payout"),
                name="bank_match_has_target",
            ),
        ]
        triggers = [_APPEND_ONLY, _WITHIN_LINE]

    def __str__(self) -> str:
        return f"{self.line} → {self.label}"

    @property
    def label(self) -> str:
        """What it pays, as people name it."""
        if self.order is not None:
            return str(self.order.number)
        if self.cash_move is not None:
            return str(self.cash_move.customer.name or self.cash_move.reference)
        if self.pay_item is not None:
            return f"{self.pay_item.run.number} · {self.pay_item.account.holder_name}"
        assert self.payout is not None, "a match pays something"
        return str(self.payout.bank_account.holder)


class MatchEnd(Record):
    """A match was wrong: who said so, when, why. Append-only."""

    match = models.OneToOneField(Match, models.PROTECT, related_name="end")
    reason = models.CharField(_("原因"), max_length=300)
    ended_by = models.CharField(_("撤销人"), max_length=200)
    ended_at = models.DateTimeField(_("撤销时间"))

    class Meta:
        verbose_name = _("匹配撤销")
        verbose_name_plural = _("匹配撤销")
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="bank_match_end_has_reason")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.match} · {self.reason}"
