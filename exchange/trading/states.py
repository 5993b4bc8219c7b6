"""States of an order."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class OrderState(models.TextChoices):
    PLACED = "placed", _("待签约")
    CONTRACTED = "contracted", _("待付款")
    PAID = "paid", _("待交付")
    DELIVERED = "delivered", _("待验收")
    ACCEPTED = "accepted", _("已验收")
    COMPLETED = "completed", _("已完成")
    CANCELLED = "cancelled", _("已取消")
    DISPUTED = "disputed", _("争议中")
    REFUNDED = "refunded", _("已退款")


ORDER = Machine(
    "order",
    OrderState,
    [
        Move("contract", ("placed",), "contracted", _("双方签约")),
        Move("pay", ("contracted",), "paid", _("付款托管")),
        Move("deliver", ("paid",), "delivered", _("交付")),
        Move("accept", ("delivered",), "accepted", _("验收")),
        Move("complete", ("accepted",), "completed", _("结算完成")),
        Move("cancel", ("placed", "contracted"), "cancelled", _("取消")),
        Move("dispute", ("delivered",), "disputed", _("提出争议")),
        Move("resume", ("disputed",), "delivered", _("恢复验收")),
        Move("settle", ("disputed",), "accepted", _("了结争议并验收")),
        Move("refund", ("disputed", "completed"), "refunded", _("全额退款")),
    ],
)


class Party(models.TextChoices):
    """The two sides of a contract."""

    SUPPLIER = "supplier", _("供方")
    BUYER = "buyer", _("需方")


class ContractTemplate(models.TextChoices):
    """The national kinds of data contract; each has its own wording in `contracts/`."""

    PROVISION = "provision", _("数据提供合同")
    ENTRUSTED_PROCESSING = "entrusted_processing", _("数据委托处理合同")
    FUSION_DEVELOPMENT = "fusion_development", _("数据融合开发合同")
    INTERMEDIARY = "intermediary", _("数据中介合同")


class Territory(models.TextChoices):
    """Where the data may be used; the codes are those of ISO 3166."""

    MAINLAND = "CN", _("中国境内")
    GUANGDONG = "CN-GD", _("广东省内")
    ASSESSED = "assessed", _("中国境内；完成出境合规程序后可提供到境外")


class Clause(models.TextChoices):
    """The closed list of what may be agreed beyond the licence."""

    NO_TRAINING = "no_training", _("不得用于训练任何模型")
    NO_LINKING = "no_linking", _("不得与其他数据关联拼接")
    AFFILIATES = "affiliates", _("需方控股的公司可以共同使用")
    ATTRIBUTION = "attribution", _("对外发布成果时注明数据来源")
    NAMED_STAFF = "named_staff", _("接触数据的人员实名登记")
    YEARLY_AUDIT = "yearly_audit", _("供方每年可核查一次使用情况")
    INCIDENT_24H = "incident_24h", _("发生安全事件 24 小时内通知供方")
    DELETE_AT_END = "delete_at_end", _("使用结束后 30 日内删除并出具证明")


class SupplementKind(models.TextChoices):
    """What a supplement does to its contract."""

    AMENDMENT = "amendment", _("变更")
    TERMINATION = "termination", _("终止")


class SupplementState(models.TextChoices):
    PROPOSED = "proposed", _("待双方签署")
    IN_FORCE = "in_force", _("已生效")
    DECLINED = "declined", _("对方未同意")
    WITHDRAWN = "withdrawn", _("已撤回")


SUPPLEMENT = Machine(
    "contract_supplement",
    SupplementState,
    [
        Move("enter_into_force", ("proposed",), "in_force", _("补充合同生效")),
        Move("decline", ("proposed",), "declined", _("不同意补充合同")),
        Move("withdraw", ("proposed",), "withdrawn", _("撤回补充合同")),
    ],
)
