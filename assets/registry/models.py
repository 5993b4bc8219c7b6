"""Registration applications, compliance findings, certificates."""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetVersion
from assets.registry.states import (
    APPLICATION,
    CERTIFICATE,
    OPEN_STATES,
    ApplicationState,
    CertificateState,
    CheckVerdict,
    Classification,
    ProductKind,
    RegistrationKind,
    Right,
)
from kernel.records import Record
from kernel.states import StateField


class Application(Record):
    """A registrant's application to have one asset registered."""

    number = models.CharField(_("申请编号"), max_length=24, unique=True)
    registrant = models.ForeignKey(
        "organizations.Organization", models.PROTECT, related_name="registration_applications"
    )
    kind = models.CharField(_("登记类型"), max_length=16, choices=RegistrationKind.choices, default="initial")
    product_kind = models.CharField(
        _("资产类型"), max_length=24, choices=ProductKind.choices, default="dataset"
    )
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="applications")
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
    created_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    submitted_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    submitted_at = models.DateTimeField(_("提交时间"), null=True, blank=True)
    due_on = models.DateField(_("本环节截止日"), null=True, blank=True)
    reviewer = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    decision_reason = models.TextField(_("审查结论"), blank=True)
    notice_until = models.DateField(_("公示截止日"), null=True, blank=True)
    state = StateField(states=ApplicationState)

    class Meta:
        verbose_name = _("登记申请")
        verbose_name_plural = _("登记申请")
        constraints = [
            APPLICATION.constraint(),
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
        ]
        indexes = [models.Index(fields=["state", "due_on"], name="application_state_due")]

    def __str__(self) -> str:
        return f"{self.title} ({self.number})"


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
    """A registration certificate over one dataset version.

    Valid from `valid_from` to `valid_until`, both days inside. `claims` is what was signed, `token` the
    JWS over it, `document_key` the PDF in the object store with its SHA-256.
    """

    number = models.CharField(_("证书编号"), max_length=24, unique=True)
    application = models.OneToOneField(Application, models.PROTECT, related_name="certificate")
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="certificates")
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
                    "number", "application", "version", "holder", "title", "issued_at", "valid_from",
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
