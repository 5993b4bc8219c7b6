"""Annual actual revenue: one line per trade and money movement, each with its evidence."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from exchange.trading.models import Order
from kernel.money import FenField
from kernel.records import Record
from settlement.payments.models import Refund
from settlement.revenue.states import Code

RECEIPT = Q(refund__isnull=True, is_credit=False)
"""Which lines are receipts: every order that brought revenue has one."""


class RevenueLine(Record):
    """One receipt (positive) of a firm in its business year, or what went off it again (negative).

    A refund has its own line. `is_credit` marks the one line of an order for what credit invoices take off beyond its
    refunds: a credit invoice issued for a refund is the same fact and counts once.

    `net_fen` is without VAT, `fee_fen` what the exchange and brokers kept (negative) or gave back. `exclusions` holds the
    codes of `states.Code` for which the line does not count, in their order; empty means it counts.
    `evidence` names what the line rests on: order, contract, voucher, certificate, version, entry ids.
    """

    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="revenue_lines")
    year = models.PositiveSmallIntegerField(_("年度"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="revenue_lines")
    refund = models.OneToOneField(Refund, models.PROTECT, null=True, blank=True, related_name="revenue_line")
    is_credit = models.BooleanField(_("红字发票冲减"), default=False)
    received_at = models.DateTimeField(_("到账时间"))
    gross_fen = FenField(_("含税金额"))
    net_fen = FenField(_("不含税金额"))
    fee_fen = FenField(_("交易服务费"), default=0)
    exclusions = ArrayField(models.CharField(max_length=24), verbose_name=_("不计入原因"), default=list)
    evidence = models.JSONField(_("证据"), default=dict)

    class Meta:
        verbose_name = _("实际收入明细")
        verbose_name_plural = _("实际收入明细")
        indexes = [models.Index(fields=["firm", "year"], name="revenue_firm_year")]
        constraints = [
            models.UniqueConstraint(
                fields=["order"],
                condition=models.Q(refund__isnull=True, is_credit=False),
                name="revenue_receipt_once",
            ),
            models.UniqueConstraint(
                fields=["order"], condition=models.Q(is_credit=True), name="revenue_credit_once"
            ),
            models.CheckConstraint(
                condition=Q(is_credit=False) | Q(refund__isnull=True), name="revenue_line_one_kind"
            ),
            models.CheckConstraint(
                condition=Q(refund__isnull=True, is_credit=False, net_fen__gte=0, gross_fen__gte=F("net_fen"))
                | Q(Q(refund__isnull=False) | Q(is_credit=True), net_fen__lte=0, gross_fen__lte=F("net_fen")),
                name="revenue_line_sign",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.year}"

    @property
    def is_off(self) -> bool:
        """Whether the line takes something off a receipt: a refund or credit invoices."""
        return self.refund_id is not None or self.is_credit

    @property
    def kind(self) -> str:
        """ "receipt", "refund" or "credit"."""
        return "credit" if self.is_credit else "refund" if self.refund_id else "receipt"

    @property
    def kind_label(self) -> str:
        """The kind as people read it."""
        return str({"receipt": _("到账"), "refund": _("退款"), "credit": _("红字发票")}[self.kind])

    @property
    def counts(self) -> bool:
        """Whether the line is part of the year's actual revenue."""
        return not self.exclusions

    @property
    def exclusion_labels(self) -> list[str]:
        """The reasons for not counting, as people read them."""
        return [str(Code(code).label) for code in self.exclusions]

    @property
    def tone(self) -> str:
        return "green" if self.counts else "amber"

    @property
    def vat_fen(self) -> int:
        return int(self.gross_fen - self.net_fen)


class AnnualRevenue(Record):
    """The kept totals per firm and year, without VAT; equal at any time to a recomputation from raw rows.

    receipts + refunds = counted + excluded, always (refunds are negative). `vat_fen` and `fee_fen` belong to
    what counts.
    """

    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="annual_revenues")
    year = models.PositiveSmallIntegerField(_("年度"))
    receipts_fen = FenField(_("到账金额"), default=0)
    refunds_fen = FenField(_("退款金额"), default=0)
    counted_fen = FenField(_("计入金额"), default=0)
    excluded_fen = FenField(_("不计入金额"), default=0)
    vat_fen = FenField(_("计入部分的增值税"), default=0)
    fee_fen = FenField(_("计入部分的服务费"), default=0)
    line_count = models.PositiveIntegerField(_("笔数"), default=0)

    class Meta:
        verbose_name = _("年度实际收入")
        verbose_name_plural = _("年度实际收入")
        constraints = [
            models.UniqueConstraint(fields=["firm", "year"], name="annual_revenue_once"),
            models.CheckConstraint(
                condition=Q(counted_fen=F("receipts_fen") + F("refunds_fen") - F("excluded_fen")),
                name="annual_revenue_adds_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.firm} {self.year}"


class Ruling(Record):
    """A reviewer's finding that a trade is, or is not, related-party or circular; the latest stands."""

    order = models.ForeignKey(Order, models.PROTECT, related_name="revenue_rulings")
    code = models.CharField(
        _("认定事项"), max_length=24, choices=[(c.value, c.label) for c in Code.reviewed()]
    )
    is_excluded = models.BooleanField(_("不计入"))
    reason = models.TextField(_("理由"))
    ruled_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    ruler_label = models.CharField(_("认定人"), max_length=200)
    ruled_at = models.DateTimeField(_("认定时间"))

    class Meta:
        verbose_name = _("交易认定")
        verbose_name_plural = _("交易认定")
        constraints = [
            models.CheckConstraint(
                condition=Q(code__in=sorted(c.value for c in Code.reviewed())), name="ruling_code_known"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="ruling_has_reason"),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.order} {self.code}"
