"""Orders and the contracts under them."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetVersion
from assets.registry.models import Certificate
from exchange.catalogue.models import Plan, Product
from exchange.trading.states import (
    ORDER,
    SUPPLEMENT,
    ContractTemplate,
    OrderState,
    Party,
    SupplementKind,
    SupplementState,
)
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField


class Order(Record):
    """A buyer's purchase of one plan. What was sold (version, certificate, price) is fixed at placing.

    `amount_fen` includes `tax_fen` VAT; `…_at` columns tell when each state was reached, `…_signed_at` when
    each side signed. What is not accepted before `inspection_until` counts as accepted from then on.
    `term_days`: how long the data may be used from delivery on (None: no end); `terminated_at`: when an agreed
    termination ends the buyer's access. Of an exclusive order's version there is no other order beside it, until
    its term is over and another is placed (`exclusivity_ended_at`).
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
    term_days = models.PositiveSmallIntegerField(_("许可期限（天）"), null=True, blank=True)
    is_exclusive = models.BooleanField(_("独占许可"), default=False)
    exclusivity_ended_at = models.DateTimeField(_("独占结束时间"), null=True, blank=True)
    terminated_at = models.DateTimeField(_("终止使用时间"), null=True, blank=True)
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
            models.Index(fields=["-placed_at", "-id"], name="order_placed"),
            models.Index(
                fields=["inspection_until"],
                condition=models.Q(state="delivered"),
                name="order_inspection_until",
            ),
        ]
        constraints = [
            ORDER.constraint(),
            models.UniqueConstraint(
                fields=["version"],
                condition=models.Q(is_exclusive=True, exclusivity_ended_at__isnull=True)
                & ~models.Q(state__in=["cancelled", "refunded"]),
                name="order_one_exclusive",
            ),
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
    """The text both sides accept and its licence as ODRL; fixed and hashed (SHA-256 hex over UTF-8) at placing.

    `policy` is the canonical JSON-LD text (see `policies.policy_text`). The database works the hashes out itself.
    """

    number = models.CharField(_("合同编号"), max_length=24, unique=True)
    order = models.OneToOneField(Order, models.PROTECT, related_name="contract")
    template = models.CharField(
        _("合同范本"), max_length=24, choices=ContractTemplate.choices, default="provision"
    )
    text = models.TextField(_("合同文本"))
    text_sha256 = models.CharField("SHA-256", max_length=64)
    policy = models.TextField(_("许可规则（ODRL）"))
    policy_sha256 = models.CharField(_("许可规则 SHA-256"), max_length=64)
    drawn_up_at = models.DateTimeField(_("拟定时间"))

    class Meta:
        verbose_name = _("合同")
        verbose_name_plural = _("合同")
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="hashes_fit",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NEW.text_sha256 <> encode(sha256(convert_to(NEW.text, 'UTF8')), 'hex')
                       OR NEW.policy_sha256 <> encode(sha256(convert_to(NEW.policy, 'UTF8')), 'hex') THEN
                        RAISE EXCEPTION 'a contract is kept with the hashes of its own text and policy';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Signature(Record):
    """One side's acceptance of the contract's text and policy; the database holds both hashes to the contract's."""

    contract = models.ForeignKey(Contract, models.PROTECT, related_name="signatures")
    party = models.CharField(_("签署方"), max_length=16, choices=Party.choices)
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    signed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    signer_label = models.CharField(_("签署人"), max_length=200)
    text_sha256 = models.CharField("SHA-256", max_length=64)
    policy_sha256 = models.CharField(_("许可规则 SHA-256"), max_length=64)
    signed_at = models.DateTimeField(_("签署时间"))

    class Meta:
        verbose_name = _("合同签署")
        verbose_name_plural = _("合同签署")
        constraints = [models.UniqueConstraint(fields=["contract", "party"], name="signature_once_per_party")]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="hashes_fit",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM trading_contract WHERE id = NEW.contract_id
                        AND text_sha256 = NEW.text_sha256 AND policy_sha256 = NEW.policy_sha256
                    ) THEN
                        RAISE EXCEPTION 'what is signed is the text and the policy of the contract';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contract} · {self.get_party_display()}"


