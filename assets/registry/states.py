"""States of registration applications and certificates, and the registry's vocabularies."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class RegistrationKind(models.TextChoices):
    INITIAL = "initial", _("首次登记")
    CHANGE = "change", _("变更登记")
    CORRECTION = "correction", _("更正登记")
    TRANSFER = "transfer", _("转移登记")
    LICENCE = "licence", _("许可登记")
    RENEWAL = "renewal", _("续展登记")
    CANCELLATION = "cancellation", _("注销登记")
    REVOCATION = "revocation", _("撤销登记")
    OBJECTION = "objection", _("异议登记")


class ProductKind(models.TextChoices):
    DATASET = "dataset", _("数据集")
    DATA_SERVICE = "data_service", _("数据服务接口")
    INDICATOR = "indicator", _("数据指标")
    REPORT = "report", _("数据报告")
    MODEL = "model", _("数据模型算法")
    APPLICATION = "application", _("数据应用")
    ANNOTATION_SERVICE = "annotation_service", _("标注服务")
    ANNOTATION_TASK = "annotation_task", _("标注任务")


OF_PROJECT = (ProductKind.ANNOTATION_SERVICE, ProductKind.ANNOTATION_TASK)
"""Products that are an annotation project."""
OF_DOCUMENTS = (
    ProductKind.DATA_SERVICE,
    ProductKind.INDICATOR,
    ProductKind.REPORT,
    ProductKind.MODEL,
    ProductKind.APPLICATION,
)
"""Products that a dossier of documents describes; a sealed dataset version may stand beside it."""


class Right(models.TextChoices):
    HOLDING = "holding", _("数据资源持有权")
    USE = "use", _("数据加工使用权")
    OPERATION = "operation", _("数据产品经营权")


class Classification(models.TextChoices):
    """GB/T 43697-2024; core data cannot be registered for trade."""

    GENERAL = "general", _("一般数据")
    IMPORTANT = "important", _("重要数据")
    CORE = "core", _("核心数据")


class ApplicationState(models.TextChoices):
    DRAFT = "draft", _("草稿")
    SUBMITTED = "submitted", _("已提交")
    ACCEPTED_FOR_REVIEW = "accepted_for_review", _("已受理")
    COMPLIANCE_REVIEW = "compliance_review", _("合规审查")
    PUBLIC_NOTICE = "public_notice", _("公示中")
    CERTIFIED = "certified", _("已发证")
    RETURNED = "returned", _("退回补正")
    REJECTED = "rejected", _("不予登记")
    UNDER_OBJECTION = "under_objection", _("异议处理")
    WITHDRAWN = "withdrawn", _("已撤回")


OPEN_STATES = (
    "draft",
    "submitted",
    "accepted_for_review",
    "compliance_review",
    "public_notice",
    "returned",
    "under_objection",
)
"""States of an application that is still on its way."""

APPLICATION = Machine(
    "registration_application",
    ApplicationState,
    [
        Move("submit", ("draft", "returned"), "submitted", _("提交登记")),
        Move("accept", ("submitted",), "accepted_for_review", _("受理")),
        Move("review", ("accepted_for_review",), "compliance_review", _("开始合规审查")),
        Move("return", ("submitted", "accepted_for_review", "compliance_review"), "returned", _("退回补正")),
        Move("pass", ("compliance_review",), "public_notice", _("审查通过并公示")),
        Move("conclude", ("compliance_review",), "certified", _("审查通过，准予登记（无须公示）")),
        Move("reject", ("compliance_review", "public_notice", "under_objection"), "rejected", _("不予登记")),
        Move("object", ("public_notice",), "under_objection", _("提出异议")),
        Move("overrule", ("under_objection",), "public_notice", _("异议不成立")),
        Move("certify", ("public_notice",), "certified", _("发证")),
        Move(
            "withdraw", ("draft", "submitted", "returned", "accepted_for_review"), "withdrawn", _("撤回申请")
        ),
        Move("lapse", ("returned",), "withdrawn", _("逾期未补正，视为撤回")),
    ],
)


class CertificateState(models.TextChoices):
    VALID = "valid", _("有效")
    SUSPENDED = "suspended", _("异议中止")
    CHANGED = "changed", _("已变更")
    TRANSFERRED = "transferred", _("已转移")
    RENEWED = "renewed", _("已续展")
    EXPIRED = "expired", _("已到期")
    CANCELLED = "cancelled", _("已注销")
    REVOKED = "revoked", _("已撤销")


CERTIFICATE = Machine(
    "registration_certificate",
    CertificateState,
    [
        Move("suspend", ("valid",), "suspended", _("中止效力")),
        Move("resume", ("suspended",), "valid", _("恢复效力")),
        Move("change", ("valid",), "changed", _("变更登记")),
        Move("correct", ("valid",), "changed", _("更正登记")),
        Move("transfer", ("valid",), "transferred", _("转移登记")),
        Move("renew", ("valid", "expired"), "renewed", _("续展")),
        Move("expire", ("valid", "suspended"), "expired", _("到期")),
        Move("cancel", ("valid", "suspended"), "cancelled", _("注销")),
        Move("revoke", ("valid", "suspended"), "revoked", _("撤销")),
    ],
)


class CheckVerdict(models.TextChoices):
    PASS = "pass", _("符合")
    FAIL = "fail", _("不符合")
    NOT_APPLICABLE = "not_applicable", _("不适用")


class ReviewerRole(models.TextChoices):
    LEAD = "lead", _("主审")
    SECOND = "second", _("复核")


class ObjectionState(models.TextChoices):
    FILED = "filed", _("已提出")
    ACCEPTED = "accepted", _("已受理，待答复")
    ANSWERED = "answered", _("已答复，待决定")
    UPHELD = "upheld", _("异议成立")
    DISMISSED = "dismissed", _("异议不成立")
    DECLINED = "declined", _("不予受理")
    WITHDRAWN = "withdrawn", _("已撤回")


OPEN_OBJECTIONS = ("filed", "accepted", "answered")
"""States of an objection that is not decided."""

OBJECTION = Machine(
    "registration_objection",
    ObjectionState,
    [
        Move("accept", ("filed",), "accepted", _("受理异议")),
        Move("decline", ("filed",), "declined", _("不予受理")),
        Move("answer", ("accepted",), "answered", _("登记主体答复")),
        Move("uphold", ("accepted", "answered"), "upheld", _("认定异议成立")),
        Move("dismiss", ("accepted", "answered"), "dismissed", _("认定异议不成立")),
        Move("withdraw", ("filed", "accepted", "answered"), "withdrawn", _("撤回异议")),
    ],
)


class RevocationState(models.TextChoices):
    NOTICED = "noticed", _("已告知，待听证")
    HEARD = "heard", _("已听证")
    PROPOSED = "proposed", _("拟撤销，待第二人核定")
    REVOKED = "revoked", _("已撤销")
    DROPPED = "dropped", _("不予撤销")


OPEN_REVOCATIONS = ("noticed", "heard", "proposed")
"""States of a revocation that is not decided."""

REVOCATION = Machine(
    "registration_revocation",
    RevocationState,
    [
        Move("hear", ("noticed",), "heard", _("听证")),
        Move("propose", ("heard",), "proposed", _("提出撤销")),
        Move("confirm", ("proposed",), "revoked", _("核定撤销")),
        Move("reconsider", ("proposed",), "heard", _("退回再议")),
        Move("drop", ("noticed", "heard", "proposed"), "dropped", _("不予撤销")),
    ],
)


class Hearing(models.TextChoices):
    HELD = "held", _("已举行")
    ABSENT = "absent", _("持有人经通知未到场")
    WAIVED = "waived", _("持有人放弃听证")


class Outcome(models.TextChoices):
    """What a public verification says."""

    VALID = "valid", _("有效")
    NOT_YET_VALID = "not_yet_valid", _("尚未生效")
    EXPIRED = "expired", _("已过有效期")
    SUSPENDED = "suspended", _("效力中止")
    CHANGED = "changed", _("已变更")
    TRANSFERRED = "transferred", _("已转移")
    RENEWED = "renewed", _("已续展")
    CANCELLED = "cancelled", _("已注销")
    REVOKED = "revoked", _("已撤销")
    ALTERED = "altered", _("内容被改动")
    UNKNOWN = "unknown", _("查无此证")
