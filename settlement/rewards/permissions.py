"""Who opens notices, declares, confirms, reviews, budgets, approves, pays out, recovers and replays."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

# The exchange operator claims article 3(2); its claims are reviewed by two departments (ADR 18).
FIRM_KINDS = frozenset(
    {Kind.ANNOTATION_FIRM, Kind.BUYER, Kind.BROKER, Kind.PARK_OPERATOR, Kind.EXCHANGE_OPERATOR}
)

CLAIMED_BY_OPERATOR = frozenset({"exchange_venue"})

SEE_OWN_CLAIMS = permission(
    "rewards.see_own",
    _("查看本单位奖励申报"),
    kinds=FIRM_KINDS,
    roles={Role.FINANCE, Role.TRADER, Role.ASSET_CLERK, Role.PROJECT_LEAD},
)
CLAIM_REWARDS = permission(
    "rewards.claim", _("测算、确认奖励申报或提出异议"), kinds=FIRM_KINDS, roles={Role.FINANCE}
)
SEE_ALL_CLAIMS = permission(
    "rewards.see_all",
    _("查看全部奖励申报"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR},
    roles={Role.FIRST_REVIEWER, Role.SECOND_REVIEWER, Role.AUDITOR},
)
FIRST_REVIEW = permission(
    "rewards.first_review",
    _("奖励初审"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.FIRST_REVIEWER},
)
SECOND_REVIEW = permission(
    "rewards.second_review",
    _("奖励复审与公示"),
    kinds={Kind.DEPARTMENT},
    roles={Role.SECOND_REVIEWER},
)
REPLAY = permission(
    "rewards.replay",
    _("重演测算"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR},
    roles={Role.FIRST_REVIEWER, Role.SECOND_REVIEWER, Role.AUDITOR},
)
OPEN_NOTICES = permission(
    "rewards.open_notices",
    _("发布申报通知并批量测算"),
    kinds={Kind.DEPARTMENT},
    roles={Role.SECOND_REVIEWER},
)
RELEASE_RULES = permission(
    "rewards.release_rules",
    _("提出或批准发布规则版本"),
    kinds={Kind.DEPARTMENT},
    roles={Role.SECOND_REVIEWER, Role.FINANCE},
)
VERIFY_FACTS = permission(
    "rewards.verify_facts",
    _("核实企业申报的事实"),
    kinds={Kind.DEPARTMENT},
    roles={Role.SECOND_REVIEWER},
)
NAME_OFFICES = permission(
    "rewards.name_offices",
    _("指定核实部门"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.REGISTRATION_REVIEWER},
)
NAME_OFFICES_OF_OPERATOR = permission(
    "rewards.name_offices_of_operator",
    _("指定交易机构自身申报措施的核实与主管部门"),
    kinds={Kind.DEPARTMENT},
    roles={Role.SECOND_REVIEWER},
)
SEE_FUNDS = permission(
    "rewards.see_funds",
    _("查看奖补预算、拨付与追回"),
    kinds={Kind.DEPARTMENT, Kind.AUDITOR},
    roles={Role.SECOND_REVIEWER, Role.FINANCE, Role.AUDITOR},
)
MANAGE_BUDGET = permission(
    "rewards.budget",
    _("设立与调整奖补预算"),
    kinds={Kind.DEPARTMENT},
    roles={Role.SECOND_REVIEWER, Role.FINANCE},
)
APPROVE_AWARDS = permission(
    "rewards.approve",
    _("提出或批准奖励批次"),
    kinds={Kind.DEPARTMENT},
    roles={Role.SECOND_REVIEWER, Role.FINANCE},
)
DISBURSE = permission(
    "rewards.disburse",
    _("编制、审批拨付并登记回单"),
    kinds={Kind.DEPARTMENT},
    roles={Role.SECOND_REVIEWER, Role.FINANCE},
)
RECOVER = permission(
    "rewards.recover",
    _("重新核定与追回奖励"),
    kinds={Kind.DEPARTMENT},
    roles={Role.SECOND_REVIEWER, Role.FINANCE},
)
APPLY_FOR_PARK = permission(
    "rewards.apply_for_park",
    _("申请园区入驻认定"),
    kinds=FIRM_KINDS,
    roles={Role.FINANCE, Role.ASSET_CLERK},
)
RECOGNISE_PARKS = permission(
    "rewards.recognise_parks",
    _("认定园区和入驻企业，撤销认定"),
    kinds={Kind.DEPARTMENT},
    roles={Role.SECOND_REVIEWER},
)