class ContractDocument(Record):
    """The signed contract as PDF: made once, stored under its hash, never changed."""

    contract = models.OneToOneField(Contract, models.PROTECT, related_name="document")
    object_key = models.CharField(_("对象键"), max_length=300)
    sha256 = models.CharField("SHA-256", max_length=64)
    size = models.PositiveIntegerField(_("字节数"))
    made_at = models.DateTimeField(_("生成时间"))

    class Meta:
        verbose_name = _("合同文件")
        verbose_name_plural = _("合同文件")
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.contract}.pdf"


class Supplement(Record):
    """A later agreement under a contract: it changes or ends it, and never its text.

    An amendment names new values (`term_days`, `inspection_days`), a termination the first day without access
    (`ends_on`; None before payment). Only `state` and `in_force_at` ever change.
    """

    contract = models.ForeignKey(Contract, models.PROTECT, related_name="supplements")
    ordinal = models.PositiveSmallIntegerField(_("序号"))
    kind = models.CharField(_("类型"), max_length=16, choices=SupplementKind.choices)
    text = models.TextField(_("文本"))
    text_sha256 = models.CharField("SHA-256", max_length=64)
    contract_sha256 = models.CharField(_("原合同 SHA-256"), max_length=64)
    reason = models.CharField(_("理由"), max_length=500)
    term_days = models.PositiveSmallIntegerField(_("许可期限（天）"), null=True, blank=True)
    inspection_days = models.PositiveSmallIntegerField(_("验收期（天）"), null=True, blank=True)
    ends_on = models.DateField(_("终止之日"), null=True, blank=True)
    proposed_party = models.CharField(_("提出方"), max_length=16, choices=Party.choices)
    proposed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    proposer_label = models.CharField(_("提出人"), max_length=200)
    proposed_at = models.DateTimeField(_("提出时间"))
    in_force_at = models.DateTimeField(_("生效时间"), null=True, blank=True)
    state = StateField(states=SupplementState)

    class Meta:
        verbose_name = _("补充合同")
        verbose_name_plural = _("补充合同")
        constraints = [
            SUPPLEMENT.constraint(),
            models.UniqueConstraint(fields=["contract", "ordinal"], name="supplement_ordinal"),
            models.UniqueConstraint(
                fields=["contract"], condition=models.Q(state="proposed"), name="supplement_one_open"
            ),
            models.CheckConstraint(
                condition=models.Q(state="in_force", in_force_at__isnull=False)
                | (~models.Q(state="in_force") & models.Q(in_force_at__isnull=True)),
                name="supplement_in_force_has_time",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="text_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["state", "in_force_at"]),
            ),
            pgtrigger.Trigger(
                name="hashes_fit",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NEW.text_sha256 <> encode(sha256(convert_to(NEW.text, 'UTF8')), 'hex')
                       OR NEW.contract_sha256 <> (SELECT text_sha256 FROM trading_contract WHERE id = NEW.contract_id)
                    THEN
                        RAISE EXCEPTION 'a supplement is kept with its own hash and that of its contract';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """The contract's number with the supplement's place: HT-2026-0000001-K-B1."""
        return f"{self.contract.number}-B{self.ordinal}"


class SupplementSignature(Record):
    """One side's acceptance of a supplement's text."""

    supplement = models.ForeignKey(Supplement, models.PROTECT, related_name="signatures")
    party = models.CharField(_("签署方"), max_length=16, choices=Party.choices)
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    signed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    signer_label = models.CharField(_("签署人"), max_length=200)
    text_sha256 = models.CharField("SHA-256", max_length=64)
    signed_at = models.DateTimeField(_("签署时间"))

    class Meta:
        verbose_name = _("补充合同签署")
        verbose_name_plural = _("补充合同签署")
        constraints = [
            models.UniqueConstraint(
                fields=["supplement", "party"], name="supplement_signature_once_per_party"
            )
        ]
        triggers = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="hash_fits",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM trading_supplement
                        WHERE id = NEW.supplement_id AND text_sha256 = NEW.text_sha256
                    ) THEN
                        RAISE EXCEPTION 'what is signed is the text of the supplement';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.supplement} · {self.get_party_display()}"
