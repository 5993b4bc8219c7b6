"""Rounds, applications with their scorers and sheets, agreements, pilots and their yearly assessments."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from documents.models import Document
from exchange.pilots import rules
from exchange.pilots.states import (
    APPLICATION,
    IN_FORCE,
    OBJECTION,
    OPEN_APPLICATIONS,
    PILOT,
    ROUND,
    SEAT,
    ApplicationState,
    BrokerType,
    Level,
    ObjectionState,
    Party,
    PilotState,
    RoundState,
    SeatState,
    Verdict,
)
from kernel.records import Record
from kernel.states import StateField

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
_CALL = (
    "number", "title", "description", "documents_wanted", "opens_at", "closes_at", "places_technology", "places_data",
    "places_rights", "scale", "bands", "scorers_count", "outlier_points", "notice_working_days", "term_years",
)  # fmt: skip
_DOSSIER = (
    "round_id", "applicant_id", "type", *rules.COMMON_FIELDS, *(n for f in rules.TYPE_FIELDS.values() for n in f),
)  # fmt: skip


def _changed_after_draft(*columns: str) -> pgtrigger.Condition:
    """True for an update of a row that was no draft any more, when one of the columns changes."""
    changes = " OR ".join(f'OLD."{name}" IS DISTINCT FROM NEW."{name}"' for name in columns)
    return pgtrigger.Condition(f"OLD.\"state\" <> 'draft' AND ({changes})")


class Round(Record):
    """One call for applications: what is wanted, how many places, from when to when, by which scale.

    Applications are taken in [`opens_at`, `closes_at`). All that applicants rely on is fixed at publishing.
    `scale`: rows of key, label, weight, guidance; `bands`: [grade, least centi], best first.
    """

    number = models.CharField(_("批次编号"), max_length=24, unique=True)
    title = models.CharField(_("批次名称"), max_length=120)
    description = models.TextField(_("征集说明"), blank=True)
    documents_wanted = models.TextField(_("所需材料"), blank=True)
    opens_at = models.DateTimeField(_("开始申报"))
    closes_at = models.DateTimeField(_("截止申报"))
    places_technology = models.PositiveSmallIntegerField(_("技术赋能型名额"), default=0)
    places_data = models.PositiveSmallIntegerField(_("数据赋能型名额"), default=0)
    places_rights = models.PositiveSmallIntegerField(_("受托行权型名额"), default=0)
    scale = models.JSONField(_("评分标准"))
    bands = models.JSONField(_("等级线"))
    scorers_count = models.PositiveSmallIntegerField(_("每份申报的评审人数"))
    outlier_points = models.PositiveSmallIntegerField(_("偏离提示（分）"))
    notice_working_days = models.PositiveSmallIntegerField(_("公示工作日"))
    term_years = models.PositiveSmallIntegerField(_("试点年限"))
    operator = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="pilot_rounds")
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    published_at = models.DateTimeField(_("发布时间"), null=True, blank=True)
    closed_at = models.DateTimeField(_("截止时间"), null=True, blank=True)
    announced_at = models.DateTimeField(_("结果公布时间"), null=True, blank=True)
    notice_until = models.DateField(_("公示截止日"), null=True, blank=True)
    decided_at = models.DateTimeField(_("确定时间"), null=True, blank=True)
    state = StateField(states=RoundState)

    class Meta:
        verbose_name = _("征集批次")
        verbose_name_plural = _("征集批次")
        constraints = [
            ROUND.constraint(),
            models.CheckConstraint(
                condition=models.Q(closes_at__gt=models.F("opens_at")),
                name="pilot_round_closes_after_opening",
            ),
            models.CheckConstraint(
                condition=models.Q(state="draft") | models.Q(published_at__isnull=False),
                name="pilot_round_published_has_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", "published"])
                | models.Q(closed_at__gte=models.F("closes_at")),
                name="pilot_round_closed_after_its_end",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["in_notice", "decided"])
                | models.Q(notice_until__isnull=False, announced_at__isnull=False),
                name="pilot_round_notice_has_end",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="decided") | models.Q(decided_at__isnull=False),
                name="pilot_round_decided_has_time",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="published_fixed",
                operation=pgtrigger.Update,
                condition=_changed_after_draft(*_CALL),
            )
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    def places_of(self, broker_type: str) -> int:
        """How many of that type may be selected; 0: the type is not wanted."""
        return int(
            {
                BrokerType.TECHNOLOGY_ENABLING: self.places_technology,
                BrokerType.DATA_ENABLING: self.places_data,
                BrokerType.ENTRUSTED_RIGHTS: self.places_rights,
            }[BrokerType(broker_type)]
        )

    @property
    def types(self) -> list[BrokerType]:
        """The types that are wanted."""
        return [each for each in BrokerType if self.places_of(each)]

    @property
    def criteria(self) -> tuple[rules.Criterion, ...]:
        """The scale, with the default wording in the reader's language."""
        return tuple(
            rules.Criterion(
                row.key,
                gettext(row.label) if row.label else "",
                row.weight,
                gettext(row.guidance) if row.guidance else "",
            )
            for row in rules.scale_of(self.scale)
        )


