"""States of an inspection lot; what a plan goes by, what is found in a sample, why inspection switched."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class LotState(models.TextChoices):
    SUBMITTED = "submitted", _("待抽样")
    DRAWN = "drawn", _("抽检中")
    ACCEPTED = "accepted", _("已接收")
    REJECTED = "rejected", _("不接收")
    RESUBMITTED = "resubmitted", _("已再次提交")


LOT = Machine(
    "inspection_lot",
    LotState,
    [
        Move("draw", ("submitted",), "drawn", _("抽取样本")),
        Move("accept", ("drawn",), "accepted", _("接收")),
        Move("reject", ("drawn",), "rejected", _("不接收")),
        Move("resubmit", ("rejected",), "resubmitted", _("再次提交")),
    ],
)

FROZEN = (LotState.SUBMITTED, LotState.DRAWN)
"""While a lot is in one of these, nobody changes what is in it."""


class Basis(models.TextChoices):
    """By which figure the two sides agree how much is inspected."""

    AQL = "aql", _("接收质量限（AQL），逐批检验")
    LQ = "lq", _("极限质量（LQ），每批单独检验")


class Level(models.TextChoices):
    """Inspection levels of GB/T 2828.1, table 1."""

    I = "I", _("一般水平 I")  # noqa: E741 - as the standard names it
    II = "II", _("一般水平 II")
    III = "III", _("一般水平 III")
    S1 = "S-1", _("特殊水平 S-1")
    S2 = "S-2", _("特殊水平 S-2")
    S3 = "S-3", _("特殊水平 S-3")
    S4 = "S-4", _("特殊水平 S-4")


class Strictness(models.TextChoices):
    """How strictly lots are inspected now; the values are those of `quality.sampling.Severity`."""

    NORMAL = "normal", _("正常检验")
    TIGHTENED = "tightened", _("加严检验")
    REDUCED = "reduced", _("放宽检验")
    DISCONTINUED = "discontinued", _("暂停检验")


class Fault(models.TextChoices):
    """What is wrong with an item that does not conform."""

    WRONG_LABEL = "wrong_label", _("标签选错")
    MISSED = "missed", _("漏标")
    SURPLUS = "surplus", _("多标")
    BOUNDARY = "boundary", _("边界或位置不准")
    OTHER = "other", _("其他")


class ReworkScope(models.TextChoices):
    """What of a lot that was not accepted is done again."""

    WHOLE = "whole", _("整批返工（100% 复检）")
    ALIKE = "alike", _("不合格品及同一标注员在本批的其他数据")


class Cause(models.TextChoices):
    """Why inspection stands where it stands after a lot."""

    BEGUN = "begun", _("方案生效，按约定的严格度开始")
    KEPT = "kept", _("未触发转移规则，保持不变")
    TWO_OF_FIVE = "two_of_five", _("正常检验下，连续 5 批（或不足 5 批）中有 2 批不接收，转加严检验")
    FIVE_ACCEPTED = "five_accepted", _("加严检验下连续 5 批接收，恢复正常检验")
    FIVE_REJECTED = "five_rejected", _("加严检验下累计 5 批不接收，暂停检验")
    SCORE = "score", _("转移得分达到 30 分且双方同意放宽，转放宽检验")
    REDUCED_LOST = "reduced_lost", _("放宽检验下有一批不接收，恢复正常检验")
    RESUMED = "resumed", _("供方已改进，委托方同意恢复，从加严检验开始")
