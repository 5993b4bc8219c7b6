"""States of a mandate, of a match and of a deal; the kinds of record that a deal needs."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class Side(models.TextChoices):
    """For whom the broker works."""

    SUPPLY = "supply", _("供给侧")
    DEMAND = "demand", _("需求侧")


class Scope(models.TextChoices):
    """What a mandate is about."""

    ALL = "all", _("全部数据产品")
    INDUSTRIES = "industries", _("所列行业")
    PRODUCTS = "products", _("所列产品")


class Payer(models.TextChoices):
    """Who pays the commission."""

    SUPPLIER = "supplier", _("供方")
    BUYER = "buyer", _("需方")


class Party(models.TextChoices):
    """The two sides of a mandate."""

    PRINCIPAL = "principal", _("委托人")
    BROKER = "broker", _("数据经纪人")


class MandateState(models.TextChoices):
    OFFERED = "offered", _("待签署")
    SIGNED = "signed", _("已签署，未到期初")
    ACTIVE = "active", _("委托中")
    HANDING_OVER = "handing_over", _("待移交或终止")
    ENDED = "ended", _("已终止")
    REFUSED = "refused", _("已谢绝")
    WITHDRAWN = "withdrawn", _("已撤回")


MANDATE = Machine(
    "mandate",
    MandateState,
    [
        Move("sign", ("offered",), "signed", _("双方签署")),
        Move("refuse", ("offered",), "refused", _("谢绝")),
        Move("withdraw", ("offered",), "withdrawn", _("撤回")),
        Move("activate", ("signed",), "active", _("开始")),
        Move("hand_over", ("signed", "active"), "handing_over", _("等待委托人决定移交或终止")),
        Move("end", ("signed", "active", "handing_over"), "ended", _("提前终止")),
        Move("expire", ("active", "handing_over"), "ended", _("期满")),
    ],
)
RUNNING = (MandateState.SIGNED, MandateState.ACTIVE)


class MatchState(models.TextChoices):
    RECORDED = "recorded", _("待委托人答复")
    ACCEPTED = "accepted", _("委托人已接受")
    DECLINED = "declined", _("委托人已谢绝")


MATCH = Machine(
    "broker_match",
    MatchState,
    [
        Move("accept", ("recorded",), "accepted", _("接受")),
        Move("decline", ("recorded",), "declined", _("谢绝")),
    ],
)


class DealState(models.TextChoices):
    PROPOSED = "proposed", _("待双方确认")
    CONFIRMED = "confirmed", _("双方已确认")
    COMPLETED = "completed", _("已成交")
    DECLINED = "declined", _("未获确认")
    LAPSED = "lapsed", _("已失效")


DEAL = Machine(
    "broker_deal",
    DealState,
    [
        Move("confirm", ("proposed",), "confirmed", _("双方确认")),
        Move("decline", ("proposed",), "declined", _("不予确认")),
        Move("complete", ("confirmed",), "completed", _("订单完成")),
        Move("lapse", ("proposed", "confirmed"), "lapsed", _("失效")),
    ],
)


class RecordKind(models.TextChoices):
    """What an intermediary has to ask for, check and keep of each deal (数据安全法 art. 33)."""

    SOURCE_DEMANDED = "source_demanded", _("要求说明数据来源")
    SOURCE_RECEIVED = "source_received", _("收到数据来源说明")
    SUPPLIER_IDENTITY = "supplier_identity", _("审核供方身份")
    BUYER_IDENTITY = "buyer_identity", _("审核需方身份")
    REVIEW = "review", _("审核记录")
    TRANSACTION = "transaction", _("交易记录")


class FactKind(models.TextChoices):
    """What a record rests on."""

    STATEMENT = "statement", _("经纪人的记载")
    DOCUMENT = "document", _("上传的文件")
    CERTIFICATE = "certificate", _("登记证书")
    VERIFICATION = "verification", _("单位认证")
    CONTRACT = "contract", _("订单合同")
    FILING = "filing", _("交易备案")
