"""Annotation tenders with their items and questions, sealed bids, and what follows from an award."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from annotation.projects.models import Project
from annotation.projects.states import Modality
from exchange.catalogue.states import TaskType
from exchange.demands.states import DemandVisibility
from exchange.tenders.states import (
    BID,
    ENGAGEMENT,
    MILESTONE,
    TENDER,
    BidState,
    EngagementState,
    MilestoneState,
    PriceUnit,
    TenderState,
)
from exchange.trading.states import Party
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Tender(Record):
    """Annotation work that a buyer asks for. Bids are taken, and sealed, until `deadline` (outside).

    `item_count`: how many items are to be labelled in all, delivered in `lot_count` lots. `aql_percent`,
    `limiting_percent`: the quality that lots are inspected for, nonconforming items in per cent; a limiting quality
    counts before the AQL. A null `budget_fen` leaves the budget open.
    """

    number = models.CharField(_("招标编号"), max_length=24, unique=True)
    buyer = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="tenders")
    title = models.CharField(_("项目名称"), max_length=120)
    brief = models.TextField(_("需求说明"), max_length=4_000)
    task = models.CharField(_("任务类型"), max_length=16, choices=TaskType.choices)
    modality = models.CharField(_("数据形态"), max_length=16, choices=Modality.choices)
    labeling_config = models.TextField(_("标注配置"))
    guideline = models.TextField(_("标注规范草案"))
    source = models.CharField(_("数据来源"), max_length=500)
    licence = models.CharField(_("来源许可"), max_length=200)
    item_count = models.PositiveIntegerField(_("标注数量（条）"))
    lot_count = models.PositiveSmallIntegerField(_("分批数"))
    aql_percent = models.DecimalField(_("接收质量限（%）"), max_digits=5, decimal_places=3)
    limiting_percent = models.DecimalField(
        _("极限质量（%）"), max_digits=5, decimal_places=2, null=True, blank=True
    )
    budget_fen = FenField(_("预算上限"), null=True, blank=True)
    due_on = models.DateField(_("期望完成"))
    deadline = models.DateTimeField(_("投标截止"))
    visibility = models.CharField(
        _("可见范围"), max_length=16, choices=DemandVisibility.choices, default=DemandVisibility.PUBLIC
    )
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    published_at = models.DateTimeField(_("发布时间"), null=True, blank=True)
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)
    award_reason = models.CharField(_("定标理由"), max_length=500, blank=True)
    state = StateField(states=TenderState)

    class Meta:
        verbose_name = _("标注招标")
        verbose_name_plural = _("标注招标")
        constraints = [
            TENDER.constraint(),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "withdrawn"]) | Q(published_at__isnull=False),
                name="tender_published_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "published"], ended_at__isnull=True)
                | (~Q(state__in=["draft", "published"]) & Q(ended_at__isnull=False)),
                name="tender_ended_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="awarded") | ~Q(award_reason=""), name="tender_awarded_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(lot_count__gte=1, lot_count__lte=F("item_count")), name="tender_lots_within_items"
            ),
            models.CheckConstraint(
                condition=Q(budget_fen__isnull=True) | Q(budget_fen__gt=0), name="tender_budget_positive"
            ),
        ]
        indexes = [
            models.Index(fields=["-published_at", "-id"], name="tender_published"),
            models.Index(fields=["buyer", "-id"], name="tender_of_buyer"),
            models.Index(fields=["deadline"], condition=Q(state="published"), name="tender_open_deadline"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.number})"


class TenderInvitation(Record):
    """A firm that was asked by name to bid."""

    tender = models.ForeignKey(Tender, models.PROTECT, related_name="invitations")
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    invited_at = models.DateTimeField(_("邀请时间"))

    class Meta:
        verbose_name = _("投标邀请")
        verbose_name_plural = _("投标邀请")
        constraints = [models.UniqueConstraint(fields=["tender", "organization"], name="tender_invited_once")]
        indexes = [models.Index(fields=["organization", "tender"], name="tender_invited")]

    def __str__(self) -> str:
        return f"{self.tender} · {self.organization}"


class TenderItem(Record):
    """A raw item of a tender; bidders see and label the samples, the others go to the winner once it has signed.

    Images lie under `object_key`, named by their SHA-256; texts stand in `text`.
    """

    tender = models.ForeignKey(Tender, models.PROTECT, related_name="items")
    ordinal = models.PositiveIntegerField(_("序号"))
    is_sample = models.BooleanField(_("试标样题"))
    name = models.CharField(_("文件名"), max_length=255)
    media_type = models.CharField(_("媒体类型"), max_length=80)
    sha256 = models.CharField("SHA-256", max_length=64)
    object_key = models.CharField(_("对象键"), max_length=300, blank=True)
    text = models.TextField(_("文本"), blank=True)
    width = models.PositiveIntegerField(_("宽（像素）"), null=True, blank=True)
    height = models.PositiveIntegerField(_("高（像素）"), null=True, blank=True)

    class Meta:
        verbose_name = _("招标数据")
        verbose_name_plural = _("招标数据")
        constraints = [
            models.UniqueConstraint(fields=["tender", "ordinal"], name="tender_item_ordinal_once"),
            models.UniqueConstraint(fields=["tender", "sha256"], name="tender_item_content_once"),
        ]

    def __str__(self) -> str:
        return self.name


class TenderQuestion(Record):
    """What a firm asked about a tender; question and answer are read by all who may bid, never who asked."""

    tender = models.ForeignKey(Tender, models.PROTECT, related_name="questions")
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    question = models.CharField(_("问题"), max_length=1_000)
    asked_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    asked_at = models.DateTimeField(_("提问时间"))
    answer = models.CharField(_("答复"), max_length=2_000, blank=True)
    answered_at = models.DateTimeField(_("答复时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("招标问答")
        verbose_name_plural = _("招标问答")
        constraints = [
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, answer="")
                | (Q(answered_at__isnull=False) & ~Q(answer="")),
                name="tender_answer_has_time",
            )
        ]

    def __str__(self) -> str:
        return self.question[:40]


class Bid(Record):
    """A firm's sealed bid: until the tender's deadline nobody but the firm sees it, afterwards the buyer too.

    `amount_fen` = `unit_price_fen` × `quantity` (items or hours), VAT included. `task_pay_fen`: what the firm will
    pay its annotators for one accepted item; it goes into the project and is never shown to the buyer.
    """

    tender = models.ForeignKey(Tender, models.PROTECT, related_name="bids")
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="tender_bids")
    unit = models.CharField(_("计价方式"), max_length=8, choices=PriceUnit.choices)
    unit_price_fen = FenField(_("含税单价"))
    quantity = models.PositiveIntegerField(_("计价数量"))
    amount_fen = FenField(_("含税总价"))
    task_pay_fen = FenField(_("标注员单条报酬"))
    people_count = models.PositiveIntegerField(_("投入人数"))
    days = models.PositiveSmallIntegerField(_("工期（天）"))
    overlap = models.PositiveSmallIntegerField(_("每条标注份数"))
    review_share_bp = models.PositiveIntegerField(_("质检比例（万分比）"))
    plan = models.TextField(_("实施与质量方案"), max_length=4_000)
    valid_until = models.DateField(_("报价有效期至"))
    outcome = models.CharField(_("结果说明"), max_length=500, blank=True)
    drawn_up_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    drawn_up_at = models.DateTimeField(_("编制时间"))
    submitted_at = models.DateTimeField(_("提交时间"), null=True, blank=True)
    state = StateField(states=BidState)

    class Meta:
        verbose_name = _("投标")
        verbose_name_plural = _("投标")
        constraints = [
            BID.constraint(),
            models.UniqueConstraint(fields=["tender", "firm"], name="bid_once_per_firm"),
            models.UniqueConstraint(fields=["tender"], condition=Q(state="chosen"), name="bid_one_chosen"),
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0, task_pay_fen__gte=0), name="bid_amounts_sound"
            ),
            models.CheckConstraint(
                condition=Q(amount_fen=F("unit_price_fen") * F("quantity")), name="bid_amount_adds_up"
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(submitted_at__isnull=False), name="bid_submitted_has_time"
            ),
        ]
        indexes = [models.Index(fields=["firm", "-id"], name="bid_of_firm")]

    def __str__(self) -> str:
        return f"{self.tender.number} · {self.firm}"


class SampleLabel(Record):
    """How a bidder labelled one sample item; as sealed as its bid."""

    bid = models.ForeignKey(Bid, models.PROTECT, related_name="labels")
    item = models.ForeignKey(TenderItem, models.PROTECT, related_name="+")
    result = models.JSONField(_("标注结果"))
    labelled_at = models.DateTimeField(_("标注时间"))

    class Meta:
        verbose_name = _("试标结果")
        verbose_name_plural = _("试标结果")
        constraints = [models.UniqueConstraint(fields=["bid", "item"], name="sample_labelled_once")]

    def __str__(self) -> str:
        return f"{self.bid} · {self.item}"


class Engagement(Record):
    """The contract relation that an award opens: its row is the lock of all its milestones and their money.

    `accepted_item_count`: how many items of the project were accepted so far, told by whoever inspects; every
    milestone whose items are among them counts as accepted.
    """

    number = models.CharField(_("服务合同编号"), max_length=24, unique=True)
    tender = models.OneToOneField(Tender, models.PROTECT, related_name="engagement")
    bid = models.OneToOneField(Bid, models.PROTECT, related_name="engagement")
    buyer = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="engagements_bought")
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="engagements")
    amount_fen = FenField(_("含税金额"))
    tax_fen = FenField(_("税额"))
    project = models.OneToOneField(Project, models.PROTECT, null=True, blank=True, related_name="engagement")
    accepted_item_count = models.PositiveIntegerField(_("已验收条数"), default=0)
    awarded_at = models.DateTimeField(_("定标时间"))
    started_at = models.DateTimeField(_("签约时间"), null=True, blank=True)
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)
    termination_asked_by = models.CharField(
        _("提出解除的一方"), max_length=16, choices=Party.choices, blank=True
    )
    termination_reason = models.CharField(_("解除理由"), max_length=500, blank=True)
    state = StateField(states=EngagementState)

    class Meta:
        verbose_name = _("标注服务合同")
        verbose_name_plural = _("标注服务合同")
        constraints = [
            ENGAGEMENT.constraint(),
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0, tax_fen__gte=0, tax_fen__lt=F("amount_fen")),
                name="engagement_amount_sound",
            ),
            models.CheckConstraint(condition=~Q(buyer=F("firm")), name="engagement_two_parties"),
            models.CheckConstraint(
                condition=Q(state__in=["signing", "cancelled"])
                | Q(started_at__isnull=False, project__isnull=False),
                name="engagement_started_has_project",
            ),
        ]
        indexes = [
            models.Index(fields=["firm", "-id"], name="engagement_of_firm"),
            models.Index(fields=["buyer", "-id"], name="engagement_of_buyer"),
        ]

    def __str__(self) -> str:
        return self.number


class ServiceContract(Record):
    """The entrusted-processing contract of an engagement, fixed at the award; the database works the hash out."""

    engagement = models.OneToOneField(Engagement, models.PROTECT, related_name="contract")
    text = models.TextField(_("合同文本"))
    text_sha256 = models.CharField("SHA-256", max_length=64)
    drawn_up_at = models.DateTimeField(_("拟定时间"))

    class Meta:
        verbose_name = _("标注服务合同文本")
        verbose_name_plural = _("标注服务合同文本")
        triggers = [
            _APPEND_ONLY,
            pgtrigger.Trigger(
                name="hash_fits",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NEW.text_sha256 <> encode(sha256(convert_to(NEW.text, 'UTF8')), 'hex') THEN
                        RAISE EXCEPTION 'a contract is kept with the hash of its own text';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return self.engagement.number


class ServiceSignature(Record):
    """One side's acceptance of the contract's text."""

    contract = models.ForeignKey(ServiceContract, models.PROTECT, related_name="signatures")
    party = models.CharField(_("签署方"), max_length=16, choices=Party.choices)
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    signed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    signer_label = models.CharField(_("签署人"), max_length=200)
    text_sha256 = models.CharField("SHA-256", max_length=64)
    signed_at = models.DateTimeField(_("签署时间"))

    class Meta:
        verbose_name = _("标注服务合同签署")
        verbose_name_plural = _("标注服务合同签署")
        constraints = [
            models.UniqueConstraint(fields=["contract", "party"], name="service_signature_once_per_party")
        ]
        triggers = [
            _APPEND_ONLY,
            pgtrigger.Trigger(
                name="hash_fits",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                func="""
                    IF NOT EXISTS (
                        SELECT 1 FROM tenders_servicecontract
                        WHERE id = NEW.contract_id AND text_sha256 = NEW.text_sha256
                    ) THEN
                        RAISE EXCEPTION 'what is signed is the text of the contract';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contract} · {self.get_party_display()}"


