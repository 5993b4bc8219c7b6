"""States of an import and of a model that labels beforehand; kinds of personal information in content."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class IntakeState(models.TextChoices):
    GATHERING = "gathering", _("收集文件")
    CHECKING = "checking", _("试运行")
    CHECKED = "checked", _("待决定")
    IMPORTING = "importing", _("导入中")
    IMPORTED = "imported", _("已导入")
    CANCELLED = "cancelled", _("已放弃")


INTAKE = Machine(
    "intake",
    IntakeState,
    [
        Move("check", ("gathering",), "checking", _("开始试运行")),
        Move("conclude", ("checking",), "checked", _("试运行完成")),
        Move("reopen", ("checking", "checked"), "gathering", _("重新收集文件")),
        Move("decide", ("checked",), "importing", _("决定并导入")),
        Move("finish", ("importing",), "imported", _("导入完成")),
        Move("stop", ("importing",), "checked", _("导入中断")),
        Move("cancel", ("gathering", "checking", "checked"), "cancelled", _("放弃导入")),
    ],
)


class NearChoice(models.TextChoices):
    """What becomes of items that are nearly the same as another."""

    KEEP = "keep", _("保留近似的数据")
    LEAVE_OUT = "leave_out", _("每组只留第一条")


class PersonalChoice(models.TextChoices):
    """What becomes of items with personal information."""

    MASK = "mask", _("掩码后导入")
    LEAVE_OUT = "leave_out", _("不导入含个人信息的数据")
    KEEP = "keep", _("原样导入，写明法律依据")


class ProposalSource(models.TextChoices):
    """Where a starting point comes from."""

    LABELS = "labels", _("已有标注")
    PREDICTIONS = "predictions", _("导入的预测")
    MODEL = "model", _("预标注模型")


class PredictorKind(models.TextChoices):
    """How a model is asked."""

    BUILT_IN = "built_in", _("内置文本分类")
    HTTP = "http", _("Label Studio ML 后端")


class PredictorState(models.TextChoices):
    ACTIVE = "active", _("使用中")
    ENDED = "ended", _("已停用")


PREDICTOR = Machine(
    "predictor",
    PredictorState,
    [
        Move("end", ("active",), "ended", _("停用")),
        Move("resume", ("ended",), "active", _("重新启用")),
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