class Application(Record):
    """A firm's application of one type in one round. What it says is fixed while it is not a draft.

    `rank`, `mean_centi`, `grade`, `result` stand once a result was announced; `result_sha256` is over its
    canonical JSON.
    """

    number = models.CharField(_("申报编号"), max_length=24, unique=True)
    round = models.ForeignKey(Round, models.PROTECT, related_name="applications")
    applicant = models.ForeignKey(
        "organizations.Organization", models.PROTECT, related_name="pilot_applications"
    )
    type = models.CharField(_("申报类型"), max_length=24, choices=BrokerType.choices)
    dcmm_level = models.PositiveSmallIntegerField(
        _("DCMM 等级"), choices=Level.choices, null=True, blank=True
    )
    protection_level = models.PositiveSmallIntegerField(
        _("网络安全等级保护"), choices=Level.choices, null=True, blank=True
    )
    own_data = models.TextField(_("自有数据"), blank=True)
    security = models.TextField(_("采集与处理的安全保障"), blank=True)
    team = models.TextField(_("团队"), blank=True)
    cases = models.TextField(_("案例"), blank=True)
    plan = models.TextField(_("试点方案"), blank=True)
    products = models.TextField(_("产品"), blank=True)
    capability = models.TextField(_("技术能力"), blank=True)
    data_resources = models.TextField(_("自有数据资源"), blank=True)
    data_sources = models.TextField(_("来源与授权"), blank=True)
    principals = models.TextField(_("代理哪些权利人"), blank=True)
    protection = models.TextField(_("权利人权益的保护"), blank=True)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    submitted_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    submitted_at = models.DateTimeField(_("提交时间"), null=True, blank=True)
    rank = models.PositiveSmallIntegerField(_("名次"), null=True, blank=True)
    mean_centi = models.PositiveIntegerField(_("均分（百分之一分）"), null=True, blank=True)
    grade = models.CharField(_("等级"), max_length=8, blank=True)
    is_proposed = models.BooleanField(_("拟入选"), default=False)
    result = models.JSONField(_("算式"), null=True, blank=True)
    result_sha256 = models.CharField(max_length=64, blank=True)
    state = StateField(states=ApplicationState)

    class Meta:
        verbose_name = _("试点申报")
        verbose_name_plural = _("试点申报")
        constraints = [
            APPLICATION.constraint(),
            models.UniqueConstraint(
                fields=["round", "applicant", "type"],
                condition=models.Q(state__in=sorted(OPEN_APPLICATIONS)),
                name="pilot_application_once",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", "withdrawn", "lapsed"])
                | models.Q(submitted_at__isnull=False),
                name="pilot_application_applied_has_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["reviewed", "selected", "not_selected"])
                | models.Q(rank__isnull=False, mean_centi__isnull=False, result__isnull=False),
                name="pilot_application_reviewed_has_result",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="selected") | models.Q(is_proposed=True) & ~models.Q(grade=""),
                name="pilot_application_selected_has_grade",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="submitted_fixed",
                operation=pgtrigger.Update,
                condition=_changed_after_draft(*_DOSSIER),
            )
        ]

    def __str__(self) -> str:
        return self.number


