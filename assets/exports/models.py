"""Versions in other forms, made once."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetVersion
from kernel.records import Record


class Export(Record):
    """One version in one format: made once, never changed; the same version gives the same bytes.

    `format` is a code of `formats.kinds.FORMATS`, `format_version` the writer's; size in bytes, SHA-256 in hex;
    `object_key` is a content key. `losses`: what the format kept of the version, as `formats.losses.LossReport` tells
    it; empty for tables without annotations.
    """

    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="exports")
    format = models.CharField(_("格式"), max_length=16)
    format_version = models.PositiveSmallIntegerField(_("格式版本"))
    sha256 = models.CharField("SHA-256", max_length=64)
    size = models.BigIntegerField(_("字节数"))
    object_key = models.CharField(max_length=300)
    losses = models.JSONField(_("格式损失"), default=dict)
    made_at = models.DateTimeField(_("生成时间"))

    class Meta:
        verbose_name = _("导出文件")
        verbose_name_plural = _("导出文件")
        constraints = [
            models.UniqueConstraint(fields=["version", "format", "format_version"], name="export_made_once")
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.version} · {self.format}"
