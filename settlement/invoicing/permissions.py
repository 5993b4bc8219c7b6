"""Who issues invoices, who asks for them, who looks on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

SELLERS = {Kind.ANNOTATION_FIRM, Kind.BROKER}

ISSUE_INVOICES = permission("invoices.issue", _("登记、红冲和作废发票"), kinds=SELLERS, roles={Role.FINANCE})
ISSUE_FEE_INVOICES = permission(
    "invoices.issue_fees",
    _("登记、红冲和作废交易服务费发票"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.FINANCE},
)
WISH_INVOICES = permission(
    "invoices.wish", _("申请开票"), kinds={Kind.BUYER}, roles={Role.FINANCE, Role.PURCHASER}
)
VIEW_INVOICES = permission(
    "invoices.view",
    _("查看本单位发票"),
    kinds={*SELLERS, Kind.BUYER},
    roles={Role.FINANCE, Role.TRADER, Role.PURCHASER},
)
VIEW_ALL_INVOICES = permission(
    "invoices.view_all",
    _("查看全部发票"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.AUDITOR},
    roles={Role.FINANCE, Role.LISTING_REVIEWER, Role.AUDITOR},
)
