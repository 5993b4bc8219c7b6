"""States of an annotation project."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move

RECORD_TYPE = "application/json"
"""The media type of an item of several texts (two to be compared): a JSON object of strings."""


class Modality(models.TextChoices):
    """What one item of the project is."""

    TEXT = "text", _("文本")
    IMAGE = "image", _("图像")


class ReworkPayer(models.TextChoices):
    """Who bears the pay when accepted work is done again because the guideline changed."""

    FIRM = "firm", _("标注企业承担")
    CLIENT = "client", _("委托方承担")
    NONE = "none", _("不另付报酬")


class ExampleKind(models.TextChoices):
    """What an example of a guideline shows."""

    RIGHT = "right", _("正确示例")
    WRONG = "wrong", _("错误示例")


class ProjectState(models.TextChoices):
    DRAFT = "draft", _("草稿")
    OPEN = "open", _("待开工")
    IN_PROGRESS = "in_progress", _("标注中")
    DELIVERED = "delivered", _("已交付")
    ACCEPTED = "accepted", _("已验收")
    CLOSED = "closed", _("已结项")
    CANCELLED = "cancelled", _("已取消")


PROJECT = Machine(
    "annotation_project",
    ProjectState,
    [
        Move("open", ("draft",), "open", _("发布项目")),
        Move("start", ("open",), "in_progress", _("开始标注")),
        Move("deliver", ("in_progress",), "delivered", _("提交交付")),
        Move("rework", ("delivered",), "in_progress", _("退回返工")),
        Move("accept", ("delivered",), "accepted", _("验收通过")),
        Move("close", ("accepted",), "closed", _("结项")),
        Move("cancel", ("draft", "open"), "cancelled", _("取消项目")),
    ],
)
