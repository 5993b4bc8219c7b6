"""Words with fixed values: grades of data, kinds of personal information, kinds of fingerprints."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Level(models.TextChoices):
    """Grades of data, from the mildest to the strictest."""

    GENERAL = "general", _("一般数据")
    IMPORTANT = "important", _("重要数据")
    CORE = "core", _("核心数据")


class FindingKind(models.TextChoices):
    """What the scan looks for."""

    ID_NUMBER = "id_number", _("居民身份证号")
    PHONE = "phone", _("手机号码")
    BANK_CARD = "bank_card", _("银行卡号")
    EMAIL = "email", _("电子邮箱")
    PLATE = "plate", _("机动车号牌")
    NAME = "name", _("姓名")
    IMAGE_PLACE = "image_place", _("图片拍摄位置")


class FingerprintKind(models.TextChoices):
    TEXT = "text_minhash", _("文本指纹")
    IMAGE = "image_dhash", _("图片指纹")


class SampleMethod(models.TextChoices):
    """How a frozen sample was chosen."""

    STRATIFIED = "stratified", _("按标签分层自动抽取")
    CHOSEN = "chosen", _("由企业从候选行中选定")
