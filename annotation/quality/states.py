"""States of a worker's standing in a project and of a contested gold answer; roles of gold, ways to merge."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class GoldRole(models.TextChoices):
    """What a gold answer is for."""

    HIDDEN = "hidden", _("隐藏质检题")
    SCREENING = "screening", _("测试题")
    TRAINING = "training", _("练习题")


class GoldSource(models.TextChoices):
    """Where a gold answer comes from."""

    ACCEPTED = "accepted", _("取自已通过的结果")
    WRITTEN = "written", _("项目经理填写")
    IMPORTED = "imported", _("导入的标签")
    CORRECTED = "corrected", _("质疑后更正")


class Method(models.TextChoices):
    """How several answers become one."""

    MAJORITY = "majority", _("多数票")
    DAWID_SKENE = "dawid_skene", _("Dawid–Skene 模型")
    MACE = "mace", _("MACE 模型")


class Origin(models.TextChoices):
    """How the delivered result of an item came about."""

    MERGED = "merged", _("合并")
    GOLD = "gold", _("标准答案")
    ADJUDICATED = "adjudicated", _("裁定")


class Standing(models.TextChoices):
    """Whether a worker is given tasks of a project, and which."""

    TRAINING = "training", _("练习中")
    SCREENING = "screening", _("测试中")
    QUALIFIED = "qualified", _("合格")
    STOPPED = "stopped", _("已暂停派发")
    APPEALED = "appealed", _("申诉中")


QUALIFICATION = Machine(
    "qualification",
    Standing,
    [
        Move("begin_screening", ("training",), "screening", _("开始测试")),
        Move("pass", ("training", "screening"), "qualified", _("合格")),
        Move("fail", ("screening",), "stopped", _("测试未通过")),
        Move("stop", ("qualified",), "stopped", _("暂停派发")),
        Move("appeal", ("stopped",), "appealed", _("申诉")),
        Move("uphold", ("appealed",), "stopped", _("维持暂停")),
        Move("readmit", ("stopped", "appealed"), "screening", _("准予再测")),
        Move("reinstate", ("stopped", "appealed"), "qualified", _("恢复派发")),
    ],
)


class ContestState(models.TextChoices):
    OPEN = "open", _("待处理")
    UPHELD = "upheld", _("标准答案不变")
    CORRECTED = "corrected", _("标准答案已更正")


CONTEST = Machine(
    "gold_contest",
    ContestState,
    [
        Move("uphold", ("open",), "upheld", _("维持标准答案")),
        Move("correct", ("open",), "corrected", _("更正标准答案")),
    ],
)
