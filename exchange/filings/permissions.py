"""Who sees, exports and reconciles filings, and who imports past trades."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

VIEW_FILINGS = permission(
    "filings.view",
    _("查看本单位交易备案"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BROKER, Kind.BUYER},
    roles={Role.TRADER, Role.PURCHASER, Role.FINANCE},
)
VIEW_ALL_FILINGS = permission(
    "filings.view_all",
    _("查看交易备案登记簿"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR},
    roles={
        Role.LISTING_REVIEWER,
        Role.REGISTRATION_REVIEWER,
        Role.FIRST_REVIEWER,
        Role.SECOND_REVIEWER,
        Role.AUDITOR,
    },
)
EXPORT_FILINGS = permission(
    "filings.export",
    _("导出交易备案登记簿"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR},
    roles={Role.LISTING_REVIEWER, Role.FIRST_REVIEWER, Role.SECOND_REVIEWER, Role.AUDITOR},
)
VIEW_OUTSIDE = permission(
    "filings.view_outside",
    _("查看对外报送与对账"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.AUDITOR},
    roles={Role.LISTING_REVIEWER, Role.FIRST_REVIEWER, Role.AUDITOR},
)
MANAGE_OUTSIDE = permission(
    "filings.manage_outside",
    _("重报与对账"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.LISTING_REVIEWER, Role.FIRST_REVIEWER},
)
VIEW_IMPORTS = permission(
    "filings.view_imports",
    _("查看历史交易导入"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.AUDITOR},
    roles={Role.LISTING_REVIEWER, Role.FIRST_REVIEWER, Role.AUDITOR},
)
IMPORT_PAST_TRADES = permission(
    "filings.import_past",
    _("导入历史交易"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.LISTING_REVIEWER},
)
