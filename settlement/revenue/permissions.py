"""Who may look at actual revenue, and who may rule that a trade does not count."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

SEE_OWN_REVENUE = permission(
    "revenue.see_own",
    _("查看本单位年度实际收入"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BUYER, Kind.BROKER, Kind.PARK_OPERATOR},
    roles={Role.FINANCE, Role.TRADER, Role.ASSET_CLERK, Role.PROJECT_LEAD},
)
SEE_ALL_REVENUE = permission(
    "revenue.see_all",
    _("查看全部企业的年度实际收入"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR},
    # A department's finance approves the money that rests on it.
    roles={Role.FIRST_REVIEWER, Role.SECOND_REVIEWER, Role.FINANCE, Role.AUDITOR},
)
RULE_ON_TRADES = permission(
    "revenue.rule",
    _("认定关联交易与循环交易"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT},
    roles={Role.FIRST_REVIEWER, Role.SECOND_REVIEWER},
)
