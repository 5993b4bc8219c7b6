"""The double-entry ledger: accounts, entries, postings, holds. Append-only and balanced by the database.

What the tables cannot say for themselves stands in migration 0002: legs fold into balances, each statement
that writes legs balances, an entry has at least two of them, none is added later.
"""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField
from settlement.ledger.states import HOLD, EntryKind, HoldState

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
STRIPES = 8


class Purpose(models.TextChoices):
    """What an account is for. Balances are credit-positive: BANK and LABOUR_COST hold debits (negative)."""

    BANK = "bank", _("托管银行存款")  # the platform's custody account: debit, mirrors all money held
    ESCROW = "escrow", _("交易托管款")  # the buyer's, until the delivery is accepted
    WALLET = "wallet", _("可用余额")
    FEES = "fees", _("交易服务费收入")
    LABOUR_COST = "labour_cost", _("标注人工成本")
    EARNINGS = "earnings", _("标注员应付报酬")
    LABOUR_SETTLED = "labour_settled", _("已发放标注报酬")  # what the firm's balance paid of its labour cost
    WITHHOLDING = "withholding", _("代扣个人所得税")
    CUSTOMER_CASH = "customer_cash", _("客户转账待用款")  # arrived at virtual accounts, not used yet
    PAYOUTS = "payouts", _("提现在途")
    FISCAL = (
        "fiscal",
        _("财政奖补资金"),
    )  # the department's, outside the custody: debit, grows with what was paid
    FIRM_BANK = "firm_bank", _("企业对公账户")  # the firm's own bank account, outside the custody


DEBIT_PURPOSES = frozenset({Purpose.BANK, Purpose.LABOUR_COST, Purpose.FISCAL})


class Account(Record):
    """An account of one organization or person (or the platform) for one purpose, in renminbi.

    `stripe` spreads hot platform accounts over several rows; an owner's total is the sum. The balance is
    credit-positive fen: what is owed to the owner. What pending holds would take and bring is kept apart from it;
    `floor_fen` is the lowest that the balance less what is held may be (null: none).
    """

    organization = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, related_name="+"
    )
    user = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    purpose = models.CharField(_("用途"), max_length=24, choices=Purpose.choices)
    stripe = models.PositiveSmallIntegerField(_("条带"), default=0)
    floor_fen = FenField(_("余额下限"), null=True)
    posted_fen = FenField(_("余额"), default=0)
    pending_out_fen = FenField(_("已预留"), default=0)
    pending_in_fen = FenField(_("待入账"), default=0)

    class Meta:
        verbose_name = _("账户")
        verbose_name_plural = _("账户")
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user", "purpose", "stripe"],
                name="account_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=models.Q(floor_fen__isnull=True)
                | models.Q(posted_fen__gte=models.F("floor_fen") + models.F("pending_out_fen")),
                name="account_above_floor",
            ),
            models.CheckConstraint(
                condition=models.Q(pending_out_fen__gte=0, pending_in_fen__gte=0),
                name="account_pending_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(organization__isnull=True) | models.Q(user__isnull=True),
                name="account_one_owner",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="opens_empty",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition(
                    "NEW.posted_fen <> 0 OR NEW.pending_out_fen <> 0 OR NEW.pending_in_fen <> 0"
                ),
            ),
            # Depth 0 is a statement of a client; only the triggers that fold legs and holds reach further.
            pgtrigger.Protect(
                name="balance_follows_legs",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "pg_trigger_depth() = 0 AND (OLD.posted_fen, OLD.pending_out_fen, OLD.pending_in_fen)"
                    " IS DISTINCT FROM (NEW.posted_fen, NEW.pending_out_fen, NEW.pending_in_fen)"
                ),
            ),
            pgtrigger.Protect(
                name="owner_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("organization", "user", "purpose", "stripe"),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.owner_name} · {self.get_purpose_display()}"

    @property
    def owner_name(self) -> str:
        return str(self.organization or self.user or _("平台"))

    @property
    def available_fen(self) -> int:
        """The balance less what pending holds would take."""
        return int(self.posted_fen) - int(self.pending_out_fen)

    @property
    def is_debit(self) -> bool:
        """Whether this kind of account usually holds a debit (negative) balance."""
        return self.purpose in DEBIT_PURPOSES


class Entry(Record):
    """One balanced entry and the business fact that caused it.

    `key` is the permanent idempotency key, `fingerprint` the SHA-256 of the content posted under it.
    `effective_at` is the business time, `recorded_at` the time of writing; `transaction_id` is PostgreSQL's
    id of the writing transaction: legs come in the same one, and a sealer knows what is final.
    """

    key = models.CharField(_("幂等键"), max_length=120)
    fingerprint = models.CharField(max_length=64)
    kind = models.CharField(_("种类"), max_length=40)
    fact_type = models.CharField(_("业务类型"), max_length=80)
    fact_id = models.UUIDField(_("业务对象"))
    memo = models.CharField(_("摘要"), max_length=200, blank=True)
    effective_at = models.DateTimeField(_("生效时间"))
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversed_by", verbose_name=_("冲销")
    )
    transaction_id = models.BigIntegerField(db_default=RawSQL("pg_current_xact_id()::text::bigint", []))

    class Meta:
        verbose_name = _("记账凭证")
        verbose_name_plural = _("记账凭证")
        constraints = [models.UniqueConstraint(fields=["key"], name="entry_key_once")]
        indexes = [models.Index(fields=["fact_id"], name="entry_fact")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.kind} {self.effective_at:%Y-%m-%d}"

    @property
    def kind_label(self) -> str:
        """The kind's wording for people."""
        return str(EntryKind(self.kind).label) if self.kind in EntryKind.values else self.kind


