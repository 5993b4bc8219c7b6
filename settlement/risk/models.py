"""Runs and what they found, cases with their statements and decisions, declared ownership and details of firms."""

from __future__ import annotations

from datetime import date, timedelta

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from documents.models import Document
from kernel import clock
from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField
from settlement.risk.states import (
    CASE,
    DECIDED,
    FINDING,
    CaseState,
    Citation,
    FindingState,
    Outcome,
    SignalKind,
    Source,
    TraitKind,
)

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
LIVE = (FindingState.OPEN, FindingState.IN_CASE, FindingState.LAPSED)


class Run(Record):
    """One scan: which business years, with which thresholds, and what came of it."""

    years = ArrayField(models.PositiveSmallIntegerField(), verbose_name=_("年度"))
    parameters = models.CharField(_("参数版本"), max_length=40)
    trade_count = models.PositiveIntegerField(_("交易笔数"))
    firm_count = models.PositiveIntegerField(_("企业数"))
    found_count = models.PositiveIntegerField(_("信号数"))
    new_count = models.PositiveIntegerField(_("新信号"))
    lapsed_count = models.PositiveIntegerField(_("消失的信号"))
    ran_at = models.DateTimeField(_("运行时间"))

    class Meta:
        verbose_name = _("风险扫描")
        verbose_name_plural = _("风险扫描")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.ran_at:%Y-%m-%d %H:%M}"


class Case(Record):
    """A firm's year under review. `hearing_until`: until when the firm may answer before it can be excluded."""

    number = models.CharField(_("案件编号"), max_length=24, unique=True)
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="risk_cases")
    year = models.PositiveSmallIntegerField(_("年度"))
    reason = models.TextField(_("立案理由"))
    opened_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    opener_label = models.CharField(_("立案人"), max_length=200)
    opened_at = models.DateTimeField(_("立案时间"))
    assignee = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    hearing_until = models.DateTimeField(_("陈述期限"))
    decided_at = models.DateTimeField(_("决定时间"), null=True, blank=True)
    state = StateField(states=CaseState)

    class Meta:
        verbose_name = _("风险案件")
        verbose_name_plural = _("风险案件")
        indexes = [models.Index(fields=["firm", "year"], name="risk_case_firm_year")]
        constraints = [
            CASE.constraint(),
            models.CheckConstraint(
                condition=Q(state__in=[each.value for each in DECIDED], decided_at__isnull=False)
                | (~Q(state__in=[each.value for each in DECIDED]) & Q(decided_at__isnull=True)),
                name="risk_case_decided_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="in_review") | Q(assignee__isnull=False),
                name="risk_case_in_review_has_assignee",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def hearing_ends_on(self) -> date:
        """The last day on which the firm may answer before it can be excluded."""
        return clock.business_date(self.hearing_until - timedelta(microseconds=1))

    @property
    def tone(self) -> str:
        """The colour of the state: red where money no longer counts."""
        return {"excluded": "red", "cleared": "green", "noted": "neutral"}.get(self.state, "amber")


class Finding(Record):
    """A signal about one firm's business year, for a person to look at.

    Its identity is signal, firm, year, subject and the hash of its evidence. While it is live (not closed) a new
    scan updates it; a closed one stays, and another stands beside it only when there is new evidence.
    `figures` are what its reason tells; `evidence` names orders, postings, deliveries and declarations.
    """

    kind = models.CharField(_("信号"), max_length=24, choices=SignalKind.choices)
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="risk_findings")
    year = models.PositiveSmallIntegerField(_("年度"))
    subject = models.CharField(_("对象"), max_length=200)
    score = models.PositiveSmallIntegerField(_("分值"))
    amount_fen = FenField(_("涉及金额"))
    figures = models.JSONField(_("数据"), default=dict)
    evidence = models.JSONField(_("证据"), default=dict)
    evidence_sha256 = models.CharField("SHA-256", max_length=64)
    evidence_keys = ArrayField(models.CharField(max_length=80), verbose_name=_("证据项"), default=list)
    order_ids = ArrayField(models.UUIDField(), verbose_name=_("订单"), default=list)
    case = models.ForeignKey(Case, models.PROTECT, null=True, blank=True, related_name="findings")
    found_at = models.DateTimeField(_("首次发现"))
    seen_at = models.DateTimeField(_("最近复查"))
    state = StateField(states=FindingState)

    class Meta:
        verbose_name = _("风险信号")
        verbose_name_plural = _("风险信号")
        indexes = [models.Index(fields=["firm", "year"], name="risk_finding_firm_year")]
        constraints = [
            FINDING.constraint(),
            models.CheckConstraint(condition=Q(score__lte=100), name="risk_finding_score_within_100"),
            models.CheckConstraint(
                condition=Q(state__in=["in_case", "closed"], case__isnull=False)
                | Q(state__in=["open", "lapsed"], case__isnull=True),
                name="risk_finding_case_fits_state",
            ),
            models.UniqueConstraint(
                fields=["kind", "firm", "year", "subject"],
                condition=~Q(state="closed"),
                name="risk_finding_one_live",
            ),
            models.UniqueConstraint(
                fields=["kind", "firm", "year", "subject", "evidence_sha256"],
                name="risk_finding_evidence_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.firm_id} {self.year}"

    @property
    def tone(self) -> str:
        """The colour of the score."""
        return "red" if self.score >= 80 else "amber" if self.score >= 50 else "neutral"

    @property
    def signal(self) -> SignalKind:
        return SignalKind(self.kind)


class Statement(Record):
    """What the firm answers."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="statements")
    text = models.TextField(_("陈述"))
    stated_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    speaker_label = models.CharField(_("陈述人"), max_length=200)
    stated_at = models.DateTimeField(_("陈述时间"))

    class Meta:
        verbose_name = _("案件陈述")
        verbose_name_plural = _("案件陈述")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.case} {self.stated_at:%Y-%m-%d}"


class Attachment(Record):
    """A document beside a statement, with its hash at that time."""

    statement = models.ForeignKey(Statement, models.PROTECT, related_name="attachments")
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    sha256 = models.CharField("SHA-256", max_length=64)

    class Meta:
        verbose_name = _("陈述材料")
        verbose_name_plural = _("陈述材料")
        constraints = [
            models.UniqueConstraint(fields=["statement", "document"], name="risk_attachment_once"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return str(self.document)


class Decision(Record):
    """How a case was decided, on what, and what it did to the year (fen, without VAT; reward: None is unknown).

    `rulings` lists what was ruled per order: order id, number, code, whether excluded, net amount, and the number of
    another case that leaves it out all the same (`stands_in`).
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="decisions")
    outcome = models.CharField(_("决定"), max_length=16, choices=Outcome.choices)
    text = models.TextField(_("理由"))
    citations = ArrayField(models.CharField(max_length=24, choices=Citation.choices), verbose_name=_("依据"))
    finding_ids = ArrayField(models.UUIDField(), verbose_name=_("信号"))
    rulings = models.JSONField(_("逐笔认定"), default=list)
    revenue_before_fen = FenField(_("决定前计入收入"))
    revenue_after_fen = FenField(_("决定后计入收入"))
    reward_before_fen = FenField(_("决定前测算奖励"), null=True, blank=True)
    reward_after_fen = FenField(_("决定后测算奖励"), null=True, blank=True)
    decided_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    decider_label = models.CharField(_("决定人"), max_length=200)
    decided_at = models.DateTimeField(_("决定时间"))

    class Meta:
        verbose_name = _("案件决定")
        verbose_name_plural = _("案件决定")
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="risk_decision_has_reason")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.case} {self.outcome}"

    @property
    def citation_labels(self) -> list[str]:
        return [str(Citation(each).label) for each in self.citations]


