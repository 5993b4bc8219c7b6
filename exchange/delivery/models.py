"""What was delivered under an order, and every access to it."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from assets.datasets.models import DatasetFile, DatasetVersion
from assets.exports.formats.kinds import FORMATS
from assets.exports.models import Export
from assets.registry.models import Certificate
from exchange.trading.models import Order
from kernel.records import Record

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Delivery(Record):
    """The act of delivery: the exact version, by its root hash, opened to the buyer's organization."""

    order = models.OneToOneField(Order, models.PROTECT, related_name="delivery")
    root_hash = models.CharField(_("根哈希"), max_length=64)
    file_count = models.PositiveIntegerField(_("文件数"))
    byte_count = models.BigIntegerField(_("字节数"))
    delivered_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    delivered_at = models.DateTimeField(_("交付时间"))

    class Meta:
        verbose_name = _("交付")
        verbose_name_plural = _("交付")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.order} → {self.root_hash[:12]}"


class Replacement(Record):
    """A newer, sealed and certified version delivered in the place of what was delivered before.

    The one with the highest `ordinal` is what the buyer downloads; every earlier one stays on record.
    """

    delivery = models.ForeignKey(Delivery, models.PROTECT, related_name="replacements")
    ordinal = models.PositiveSmallIntegerField(_("次序"))
    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="+")
    certificate = models.ForeignKey(Certificate, models.PROTECT, related_name="+")
    root_hash = models.CharField(_("根哈希"), max_length=64)
    file_count = models.PositiveIntegerField(_("文件数"))
    byte_count = models.BigIntegerField(_("字节数"))
    replaced_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    replaced_at = models.DateTimeField(_("补交时间"))

    class Meta:
        verbose_name = _("补交")
        verbose_name_plural = _("补交")
        constraints = [
            models.UniqueConstraint(fields=["delivery", "ordinal"], name="replacement_ordinal_once"),
            models.UniqueConstraint(fields=["delivery", "version"], name="replacement_version_once"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.delivery} #{self.ordinal}"


class Download(Record):
    """One signed link handed out: to which file or which export of the version, to whom, until when."""

    delivery = models.ForeignKey(Delivery, models.PROTECT, related_name="downloads")
    file = models.ForeignKey(DatasetFile, models.PROTECT, null=True, related_name="+")
    export = models.ForeignKey(Export, models.PROTECT, null=True, related_name="+")
    user = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    actor_label = models.CharField(_("下载人"), max_length=200)
    requested_at = models.DateTimeField(_("请求时间"))
    expires_at = models.DateTimeField(_("链接有效期至"))

    class Meta:
        verbose_name = _("下载记录")
        verbose_name_plural = _("下载记录")
        indexes = [models.Index(fields=["delivery", "-id"], name="download_delivery")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(file__isnull=True) ^ models.Q(export__isnull=True),
                name="download_of_one_thing",
            )
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.delivery} · {self.path}"

    @property
    def path(self) -> str:
        """What was handed out: the path of a file, or the name of a format."""
        if self.file is not None:
            return self.file.path
        assert self.export is not None, "a download is of a file or of an export"
        return str(FORMATS[self.export.format].title)
