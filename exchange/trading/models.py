"""Orders and the contracts under them."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetVersion
from assets.registry.models import Certificate
from exchange.catalogue.models import Plan, Product
from exchange.trading.states import ORDER, ContractTemplate, OrderState, Party
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField


class Order(Record):
    """A buyer's purchase of one plan. What was sold (version, certificate, price) is fixed at placing.

    `amount_fen` includes `tax_fen` VAT; `…_at` columns tell when each state was reached, `…_signed_at` when
    each side signed. What is not accepted before `inspection_until` counts as accepted from then on.
    """

    number = models.CharField(_("订单编号"), max_length=24, unique=True)
    product = models.ForeignKey(Product, models.PROTECT, related_name="orders")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="orders")
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="orders")
    certificate = models.ForeignKey(Certificate, models.PROTECT, related_name="orders")
    supplier = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="sales")
    buyer = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="purchases")
    use_statement = models.TextField(_("用途说明"))
    amount_fen = FenField(_("含税金额"))
    tax_fen = FenField(_("税额"))
    inspection_days = models.PositiveSmallIntegerField(_("验收期（天）"), default=7)
    placed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    placed_at = models.DateTimeField(_("下单时间"))
    supplier_signed_at = models.DateTimeField(_("供方签署时间"), null=True, blank=True)
    buyer_signed_at = models.DateTimeField(_("需方签署时间"), null=True, blank=True)
    contracted_at = models.DateTimeField(_("签约时间"), null=True, blank=True)
    paid_at = models.DateTimeField(_("付款时间"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("交付时间"), null=True, blank=True)
    inspection_until = models.DateTimeField(_("验收截止"), null=True, blank=True)
    accepted_at = models.DateTimeField(_("验收时间"), null=True, blank=True)
    completed_at = models.DateTimeField(_("完成时间"), null=True, blank=True)
    state = StateField(states=OrderState)

    class Meta:
        verbose_name = _("订单")
        verbose_name_plural = _("订单")
        indexes = [
            models.Index(fields=["supplier", "-placed_at"], name="order_supplier_placed"),
            models.Index(fields=["buyer", "-placed_at"], name="order_buyer_placed"),
            models.Index(
                fields=["inspection_until"],
                condition=models.Q(state="delivered"),
                name="order_inspection_until",
            ),
        ]
        constraints = [
            ORDER.constraint(),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="order_amount_positive"),
            models.CheckConstraint(
                condition=models.Q(tax_fen__gte=0) & models.Q(tax_fen__lt=models.F("amount_fen")),
                name="order_tax_within_amount",
            ),
            models.CheckConstraint(condition=~models.Q(buyer=models.F("supplier")), name="order_two_parties"),
            models.CheckConstraint(
                condition=models.Q(state__in=["placed", "cancelled"])
                | models.Q(
                    supplier_signed_at__isnull=False,
                    buyer_signed_at__isnull=False,
                    contracted_at__isnull=False,
                ),
                name="order_contracted_is_signed",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="delivered") | models.Q(inspection_until__isnull=False),
                name="order_delivered_has_inspection",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["placed", "contracted", "cancelled"])
                | models.Q(paid_at__isnull=False),
                name="order_paid_has_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["accepted", "completed"])
                | models.Q(accepted_at__isnull=False),
                name="order_accepted_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def net_fen(self) -> int:
        """The amount without VAT, in fen."""
        return int(self.amount_fen - self.tax_fen)


class Contract(Record):
    """The text both sides accept; fixed and hashed (SHA-256 hex over UTF-8) when the order is placed."""

    number = models.CharField(_("合同编号"), max_length=24, unique=True)
    order = models.OneToOneField(Order, models.PROTECT, related_name="contract")
    template = models.CharField(
        _("合同范本"), max_length=24, choices=ContractTemplate.choices, default="provision"
    )
    text = models.TextField(_("合同文本"))
    text_sha256 = models.CharField("SHA-256", max_length=64)
    drawn_up_at = models.DateTimeField(_("拟定时间"))

    class Meta:
        verbose_name = _("合同")
        verbose_name_plural = _("合同")
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.number


class Signature(Record):
    """One side's acceptance of the contract text."""

    contract = models.ForeignKey(Contract, models.PROTECT, related_name="signatures")
    party = models.CharField(_("签署方"), max_length=16, choices=Party.choices)
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    signed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    signer_label = models.CharField(_("签署人"), max_length=200)
    text_sha256 = models.CharField("SHA-256", max_length=64)
    signed_at = models.DateTimeField(_("签署时间"))

    class Meta:
        verbose_name = _("合同签署")
        verbose_name_plural = _("合同签署")
        constraints = [models.UniqueConstraint(fields=["contract", "party"], name="signature_once_per_party")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.contract} · {self.get_party_display()}"