class Holding(Record):
    """A declared share of a firm: held by another organization of the platform or by somebody outside it.

    `holder_code` is a social credit code, empty for a person. `is_state`: the holder is an office or body that
    holds for the State. Ended rather than changed.
    """

    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="risk_holdings")
    holder = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, blank=True, related_name="risk_stakes"
    )
    holder_name = models.CharField(_("持股方名称"), max_length=120)
    holder_code = models.CharField(_("持股方统一社会信用代码"), max_length=18, blank=True)
    share_bp = models.PositiveIntegerField(_("持股比例（万分比）"))
    is_state = models.BooleanField(_("国家出资的持股方"), default=False)
    source = models.CharField(_("来源"), max_length=16, choices=Source.choices)
    declared_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    declarer_label = models.CharField(_("申报人"), max_length=200)
    declared_at = models.DateTimeField(_("申报时间"))
    ended_at = models.DateTimeField(_("终止时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("股权申报")
        verbose_name_plural = _("股权申报")
        indexes = [models.Index(fields=["firm"], name="risk_holding_firm")]
        constraints = [
            models.CheckConstraint(
                condition=Q(share_bp__gt=0, share_bp__lte=10_000), name="risk_holding_within_all"
            ),
            models.CheckConstraint(condition=~Q(holder=models.F("firm")), name="risk_holding_of_another"),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="ends_only",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["ended_at"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holder_name} {self.share_bp / 100:g}%"

    @property
    def percent(self) -> str:
        """The share as per cent with at most two decimals."""
        return f"{self.share_bp // 100}.{self.share_bp % 100:02d}".rstrip("0").rstrip(".") + "%"


class Trait(Record):
    """A declared detail of a firm that is compared with its buyers'. Ended rather than changed."""

    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="risk_traits")
    kind = models.CharField(_("信息"), max_length=24, choices=TraitKind.choices)
    value = models.CharField(_("内容"), max_length=200)
    compared = models.CharField(_("比对值"), max_length=200)
    source = models.CharField(_("来源"), max_length=16, choices=Source.choices)
    declared_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    declarer_label = models.CharField(_("申报人"), max_length=200)
    declared_at = models.DateTimeField(_("申报时间"))
    ended_at = models.DateTimeField(_("终止时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("联系信息申报")
        verbose_name_plural = _("联系信息申报")
        indexes = [models.Index(fields=["firm"], name="risk_trait_firm")]
        constraints = [
            models.UniqueConstraint(
                fields=["firm", "kind", "compared"],
                condition=Q(ended_at__isnull=True),
                name="risk_trait_once",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="ends_only",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["ended_at"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.masked}"

    @property
    def masked(self) -> str:
        """As it is shown: account numbers and phones keep their last four characters."""
        if self.kind in (TraitKind.BANK_ACCOUNT, TraitKind.PHONE):
            return "*" * max(0, len(self.value) - 4) + self.value[-4:]
        return self.value