class Posting(models.Model):
    """One leg of an entry: credit positive, debit negative, never zero. The legs of an entry sum to zero.

    An account has at most one leg in an entry. `effective_at` repeats the entry's, so that statements and
    as-of balances read one index.
    """

    id = models.BigAutoField(primary_key=True)
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="postings", db_index=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="postings", db_index=False)
    amount_fen = FenField(_("金额"))
    effective_at = models.DateTimeField(_("生效时间"))

    class Meta:
        verbose_name = _("分录")
        verbose_name_plural = _("分录")
        constraints = [
            models.UniqueConstraint(fields=["entry", "account"], name="posting_account_once"),
            models.CheckConstraint(condition=~models.Q(amount_fen=0), name="posting_not_zero"),
        ]
        indexes = [
            models.Index(
                fields=["account", "effective_at", "id"],
                include=["amount_fen"],
                name="posting_account_statement",
            )
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.account}: {self.amount_fen}"

    @property
    def debit_fen(self) -> int:
        """The amount as a positive number when this is a debit leg, else 0."""
        return max(-int(self.amount_fen), 0)


# The accounts' rows are locked in id order, as the trigger that folds legs does.
_FOLD_HOLD = pgtrigger.Trigger(
    name="folds_into_accounts",
    when=pgtrigger.After,
    operation=pgtrigger.Insert | pgtrigger.Update,
    declare=[("change", "bigint")],
    func="""
        IF TG_OP = 'INSERT' THEN
          change := NEW.amount_fen;
        ELSIF OLD.state = 'pending' AND NEW.state <> 'pending' THEN
          change := -NEW.amount_fen;
        ELSE
          RETURN NULL;
        END IF;
        PERFORM FROM ledger_account WHERE id IN (NEW.source_id, NEW.destination_id)
          ORDER BY id FOR NO KEY UPDATE;
        UPDATE ledger_account SET
          pending_out_fen = pending_out_fen + CASE WHEN id = NEW.source_id THEN change ELSE 0 END,
          pending_in_fen = pending_in_fen + CASE WHEN id = NEW.destination_id THEN change ELSE 0 END
        WHERE id IN (NEW.source_id, NEW.destination_id);
        RETURN NULL;
    """,
)
_POSTED_AS_TOLD = pgtrigger.Trigger(
    name="posted_as_told",
    when=pgtrigger.After,
    operation=pgtrigger.Update,
    timing=pgtrigger.Deferred,
    condition=pgtrigger.Condition("NEW.state = 'posted'"),
    func="""
        IF NOT EXISTS (
          SELECT FROM ledger_entry WHERE id = NEW.entry_id AND kind = NEW.kind AND fact_id = NEW.fact_id
            AND effective_at = NEW.ended_at
        ) OR EXISTS (
          SELECT account_id, amount_fen FROM ledger_posting WHERE entry_id = NEW.entry_id
          EXCEPT
          (VALUES (NEW.source_id, -NEW.posted_fen::bigint), (NEW.destination_id, NEW.posted_fen::bigint))
        ) THEN
          RAISE EXCEPTION 'hold % is not posted as it says', NEW.id USING ERRCODE = 'QL004';
        END IF;
        RETURN NULL;
    """,
)


