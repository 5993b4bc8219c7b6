"""Documents that people upload: evidence, authorisations, opinions."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from documents.states import DOCUMENT, DocumentState
from kernel.records import Record
from kernel.states import StateField


class Document(Record):
    """One file of an organization in the object store; usable once its SHA-256 was checked on arrival."""

    organization = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="documents")
    purpose = models.CharField(_("用途"), max_length=40)
    name = models.CharField(_("文件名"), max_length=255)
    media_type = models.CharField(_("媒体类型"), max_length=80)
    size = models.BigIntegerField(_("字节数"))
    sha256 = models.CharField("SHA-256", max_length=64)
    object_key = models.CharField(_("对象键"), max_length=300, unique=True)
    uploaded_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(_("创建时间"))
    refusal = models.CharField(_("退回原因"), max_length=300, blank=True)
    state = StateField(states=DocumentState)

    class Meta:
        verbose_name = _("文件")
        verbose_name_plural = _("文件")
        constraints = [
            DOCUMENT.constraint(),
            models.CheckConstraint(condition=models.Q(size__gt=0), name="document_not_empty"),
        ]

    def __str__(self) -> str:
        return self.name