class Milestone(Record):
    """One lot of an engagement: its items, its part of the price, its day; its money is moved by settlement.

    `last_item`: how many items are due up to and with this lot. `due_on` is fixed when both sides have signed.
    """

    engagement = models.ForeignKey(Engagement, models.PROTECT, related_name="milestones")
    ordinal = models.PositiveSmallIntegerField(_("批次"))
    item_count = models.PositiveIntegerField(_("条数"))
    last_item = models.PositiveIntegerField(_("累计条数"))
    amount_fen = FenField(_("含税金额"))
    due_days = models.PositiveSmallIntegerField(_("签约后天数"))
    due_on = models.DateField(_("约定交付"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("交付时间"), null=True, blank=True)
    accepted_at = models.DateTimeField(_("验收时间"), null=True, blank=True)
    state = StateField(states=MilestoneState)

    class Meta:
        verbose_name = _("交付批次")
        verbose_name_plural = _("交付批次")
        constraints = [
            MILESTONE.constraint(),
            models.UniqueConstraint(fields=["engagement", "ordinal"], name="milestone_ordinal_once"),
            models.CheckConstraint(condition=Q(amount_fen__gt=0, item_count__gt=0), name="milestone_sound"),
            models.CheckConstraint(
                condition=~Q(state="accepted") | Q(accepted_at__isnull=False),
                name="milestone_accepted_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.engagement.number}-{self.ordinal}"


class LotInspection(Record):
    """The buyer's inspection of one delivered lot by its sampling plan; kept as it was found."""

    milestone = models.ForeignKey(Milestone, models.PROTECT, related_name="inspections")
    sample_size = models.PositiveIntegerField(_("样本量"))
    accept_at_most = models.PositiveIntegerField(_("接收数"))
    defect_count = models.PositiveIntegerField(_("不合格数"))
    is_accepted = models.BooleanField(_("接收"))
    words = models.CharField(_("说明"), max_length=1_000, blank=True)
    inspected_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    inspected_at = models.DateTimeField(_("验收时间"))

    class Meta:
        verbose_name = _("批次验收")
        verbose_name_plural = _("批次验收")
        constraints = [
            models.CheckConstraint(
                condition=Q(is_accepted=True, defect_count__lte=F("accept_at_most"))
                | Q(is_accepted=False, defect_count__gt=F("accept_at_most")),
                name="inspection_follows_plan",
            ),
            models.CheckConstraint(
                condition=Q(defect_count__lte=F("sample_size")), name="inspection_defects_within_sample"
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.milestone} {self.defect_count}/{self.sample_size}"


class Rating(Record):
    """What a buyer says of a firm after the work, once; only who really had work accepted can."""

    engagement = models.OneToOneField(Engagement, models.PROTECT, related_name="rating")
    quality = models.PositiveSmallIntegerField(_("质量"))
    punctuality = models.PositiveSmallIntegerField(_("准时"))
    communication = models.PositiveSmallIntegerField(_("沟通"))
    words = models.CharField(_("评价"), max_length=1_000, blank=True)
    rated_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    rated_at = models.DateTimeField(_("评价时间"))

    class Meta:
        verbose_name = _("服务评价")
        verbose_name_plural = _("服务评价")
        constraints = [
            models.CheckConstraint(
                condition=Q(quality__range=(1, 5), punctuality__range=(1, 5), communication__range=(1, 5)),
                name="rating_in_bounds",
            )
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.engagement} {self.quality}/{self.punctuality}/{self.communication}"


class RatingAnswer(Record):
    """The firm's one answer to a rating."""

    rating = models.OneToOneField(Rating, models.PROTECT, related_name="reply")
    words = models.CharField(_("回复"), max_length=1_000)
    answered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(_("回复时间"))

    class Meta:
        verbose_name = _("评价回复")
        verbose_name_plural = _("评价回复")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.words[:40]
