"""Profiles of sealed versions, what was found in them, their fingerprints and frozen samples.

All rows are append-only: a profile made another way is another row under a new `format`.
"""

from __future__ import annotations

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from annotation.intake.states import FindingKind
from assets.datasets.models import DatasetVersion
from assets.profiles.rules.facts import Facts, PartFacts, from_json
from assets.profiles.states import FingerprintKind, SampleMethod
from kernel.records import Record

_APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


class Profile(Record):
    """What is in one sealed version, made by one way of measuring (`format`); kept for good.

    `facts`: JSON of rules.facts.Facts; `engines`: names and versions of the libraries that counted.
    `candidates`: rows without findings from which a sample may be chosen.
    """

    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="profiles")
    format = models.PositiveSmallIntegerField(_("画像格式"))
    root_hash = models.CharField(_("根哈希"), max_length=64)
    facts = models.JSONField(_("画像内容"))
    engines = models.JSONField(_("计算引擎"))
    candidates = models.JSONField(_("候选样例"), default=list)
    made_at = models.DateTimeField(_("生成时间"))

    class Meta:
        verbose_name = _("数据画像")
        verbose_name_plural = _("数据画像")
        constraints = [models.UniqueConstraint(fields=["version", "format"], name="profile_once_per_format")]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return str(self.version)

    @property
    def told(self) -> Facts:
        """The facts as records."""
        return from_json(Facts, self.facts)


class ProfilePart(models.Model):
    """One finished step of making a profile; a second run goes on after the parts that are there."""

    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="+")
    format = models.PositiveSmallIntegerField()
    ordinal = models.PositiveIntegerField()
    body = models.JSONField()

    class Meta:
        verbose_name = _("画像步骤")
        verbose_name_plural = _("画像步骤")
        constraints = [
            models.UniqueConstraint(fields=["version", "format", "ordinal"], name="profile_part_once")
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.version_id} #{self.ordinal}"

    @property
    def told(self) -> PartFacts:
        """What the step found, as records."""
        return from_json(PartFacts, self.body)


class SensitiveFinding(models.Model):
    """Personal information of one kind in one field of one file: counted, with masked examples only."""

    profile = models.ForeignKey(Profile, models.PROTECT, related_name="findings")
    kind = models.CharField(_("种类"), max_length=16, choices=FindingKind.choices)
    path = models.CharField(_("路径"), max_length=400)
    field = models.CharField(_("字段"), max_length=200, blank=True)
    count = models.PositiveBigIntegerField(_("数量"))
    distinct_count = models.PositiveBigIntegerField(_("去重数量"))
    masked = models.JSONField(_("掩码示例"), default=list)

    class Meta:
        verbose_name = _("敏感信息")
        verbose_name_plural = _("敏感信息")
        constraints = [
            models.UniqueConstraint(
                fields=["profile", "kind", "path", "field"], name="sensitive_finding_once"
            ),
            models.CheckConstraint(condition=models.Q(count__gt=0), name="sensitive_finding_counted"),
        ]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.path} {self.field}".strip()


class Fingerprint(models.Model):
    """A fingerprint of one text or image of a version. `row`: from 1, 0 for a whole file.

    `bands`: keys under which likely neighbours are found by the index (annotation.intake.likeness).
    """

    version = models.ForeignKey(DatasetVersion, models.PROTECT, related_name="fingerprints")
    format = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=16, choices=FingerprintKind.choices)
    path = models.CharField(max_length=400)
    row = models.PositiveIntegerField(default=0)
    digest = models.BinaryField()
    bands = ArrayField(models.BigIntegerField())

    class Meta:
        verbose_name = _("内容指纹")
        verbose_name_plural = _("内容指纹")
        constraints = [
            models.UniqueConstraint(
                fields=["version", "format", "kind", "path", "row"], name="fingerprint_once"
            )
        ]
        # No list of pending entries: every look-up would have to read through it.
        indexes = [GinIndex(fields=["bands"], name="fingerprint_bands", fastupdate=False)]
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return f"{self.path} {self.row}"


class FrozenSample(Record):
    """The sample shown in the catalogue: chosen once per version, never changed afterwards."""

    version = models.OneToOneField(DatasetVersion, models.PROTECT, related_name="frozen_sample")
    profile = models.ForeignKey(Profile, models.PROTECT, related_name="+")
    method = models.CharField(_("抽取方法"), max_length=16, choices=SampleMethod.choices)
    rows = models.JSONField(_("样例行"))
    chosen_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    chosen_at = models.DateTimeField(_("选定时间"))

    class Meta:
        verbose_name = _("冻结样例")
        verbose_name_plural = _("冻结样例")
        triggers = [_APPEND_ONLY]

    def __str__(self) -> str:
        return str(self.version)
