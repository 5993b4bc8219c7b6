"""Reward claims from the application notice to the money: notices, declarations, decisions, budgets, the register of
awards, payments and recoveries."""

from __future__ import annotations

from datetime import date

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from kernel.money import FenField
from kernel.records import Record
from kernel.states import StateField
from settlement.rewards.states import (
    BATCH,
    CLAIM,
    DECLARATION,
    DISBURSEMENT,
    NOTICE,
    PARK_RECOGNITION,
    PAYMENT,
    PUBLIC_OBJECTION,
    RECOVERY,
    AwardKind,
    BatchState,
    ClaimState,
    DeclarationState,
    DisbursementState,
    NoticeState,
    Outcome,
    PaymentState,
    PublicObjectionState,
    RecognitionState,
    RecoveryState,
    ReminderKind,
    ShortfallRule,
)

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


def _two_people(first: str, second: str, name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=models.Q(**{f"{second}__isnull": True}) | ~models.Q(**{second: models.F(first)}), name=name
    )


class BudgetLine(Record):
    """The money of one fiscal year for a set of measures and one benefit year; its amount is the sum of its changes.

    `rule` says what happens when it does not suffice. Granted awards are taken off when a batch is approved.
    """

    number = models.CharField(_("预算编号"), max_length=24, unique=True)
    title = models.CharField(_("名称"), max_length=120)
    organization = models.ForeignKey(
        "organizations.Organization", models.PROTECT, related_name="budget_lines"
    )
    measures = ArrayField(models.CharField(max_length=40), verbose_name=_("措施"))
    year = models.PositiveSmallIntegerField(_("奖励年度"))
    fiscal_year = models.PositiveSmallIntegerField(_("预算年度"))
    rule = models.CharField(_("不足时的处理"), max_length=16, choices=ShortfallRule.choices)
    made_at = models.DateTimeField(_("设立时间"))

    class Meta:
        verbose_name = _("奖补预算")
        verbose_name_plural = _("奖补预算")
        constraints = [
            models.CheckConstraint(condition=models.Q(measures__len__gt=0), name="budget_has_measures"),
            models.CheckConstraint(
                condition=models.Q(fiscal_year__gte=models.F("year")), name="budget_not_before_year"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


class BudgetChange(Record):
    """One change of a budget with its document and reason; the first one sets the amount."""

    line = models.ForeignKey(BudgetLine, models.PROTECT, related_name="changes")
    amount_fen = FenField(_("变动金额"))
    source = models.CharField(_("依据文件"), max_length=200)
    reason = models.TextField(_("理由"))
    document = models.ForeignKey(
        "documents.Document", models.PROTECT, null=True, blank=True, related_name="+"
    )
    made_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    maker_label = models.CharField(_("经办人"), max_length=200)
    made_at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("预算变动")
        verbose_name_plural = _("预算变动")
        constraints = [
            models.CheckConstraint(condition=~models.Q(amount_fen=0), name="budget_change_not_zero"),
            models.CheckConstraint(
                condition=~models.Q(reason="") & ~models.Q(source=""), name="budget_change_has_reason"
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.line} {self.amount_fen}"


class ApplicationNotice(Record):
    """A department's call for one benefit year and a set of measures; the window is half-open."""

    number = models.CharField(_("通知编号"), max_length=24, unique=True)
    title = models.CharField(_("标题"), max_length=120)
    body = models.TextField(_("说明"), blank=True)
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    measures = ArrayField(models.CharField(max_length=40), verbose_name=_("措施"))
    year = models.PositiveSmallIntegerField(_("奖励年度"))
    opens_at = models.DateTimeField(_("开始时间"))
    closes_at = models.DateTimeField(_("截止时间"))
    budget = models.ForeignKey(BudgetLine, models.PROTECT, related_name="notices", verbose_name=_("预算"))
    published_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    published_at = models.DateTimeField(_("发布时间"))
    state = StateField(states=NoticeState)

    class Meta:
        verbose_name = _("申报通知")
        verbose_name_plural = _("申报通知")
        constraints = [
            NOTICE.constraint(),
            models.CheckConstraint(
                condition=models.Q(closes_at__gt=models.F("opens_at")), name="application_notice_window"
            ),
            models.CheckConstraint(condition=models.Q(measures__len__gt=0), name="notice_has_measures"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


class NoticeMeasure(Record):
    """One measure of a notice; a measure and year stand in one current notice at most."""

    notice = models.ForeignKey(ApplicationNotice, models.PROTECT, related_name="items")
    measure = models.CharField(_("措施"), max_length=40)
    year = models.PositiveSmallIntegerField(_("奖励年度"))
    is_current = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("通知所列措施")
        verbose_name_plural = _("通知所列措施")
        constraints = [
            models.UniqueConstraint(
                fields=["measure", "year"], condition=models.Q(is_current=True), name="notice_measure_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.measure} {self.year}"


class DraftRun(Record):
    """How far a job has drafted the statements of a notice: the final firm it finished, and what it found."""

    notice = models.ForeignKey(ApplicationNotice, models.PROTECT, related_name="runs")
    job_id = models.UUIDField(unique=True)
    through = models.UUIDField(null=True)
    drafted_count = models.PositiveIntegerField(_("生成测算"), default=0)
    passed_count = models.PositiveIntegerField(_("不符合"), default=0)

    class Meta:
        verbose_name = _("批量测算")
        verbose_name_plural = _("批量测算")

    def __str__(self) -> str:
        return f"{self.notice} {self.drafted_count}"


class Claim(Record):
    """One firm's claim to one measure for one benefit year."""

    number = models.CharField(_("申报编号"), max_length=24, unique=True)
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="reward_claims")
    measure = models.CharField(_("措施"), max_length=40)
    year = models.PositiveSmallIntegerField(_("年度"))
    decision = models.ForeignKey(
        "Decision", models.PROTECT, null=True, related_name="+", verbose_name=_("现行测算")
    )
    drafted_at = models.DateTimeField(_("测算时间"))
    application_notice = models.ForeignKey(
        ApplicationNotice, models.PROTECT, null=True, blank=True, related_name="claims"
    )
    confirmed_at = models.DateTimeField(_("确认时间"), null=True, blank=True)
    first_reviewer = models.ForeignKey(
        "accounts.User", models.PROTECT, null=True, blank=True, related_name="+"
    )
    second_reviewer = models.ForeignKey(
        "accounts.User", models.PROTECT, null=True, blank=True, related_name="+"
    )
    notice_until = models.DateField(_("公示截止日"), null=True, blank=True)
    review_due_on = models.DateField(_("办理期限"), null=True, blank=True)
    state = StateField(states=ClaimState)

    class Meta:
        verbose_name = _("奖励申报")
        verbose_name_plural = _("奖励申报")
        constraints = [
            CLAIM.constraint(),
            models.UniqueConstraint(fields=["firm", "measure", "year"], name="claim_once"),
            models.CheckConstraint(
                condition=models.Q(second_reviewer__isnull=True)
                | ~models.Q(second_reviewer=models.F("first_reviewer")),
                name="claim_two_reviewers",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="in_notice") | models.Q(notice_until__isnull=False),
                name="claim_notice_has_end",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def measure_label(self) -> str:
        """The measure's title in the reader's language."""
        from settlement.rewards import measures

        title = measures.CARDS[self.measure].title
        return title.en if (get_language() or "").startswith("en") else title.zh


class ReviewReminder(Record):
    """The reviewers of a claim were told that a deadline comes near, or has passed: once each for one day."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="reminders")
    due_on = models.DateField(_("办理期限"))
    kind = models.CharField(_("提醒"), max_length=8, choices=ReminderKind.choices)
    told_at = models.DateTimeField(_("提醒时间"))

    class Meta:
        verbose_name = _("办理期限提醒")
        verbose_name_plural = _("办理期限提醒")
        constraints = [
            models.UniqueConstraint(fields=["claim", "due_on", "kind"], name="review_reminded_once")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.claim} {self.due_on} {self.kind}"


class RuleRelease(Record):
    """A version of the rules as its files were when somebody proposed it: `files` holds the SHA-256 of each.

    It is released once another person has approved it.
    """

    number = models.CharField(_("发布编号"), max_length=24, unique=True)
    version = models.CharField(_("规则版本"), max_length=40)
    code_version = models.CharField(_("程序版本"), max_length=40)
    files = models.JSONField(_("文件"))
    content_sha256 = models.CharField(max_length=64)
    scenario_count = models.PositiveIntegerField(_("相符的情景"))
    note = models.TextField(_("发布说明"))
    proposed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    proposer_label = models.CharField(_("提出人"), max_length=200)
    proposed_at = models.DateTimeField(_("提出时间"))

    class Meta:
        verbose_name = _("规则发布")
        verbose_name_plural = _("规则发布")
        constraints = [models.CheckConstraint(condition=~models.Q(note=""), name="rule_release_has_note")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.number

    @property
    def waits(self) -> bool:
        """Whether nobody has approved it yet."""
        return not hasattr(self, "approval")


class ReleaseApproval(Record):
    """The second person's release of a proposed version."""

    release = models.OneToOneField(RuleRelease, models.PROTECT, related_name="approval")
    approved_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    approver_label = models.CharField(_("批准人"), max_length=200)
    approved_at = models.DateTimeField(_("发布时间"))

    class Meta:
        verbose_name = _("规则发布批准")
        verbose_name_plural = _("规则发布批准")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return str(self.release)


class Decision(Record):
    """One replayable computation: the facts read, the rules' version, the outcome, the whole trace.

    `release` is the released version it was computed by; null where the files were not released as they are.
    `facts` and `trace` are the engine's documents; `decision_sha256` is over the trace's canonical bytes.
    """

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="decisions")
    decided_at = models.DateTimeField(_("测算时间"))
    policy_version = models.CharField(_("规则版本"), max_length=40)
    code_version = models.CharField(_("程序版本"), max_length=40)
    release = models.ForeignKey(
        RuleRelease,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="decisions",
        verbose_name=_("规则发布"),
    )
    interpretation = models.JSONField(_("口径"), default=dict)
    facts = models.JSONField(_("事实"))
    facts_sha256 = models.CharField(max_length=64)
    outcome = models.CharField(_("结论"), max_length=16, choices=Outcome.choices)
    amount_fen = FenField(_("奖励金额"))
    trace = models.JSONField(_("推导"))
    decision_sha256 = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("测算结论")
        verbose_name_plural = _("测算结论")
        triggers = [_APPEND_ONLY]
        indexes = [models.Index(fields=["claim", "-decided_at"], name="decision_claim_decided")]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} {self.amount_fen}"


class ReleaseNews(Record):
    """A firm was told what a release makes of its statement that still lies with it: once for each release."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="release_news")
    release = models.ForeignKey(RuleRelease, models.PROTECT, related_name="news")
    former_fen = FenField(_("原测算金额"))
    now_fen = FenField(_("按新规则"))
    told_at = models.DateTimeField(_("告知时间"))

    class Meta:
        verbose_name = _("规则更新告知")
        verbose_name_plural = _("规则更新告知")
        constraints = [models.UniqueConstraint(fields=["claim", "release"], name="release_told_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.claim} {self.release}"


class Assignment(Record):
    """Who works on a claim at one stage (a state under review): the latest row of a stage stands, also after a return."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="assignments")
    stage = models.CharField(_("环节"), max_length=20, choices=ClaimState.choices)
    assignee = models.ForeignKey("accounts.User", models.PROTECT, related_name="+", verbose_name=_("承办人"))
    reason = models.TextField(_("转交理由"))
    assigned_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    assigner_label = models.CharField(_("转交人"), max_length=200)
    assigned_at = models.DateTimeField(_("转交时间"))

    class Meta:
        verbose_name = _("审核转交")
        verbose_name_plural = _("审核转交")
        constraints = [models.CheckConstraint(condition=~models.Q(reason=""), name="assignment_has_reason")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.claim} → {self.assignee}"


class Consultation(Record):
    """A second opinion that a reviewer asks of a colleague before agreeing."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="consultations")
    stage = models.CharField(_("环节"), max_length=20, choices=ClaimState.choices)
    question = models.TextField(_("征求意见的问题"))
    asked_of = models.ForeignKey("accounts.User", models.PROTECT, related_name="+", verbose_name=_("加签人"))
    asked_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    asker_label = models.CharField(_("提出人"), max_length=200)
    asked_at = models.DateTimeField(_("提出时间"))

    class Meta:
        verbose_name = _("审核加签")
        verbose_name_plural = _("审核加签")
        constraints = [
            models.CheckConstraint(condition=~models.Q(question=""), name="consultation_has_question"),
            _two_people("asked_of", "asked_by", "consultation_two_people"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.claim} · {self.asked_of}"


class ConsultationAnswer(Record):
    """The colleague's opinion; the reviewer decides, with the opinion on record."""

    consultation = models.OneToOneField(Consultation, models.PROTECT, related_name="answer")
    is_in_favour = models.BooleanField(_("是否同意"))
    opinion = models.TextField(_("加签意见"))
    answered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    answerer_label = models.CharField(_("加签人"), max_length=200)
    answered_at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("加签意见")
        verbose_name_plural = _("加签意见")
        constraints = [
            models.CheckConstraint(condition=~models.Q(opinion=""), name="consultation_answer_has_opinion")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.consultation}"


class Hold(Record):
    """A review put on hold until the end of a day, for a reason the firm reads; ended before by hand or by the day."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="holds")
    reason = models.TextField(_("挂起理由"))
    until = models.DateField(_("挂起至"))
    held_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    holder_label = models.CharField(_("挂起人"), max_length=200)
    held_at = models.DateTimeField(_("挂起时间"))
    ended_at = models.DateTimeField(_("恢复时间"), null=True, blank=True)
    ender_label = models.CharField(_("恢复人"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("审核挂起")
        verbose_name_plural = _("审核挂起")
        constraints = [models.CheckConstraint(condition=~models.Q(reason=""), name="hold_has_reason")]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="ends_only",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["ended_at", "ender_label"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.claim} {self.until}"


class Adjustment(Record):
    """A reviewer's agreement to another reading of one open question than the statement had, with the reason.

    The latest row of a question stands for every later decision of the claim; `decision` is the first one under it.
    """

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="adjustments")
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="adjustments")
    question = models.CharField(_("文本未明确之处"), max_length=60)
    reading = models.CharField(_("口径"), max_length=60)
    reason = models.TextField(_("调整理由"))
    made_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    maker_label = models.CharField(_("调整人"), max_length=200)
    made_at = models.DateTimeField(_("调整时间"))

    class Meta:
        verbose_name = _("审核调整")
        verbose_name_plural = _("审核调整")
        constraints = [models.CheckConstraint(condition=~models.Q(reason=""), name="adjustment_has_reason")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.claim} {self.question} = {self.reading}"


class Objection(Record):
    """What a firm objects to in its statement: one item (a step of the trace) and why."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="objections")
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="objections")
    item = models.CharField(_("异议事项"), max_length=40)
    statement = models.TextField(_("异议理由"))
    raised_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    raised_at = models.DateTimeField(_("提出时间"))

    class Meta:
        verbose_name = _("异议")
        verbose_name_plural = _("异议")
        constraints = [
            models.CheckConstraint(condition=~models.Q(statement=""), name="objection_has_statement")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.claim} · {self.item}"

    @property
    def item_label(self) -> str:
        """The item's title in the reader's language, as the statement had it."""
        titles = {step["key"]: step["title"] for step in self.decision.trace["steps"]}
        is_english = (get_language() or "").startswith("en")
        return str(titles[self.item]["en" if is_english else "zh"])


class ObjectionAnswer(Record):
    """The exchange's answer to one item of a firm's objection."""

    objection = models.OneToOneField(Objection, models.PROTECT, related_name="answer")
    is_accepted = models.BooleanField(_("是否采纳"))
    reasons = models.TextField(_("答复理由"))
    answered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    answerer_label = models.CharField(_("答复人"), max_length=200)
    answered_at = models.DateTimeField(_("答复时间"))

    class Meta:
        verbose_name = _("异议答复")
        verbose_name_plural = _("异议答复")
        constraints = [
            models.CheckConstraint(condition=~models.Q(reasons=""), name="objection_answer_has_reasons")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.objection}"


class Declaration(Record):
    """A fact that the platform does not know, declared by a firm with evidence; only verified ones count.

    `value` is of the card's FactSpec. `verifier` is the organization that decided.
    """

    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="reward_declarations")
    measure = models.CharField(_("措施"), max_length=40)
    year = models.PositiveSmallIntegerField(_("年度"))
    fact = models.CharField(_("事实"), max_length=60)
    value = models.JSONField(_("申报值"))
    note = models.CharField(_("说明"), max_length=500, blank=True)
    documents = models.ManyToManyField("documents.Document", related_name="+")
    declared_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    declarer_label = models.CharField(_("申报人"), max_length=200)
    declared_at = models.DateTimeField(_("申报时间"))
    verifier = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("核实时间"), null=True, blank=True)
    reason = models.TextField(_("核实意见"), blank=True)
    state = StateField(states=DeclarationState)

    class Meta:
        verbose_name = _("事实申报")
        verbose_name_plural = _("事实申报")
        constraints = [
            DECLARATION.constraint(),
            models.UniqueConstraint(
                fields=["firm", "measure", "year", "fact"],
                condition=models.Q(state="declared"),
                name="declaration_open_once",
            ),
            models.UniqueConstraint(
                fields=["firm", "measure", "year", "fact"],
                condition=models.Q(state="verified"),
                name="declaration_verified_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["verified", "refused"]) | models.Q(decided_at__isnull=False),
                name="declaration_decided_has_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.firm} {self.year} {self.fact}"

    @property
    def fact_label(self) -> str:
        """The fact's name in the reader's language."""
        from settlement.rewards import measures

        label = measures.CARDS[self.measure].spec(self.fact).label
        return label.en if (get_language() or "").startswith("en") else label.zh


class Office(Record):
    """Which organization stands for a department that the cards name; it verifies the facts from there."""

    source = models.CharField(_("规则卡中的部门"), max_length=80, unique=True)
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("核实部门")
        verbose_name_plural = _("核实部门")

    def __str__(self) -> str:
        return f"{self.source} → {self.organization}"


class PublicObjection(Record):
    """What anybody says against a claim during its public notice, and how it was handled."""

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="public_objections")
    name = models.CharField(_("姓名或单位"), max_length=80)
    contact = models.CharField(_("联系方式"), max_length=120)
    statement = models.TextField(_("异议内容"))
    filed_at = models.DateTimeField(_("提出时间"))
    reasons = models.TextField(_("处理理由"), blank=True)
    answered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    answered_at = models.DateTimeField(_("处理时间"), null=True, blank=True)
    state = StateField(states=PublicObjectionState)

    class Meta:
        verbose_name = _("公示异议")
        verbose_name_plural = _("公示异议")
        constraints = [
            PUBLIC_OBJECTION.constraint(),
            models.CheckConstraint(
                condition=models.Q(state="filed")
                | (~models.Q(reasons="") & models.Q(answered_at__isnull=False)),
                name="public_objection_answered_has_reasons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.claim} {self.name}"


class ApprovalBatch(Record):
    """Claims past their notice, proposed by one person and approved by another against one budget."""

    number = models.CharField(_("批次编号"), max_length=24, unique=True)
    line = models.ForeignKey(BudgetLine, models.PROTECT, related_name="batches")
    rule = models.CharField(_("不足时的处理"), max_length=16, choices=ShortfallRule.choices)
    due_fen = FenField(_("应奖励合计"))
    available_fen = FenField(_("批次前可用预算"))
    granted_fen = FenField(_("本批批准"))
    proposed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    proposer_label = models.CharField(_("提出人"), max_length=200)
    proposed_at = models.DateTimeField(_("提出时间"))
    approved_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    approver_label = models.CharField(_("批准人"), max_length=200, blank=True)
    approved_at = models.DateTimeField(_("批准时间"), null=True, blank=True)
    state = StateField(states=BatchState)

    class Meta:
        verbose_name = _("批准批次")
        verbose_name_plural = _("批准批次")
        constraints = [
            BATCH.constraint(),
            _two_people("proposed_by", "approved_by", "batch_two_people"),
            models.UniqueConstraint(
                fields=["line"], condition=models.Q(state="proposed"), name="batch_one_open_per_line"
            ),
            models.CheckConstraint(
                condition=models.Q(granted_fen__lte=models.F("available_fen"))
                & models.Q(granted_fen__lte=models.F("due_fen")),
                name="batch_within_budget",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class BatchItem(Record):
    """One claim in a batch: what is due, and what the budget gives it (nothing: it waits)."""

    batch = models.ForeignKey(ApprovalBatch, models.PROTECT, related_name="items")
    claim = models.ForeignKey(Claim, models.PROTECT, related_name="batch_items")
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="+")
    position = models.PositiveIntegerField(_("次序"))
    due_fen = FenField(_("应奖励"))
    granted_fen = FenField(_("本批批准"))

    class Meta:
        verbose_name = _("批次明细")
        verbose_name_plural = _("批次明细")
        constraints = [
            models.UniqueConstraint(fields=["batch", "claim"], name="batch_claim_once"),
            models.CheckConstraint(
                condition=models.Q(granted_fen__gte=0) & models.Q(granted_fen__lte=models.F("due_fen")),
                name="batch_item_within_due",
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.batch} {self.claim}"


class Award(Record):
    """The register of granted awards: what later years' limits (three years, once) read.

    A claim has one initial row; supplements, reductions and what a lifted recovery restores stand beside it. What
    the firm was granted for the year is their sum, and the year counts once.
    """

    claim = models.ForeignKey(Claim, models.PROTECT, related_name="awards")
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="awards")
    kind = models.CharField(_("种类"), max_length=16, choices=AwardKind.choices, default=AwardKind.INITIAL)
    line = models.ForeignKey(BudgetLine, models.PROTECT, null=True, blank=True, related_name="awards")
    batch = models.ForeignKey(ApprovalBatch, models.PROTECT, null=True, blank=True, related_name="awards")
    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="awards")
    measure = models.CharField(_("措施"), max_length=40)
    year = models.PositiveSmallIntegerField(_("年度"))
    due_fen = FenField(_("应奖励"), null=True)
    amount_fen = FenField(_("奖励金额"))
    granted_at = models.DateTimeField(_("批准时间"))

    class Meta:
        verbose_name = _("奖励登记")
        verbose_name_plural = _("奖励登记")
        constraints = [
            models.UniqueConstraint(
                fields=["firm", "measure", "year"],
                condition=models.Q(kind="initial"),
                name="award_initial_once",
            ),
            models.UniqueConstraint(
                fields=["decision", "kind"],
                condition=~models.Q(kind__in=["restored", "supplementary"]),
                name="award_decision_once",
            ),
            models.UniqueConstraint(fields=["batch", "claim"], name="award_batch_once"),
            models.CheckConstraint(
                condition=models.Q(kind="reduction", amount_fen__lt=0)
                | (~models.Q(kind="reduction") & models.Q(amount_fen__gt=0)),
                name="award_sign",
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.firm} {self.year}"


class PayeeAccount(Record):
    """The bank account a firm wants its awards on; the latest one holds, earlier ones stay on record."""

    firm = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="payee_accounts")
    holder_name = models.CharField(_("户名"), max_length=120)
    bank = models.CharField(_("开户银行"), max_length=120)
    account_number = models.CharField(_("账号"), max_length=34)
    declared_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    declared_at = models.DateTimeField(_("登记时间"))

    class Meta:
        verbose_name = _("收款账户")
        verbose_name_plural = _("收款账户")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.holder_name} {self.masked}"

    @property
    def masked(self) -> str:
        """The number with all but its ends hidden."""
        return f"{self.account_number[:4]}****{self.account_number[-4:]}"


class Disbursement(Record):
    """A file of payments for the treasury's bank, prepared by one person and approved by another.

    `file` is the CSV (UTF-8) whose SHA-256 is `file_sha256`; neither changes after preparation.
    """

    number = models.CharField(_("拨付编号"), max_length=24, unique=True)
    organization = models.ForeignKey(
        "organizations.Organization", models.PROTECT, related_name="disbursements"
    )
    total_fen = FenField(_("合计"))
    file = models.TextField(_("拨付文件"))
    file_sha256 = models.CharField(max_length=64)
    prepared_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    preparer_label = models.CharField(_("编制人"), max_length=200)
    prepared_at = models.DateTimeField(_("编制时间"))
    approved_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    approver_label = models.CharField(_("审批人"), max_length=200, blank=True)
    approved_at = models.DateTimeField(_("审批时间"), null=True, blank=True)
    state = StateField(states=DisbursementState)

    class Meta:
        verbose_name = _("拨付批次")
        verbose_name_plural = _("拨付批次")
        constraints = [
            DISBURSEMENT.constraint(),
            _two_people("prepared_by", "approved_by", "disbursement_two_people"),
            models.CheckConstraint(condition=models.Q(total_fen__gt=0), name="disbursement_pays"),
        ]
        triggers = [
            pgtrigger.Protect(
                name="file_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("file", "file_sha256", "total_fen", "number"),
            )
        ]

    def __str__(self) -> str:
        return self.number


class Payment(Record):
    """One claim's money in a disbursement; a claim is in one open disbursement at most.

    Paid means: the bank's receipt was entered, and the ledger entry that names the claim was posted with it. What the
    bank returns after that keeps receipt and entry, and has the bank's return line and the reversal beside them.
    """

    disbursement = models.ForeignKey(Disbursement, models.PROTECT, related_name="payments")
    claim = models.ForeignKey(Claim, models.PROTECT, related_name="payments")
    position = models.PositiveIntegerField(_("序号"))
    amount_fen = FenField(_("金额"))
    holder_name = models.CharField(_("户名"), max_length=120)
    bank = models.CharField(_("开户银行"), max_length=120)
    account_number = models.CharField(_("账号"), max_length=34)
    reference = models.CharField(_("银行回单号"), max_length=80, blank=True)
    reason = models.CharField(_("退回原因"), max_length=300, blank=True)
    settled_at = models.DateTimeField(_("办结时间"), null=True, blank=True)
    entry = models.OneToOneField("ledger.Entry", models.PROTECT, null=True, blank=True, related_name="+")
    return_reference = models.CharField(_("银行退回流水号"), max_length=80, blank=True)
    returned_at = models.DateTimeField(_("退回登记时间"), null=True, blank=True)
    reversal = models.OneToOneField("ledger.Entry", models.PROTECT, null=True, blank=True, related_name="+")
    state = StateField(states=PaymentState)

    class Meta:
        verbose_name = _("拨付明细")
        verbose_name_plural = _("拨付明细")
        constraints = [
            PAYMENT.constraint(),
            models.UniqueConstraint(
                fields=["claim"], condition=models.Q(state="waiting"), name="payment_one_open_per_claim"
            ),
            models.UniqueConstraint(fields=["disbursement", "claim"], name="payment_claim_once_in_file"),
            models.UniqueConstraint(
                fields=["reference"], condition=models.Q(entry__isnull=False), name="payment_reference_once"
            ),
            models.UniqueConstraint(
                fields=["return_reference"],
                condition=~models.Q(return_reference=""),
                name="payment_return_reference_once",
            ),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="payment_positive"),
            models.CheckConstraint(
                condition=models.Q(state="paid", entry__isnull=False, reversal__isnull=True)
                | models.Q(
                    ~models.Q(return_reference=""),
                    state="returned",
                    entry__isnull=False,
                    reversal__isnull=False,
                    returned_at__isnull=False,
                )
                | (~models.Q(state="paid") & models.Q(entry__isnull=True, reversal__isnull=True)),
                name="payment_paid_is_posted",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.disbursement} {self.claim}"

    @property
    def masked(self) -> str:
        """The account number with all but its ends hidden."""
        return f"{self.account_number[:4]}****{self.account_number[-4:]}"


class RecoveryCase(Record):
    """An award found too large afterwards: opened by one person, confirmed by another.

    `reduction_fen` is what the register loses, `amount_fen` the part already paid that comes back. Facts that come
    back lift what is still owed, by two people again: `lifted_fen` is restored in the register and no longer owed.
    """

    number = models.CharField(_("追回编号"), max_length=24, unique=True)
    claim = models.ForeignKey(Claim, models.PROTECT, related_name="recoveries")
    decision = models.ForeignKey(Decision, models.PROTECT, related_name="recoveries")
    reduction_fen = FenField(_("核减金额"))
    amount_fen = FenField(_("应缴回"))
    cause = models.TextField(_("事由"))
    is_violation = models.BooleanField(_("是否骗取"), default=False)
    due_on = models.DateField(_("缴回期限"))
    opened_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    opener_label = models.CharField(_("提出人"), max_length=200)
    opened_at = models.DateTimeField(_("提出时间"))
    confirmed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    confirmer_label = models.CharField(_("核定人"), max_length=200, blank=True)
    confirmed_at = models.DateTimeField(_("核定时间"), null=True, blank=True)
    lifted_fen = FenField(_("已撤销金额"), default=0)
    lift_reason = models.TextField(_("撤销理由"), blank=True)
    lift_proposed_by = models.ForeignKey(
        "accounts.User", models.PROTECT, null=True, blank=True, related_name="+"
    )
    lift_proposer_label = models.CharField(_("撤销提出人"), max_length=200, blank=True)
    lifted_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    lifter_label = models.CharField(_("撤销核定人"), max_length=200, blank=True)
    lifted_at = models.DateTimeField(_("撤销追回时间"), null=True, blank=True)
    state = StateField(states=RecoveryState)

    class Meta:
        verbose_name = _("追回")
        verbose_name_plural = _("追回")
        constraints = [
            RECOVERY.constraint(),
            _two_people("opened_by", "confirmed_by", "recovery_two_people"),
            _two_people("lift_proposed_by", "lifted_by", "recovery_lift_two_people"),
            models.CheckConstraint(
                condition=models.Q(lifted_fen__gte=0) & models.Q(lifted_fen__lte=models.F("amount_fen")),
                name="recovery_lifted_within_amount",
            ),
            models.UniqueConstraint(
                fields=["claim"], condition=models.Q(state="opened"), name="recovery_one_open_per_claim"
            ),
            models.CheckConstraint(
                condition=models.Q(reduction_fen__gt=0)
                & models.Q(amount_fen__gte=0)
                & models.Q(amount_fen__lte=models.F("reduction_fen")),
                name="recovery_amounts",
            ),
            models.CheckConstraint(condition=~models.Q(cause=""), name="recovery_has_cause"),
        ]

    def __str__(self) -> str:
        return self.number


class RecoveryReceipt(Record):
    """Money that a firm paid back, with the bank's reference and the ledger entry."""

    case = models.ForeignKey(RecoveryCase, models.PROTECT, related_name="receipts")
    amount_fen = FenField(_("缴回金额"))
    reference = models.CharField(_("银行回单号"), max_length=80)
    received_at = models.DateTimeField(_("到账时间"))
    entry = models.OneToOneField("ledger.Entry", models.PROTECT, related_name="+")

    class Meta:
        verbose_name = _("缴回记录")
        verbose_name_plural = _("缴回记录")
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="recovery_reference_once"),
            models.CheckConstraint(condition=models.Q(amount_fen__gt=0), name="recovery_receipt_positive"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.case} {self.amount_fen}"


class ParkRecognition(Record):
    """That a park, or a firm in it, is recognised by the department from a day on; `firm` is empty for the park itself.

    Half-open: `until_on` and `revoked_from` are the first days that no longer count. What was applied for never changes.
    """

    park = models.ForeignKey("organizations.Park", models.PROTECT, related_name="recognitions")
    firm = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, blank=True, related_name="park_recognitions"
    )
    from_on = models.DateField(_("起始日"))
    until_on = models.DateField(_("失效日"), null=True, blank=True)
    note = models.CharField(_("说明"), max_length=500, blank=True)
    document = models.ForeignKey("documents.Document", models.PROTECT, related_name="+")
    applied_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    applicant_label = models.CharField(_("申请人"), max_length=200)
    applied_at = models.DateTimeField(_("申请时间"))
    recogniser = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("认定时间"), null=True, blank=True)
    reason = models.TextField(_("认定意见"), blank=True)
    revoked_from = models.DateField(_("撤销起始日"), null=True, blank=True)
    state = StateField(states=RecognitionState)

    class Meta:
        verbose_name = _("园区认定")
        verbose_name_plural = _("园区认定")
        constraints = [
            PARK_RECOGNITION.constraint(),
            models.UniqueConstraint(
                fields=["park", "firm"],
                condition=models.Q(state="applied"),
                name="park_application_open_once",
            ),
            models.CheckConstraint(
                condition=models.Q(until_on=None) | models.Q(until_on__gt=models.F("from_on")),
                name="park_recognition_ends_after_start",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["recognised", "refused", "revoked"])
                | models.Q(decided_at__isnull=False),
                name="park_recognition_decided_has_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state="revoked", revoked_from__isnull=False)
                | (~models.Q(state="revoked") & models.Q(revoked_from=None)),
                name="park_recognition_revoked_has_day",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(
                name="applied_stays",
                fields=["park", "firm", "from_on", "until_on", "note", "document", "applied_at"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.firm} · {self.park}" if self.firm_id else str(self.park)

    @property
    def ends_on(self) -> date | None:
        """The first day that no longer counts; None while nothing ends it."""
        return min((day for day in (self.until_on, self.revoked_from) if day is not None), default=None)
