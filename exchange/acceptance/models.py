"""Inspections, complaints with their defects, offers and statements, rulings, and what they take off a price."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetFile, DatasetVersion
from documents.models import Document
from exchange.acceptance.rules import percent
from exchange.acceptance.states import (
    COMPLAINT,
    OPEN,
    Check,
    Citation,
    ComplaintState,
    DefectKind,
    Outcome,
    Remedy,
)
from exchange.trading.models import Order
from exchange.trading.states import Party
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Inspection(Record):
    """What a buyer compared before it accepted, and its remarks."""

    order = models.OneToOneField(Order, models.PROTECT, related_name="inspection")
    checks = ArrayField(models.CharField(max_length=24, choices=Check.choices), verbose_name=_("已核对"))
    remarks = models.TextField(_("验收备注"), blank=True)
    inspected_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    inspector_label = models.CharField(_("验收人"), max_length=200)
    inspected_at = models.DateTimeField(_("验收时间"))

    class Meta:
        verbose_name = _("验收记录")
        verbose_name_plural = _("验收记录")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return str(self.order)


class Complaint(Record):
    """A buyer's complaint about what was delivered (`root_hash`); while it is open the order is disputed.

    `due_at`: until when whoever's turn it is may act. `evidence_until`: end of the time in which both sides
    state their evidence, set with every escalation.
    """

    number = models.CharField(_("异议编号"), max_length=24, unique=True)
    order = models.ForeignKey(Order, models.PROTECT, related_name="complaints")
    root_hash = models.CharField(_("所验收内容的根哈希"), max_length=64)
    filed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    filer_label = models.CharField(_("提出人"), max_length=200)
    filed_at = models.DateTimeField(_("提出时间"))
    due_at = models.DateTimeField(_("办理期限"), null=True, blank=True)
    escalated_at = models.DateTimeField(_("提请裁决时间"), null=True, blank=True)
    evidence_until = models.DateTimeField(_("举证期限"), null=True, blank=True)
    closed_at = models.DateTimeField(_("了结时间"), null=True, blank=True)
    state = StateField(states=ComplaintState)

    class Meta:
        verbose_name = _("交付异议")
        verbose_name_plural = _("交付异议")
        constraints = [
            COMPLAINT.constraint(),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(state__in=[state.value for state in OPEN]),
                name="complaint_one_open",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[state.value for state in OPEN], due_at__isnull=False, closed_at__isnull=True
                )
                | (~Q(state__in=[state.value for state in OPEN]) & Q(closed_at__isnull=False)),
                name="complaint_open_has_deadline",
            ),
            models.CheckConstraint(
                condition=~Q(state="disputed") | Q(escalated_at__isnull=False, evidence_until__isnull=False),
                name="complaint_disputed_has_period",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="disputed"), name="complaint_disputed_due"),
            models.Index(fields=["order", "-filed_at"], name="complaint_order_filed"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def tone(self) -> str:
        """The colour of the state: amber while a side is waited for."""
        return {"disputed": "red", "settled": "green", "ruled": "green", "withdrawn": "neutral"}.get(
            self.state, "amber"
        )

    @property
    def is_open(self) -> bool:
        """Whether it has not ended yet; the order is disputed as long."""
        return self.state in OPEN


class Defect(Record):
    """One thing that is wrong: in one file, or in the whole delivery (`file` empty).

    For label errors: ids of sample rows that show it, and the rate found in basis points.
    """

    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="defects")
    kind = models.CharField(_("问题类型"), max_length=24, choices=DefectKind.choices)
    file = models.ForeignKey(DatasetFile, models.PROTECT, null=True, blank=True, related_name="+")
    text = models.TextField(_("问题说明"))
    row_ids = ArrayField(
        models.CharField(max_length=80), verbose_name=_("样本编号"), default=list, blank=True
    )
    error_rate_bp = models.PositiveIntegerField(_("错误率（万分比）"), null=True, blank=True)
    reporter_label = models.CharField(_("提出人"), max_length=200)
    reported_at = models.DateTimeField(_("提出时间"))

    class Meta:
        verbose_name = _("缺陷")
        verbose_name_plural = _("缺陷")
        constraints = [
            models.CheckConstraint(
                condition=Q(error_rate_bp__isnull=True) | Q(error_rate_bp__lte=10_000),
                name="defect_rate_within_all",
            ),
            models.CheckConstraint(condition=~Q(text=""), name="defect_has_text"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.complaint} · {self.get_kind_display()}"

    @property
    def error_rate(self) -> str:
        """The rate found, as per cent."""
        return percent(self.error_rate_bp or 0)


class Offer(Record):
    """The supplier's answer: a remedy with its terms, or a rejection with reasons; the latest one stands."""

    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="offers")
    ordinal = models.PositiveSmallIntegerField(_("次序"))
    kind = models.CharField(_("答复"), max_length=24, choices=Remedy.choices)
    amount_fen = FenField(_("退款金额"), null=True, blank=True)
    version = models.ForeignKey(DatasetVersion, models.PROTECT, null=True, blank=True, related_name="+")
    text = models.TextField(_("答复说明"))
    offered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    offerer_label = models.CharField(_("答复人"), max_length=200)
    offered_at = models.DateTimeField(_("答复时间"))

    class Meta:
        verbose_name = _("供方答复")
        verbose_name_plural = _("供方答复")
        constraints = [
            models.UniqueConstraint(fields=["complaint", "ordinal"], name="offer_ordinal_once"),
            models.CheckConstraint(
                condition=Q(kind="partial_refund", amount_fen__gt=0, version__isnull=True)
                | Q(kind="replacement", amount_fen__isnull=True, version__isnull=False)
                | Q(kind__in=["full_refund", "rejection"], amount_fen__isnull=True, version__isnull=True),
                name="offer_has_its_terms",
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.complaint} #{self.ordinal}"


class Statement(Record):
    """What one side tells the exchange in a dispute."""

    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="statements")
    party = models.CharField(_("陈述方"), max_length=16, choices=Party.choices)
    text = models.TextField(_("陈述"))
    stated_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    speaker_label = models.CharField(_("陈述人"), max_length=200)
    stated_at = models.DateTimeField(_("陈述时间"))

    class Meta:
        verbose_name = _("争议陈述")
        verbose_name_plural = _("争议陈述")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.complaint} · {self.get_party_display()}"


