"""Annual actual revenue: one line per trade and money movement, each with its evidence."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from exchange.trading.models import Order
from kernel.money import FenField
from kernel.records import Record
from settlement.payments.models import Refund


class RevenueLine(Record):
    """One receipt (positive) or refund (negative) of a firm, in its business year.

    `net_fen` is without VAT. `exclusions` holds the codes of policy.md (venue, certificate, filing, delivery,
    receipt, period, related_party, circular) for which the line does not count; empty means it counts.
    `evidence` names what the line rests on: order, contract, voucher, certificate, version, entry ids.
    """

    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="revenue_lines")
    year = models.PositiveSmallIntegerField(_("年度"))
    order = models.ForeignKey(Order, models.PROTECT, related_name="revenue_lines")
    refund = models.OneToOneField(Refund, models.PROTECT, null=True, blank=True, related_name="revenue_line")
    received_at = models.DateTimeField(_("到账时间"))
    gross_fen = FenField(_("含税金额"))
    net_fen = FenField(_("不含税金额"))
    exclusions = ArrayField(models.CharField(max_length=24), verbose_name=_("不计入原因"), default=list)
    evidence = models.JSONField(_("证据"), default=dict)

    class Meta:
        verbose_name = _("实际收入明细")
        verbose_name_plural = _("实际收入明细")
        indexes = [models.Index(fields=["firm", "year"], name="revenue_firm_year")]
        constraints = [
            models.UniqueConstraint(
                fields=["order"], condition=models.Q(refund__isnull=True), name="revenue_receipt_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.order} {self.year}"


class AnnualRevenue(Record):
    """The kept total per firm and year; equal at any time to a recomputation from the lines."""

    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="annual_revenues")
    year = models.PositiveSmallIntegerField(_("年度"))
    counted_fen = FenField(_("计入金额"), default=0)
    excluded_fen = FenField(_("不计入金额"), default=0)
    line_count = models.PositiveIntegerField(_("笔数"), default=0)

    class Meta:
        verbose_name = _("年度实际收入")
        verbose_name_plural = _("年度实际收入")
        constraints = [models.UniqueConstraint(fields=["firm", "year"], name="annual_revenue_once")]

    def __str__(self) -> str:
        return f"{self.firm} {self.year}"
