"""The money of annotation lots: into escrow, out to the firm, or back to the buyer. Each once per lot."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from exchange.tenders.models import Milestone
from kernel.money import FenField
from kernel.records import Record
from settlement.ledger.models import Entry
from settlement.payments.states import TestMethod

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Deposit(Record):
    """A lot's price paid into escrow: exactly what its milestone says (a trigger holds that)."""

    milestone = models.OneToOneField(Milestone, models.PROTECT, related_name="deposit")
    amount_fen = FenField(_("金额"))
    method = models.CharField(_("付款方式"), max_length=40, choices=TestMethod.choices)
    paid_at = models.DateTimeField(_("入托管时间"))
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("批次托管")
        verbose_name_plural = _("批次托管")
        triggers = [
            _APPEND_ONLY,
            pgtrigger.Trigger(
                name="as_agreed",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                    IF NOT EXISTS (
                        SELECT FROM tenders_milestone WHERE id = NEW.milestone_id AND amount_fen = NEW.amount_fen
                    ) THEN
                        RAISE EXCEPTION 'the deposit of lot % is not its price', NEW.milestone_id
                          USING ERRCODE = 'QP003';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.milestone} {self.paid_at:%Y-%m-%d}"


def _out_of_escrow(column: str, other: str) -> pgtrigger.Trigger:
    """What leaves escrow is the whole deposit, and it leaves to one side only."""
    return pgtrigger.Trigger(
        name="whole_and_once",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        func=f"""
            PERFORM FROM milestones_deposit WHERE milestone_id = NEW.milestone_id FOR UPDATE;
            IF NOT EXISTS (
                SELECT FROM milestones_deposit
                WHERE milestone_id = NEW.milestone_id AND amount_fen = NEW.{column}
            ) OR EXISTS (SELECT FROM {other} WHERE milestone_id = NEW.milestone_id) THEN
                RAISE EXCEPTION 'what leaves escrow for lot % is not what lies there', NEW.milestone_id
                  USING ERRCODE = 'QP003';
            END IF;
            RETURN NEW;
        """,
    )


class LotRelease(Record):
    """An accepted lot's escrow paid out once: `gross_fen` = `fee_fen` (exchange) + `firm_fen` (firm).

    `fee_bp` is the rate in basis points that was in force; the fee is floored to the fen.
    """

    milestone = models.OneToOneField(Milestone, models.PROTECT, related_name="release")
    gross_fen = FenField(_("总额"))
    fee_bp = models.PositiveIntegerField(_("服务费率（万分比）"))
    fee_fen = FenField(_("交易服务费"))
    firm_fen = FenField(_("服务商所得"))
    released_at = models.DateTimeField(_("放款时间"))
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("批次放款")
        verbose_name_plural = _("批次放款")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(gross_fen=models.F("fee_fen") + models.F("firm_fen"))
                & models.Q(fee_fen__gte=0, firm_fen__gte=0),
                name="lot_release_adds_up",
            )
        ]
        triggers = [_APPEND_ONLY, _out_of_escrow("gross_fen", "milestones_lotreturn")]

    def __str__(self) -> str:
        return f"{self.milestone} {self.released_at:%Y-%m-%d}"


class LotReturn(Record):
    """The escrow of a lot that will not be done, given back to the buyer whole. No fee was taken."""

    milestone = models.OneToOneField(Milestone, models.PROTECT, related_name="giving_back")
    amount_fen = FenField(_("退回金额"))
    reason = models.CharField(_("原因"), max_length=500)
    returned_at = models.DateTimeField(_("退回时间"))
    entry = models.OneToOneField(Entry, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("批次退回")
        verbose_name_plural = _("批次退回")
        triggers = [_APPEND_ONLY, _out_of_escrow("amount_fen", "milestones_lotrelease")]

    def __str__(self) -> str:
        return f"{self.milestone} {self.returned_at:%Y-%m-%d}"