class Attachment(Record):
    """A stored document that belongs to an application."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="attachments")
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    label = models.CharField(_("说明"), max_length=120, blank=True)
    attached_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    attached_at = models.DateTimeField(_("添加时间"))

    class Meta:
        verbose_name = _("申报材料")
        verbose_name_plural = _("申报材料")
        constraints = [
            models.UniqueConstraint(fields=["application", "document"], name="pilot_attachment_once")
        ]

    def __str__(self) -> str:
        return self.label or self.document.name


class Seat(Record):
    """A scorer's place at one application: appointed, then a declaration on conflicts, then a score."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="seats")
    scorer = models.ForeignKey("accounts.User", models.PROTECT, related_name="pilot_seats")
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    replaces = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="replaced_by")
    appointed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    appointed_at = models.DateTimeField(_("指派时间"))
    declared_at = models.DateTimeField(_("声明时间"), null=True, blank=True)
    conflict = models.TextField(_("利益冲突说明"), blank=True)
    state = StateField(states=SeatState)

    class Meta:
        verbose_name = _("评审席位")
        verbose_name_plural = _("评审席位")
        constraints = [
            SEAT.constraint(),
            models.UniqueConstraint(fields=["application", "scorer"], name="pilot_seat_once"),
            models.CheckConstraint(
                condition=~models.Q(state="excluded") | ~models.Q(conflict=""),
                name="pilot_seat_excluded_has_reason",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["cleared", "scored"])
                | models.Q(declared_at__isnull=False, conflict=""),
                name="pilot_seat_cleared_has_declared",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application} · {self.scorer}"


class ScoreSheet(Record):
    """One version of a scorer's points; the highest version counts. Every correction says why."""

    seat = models.ForeignKey(Seat, models.PROTECT, related_name="sheets")
    version = models.PositiveSmallIntegerField(_("版本"))
    points = models.JSONField(_("各项得分"))
    total_centi = models.PositiveIntegerField(_("加权得分（百分之一分）"))
    opinion = models.TextField(_("评审意见"))
    reason = models.TextField(_("更正理由"), blank=True)
    scored_at = models.DateTimeField(_("提交时间"))

    class Meta:
        verbose_name = _("评分表")
        verbose_name_plural = _("评分表")
        constraints = [
            models.UniqueConstraint(fields=["seat", "version"], name="pilot_sheet_version_once"),
            models.CheckConstraint(
                condition=models.Q(total_centi__lte=rules.FULL), name="pilot_sheet_total_within_bounds"
            ),
            models.CheckConstraint(
                condition=models.Q(version=1) | models.Q(version__gt=1) & ~models.Q(reason=""),
                name="pilot_sheet_correction_has_reason",
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.seat} v{self.version}"


class Objection(Record):
    """What somebody objects to in an announced result, and the answer."""

    round = models.ForeignKey(Round, models.PROTECT, related_name="objections")
    application = models.ForeignKey(
        Application, models.PROTECT, null=True, blank=True, related_name="objections"
    )
    objector = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    organization = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, related_name="+"
    )
    objector_label = models.CharField(_("异议人"), max_length=200)
    statement = models.TextField(_("异议内容"))
    filed_at = models.DateTimeField(_("提出时间"))
    answer = models.TextField(_("答复"), blank=True)
    answered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    answered_at = models.DateTimeField(_("答复时间"), null=True, blank=True)
    state = StateField(states=ObjectionState)

    class Meta:
        verbose_name = _("结果异议")
        verbose_name_plural = _("结果异议")
        constraints = [
            OBJECTION.constraint(),
            models.CheckConstraint(condition=~models.Q(statement=""), name="pilot_objection_has_statement"),
            models.CheckConstraint(
                condition=models.Q(state="filed")
                | ~models.Q(answer="") & models.Q(answered_at__isnull=False),
                name="pilot_objection_decided_has_answer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.round.number} · {self.objector_label}"


class Pilot(Record):
    """A selected broker's pilot: from the agreement to its end. The term is [`began_at`, `until`)."""

    number = models.CharField(_("试点编号"), max_length=24, unique=True)
    application = models.OneToOneField(Application, models.PROTECT, related_name="pilot")
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="pilots")
    operator = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    type = models.CharField(_("类型"), max_length=24, choices=BrokerType.choices)
    grade = models.CharField(_("等级"), max_length=8)
    term_years = models.PositiveSmallIntegerField(_("试点年限"))
    sign_by = models.DateTimeField(_("签署期限"))
    began_at = models.DateTimeField(_("开始时间"), null=True, blank=True)
    until = models.DateTimeField(_("期满时间"), null=True, blank=True)
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)
    state = StateField(states=PilotState)

    class Meta:
        verbose_name = _("试点")
        verbose_name_plural = _("试点")
        constraints = [
            PILOT.constraint(),
            models.UniqueConstraint(
                fields=["organization", "type"],
                condition=models.Q(state__in=sorted(IN_FORCE)),
                name="pilot_one_in_force_per_type",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["unsigned", "declined"])
                | models.Q(began_at__isnull=False, until__gt=models.F("began_at")),
                name="pilot_begun_has_term",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["graduated", "exited", "declined"], ended_at__isnull=False)
                | ~models.Q(state__in=["graduated", "exited", "declined"]) & models.Q(ended_at__isnull=True),
                name="pilot_ended_has_time",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Agreement(Record):
    """The text both sides accept; fixed and hashed (SHA-256 hex over UTF-8) when it is drawn up."""

    number = models.CharField(_("协议编号"), max_length=24, unique=True)
    pilot = models.OneToOneField(Pilot, models.PROTECT, related_name="agreement")
    text = models.TextField(_("协议文本"))
    text_sha256 = models.CharField("SHA-256", max_length=64)
    drawn_up_at = models.DateTimeField(_("拟定时间"))

    class Meta:
        verbose_name = _("试点协议")
        verbose_name_plural = _("试点协议")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.number


