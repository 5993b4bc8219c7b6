"""Words with fixed values: grades of data, kinds of fingerprints, ways to choose a sample."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Level(models.TextChoices):
    """Grades of data, from the mildest to the strictest."""

    GENERAL = "general", _("一般数据")
    IMPORTANT = "important", _("重要数据")
    CORE = "core", _("核心数据")


class FingerprintKind(models.TextChoices):
    TEXT = "text_minhash", _("文本指纹")
    IMAGE = "image_dhash", _("图片指纹")


class SampleMethod(models.TextChoices):
    """How a frozen sample was chosen."""

    STRATIFIED = "stratified", _("按标签分层自动抽取")
    CHOSEN = "chosen", _("由企业从候选行中选定")
