"""Who looks at reconciliation, who imports bank statements and matches their lines."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

VIEW_RECONCILIATION = permission(
    "reconciliation.view",
    _("查看本单位对账"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BROKER, Kind.BUYER},
    roles={Role.FINANCE, Role.TRADER, Role.PURCHASER},
)
VIEW_ALL_RECONCILIATION = permission(
    "reconciliation.view_all",
    _("查看全部对账"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.AUDITOR},
    roles={Role.FINANCE, Role.LISTING_REVIEWER, Role.AUDITOR},
)
VIEW_BANK_LINES = permission(
    "bank.view",
    _("查看银行流水"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.AUDITOR},
    roles={Role.FINANCE, Role.AUDITOR},
)
IMPORT_STATEMENTS = permission(
    "bank.import", _("导入银行流水"), kinds={Kind.EXCHANGE_OPERATOR}, roles={Role.FINANCE}
)
BOOK_RECEIPTS = permission(
    "bank.book", _("按银行流水登记买方付款"), kinds={Kind.EXCHANGE_OPERATOR}, roles={Role.FINANCE}
)
MATCH_LINES = permission(
    "bank.match", _("匹配银行流水"), kinds={Kind.EXCHANGE_OPERATOR}, roles={Role.FINANCE}
)
