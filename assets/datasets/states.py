"""States of a dataset version; kinds of personal information in its content."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class VersionState(models.TextChoices):
    BUILDING = "building", _("制作中")
    SEALED = "sealed", _("已封版")
    WITHDRAWN = "withdrawn", _("已撤回")


DATASET_VERSION = Machine(
    "dataset_version",
    VersionState,
    [
        Move("seal", ("building",), "sealed", _("封版")),
        Move("withdraw", ("sealed",), "withdrawn", _("撤回")),
    ],
)


class FindingKind(models.TextChoices):
    """What the scan looks for, and what is masked."""

    ID_NUMBER = "id_number", _("居民身份证号")
    PHONE = "phone", _("手机号码")
    BANK_CARD = "bank_card", _("银行卡号")
    EMAIL = "email", _("电子邮箱")
    PLATE = "plate", _("机动车号牌")
    NAME = "name", _("姓名")
    IMAGE_PLACE = "image_place", _("图片拍摄位置")
