"""Kinds, roles and the verification states of an organization."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class OrganizationKind(models.TextChoices):
    """What an organization is to the platform; one firm may be several."""

    ANNOTATION_FIRM = "annotation_firm", _("数据标注企业")
    BUYER = "buyer", _("数据买方")
    BROKER = "broker", _("数据经纪人")
    EXCHANGE_OPERATOR = "exchange_operator", _("交易所服务基地")
    PARK_OPERATOR = "park_operator", _("园区运营单位")
    DEPARTMENT = "department", _("政府部门")
    AUDITOR = "auditor", _("审计单位")


class Role(models.TextChoices):
    """What a member does in the organization; one member may hold several roles."""

    ADMINISTRATOR = "administrator", _("管理员")
    PROJECT_LEAD = "project_lead", _("项目经理")
    ANNOTATOR = "annotator", _("标注员")
    QUALITY_REVIEWER = "quality_reviewer", _("质检员")
    ASSET_CLERK = "asset_clerk", _("资产专员")
    TRADER = "trader", _("交易专员")
    PURCHASER = "purchaser", _("采购专员")
    FINANCE = "finance", _("财务")
    REGISTRATION_REVIEWER = "registration_reviewer", _("登记审核员")
    LISTING_REVIEWER = "listing_reviewer", _("上架审核员")
    FIRST_REVIEWER = "first_reviewer", _("奖励初审员")
    SECOND_REVIEWER = "second_reviewer", _("奖励复审员")
    AUDITOR = "auditor", _("审计员")
    BROKER_AGENT = "broker_agent", _("经纪专员")


class VerificationState(models.TextChoices):
    """How far the platform has checked who the organization is."""

    UNVERIFIED = "unverified", _("未认证")
    SUBMITTED = "submitted", _("待审核")
    VERIFIED = "verified", _("已认证")
    RETURNED = "returned", _("已退回")


VERIFICATION = Machine(
    "organization_verification",
    VerificationState,
    [
        Move("submit", ("unverified", "returned"), "submitted", _("提交认证")),
        Move("approve", ("submitted",), "verified", _("通过认证")),
        Move("return", ("submitted",), "returned", _("退回补正")),
        Move("reopen", ("verified",), "unverified", _("资料变更，重新认证")),
    ],
    field="verification",
)
