"""The audit log: what happened, written with what it tells, chained afterwards."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from kernel.records import Record

APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class AuditEvent(Record):
    """One thing someone did. Written in the same transaction as the thing itself; never changed.

    `digest` is the SHA-256 (hex) of the event's canonical JSON. `transaction_id` is PostgreSQL's id
    of the writing transaction, so that the sealer knows which events can no longer be overtaken.
    """

    at = models.DateTimeField(_("时间"))
    action = models.CharField(_("动作"), max_length=80)
    subject_type = models.CharField(_("对象类型"), max_length=80)
    subject_id = models.UUIDField(_("对象"), null=True)
    subject_label = models.CharField(_("对象名称"), max_length=300, blank=True)
    user_id = models.UUIDField(_("操作人"), null=True)
    organization_id = models.UUIDField(_("单位"), null=True)
    actor_label = models.CharField(_("操作人名称"), max_length=200)
    detail = models.JSONField(_("内容"), default=dict)
    digest = models.CharField(_("摘要"), max_length=64)
    transaction_id = models.BigIntegerField(
        db_default=models.expressions.RawSQL("pg_current_xact_id()::text::bigint", [])
    )
    written_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("审计事件")
        verbose_name_plural = _("审计事件")
        indexes = [
            models.Index(fields=["subject_id", "at"], name="audit_subject_at"),
            models.Index(fields=["organization_id", "at"], name="audit_organization_at"),
            models.Index(fields=["transaction_id", "id"], name="audit_write_order"),
        ]
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action} {self.subject_label}"


class ChainLink(models.Model):
    """An event's place in the hash chain: `hash` = SHA-256(previous hash + event digest)."""

    position = models.BigIntegerField(_("序号"), primary_key=True)
    event = models.OneToOneField(AuditEvent, models.PROTECT, related_name="link")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(_("链哈希"), max_length=64)
    sealed_at = models.DateTimeField(_("封存时间"))

    class Meta:
        verbose_name = _("审计链")
        verbose_name_plural = _("审计链")
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return f"#{self.position} {self.hash[:12]}"
