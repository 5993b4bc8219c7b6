"""Who watches, opens and decides cases; who declares ownership."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

WATCH = permission(
    "risk.watch",
    _("查看风险监测"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR},
    roles={Role.FIRST_REVIEWER, Role.SECOND_REVIEWER, Role.AUDITOR},
)
REVIEW_CASES = permission(
    "risk.review",
    _("立案、审查并决定风险案件"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.FIRST_REVIEWER},
)
DECLARE = permission(
    "risk.declare",
    _("申报股权与联系信息"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BUYER, Kind.BROKER, Kind.PARK_OPERATOR},
    roles={Role.FINANCE},
)
ANSWER_CASES = permission(
    "risk.answer",
    _("就风险案件陈述"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BUYER, Kind.BROKER, Kind.PARK_OPERATOR},
    roles={Role.FINANCE},
)
