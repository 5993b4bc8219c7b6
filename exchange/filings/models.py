"""Transaction filings (交易备案) and their vouchers."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from exchange.filings.states import FILING, FilingState
from exchange.trading.models import Order
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField


class Filing(Record):
    """The exchange's record of one completed trade, with a signed voucher.

    `venue`: code of the service base where the trade was made. `amount_fen` is the filed amount with VAT,
    lowered by amendments after refunds. `claims` (see `rules.voucher_claims`) is what `token` signs; when an
    amendment replaces them, the former ones are kept as a FormerVoucher.
    """

    order = models.OneToOneField(Order, models.PROTECT, related_name="filing")
    voucher_number = models.CharField(_("交易凭证编号"), max_length=24, unique=True, null=True)  # noqa: DJ001
    venue = models.CharField(_("交易场所"), max_length=32)
    amount_fen = FenField(_("备案金额"))
    filed_at = models.DateTimeField(_("备案时间"), null=True, blank=True)
    claims = models.JSONField(_("备案内容"), default=dict)
    token = models.TextField(_("签名"), blank=True)
    state = StateField(states=FilingState)

    class Meta:
        verbose_name = _("交易备案")
        verbose_name_plural = _("交易备案")
        constraints = [
            FILING.constraint(),
            models.CheckConstraint(
                condition=models.Q(state="pending")
                | (models.Q(filed_at__isnull=False) & models.Q(voucher_number__isnull=False)),
                name="filing_filed_has_voucher",
            ),
            models.CheckConstraint(condition=models.Q(amount_fen__gte=0), name="filing_amount_not_negative"),
            models.CheckConstraint(
                condition=~models.Q(state="voided") | models.Q(amount_fen=0), name="filing_voided_is_empty"
            ),
        ]
        indexes = [models.Index(fields=["-filed_at"], name="filing_filed_at")]

    def __str__(self) -> str:
        return self.voucher_number or str(self.order)


class FormerVoucher(Record):
    """A voucher as it was signed before an amendment replaced it; `sequence` counts from 1."""

    filing = models.ForeignKey(Filing, models.PROTECT, related_name="former_vouchers")
    sequence = models.PositiveSmallIntegerField(_("序号"))
    claims = models.JSONField(_("备案内容"))
    token = models.TextField(_("签名"))
    replaced_at = models.DateTimeField(_("更正时间"))

    class Meta:
        verbose_name = _("历史凭证")
        verbose_name_plural = _("历史凭证")
        constraints = [models.UniqueConstraint(fields=["filing", "sequence"], name="former_voucher_once")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.filing} #{self.sequence}"
