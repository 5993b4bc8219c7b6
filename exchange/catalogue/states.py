"""States and vocabularies of listed data products."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class ListingState(models.TextChoices):
    DRAFT = "draft", _("草稿")
    SUBMITTED = "submitted", _("待审核")
    LISTED = "listed", _("已上架")
    SUSPENDED = "suspended", _("暂停交易")
    DELISTED = "delisted", _("已下架")
    REJECTED = "rejected", _("审核未通过")


LISTING = Machine(
    "product_listing",
    ListingState,
    [
        Move("submit", ("draft", "rejected"), "submitted", _("提交上架")),
        Move("publish", ("submitted",), "listed", _("审核通过并上架")),
        Move("reject", ("submitted",), "rejected", _("审核不通过")),
        Move("suspend", ("listed",), "suspended", _("暂停交易")),
        Move("relist", ("suspended",), "listed", _("恢复上架")),
        Move("delist", ("listed", "suspended"), "delisted", _("下架")),
    ],
)


class Industry(models.TextChoices):
    """The 16 industries of the national high-quality dataset programme."""

    SCIENCE = "science", _("科学研究")
    MANUFACTURING = "manufacturing", _("工业制造")
    AGRICULTURE = "agriculture", _("农业农村")
    ENERGY = "energy", _("智慧能源")
    TRANSPORT = "transport", _("交通运输")
    FINANCE = "finance", _("金融服务")
    HEALTH = "health", _("医疗卫生")
    EDUCATION = "education", _("教育教学")
    COMMERCE = "commerce", _("商贸流通")
    LABOUR = "labour", _("人力资源")
    TOURISM = "tourism", _("文化旅游")
    EMERGENCY = "emergency", _("应急管理")
    WEATHER = "weather", _("气象服务")
    GREEN = "green", _("绿色低碳")
    SAFETY = "safety", _("公共安全")
    GOVERNANCE = "governance", _("城市治理")


class Licence(models.TextChoices):
    """What a buyer may do, in plain classes."""

    INTERNAL = "internal", _("仅限内部使用")
    TRAINING = "training", _("可用于模型训练")
    COMMERCIAL = "commercial", _("可用于商业产品，不得转售原始数据")


class PlanKind(models.TextChoices):
    ONE_OFF = "one_off", _("一次性买断使用")
    SUBSCRIPTION = "subscription", _("按年订阅")
