"""The log of registrations: what is to be logged, its place in the tree, the tree's nodes, its signed heads."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.records import Record

APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
GAPLESS = pgtrigger.Trigger(
    name="gapless",
    operation=pgtrigger.Insert,
    when=pgtrigger.Before,
    func="""
        IF NEW.index <> (SELECT coalesce(max(index) + 1, 0) FROM transparency_logplace) THEN
            RAISE EXCEPTION 'the log has no gaps: leaf % does not follow', NEW.index;
        END IF;
        RETURN NEW;
    """,
)


class LogEntry(Record):
    """One thing that is to stand in the log for ever, written in the transaction of the deed itself.

    `leaf` is the exact text that is hashed (canonical JSON, UTF-8). It gets its place when the sealer comes by.
    """

    at = models.DateTimeField(_("时间"))
    kind = models.CharField(_("事项"), max_length=60)
    subject = models.CharField(_("编号"), max_length=60, db_index=True)
    leaf = models.TextField(_("记载内容"))

    class Meta:
        verbose_name = _("登记日志条目")
        verbose_name_plural = _("登记日志条目")
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class LogPlace(models.Model):
    """An entry's place in the tree: 0, 1, 2, … without a gap; the database refuses any other number."""

    index = models.BigIntegerField(_("序号"), primary_key=True)
    entry = models.OneToOneField(LogEntry, models.PROTECT, related_name="place")
    leaf_hash = models.CharField(_("叶哈希"), max_length=64, db_index=True)

    class Meta:
        verbose_name = _("日志序号")
        verbose_name_plural = _("日志序号")
        triggers = [APPEND_ONLY, GAPLESS]

    def __str__(self) -> str:
        return f"#{self.index}"


class TreeNode(models.Model):
    """A complete node of the tree; `key` names level and index (`rules.key_of`)."""

    key = models.BigIntegerField(primary_key=True)
    hash = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = _("树节点")
        verbose_name_plural = _("树节点")
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return str(self.key)


class TreeHead(Record):
    """A promise of the authority: with `size` leaves the log had this root at that moment. `token` signs it."""

    size = models.BigIntegerField(_("条目数"))
    root_hash = models.CharField(_("根哈希"), max_length=64)
    at = models.DateTimeField(_("签署时间"))
    token = models.TextField(_("签名"))

    class Meta:
        verbose_name = _("树头")
        verbose_name_plural = _("树头")
        constraints = [
            models.CheckConstraint(condition=models.Q(size__gte=0), name="tree_head_size_not_negative"),
            models.UniqueConstraint(fields=["size", "at"], name="tree_head_once"),
        ]
        triggers = [APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.size} {self.root_hash[:12]}"
