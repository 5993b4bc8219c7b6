"""Registration applications, their review, certificates, licences, objections, revocations."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.projects.models import Project
from assets.datasets.models import DatasetVersion
from assets.registry.states import (
    APPLICATION,
    CERTIFICATE,
    OBJECTION,
    OF_DOCUMENTS,
    OF_PROJECT,
    OPEN_OBJECTIONS,
    OPEN_REVOCATIONS,
    OPEN_STATES,
    REVOCATION,
    ApplicationState,
    CertificateState,
    CheckVerdict,
    Classification,
    Hearing,
    ObjectionState,
    ProductKind,
    RegistrationKind,
    ReviewerRole,
    RevocationState,
    Right,
)
from documents.models import Document
from kernel.records import Record
from kernel.states import StateField

_ORGANIZATION, _USER = "organizations.Organization", "accounts.User"
_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


def _names_its_thing(prefix: str) -> models.CheckConstraint:
    """Every product kind names exactly the thing it needs."""
    dataset = models.Q(product_kind=ProductKind.DATASET, version__isnull=False, project__isnull=True)
    work = models.Q(
        product_kind__in=[kind.value for kind in OF_PROJECT], version__isnull=True, project__isnull=False
    )
    described = models.Q(product_kind__in=[kind.value for kind in OF_DOCUMENTS], project__isnull=True)
    return models.CheckConstraint(condition=dataset | work | described, name=f"{prefix}_names_its_thing")


class Application(Record):
    """A registrant's application: to have one asset registered, or to change what a certificate says.

    It names one thing: a dataset `version`, an annotation `project`, or files that describe another product.
    `subject` is the certificate it is about (none for initial). `other`: transferee or licensee; what they
    agreed to is fixed by `agreed_sha256`. `notice_days_left`: working days of the notice kept while objected.
    """

    number = models.CharField(_("申请编号"), max_length=24, unique=True)
    registrant = models.ForeignKey(
        "organizations.Organization", models.PROTECT, related_name="registration_applications"
    )
    kind = models.CharField(_("登记类型"), max_length=16, choices=RegistrationKind.choices, default="initial")
    product_kind = models.CharField(
        _("资产类型"), max_length=24, choices=ProductKind.choices, default="dataset"
    )
    version = models.ForeignKey(
        DatasetVersion, models.PROTECT, null=True, blank=True, related_name="applications"
    )
    project = models.ForeignKey(
        Project, models.PROTECT, null=True, blank=True, related_name="registration_applications"
    )
    subject = models.ForeignKey(
        "Certificate",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="follow_ups",
        verbose_name=_("所涉证书"),
    )
    reason = models.TextField(_("办理事由"), blank=True)
    other = models.ForeignKey(
        _ORGANIZATION, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("另一方")
    )
    scope = models.TextField(_("许可范围"), blank=True)
    licence_until = models.DateField(_("许可最后一日"), null=True, blank=True)
    agreed_by = models.ForeignKey(_USER, models.PROTECT, null=True, blank=True, related_name="+")
    agreed_at = models.DateTimeField(_("另一方确认时间"), null=True, blank=True)
    agreed_sha256 = models.CharField(max_length=64, blank=True)
    title = models.CharField(_("资产名称"), max_length=120)
    use_case = models.TextField(_("应用场景"), blank=True)
    source_statement = models.TextField(_("来源与授权说明"), blank=True)
    rights = ArrayField(
        models.CharField(max_length=16, choices=Right.choices), verbose_name=_("登记权利"), default=list
    )
    classification = models.CharField(
        _("数据分级"), max_length=16, choices=Classification.choices, blank=True
    )
    legal_statement = models.TextField(_("法律意见或合规自述"), blank=True)
    arrangement = models.TextField(_("委托方与标注企业的权利约定"), blank=True)
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    submitted_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    submitted_at = models.DateTimeField(_("提交时间"), null=True, blank=True)
    due_on = models.DateField(_("本环节截止日"), null=True, blank=True)
    reviewer = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    decision_reason = models.TextField(_("审查结论"), blank=True)
    notice_from = models.DateField(_("公示起始日"), null=True, blank=True)
    notice_until = models.DateField(_("公示截止日"), null=True, blank=True)
    notice_days_left = models.PositiveIntegerField(_("剩余公示工作日"), null=True, blank=True)
    notice_ended_at = models.DateTimeField(_("公示期满提醒时间"), null=True, blank=True)
    escalated_at = models.DateTimeField(_("逾期上报时间"), null=True, blank=True)
    state = StateField(states=ApplicationState)

    EDITABLE_FIELDS = (
        "title", "product_kind", "use_case", "source_statement", "rights", "classification", "legal_statement",
        "arrangement", "reason", "scope", "licence_until",
    )  # fmt: skip

    class Meta:
        verbose_name = _("登记申请")
        verbose_name_plural = _("登记申请")
        constraints = [
            APPLICATION.constraint(),
            _names_its_thing("application"),
            models.CheckConstraint(
                condition=models.Q(kind="initial", subject__isnull=True)
                | (~models.Q(kind="initial") & models.Q(subject__isnull=False)),
                name="application_names_its_certificate",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="under_objection") | models.Q(notice_days_left__isnull=False),
                name="application_objected_keeps_days",
            ),
            models.CheckConstraint(
                condition=models.Q(agreed_at__isnull=True)
                | (models.Q(other__isnull=False) & ~models.Q(agreed_sha256="")),
                name="application_agreement_is_signed",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", "withdrawn"]) | ~models.Q(use_case=""),
                name="application_has_use_case",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="public_notice") | models.Q(notice_until__isnull=False),
                name="application_notice_has_end",
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["public_notice", "under_objection", "certified"])
                | ~models.Q(classification__in=["", "core"]),
                name="application_core_never_passes",
            ),
            models.UniqueConstraint(
                fields=["version"],
                condition=models.Q(kind="initial", state__in=OPEN_STATES),
                name="application_one_open_per_version",
            ),
            models.UniqueConstraint(
                fields=["project"],
                condition=models.Q(kind="initial", state__in=OPEN_STATES),
                name="application_one_open_per_project",
            ),
            models.UniqueConstraint(
                fields=["subject"],
                condition=models.Q(state__in=OPEN_STATES) & ~models.Q(kind="licence"),
                name="application_one_open_per_certificate",
            ),
        ]
        indexes = [models.Index(fields=["state", "due_on"], name="application_state_due")]

    def __str__(self) -> str:
        return f"{self.title} ({self.number})"


class Attachment(Record):
    """A file of an application: an authorisation, a legal opinion, what describes a product."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="attachments")
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    label = models.CharField(_("说明"), max_length=120, blank=True)
    attached_by = models.ForeignKey(_USER, models.PROTECT, null=True, related_name="+")
    attached_at = models.DateTimeField(_("添加时间"))

    class Meta:
        verbose_name = _("登记材料")
        verbose_name_plural = _("登记材料")
        constraints = [
            models.UniqueConstraint(fields=["application", "document"], name="attachment_document_once")
        ]

    def __str__(self) -> str:
        return self.label or self.document.name


