"""Credentials of certificates, and the lists that say which of them are revoked or suspended."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from assets.credentials.rules import LIST_BITS, PURPOSES, REVOKED_STATES
from assets.registry.models import Certificate
from assets.registry.states import CertificateState
from kernel.records import Record

_REVOKED = ", ".join(f"'{state}'" for state in sorted(REVOKED_STATES))


class StatusList(Record):
    """One published list of status bits: `ordinal` counts the pairs of lists, `token` is the signed credential."""

    purpose = models.CharField(_("用途"), max_length=16)
    ordinal = models.PositiveIntegerField(_("序号"), default=1)
    token = models.TextField(_("签名"))
    signed_at = models.DateTimeField(_("签署时间"))

    class Meta:
        verbose_name = _("状态列表")
        verbose_name_plural = _("状态列表")
        constraints = [
            models.UniqueConstraint(fields=["purpose", "ordinal"], name="status_list_once"),
            models.CheckConstraint(
                condition=models.Q(purpose__in=sorted(PURPOSES)), name="status_list_purpose_known"
            ),
        ]
        triggers = [pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.purpose}-{self.ordinal}"


class Credential(Record):
    """A certificate as a verifiable credential. Only `state` ever changes: what the lists and the log last told."""

    certificate = models.OneToOneField(Certificate, models.PROTECT, related_name="credential")
    unified_code = models.CharField(_("平台赋码"), max_length=40, db_index=True)
    claims = models.JSONField(_("凭证内容"))
    token = models.TextField(_("签名"))
    key_id = models.CharField(_("密钥编号"), max_length=64)
    issued_at = models.DateTimeField(_("签发时间"))
    list_ordinal = models.PositiveIntegerField(_("状态列表"))
    status_index = models.PositiveIntegerField(_("状态位"))
    state = models.CharField(
        _("已公布的状态"), max_length=32, choices=CertificateState.choices, default=CertificateState.VALID
    )

    class Meta:
        verbose_name = _("可验证凭证")
        verbose_name_plural = _("可验证凭证")
        constraints = [
            models.UniqueConstraint(fields=["list_ordinal", "status_index"], name="credential_bit_once"),
            models.CheckConstraint(
                condition=models.Q(status_index__lt=LIST_BITS), name="credential_bit_inside_list"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="signed_text_fixed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "certificate", "unified_code", "claims", "token", "key_id", "issued_at",
                    "list_ordinal", "status_index",
                ),
            ),
            pgtrigger.Trigger(
                name="no_return",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func=f"""
                    IF OLD.state IN ({_REVOKED}) AND NEW.state NOT IN ({_REVOKED}) THEN
                        RAISE EXCEPTION 'a revoked credential never comes back';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.unified_code