class Hold(Record):
    """A pending entry: an amount that may leave one account for another until `expires_at`; no money moves yet.

    It is posted (wholly, or a smaller amount: the rest is let go) as the one `entry`, voided, or expires; what has
    ended stays as it is. `key` is permanent, `fingerprint` the SHA-256 of the content reserved under it.
    """

    key = models.CharField(_("幂等键"), max_length=120)
    fingerprint = models.CharField(max_length=64)
    kind = models.CharField(_("种类"), max_length=40)
    fact_type = models.CharField(_("业务类型"), max_length=80)
    fact_id = models.UUIDField(_("业务对象"))
    memo = models.CharField(_("摘要"), max_length=200, blank=True)
    source = models.ForeignKey(Account, models.PROTECT, related_name="holds_out")
    destination = models.ForeignKey(Account, models.PROTECT, related_name="holds_in")
    amount_fen = FenField(_("金额"))
    posted_fen = FenField(_("入账金额"), default=0)
    reserved_at = models.DateTimeField(_("预留时间"))
    expires_at = models.DateTimeField(_("到期时间"))
    ended_at = models.DateTimeField(_("结束时间"), null=True)
    entry = models.OneToOneField(Entry, models.PROTECT, null=True, related_name="hold")
    state = StateField(states=HoldState, db_index=False)

    class Meta:
        verbose_name = _("预留")
        verbose_name_plural = _("预留")
        constraints = [
            HOLD.constraint(),
            models.UniqueConstraint(fields=["key"], name="hold_key_once"),
            models.CheckConstraint(
                condition=models.Q(amount_fen__gt=0, expires_at__gt=models.F("reserved_at"))
                & ~models.Q(source=models.F("destination")),
                name="hold_sound",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state="posted",
                    entry__isnull=False,
                    posted_fen__gt=0,
                    posted_fen__lte=models.F("amount_fen"),
                    ended_at__isnull=False,
                    ended_at__lt=models.F("expires_at"),
                )
                | models.Q(
                    state="expired", entry__isnull=True, posted_fen=0, ended_at__gte=models.F("expires_at")
                )
                | models.Q(state="voided", entry__isnull=True, posted_fen=0, ended_at__isnull=False)
                | models.Q(state="pending", entry__isnull=True, posted_fen=0, ended_at__isnull=True),
                name="hold_ends_as_its_state_says",
            ),
        ]
        indexes = [
            models.Index(fields=["expires_at"], condition=models.Q(state="pending"), name="hold_due"),
            models.Index(fields=["fact_id"], name="hold_fact"),
        ]
        triggers = [
            pgtrigger.Protect(
                name="opens_pending",
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition("NEW.state <> 'pending'"),
            ),
            pgtrigger.Protect(
                name="content_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "key", "fingerprint", "kind", "fact_type", "fact_id", "memo", "source", "destination",
                    "amount_fen", "reserved_at", "expires_at",
                ),
            ),
            pgtrigger.Protect(
                name="ended_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state <> 'pending'"),
            ),
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            _FOLD_HOLD,
            _POSTED_AS_TOLD,
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.amount_fen}"

    @property
    def kind_label(self) -> str:
        """The kind's wording for people."""
        return str(EntryKind(self.kind).label) if self.kind in EntryKind.values else self.kind


class DayClose(Record):
    """The close of a business day: everything posted and final since the close before, sealed under one hash.

    `content_sha256` is over the sealed entries with their legs, in the order of `Sealed`; `hash` is over what the close
    tells (`claims` in `closing`) with the hash of the close before; `token` is that, signed. `balances` holds the sum of
    each purpose at the end of the day, in fen, of sealed entries that took effect by then.
    """

    ordinal = models.PositiveIntegerField(_("序号"), unique=True)
    day = models.DateField(_("业务日"), unique=True)
    entry_count = models.PositiveIntegerField(_("凭证"))
    posting_count = models.PositiveIntegerField(_("分录"))
    content_sha256 = models.CharField(_("内容摘要"), max_length=64)
    previous_hash = models.CharField(_("上一日摘要"), max_length=64)
    hash = models.CharField(_("日结摘要"), max_length=64)
    balances = models.JSONField(_("日终余额"), default=dict)
    token = models.TextField(_("签名"))
    closed_at = models.DateTimeField(_("日结时间"))

    class Meta:
        verbose_name = _("日结")
        verbose_name_plural = _("日结")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.day} {self.hash[:12]}"


class Sealed(models.Model):
    """An entry's place in the sealed sequence, and the close that sealed it."""

    position = models.BigIntegerField(primary_key=True)
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="seal")
    close = models.ForeignKey(DayClose, models.PROTECT, related_name="seals")

    class Meta:
        verbose_name = _("封存")
        verbose_name_plural = _("封存")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"#{self.position}"


class ProofRun(Record):
    """A proof of the books as it was found at a moment; `watches` are what other apps told of theirs."""

    proved_at = models.DateTimeField(_("核对时间"))
    proved_by = models.CharField(_("发起"), max_length=200)
    entry_count = models.BigIntegerField(_("凭证"))
    posting_count = models.BigIntegerField(_("分录"))
    account_count = models.BigIntegerField(_("账户"))
    differences = models.JSONField(_("不一致"), default=list)
    watches = models.JSONField(_("关注"), default=dict)

    class Meta:
        verbose_name = _("账实核对")
        verbose_name_plural = _("账实核对")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.proved_at:%Y-%m-%d %H:%M}"

    @property
    def is_sound(self) -> bool:
        return not self.differences