class ReviewAssignment(Record):
    """Who reviews an application, from when to when: the lead, and for important data a second reviewer.

    A hand-over ends one row with its reason and begins another. A second reviewer leaves an opinion.
    """

    application = models.ForeignKey(Application, models.PROTECT, related_name="assignments")
    reviewer = models.ForeignKey(_USER, models.PROTECT, related_name="+")
    role = models.CharField(_("角色"), max_length=8, choices=ReviewerRole.choices)
    assigned_at = models.DateTimeField(_("分派时间"))
    assigned_by = models.ForeignKey(_USER, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)
    ended_reason = models.TextField(_("转交理由"), blank=True)
    concurs = models.BooleanField(_("是否同意"), null=True, blank=True)
    opinion = models.TextField(_("复核意见"), blank=True)
    opinion_at = models.DateTimeField(_("复核时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("审查分派")
        verbose_name_plural = _("审查分派")
        constraints = [
            models.UniqueConstraint(
                fields=["application", "role"],
                condition=models.Q(ended_at__isnull=True),
                name="assignment_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(concurs__isnull=True)
                | (models.Q(opinion_at__isnull=False) & ~models.Q(opinion="")),
                name="assignment_opinion_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()}: {self.reviewer}"


class CommitteeSeat(Record):
    """One member of the committee that votes on an application of important data."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="seats")
    member = models.ForeignKey(_USER, models.PROTECT, related_name="+")
    convened_at = models.DateTimeField(_("召集时间"))
    convened_by = models.ForeignKey(_USER, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("委员")
        verbose_name_plural = _("委员")
        constraints = [
            models.UniqueConstraint(fields=["application", "member", "convened_at"], name="seat_member_once")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return str(self.member)


class CommitteeVote(Record):
    """A member's vote, with its reason; given once."""

    seat = models.OneToOneField(CommitteeSeat, models.PROTECT, related_name="vote")
    is_in_favour = models.BooleanField(_("是否赞成"))
    reason = models.TextField(_("理由"))
    voted_at = models.DateTimeField(_("表决时间"))

    class Meta:
        verbose_name = _("委员会表决")
        verbose_name_plural = _("委员会表决")
        constraints = [
            models.CheckConstraint(condition=~models.Q(reason=""), name="committee_vote_has_reason")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.seat}: {self.is_in_favour}"


class CorrectionLetter(Record):
    """What a registrant is asked to correct, once and for all: the points, and the words that go with them.

    `stage` is the state in which it was sent. A second letter of a stage names only points of the first, or
    says in `new_facts` what has come to light since.
    """

    application = models.ForeignKey(Application, models.PROTECT, related_name="letters")
    ordinal = models.PositiveIntegerField(_("次序"))
    stage = models.CharField(_("环节"), max_length=32, choices=ApplicationState.choices)
    points = ArrayField(models.CharField(max_length=40), verbose_name=_("补正事项"), default=list)
    words = models.TextField(_("补正意见"))
    new_facts = models.TextField(_("新发现的事实"), blank=True)
    sent_by = models.ForeignKey(_USER, models.PROTECT, null=True, related_name="+")
    sent_at = models.DateTimeField(_("发出时间"))
    due_on = models.DateField(_("补正截止日"))

    class Meta:
        verbose_name = _("补正通知")
        verbose_name_plural = _("补正通知")
        constraints = [models.UniqueConstraint(fields=["application", "ordinal"], name="letter_ordinal_once")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.application.number} #{self.ordinal}"


class Finding(Record):
    """A reviewer's verdict on one point of the checklist; a later one of the same code replaces it.

    Verdicts found before the application was last submitted no longer count.
    """

    application = models.ForeignKey(Application, models.PROTECT, related_name="findings")
    check_code = models.CharField(_("审查项"), max_length=40)
    verdict = models.CharField(_("结论"), max_length=16, choices=CheckVerdict.choices)
    remark = models.TextField(_("意见"), blank=True)
    reviewer = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    found_at = models.DateTimeField(_("审查时间"))

    class Meta:
        verbose_name = _("审查意见")
        verbose_name_plural = _("审查意见")
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.check_code}: {self.get_verdict_display()}"


class Certificate(Record):
    """A registration certificate over one dataset version, annotation project or described product.

    `replaces`: the certificate before it; `origin`: the first of the line (none for the first itself). Valid from `valid_from` to `valid_until`, both days inside. `claims` is what was signed, `token` the
    JWS over it, `document_key` the PDF in the object store with its SHA-256.
    """

    number = models.CharField(_("证书编号"), max_length=24, unique=True)
    application = models.OneToOneField(Application, models.PROTECT, related_name="certificate")
    version = models.ForeignKey(
        DatasetVersion, models.PROTECT, null=True, blank=True, related_name="certificates"
    )
    project = models.ForeignKey(Project, models.PROTECT, null=True, blank=True, related_name="certificates")
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replaced_by", verbose_name=_("前一证书")
    )
    origin = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="line")
    holder = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="certificates")
    title = models.CharField(_("资产名称"), max_length=120)
    issued_at = models.DateTimeField(_("发证时间"))
    valid_from = models.DateField(_("有效期起"))
    valid_until = models.DateField(_("有效期至"))
    claims = models.JSONField(_("证书内容"))
    token = models.TextField(_("签名"))
    key_id = models.CharField(_("密钥编号"), max_length=64)
    document_key = models.CharField(max_length=300, blank=True)
    document_sha256 = models.CharField(max_length=64, blank=True)
    state = StateField(states=CertificateState)

    class Meta:
        verbose_name = _("登记证书")
        verbose_name_plural = _("登记证书")
        constraints = [
            CERTIFICATE.constraint(),
            models.UniqueConstraint(
                fields=["version"],
                condition=models.Q(state__in=["valid", "suspended"]),
                name="certificate_one_active_per_version",
            ),
            models.UniqueConstraint(
                fields=["project"],
                condition=models.Q(state__in=["valid", "suspended"]),
                name="certificate_one_active_per_project",
            ),
            models.CheckConstraint(
                condition=models.Q(valid_until__gte=models.F("valid_from")), name="certificate_period_ordered"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="signed_text_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "number", "application", "version", "project", "replaces", "origin", "holder", "title", "issued_at", "valid_from",
                    "valid_until", "claims", "token", "key_id",
                ),
            ),
            pgtrigger.Trigger(
                name="document_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.AnyChange("document_key", "document_sha256"),
                func="""
                    IF OLD.document_sha256 <> '' THEN
                        RAISE EXCEPTION 'an issued certificate document never changes';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.number


class Reminder(Record):
    """The holder was told that a certificate ends within so many days; told once for each."""

    certificate = models.ForeignKey(Certificate, models.PROTECT, related_name="reminders")
    days_before = models.PositiveIntegerField(_("提前天数"))
    sent_at = models.DateTimeField(_("提醒时间"))

    class Meta:
        verbose_name = _("到期提醒")
        verbose_name_plural = _("到期提醒")
        constraints = [
            models.UniqueConstraint(fields=["certificate", "days_before"], name="reminder_sent_once")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.certificate.number}: {self.days_before}"


class Licence(Record):
    """A registered licence under a certificate: who may use what, how, until when (both days inside)."""

    number = models.CharField(_("许可编号"), max_length=24, unique=True)
    application = models.OneToOneField(Application, models.PROTECT, related_name="licence")
    certificate = models.ForeignKey(Certificate, models.PROTECT, related_name="licences")
    licensee = models.ForeignKey(_ORGANIZATION, models.PROTECT, related_name="registered_licences")
    scope = models.TextField(_("许可范围"))
    issued_at = models.DateTimeField(_("登记时间"))
    valid_from = models.DateField(_("有效期起"))
    valid_until = models.DateField(_("有效期至"))
    claims = models.JSONField(_("许可内容"))
    token = models.TextField(_("签名"))
    key_id = models.CharField(_("密钥编号"), max_length=64)

    class Meta:
        verbose_name = _("许可登记")
        verbose_name_plural = _("许可登记")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(valid_until__gte=models.F("valid_from")), name="licence_period_ordered"
            )
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return self.number


class Objection(Record):
    """A signed objection against an application in notice or a certificate.

    The signature is the signer's name, the moment, and the SHA-256 of the text as it was signed.
    """

    number = models.CharField(_("异议编号"), max_length=24, unique=True)
    application = models.ForeignKey(
        Application, models.PROTECT, null=True, blank=True, related_name="objections"
    )
    certificate = models.ForeignKey(
        Certificate, models.PROTECT, null=True, blank=True, related_name="objections"
    )
    objector = models.ForeignKey(_USER, models.PROTECT, related_name="+")
    organization = models.ForeignKey(_ORGANIZATION, models.PROTECT, null=True, blank=True, related_name="+")
    interest = models.TextField(_("与登记的利害关系"))
    statement = models.TextField(_("异议内容与理由"))
    documents = models.ManyToManyField(Document, blank=True, related_name="+")
    signed_name = models.CharField(_("签名"), max_length=80)
    signed_sha256 = models.CharField(max_length=64)
    filed_at = models.DateTimeField(_("提出时间"))
    due_on = models.DateField(_("本环节截止日"), null=True, blank=True)
    reply = models.TextField(_("登记主体答复"), blank=True)
    reply_documents = models.ManyToManyField(Document, blank=True, related_name="+")
    replied_by = models.ForeignKey(_USER, models.PROTECT, null=True, blank=True, related_name="+")
    replied_at = models.DateTimeField(_("答复时间"), null=True, blank=True)
    decided_by = models.ForeignKey(_USER, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(_("决定时间"), null=True, blank=True)
    decision_reason = models.TextField(_("决定理由"), blank=True)
    has_suspended = models.BooleanField(_("因此中止了证书"), default=False)
    escalated_at = models.DateTimeField(_("逾期上报时间"), null=True, blank=True)
    state = StateField(states=ObjectionState)

    class Meta:
        verbose_name = _("登记异议")
        verbose_name_plural = _("登记异议")
        constraints = [
            OBJECTION.constraint(),
            models.CheckConstraint(
                condition=models.Q(application__isnull=True, certificate__isnull=False)
                | models.Q(application__isnull=False, certificate__isnull=True),
                name="objection_against_one_thing",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=[*OPEN_OBJECTIONS, "withdrawn"])
                | (models.Q(decided_at__isnull=False) & ~models.Q(decision_reason="")),
                name="objection_decision_has_reason",
            ),
        ]
        indexes = [models.Index(fields=["state", "due_on"], name="objection_state_due")]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="signed_text_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "number", "application", "certificate", "objector", "organization", "interest", "statement",
                    "signed_name", "signed_sha256", "filed_at",
                ),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.number


class Revocation(Record):
    """The authority's proceeding to revoke a certificate: grounds, hearing, decision by two persons."""

    number = models.CharField(_("撤销编号"), max_length=24, unique=True)
    certificate = models.ForeignKey(Certificate, models.PROTECT, related_name="revocations")
    objection = models.ForeignKey(
        Objection, models.PROTECT, null=True, blank=True, related_name="revocations"
    )
    grounds = models.TextField(_("撤销事由"))
    opened_by = models.ForeignKey(_USER, models.PROTECT, null=True, related_name="+")
    opened_at = models.DateTimeField(_("告知时间"))
    hearing_on = models.DateField(_("听证日"))
    hearing = models.CharField(_("听证"), max_length=8, choices=Hearing.choices, blank=True)
    hearing_record = models.TextField(_("听证记录"), blank=True)
    minutes = models.ForeignKey(Document, models.PROTECT, null=True, blank=True, related_name="+")
    heard_at = models.DateTimeField(_("听证记录时间"), null=True, blank=True)
    proposed_by = models.ForeignKey(_USER, models.PROTECT, null=True, blank=True, related_name="+")
    proposed_at = models.DateTimeField(_("提出时间"), null=True, blank=True)
    proposal = models.TextField(_("拟处理意见"), blank=True)
    decided_by = models.ForeignKey(_USER, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(_("决定时间"), null=True, blank=True)
    decision_reason = models.TextField(_("决定理由"), blank=True)
    has_suspended = models.BooleanField(_("因此中止了证书"), default=False)
    state = StateField(states=RevocationState)

    class Meta:
        verbose_name = _("证书撤销")
        verbose_name_plural = _("证书撤销")
        constraints = [
            REVOCATION.constraint(),
            models.UniqueConstraint(
                fields=["certificate"],
                condition=models.Q(state__in=OPEN_REVOCATIONS),
                name="revocation_one_open_per_certificate",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["noticed", "dropped"]) | ~models.Q(hearing=""),
                name="revocation_follows_a_hearing",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="revoked")
                | (
                    models.Q(proposed_by__isnull=False, decided_by__isnull=False)
                    & ~models.Q(proposed_by=models.F("decided_by"))
                ),
                name="revocation_decided_by_two",
            ),
        ]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.number
