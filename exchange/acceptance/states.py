"""States of a complaint about a delivery, and the closed lists its parts choose from."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class ComplaintState(models.TextChoices):
    FILED = "filed", _("待供方答复")
    ANSWERED = "answered", _("待需方回应")
    DISPUTED = "disputed", _("争议中")
    REPLACING = "replacing", _("待补交")
    SETTLED = "settled", _("已协商了结")
    RULED = "ruled", _("已裁决")
    WITHDRAWN = "withdrawn", _("已撤回")


OPEN = (
    ComplaintState.FILED,
    ComplaintState.ANSWERED,
    ComplaintState.DISPUTED,
    ComplaintState.REPLACING,
)

COMPLAINT = Machine(
    "complaint",
    ComplaintState,
    [
        Move("answer", ("filed",), "answered", _("供方答复")),
        Move("decline", ("answered",), "filed", _("需方不接受")),
        Move("settle", ("answered",), "settled", _("需方接受")),
        Move("withdraw", ("filed", "answered"), "withdrawn", _("撤回交付异议")),
        Move("escalate", ("filed", "answered", "replacing"), "disputed", _("提请裁决")),
        Move("order_replacement", ("disputed",), "replacing", _("裁决补交")),
        Move("replace", ("replacing",), "ruled", _("按裁决补交")),
        Move("rule", ("disputed",), "ruled", _("裁决")),
    ],
)


class DefectKind(models.TextChoices):
    """What is wrong with a delivery."""

    MISSING = "missing", _("文件缺失")
    UNREADABLE = "unreadable", _("文件无法读取")
    HASH_DIFFERS = "hash_differs", _("哈希不一致")
    LABEL_ERRORS = "label_errors", _("标签错误")
    SCHEMA_DIFFERS = "schema_differs", _("字段结构不符")
    NOT_AS_DESCRIBED = "not_as_described", _("与产品说明不符")
    OTHER = "other", _("其他")


class Check(models.TextChoices):
    """What a buyer compares before accepting."""

    ROOT_HASH = "root_hash", _("根哈希与合同一致")
    FILES = "files", _("文件数量齐全、都能打开")
    ROWS = "rows", _("样本条数与说明一致")
    LABELS = "labels", _("抽查标签正确")
    DICTIONARY = "dictionary", _("字段与字典一致")


class Remedy(models.TextChoices):
    """What a supplier may answer to a complaint."""

    REPLACEMENT = "replacement", _("补交新版本")
    PARTIAL_REFUND = "partial_refund", _("部分退款")
    FULL_REFUND = "full_refund", _("退还全部价款")
    REJECTION = "rejection", _("不同意异议")


class Outcome(models.TextChoices):
    """How the exchange may rule."""

    UPHOLD = "uphold", _("支持供方：验收通过，全额划付")
    PARTIAL_REFUND = "partial_refund", _("部分退款后验收")
    FULL_REFUND = "full_refund", _("全额退款，订单终止")
    REPLACEMENT = "replacement", _("责令供方补交")


class Citation(models.TextChoices):
    """What a ruling may rest on: clauses of the provision contract, articles of the Civil Code."""

    CONTRACT_1 = "contract_1", _("合同第一条：标的与根哈希")
    CONTRACT_3 = "contract_3", _("合同第三条：用途与许可")
    CONTRACT_4 = "contract_4", _("合同第四条：交付以根哈希为准")
    CONTRACT_5 = "contract_5", _("合同第五条：验收期与异议")
    CONTRACT_6 = "contract_6", _("合同第六条：来源与合规")
    CONTRACT_8 = "contract_8", _("合同第八条：违约与争议")
    CIVIL_509 = "civil_509", _("民法典第五百零九条：按约定全面履行、诚信协助")
    CIVIL_577 = "civil_577", _("民法典第五百七十七条：履行不符合约定的违约责任")
    CIVIL_582 = "civil_582", _("民法典第五百八十二条：质量不符时可以要求更换、退货、减少价款")
    CIVIL_591 = "civil_591", _("民法典第五百九十一条：防止损失扩大")
    CIVIL_621 = "civil_621", _("民法典第六百二十一条：检验期内通知，逾期未通知视为符合约定")
