"""Who leads a space, who joins, who decides, who looks on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

MEMBERS = {Kind.ANNOTATION_FIRM, Kind.BUYER, Kind.BROKER}

LEAD = permission(
    "dataspaces.lead", _("申请和运营行业数据空间"), kinds={Kind.BROKER}, roles={Role.BROKER_AGENT}
)
JOIN = permission(
    "dataspaces.join",
    _("加入和退出行业数据空间、同意空间规则"),
    kinds=MEMBERS,
    roles={Role.TRADER, Role.PURCHASER, Role.BROKER_AGENT},
)
VIEW = permission(
    "dataspaces.view",
    _("查看本单位参与的行业数据空间"),
    kinds=MEMBERS,
    roles={Role.TRADER, Role.PURCHASER, Role.BROKER_AGENT, Role.ASSET_CLERK, Role.PROJECT_LEAD, Role.FINANCE},
)
DECIDE = permission(
    "dataspaces.decide",
    _("审核行业数据空间、核验里程碑和落地项目"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.FIRST_REVIEWER},
)
VIEW_ALL = permission(
    "dataspaces.view_all",
    _("查看全部行业数据空间与试点总览"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR},
    roles={Role.FIRST_REVIEWER, Role.SECOND_REVIEWER, Role.AUDITOR},
)
