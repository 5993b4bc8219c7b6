"""Purchase requests and the versions of what was offered under them."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from exchange.catalogue.models import Plan, Product
from exchange.catalogue.states import Licence
from exchange.requests.states import REQUEST, Place, Purpose, RequestState
from exchange.trading.models import Order
from exchange.trading.states import Clause, ContractTemplate, Party, Territory
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField


class PurchaseRequest(Record):
    """What a buyer wants to do with a product, for the supplier to agree to; deals are settled inside it.

    `term_days` counts from delivery (None: no end). What was approved holds until `approval_until`, exclusive.
    `previous`: the request that was refused, withdrawn or had lapsed before this one; `change_note`: what is
    different now. `accepted_version`: the offer that both sides agreed on; None when ordered as listed.
    """

    number = models.CharField(_("申请编号"), max_length=24, unique=True)
    product = models.ForeignKey(Product, models.PROTECT, related_name="requests")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="requests")
    supplier = models.ForeignKey(
        "organizations.Organization", models.PROTECT, related_name="requests_received"
    )
    buyer = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="requests_made")
    previous = models.OneToOneField(
        "self", models.PROTECT, related_name="following", null=True, blank=True, verbose_name=_("上一次申请")
    )
    change_note = models.CharField(_("与上次相比改了什么"), max_length=500, blank=True)
    purpose = models.CharField(_("用途类别"), max_length=16, choices=Purpose.choices)
    use_statement = models.TextField(_("用途说明"))
    place = models.CharField(_("处理场所"), max_length=16, choices=Place.choices)
    place_note = models.CharField(_("场所说明"), max_length=200, blank=True)
    term_days = models.PositiveSmallIntegerField(_("使用期限（天）"), null=True, blank=True)
    people_count = models.PositiveIntegerField(_("使用人数"))
    is_training = models.BooleanField(_("是否训练模型"))
    is_abroad = models.BooleanField(_("是否向境外提供"))
    requested_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField(_("申请时间"))
    approved_at = models.DateTimeField(_("同意时间"), null=True, blank=True)
    approval_until = models.DateTimeField(_("同意有效至"), null=True, blank=True)
    refusal_reason = models.CharField(_("不同意的理由"), max_length=500, blank=True)
    advice = models.CharField(_("怎样改可以再申请"), max_length=500, blank=True)
    order = models.OneToOneField(Order, models.PROTECT, related_name="request", null=True, blank=True)
    accepted_version = models.PositiveSmallIntegerField(_("谈定的版本"), null=True, blank=True)
    state = StateField(states=RequestState)

    class Meta:
        verbose_name = _("使用申请")
        verbose_name_plural = _("使用申请")
        indexes = [
            models.Index(fields=["supplier", "-id"], name="request_supplier"),
            models.Index(fields=["buyer", "-id"], name="request_buyer"),
            models.Index(
                fields=["approval_until"], condition=models.Q(state="approved"), name="request_approval_until"
            ),
        ]
        constraints = [
            REQUEST.constraint(),
            models.UniqueConstraint(
                fields=["buyer", "plan"],
                condition=models.Q(state__in=["requested", "approved"]),
                name="request_one_open",
            ),
            models.CheckConstraint(
                condition=~models.Q(buyer=models.F("supplier")), name="request_two_parties"
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["approved", "ordered", "expired"])
                | models.Q(approved_at__isnull=False, approval_until__isnull=False),
                name="request_approved_has_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state="ordered", order__isnull=False)
                | (~models.Q(state="ordered") & models.Q(order__isnull=True, accepted_version__isnull=True)),
                name="request_ordered_has_order",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="refused") | ~models.Q(refusal_reason=""),
                name="request_refused_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Offer(Record):
    """One version of the terms, made by either side; append-only. `price_fen` includes VAT.

    `changes` is the difference to the version before (see `rules.differences`); empty for the first. It may be
    accepted by the other side until `valid_until`, exclusive, while it is the latest.
    """

    request = models.ForeignKey(PurchaseRequest, models.PROTECT, related_name="offers")
    version = models.PositiveSmallIntegerField(_("版本"))
    party = models.CharField(_("提出方"), max_length=16, choices=Party.choices)
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="offers")
    price_fen = FenField(_("含税价"))
    licence = models.CharField(_("使用许可"), max_length=24, choices=Licence.choices)
    template = models.CharField(_("合同范本"), max_length=24, choices=ContractTemplate.choices)
    territory = models.CharField(_("使用地域"), max_length=16, choices=Territory.choices)
    term_days = models.PositiveSmallIntegerField(_("许可期限（天）"), null=True, blank=True)
    user_count = models.PositiveIntegerField(_("使用人数"), null=True, blank=True)
    inspection_days = models.PositiveSmallIntegerField(_("验收期（天）"))
    is_exclusive = models.BooleanField(_("独占许可"), default=False)
    clauses = ArrayField(
        models.CharField(max_length=24, choices=Clause.choices), verbose_name=_("附加约定"), default=list
    )
    note = models.CharField(_("附言"), max_length=500, blank=True)
    changes = models.JSONField(_("与上一版的差异"), default=list)
    made_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    maker_label = models.CharField(_("提出人"), max_length=200)
    made_at = models.DateTimeField(_("提出时间"))
    valid_until = models.DateTimeField(_("有效至"))

    class Meta:
        verbose_name = _("报价")
        verbose_name_plural = _("报价")
        constraints = [
            models.UniqueConstraint(fields=["request", "version"], name="offer_version"),
            models.CheckConstraint(condition=models.Q(price_fen__gt=0), name="offer_price_positive"),
            models.CheckConstraint(
                condition=models.Q(valid_until__gt=models.F("made_at")), name="offer_valid_after_made"
            ),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.request} v{self.version}"