class Attachment(Record):
    """A stored document that belongs to a defect, an offer or a statement, with its hash as it was then."""

    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="attachments")
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    sha256 = models.CharField("SHA-256", max_length=64)
    defect = models.ForeignKey(Defect, models.PROTECT, null=True, related_name="attachments")
    offer = models.ForeignKey(Offer, models.PROTECT, null=True, related_name="attachments")
    statement = models.ForeignKey(Statement, models.PROTECT, null=True, related_name="attachments")

    class Meta:
        verbose_name = _("争议证据")
        verbose_name_plural = _("争议证据")
        constraints = [
            models.CheckConstraint(
                condition=Q(defect__isnull=False, offer__isnull=True, statement__isnull=True)
                | Q(defect__isnull=True, offer__isnull=False, statement__isnull=True)
                | Q(defect__isnull=True, offer__isnull=True, statement__isnull=False),
                name="attachment_of_one_thing",
            )
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return str(self.document)


class Ruling(Record):
    """The exchange's decision, never changed; where `is_confirmation_needed` it waits for a second operator."""

    number = models.CharField(_("裁决编号"), max_length=24, unique=True)
    complaint = models.ForeignKey(Complaint, models.PROTECT, related_name="rulings")
    outcome = models.CharField(_("裁决结果"), max_length=24, choices=Outcome.choices)
    amount_fen = FenField(_("退款金额"), null=True, blank=True)
    text = models.TextField(_("裁决理由"))
    citations = ArrayField(models.CharField(max_length=24, choices=Citation.choices), verbose_name=_("依据"))
    is_confirmation_needed = models.BooleanField(_("须第二人复核"))
    ruled_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    ruler_label = models.CharField(_("裁决人"), max_length=200)
    ruled_at = models.DateTimeField(_("裁决时间"))

    class Meta:
        verbose_name = _("争议裁决")
        verbose_name_plural = _("争议裁决")
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="partial_refund", amount_fen__gt=0)
                | (~Q(outcome="partial_refund") & Q(amount_fen__isnull=True)),
                name="ruling_amount_where_partial",
            ),
            models.CheckConstraint(condition=Q(citations__len__gt=0), name="ruling_cites_something"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.number

    @property
    def citation_labels(self) -> list[str]:
        """What the ruling rests on, as people read it."""
        return [str(Citation(code).label) for code in self.citations]


class Confirmation(Record):
    """A second operator's word on a ruling: confirmed, or sent back with reasons."""

    ruling = models.OneToOneField(Ruling, models.PROTECT, related_name="confirmation")
    is_confirmed = models.BooleanField(_("同意"))
    remark = models.TextField(_("复核意见"), blank=True)
    confirmed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    confirmer_label = models.CharField(_("复核人"), max_length=200)
    confirmed_at = models.DateTimeField(_("复核时间"))

    class Meta:
        verbose_name = _("裁决复核")
        verbose_name_plural = _("裁决复核")
        constraints = [
            models.CheckConstraint(
                condition=Q(is_confirmed=True) | ~Q(remark=""), name="confirmation_no_has_reason"
            )
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return str(self.ruling)


_WITHIN_PRICE = pgtrigger.Trigger(
    name="within_price",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[("price", "record")],
    func="""
        SELECT amount_fen, tax_fen INTO price FROM trading_order WHERE id = NEW.order_id FOR UPDATE;
        IF NEW.amount_fen >= price.amount_fen OR NEW.tax_fen > price.tax_fen THEN
          RAISE EXCEPTION 'a reduction of order % exceeds its price', NEW.order_id USING ERRCODE = 'QP002';
        END IF;
        RETURN NEW;
    """,
)


class Reduction(Record):
    """What is taken off an order's price before release: `amount_fen` with `tax_fen` VAT goes back to the buyer.

    At most one per order, always less than the price (the whole price back ends the order instead).
    """

    order = models.OneToOneField(Order, models.PROTECT, related_name="reduction")
    complaint = models.OneToOneField(Complaint, models.PROTECT, related_name="reduction")
    amount_fen = FenField(_("扣减金额"))
    tax_fen = FenField(_("其中税额"))
    reason = models.CharField(_("原因"), max_length=300)
    reduced_at = models.DateTimeField(_("扣减时间"))

    class Meta:
        verbose_name = _("价款扣减")
        verbose_name_plural = _("价款扣减")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0, tax_fen__gte=0, tax_fen__lte=F("amount_fen")),
                name="reduction_sound",
            )
        ]
        triggers = [_APPEND_ONLY, _WITHIN_PRICE]

    def __str__(self) -> str:
        return f"{self.order} −{self.amount_fen}"
