"""Demands of buyers, the answers of firms, and what both sides write to each other."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext_lazy as _

from annotation.projects.states import Modality
from assets.registry.states import ProductKind
from exchange.catalogue.models import Product
from exchange.catalogue.states import Industry, TaskType
from exchange.demands.states import (
    ANSWER,
    DEMAND,
    AnswerState,
    DemandState,
    DemandVisibility,
    Side,
)
from kernel.money import FenField
from kernel.records import Record
from kernel.search import SearchVectorField, Terms
from kernel.states import StateField


class Demand(Record):
    """What a buyer looks for. Answers are taken until `deadline` (outside); later the buyer only decides.

    Empty `kind`, `modality`, `task` and null `quantity` (rows), `quality_bp` (least measured quality, basis points)
    mean that anything will do; a null `budget_most_fen` that the budget is open. The contact is shown to firms with
    a live answer. A hidden demand is seen by its buyer and the operator only.
    """

    number = models.CharField(_("需求编号"), max_length=24, unique=True)
    buyer = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="demands")
    title = models.CharField(_("需求名称"), max_length=120)
    description = models.TextField(_("需求说明"), max_length=4_000)
    industry = models.CharField(_("行业"), max_length=24, choices=Industry.choices)
    kind = models.CharField(_("产品类型"), max_length=24, choices=ProductKind.choices, blank=True)
    modality = models.CharField(_("数据形态"), max_length=16, choices=Modality.choices, blank=True)
    task = models.CharField(_("任务类型"), max_length=16, choices=TaskType.choices, blank=True)
    quantity = models.PositiveBigIntegerField(_("数量（条）"), null=True, blank=True)
    quality_bp = models.PositiveIntegerField(_("质量要求（万分比）"), null=True, blank=True)
    budget_least_fen = FenField(_("预算下限"), null=True, blank=True)
    budget_most_fen = FenField(_("预算上限"), null=True, blank=True)
    deadline = models.DateTimeField(_("应答截止"))
    visibility = models.CharField(
        _("可见范围"), max_length=16, choices=DemandVisibility.choices, default=DemandVisibility.PUBLIC
    )
    contact_name = models.CharField(_("联系人"), max_length=60)
    contact_phone = models.CharField(_("联系电话"), max_length=40, blank=True)
    contact_email = models.EmailField(_("联系邮箱"), max_length=254, blank=True)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    published_at = models.DateTimeField(_("发布时间"), null=True, blank=True)
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)
    hidden_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    hidden_at = models.DateTimeField(_("隐藏时间"), null=True, blank=True)
    hidden_reason = models.CharField(_("隐藏理由"), max_length=500, blank=True)
    state = StateField(states=DemandState)
    search = models.GeneratedField(
        expression=Terms(
            Concat(
                F("number"), Value(" "), F("title"), Value(" "), F("description"),
                output_field=models.TextField(),
            )
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )  # fmt: skip

    class Meta:
        verbose_name = _("数据需求")
        verbose_name_plural = _("数据需求")
        constraints = [
            DEMAND.constraint(),
            models.CheckConstraint(
                condition=Q(visibility__in=DemandVisibility.values), name="demand_visibility_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "withdrawn"]) | Q(published_at__isnull=False),
                name="demand_published_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "published", "answered"], ended_at__isnull=True)
                | (~Q(state__in=["draft", "published", "answered"]) & Q(ended_at__isnull=False)),
                name="demand_ended_has_time",
            ),
            models.CheckConstraint(
                condition=Q(budget_least_fen__isnull=True, budget_most_fen__isnull=True)
                | Q(budget_most_fen__gt=0, budget_least_fen__isnull=True)
                | Q(
                    budget_most_fen__gte=F("budget_least_fen"), budget_least_fen__gte=0, budget_most_fen__gt=0
                ),
                name="demand_budget_is_range",
            ),
            models.CheckConstraint(
                condition=Q(quality_bp__isnull=True) | Q(quality_bp__lte=10_000),
                name="demand_quality_is_share",
            ),
            models.CheckConstraint(
                condition=~Q(contact_phone="", contact_email=""), name="demand_contact_can_be_reached"
            ),
            models.CheckConstraint(
                condition=Q(hidden_at__isnull=True, hidden_reason="")
                | (Q(hidden_at__isnull=False) & ~Q(hidden_reason="")),
                name="demand_hidden_has_reason",
            ),
        ]
        indexes = [
            GinIndex(fields=["search"], name="demand_search", fastupdate=False),
            models.Index(fields=["-published_at", "-id"], name="demand_published"),
            models.Index(fields=["buyer", "-id"], name="demand_of_buyer"),
            models.Index(
                fields=["deadline"],
                condition=Q(state__in=["published", "answered"]),
                name="demand_open_deadline",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.number})"

    @property
    def is_hidden(self) -> bool:
        return self.hidden_at is not None

    @property
    def quality_percent(self) -> str:
        """The wanted quality for people: 97.5%."""
        return "" if self.quality_bp is None else f"{self.quality_bp / 100:g}%"


class DemandInvitation(Record):
    """A firm that was asked by name to answer a demand."""

    demand = models.ForeignKey(Demand, models.PROTECT, related_name="invitations")
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    invited_at = models.DateTimeField(_("邀请时间"))

    class Meta:
        verbose_name = _("应答邀请")
        verbose_name_plural = _("应答邀请")
        constraints = [models.UniqueConstraint(fields=["demand", "organization"], name="demand_invited_once")]
        indexes = [models.Index(fields=["organization", "demand"], name="demand_invited")]

    def __str__(self) -> str:
        return f"{self.demand} · {self.organization}"


class Answer(Record):
    """A firm's answer: one of its products, or an offer in words; seen by the two sides only.

    `price_fen` includes VAT; `delivery_days` from the contract. Edited until the demand's deadline.
    """

    demand = models.ForeignKey(Demand, models.PROTECT, related_name="answers")
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="demand_answers")
    product = models.ForeignKey(Product, models.PROTECT, null=True, blank=True, related_name="demand_answers")
    words = models.TextField(_("方案说明"), max_length=4_000, blank=True)
    price_fen = FenField(_("含税报价"), null=True, blank=True)
    delivery_days = models.PositiveIntegerField(_("交付时间（天）"), null=True, blank=True)
    submitted_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    submitted_at = models.DateTimeField(_("提交时间"))
    edited_at = models.DateTimeField(_("修改时间"), null=True, blank=True)
    state = StateField(states=AnswerState)

    class Meta:
        verbose_name = _("需求应答")
        verbose_name_plural = _("需求应答")
        constraints = [
            ANSWER.constraint(),
            models.UniqueConstraint(fields=["demand", "firm"], name="answer_once_per_firm"),
            models.UniqueConstraint(fields=["demand"], condition=Q(state="chosen"), name="answer_one_chosen"),
            models.CheckConstraint(
                condition=Q(product__isnull=False)
                | (~Q(words="") & Q(price_fen__isnull=False, delivery_days__isnull=False)),
                name="answer_is_product_or_offer",
            ),
            models.CheckConstraint(
                condition=Q(price_fen__isnull=True) | Q(price_fen__gt=0), name="answer_price_positive"
            ),
        ]
        indexes = [models.Index(fields=["firm", "-id"], name="answer_of_firm")]

    def __str__(self) -> str:
        return f"{self.demand.number} · {self.firm}"


class AnswerMessage(Record):
    """What one side wrote to the other about an answer; kept as it was sent."""

    answer = models.ForeignKey(Answer, models.PROTECT, related_name="messages")
    side = models.CharField(_("发送方"), max_length=16, choices=Side.choices)
    text = models.CharField(_("内容"), max_length=2_000)
    sent_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    sender_label = models.CharField(_("发送人"), max_length=200)
    sent_at = models.DateTimeField(_("发送时间"))

    class Meta:
        verbose_name = _("应答往来")
        verbose_name_plural = _("应答往来")
        indexes = [models.Index(fields=["answer", "id"], name="message_of_answer")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.text[:40]


class ToldMatch(models.Model):
    """A firm was told that its product answers a demand; once per demand and firm."""

    demand = models.ForeignKey(Demand, models.CASCADE, related_name="+")
    organization = models.ForeignKey("organizations.Organization", models.CASCADE, related_name="+")
    product = models.ForeignKey(Product, models.CASCADE, related_name="+")
    told_at = models.DateTimeField(_("通知时间"))

    class Meta:
        verbose_name = _("需求匹配通知")
        verbose_name_plural = _("需求匹配通知")
        constraints = [models.UniqueConstraint(fields=["demand", "organization"], name="match_told_once")]

    def __str__(self) -> str:
        return f"{self.demand_id} · {self.organization_id}"