class Signature(Record):
    """One side's acceptance of the agreement's text."""

    agreement = models.ForeignKey(Agreement, models.PROTECT, related_name="signatures")
    party = models.CharField(_("签署方"), max_length=16, choices=Party.choices)
    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    signed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    signer_label = models.CharField(_("签署人"), max_length=200)
    text_sha256 = models.CharField("SHA-256", max_length=64)
    signed_at = models.DateTimeField(_("签署时间"))

    class Meta:
        verbose_name = _("协议签署")
        verbose_name_plural = _("协议签署")
        constraints = [
            models.UniqueConstraint(fields=["agreement", "party"], name="pilot_signature_once_per_party")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.agreement} · {self.get_party_display()}"


class Assessment(Record):
    """One year's assessment: the facts, the whole arithmetic and what it proposes. Computed once."""

    pilot = models.ForeignKey(Pilot, models.PROTECT, related_name="assessments")
    year = models.PositiveSmallIntegerField(_("年度"))
    facts = models.JSONField(_("事实"))
    total_centi = models.PositiveIntegerField(_("总分（百分之一分）"))
    proposal = models.CharField(_("建议结论"), max_length=16, choices=Verdict.choices)
    trace = models.JSONField(_("算式"))
    trace_sha256 = models.CharField(max_length=64)
    assessed_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    assessed_at = models.DateTimeField(_("考核时间"))

    class Meta:
        verbose_name = _("年度考核")
        verbose_name_plural = _("年度考核")
        constraints = [
            models.UniqueConstraint(fields=["pilot", "year"], name="pilot_assessment_once_a_year"),
            models.CheckConstraint(
                condition=models.Q(total_centi__lte=rules.FULL), name="pilot_assessment_within_bounds"
            ),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.pilot} · {self.year}"


class Decision(Record):
    """What the operator decided after an assessment, and why."""

    assessment = models.OneToOneField(Assessment, models.PROTECT, related_name="decision")
    verdict = models.CharField(_("结论"), max_length=16, choices=Verdict.choices)
    reasons = models.TextField(_("理由"))
    until = models.DateTimeField(_("期满时间"))
    decided_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("作出时间"))

    class Meta:
        verbose_name = _("考核结论")
        verbose_name_plural = _("考核结论")
        constraints = [
            models.CheckConstraint(condition=~models.Q(reasons=""), name="pilot_decision_has_reasons")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.assessment} · {self.get_verdict_display()}"


class Demand(Record):
    """One thing to be put right by a day: the broker's report, the operator's confirmation."""

    decision = models.ForeignKey(Decision, models.PROTECT, related_name="demands")
    ordinal = models.PositiveSmallIntegerField(_("序号"))
    words = models.TextField(_("整改要求"))
    due_on = models.DateField(_("期限"))
    report = models.TextField(_("整改报告"), blank=True)
    reported_at = models.DateTimeField(_("报告时间"), null=True, blank=True)
    met_at = models.DateTimeField(_("验收时间"), null=True, blank=True)
    met_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        verbose_name = _("整改要求")
        verbose_name_plural = _("整改要求")
        constraints = [
            models.UniqueConstraint(fields=["decision", "ordinal"], name="pilot_demand_once"),
            models.CheckConstraint(condition=~models.Q(words=""), name="pilot_demand_has_words"),
            models.CheckConstraint(
                condition=models.Q(met_at__isnull=True) | models.Q(reported_at__isnull=False),
                name="pilot_demand_met_was_reported",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="words_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("decision", "ordinal", "words", "due_on"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.decision} · {self.ordinal}"
