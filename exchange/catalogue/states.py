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
    """How a plan is paid: once, by time, by use, or not at all."""

    ONE_OFF = "one_off", _("一次性买断使用")
    SUBSCRIPTION = "subscription", _("按期订阅")
    METERED_CALLS = "metered_calls", _("按调用次数计费")
    METERED_VOLUME = "metered_volume", _("按数据流量计费")
    FREE_SAMPLE = "free_sample", _("免费样例")
    PRIVATE_OFFER = "private_offer", _("专属报价")
    TRIAL = "trial", _("限时试用")


FREE_KINDS = (PlanKind.FREE_SAMPLE, PlanKind.TRIAL)
METERED_KINDS = (PlanKind.METERED_CALLS, PlanKind.METERED_VOLUME)
TERMED_KINDS = (PlanKind.SUBSCRIPTION, *METERED_KINDS, PlanKind.TRIAL)
ENDLESS_KINDS = (PlanKind.ONE_OFF, PlanKind.FREE_SAMPLE)
EXCLUSIVE_KINDS = (PlanKind.ONE_OFF, PlanKind.SUBSCRIPTION, PlanKind.PRIVATE_OFFER)


class Visibility(models.TextChoices):
    """Who finds a listed product."""

    PUBLIC = "public", _("公开")
    INVITED = "invited", _("仅受邀单位")
    ONE_BUYER = "one_buyer", _("仅一家买方")


class Ordering(models.TextChoices):
    """Whether a buyer orders at once or asks first."""

    INSTANT = "instant", _("直接下单")
    APPROVAL = "approval", _("先申请，供方同意后下单")


class PersonalInformation(models.TextChoices):
    """What the supplier declares about personal information in the product."""

    NONE = "none", _("不含个人信息")
    ANONYMISED = "anonymised", _("原含个人信息，已匿名化，不能识别特定个人且不能复原")
    CONSENTED = "consented", _("含个人信息，已取得个人同意或另有合法性基础")


class ContactKind(models.TextChoices):
    """Whom a buyer turns to after ordering."""

    BUSINESS = "business", _("商务联系人")
    TECHNICAL = "technical", _("技术联系人")


class RevisionState(models.TextChoices):
    DRAFT = "draft", _("草稿")
    SUBMITTED = "submitted", _("待审核")
    APPLIED = "applied", _("已生效")
    REJECTED = "rejected", _("审核未通过")
    WITHDRAWN = "withdrawn", _("已撤回")


OPEN_REVISION = (RevisionState.DRAFT, RevisionState.SUBMITTED)
LISTING_REVISION = Machine(
    "listing_revision",
    RevisionState,
    [
        Move("submit", ("draft",), "submitted", _("提交变更")),
        Move("apply", ("submitted",), "applied", _("审核通过并生效")),
        Move("reject", ("submitted",), "rejected", _("审核不通过")),
        Move("withdraw", ("draft", "submitted"), "withdrawn", _("撤回变更")),
    ],
)


class TaskType(models.TextChoices):
    """What was labelled, by the strongest question of the annotation project behind a product."""

    CLASSIFICATION = "classification", _("分类")
    SPANS = "spans", _("文本片段")
    DETECTION = "detection", _("目标框")
    SEGMENTATION = "segmentation", _("多边形分割")
    WRITING = "writing", _("撰写与转写")
    OTHER = "other", _("其他（自有数据）")


class CertificateStanding(models.TextChoices):
    """How long the registration certificate still runs."""

    VALID = "valid", _("有效")
    ENDING = "ending", _("90 日内到期")
