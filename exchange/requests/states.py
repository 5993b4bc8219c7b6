"""States of a purchase request, and the closed answers of its form."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class RequestState(models.TextChoices):
    REQUESTED = "requested", _("待答复")
    APPROVED = "approved", _("供方已同意")
    ORDERED = "ordered", _("已下单")
    REFUSED = "refused", _("供方未同意")
    EXPIRED = "expired", _("同意已过期")
    WITHDRAWN = "withdrawn", _("已撤回")


REQUEST = Machine(
    "purchase_request",
    RequestState,
    [
        Move("approve", ("requested",), "approved", _("同意使用")),
        Move("refuse", ("requested",), "refused", _("不同意使用")),
        Move("order", ("approved",), "ordered", _("按申请下单")),
        Move("expire", ("approved",), "expired", _("同意过期")),
        Move("withdraw", ("requested", "approved"), "withdrawn", _("撤回申请")),
    ],
)
OPEN = (RequestState.REQUESTED, RequestState.APPROVED)


class Purpose(models.TextChoices):
    """What the data are for, in one word."""

    ANALYSIS = "analysis", _("内部查询、统计和分析")
    TRAINING = "training", _("训练或微调模型")
    EVALUATION = "evaluation", _("评测模型或产品")
    PRODUCT = "product", _("用于对外的产品或服务")
    RESEARCH = "research", _("科学研究与教学")
    PUBLIC = "public", _("公共服务与治理")


class Place(models.TextChoices):
    """Where the data will lie and be worked on."""

    OWN = "own", _("本单位机房或办公场所")
    CLOUD = "cloud", _("境内的云服务")
    PARTNER = "partner", _("境内受托方的场所")
    ABROAD = "abroad", _("境外")
