"""Who may look at the books."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

VIEW_BOOKS = permission(
    "ledger.view",
    _("查看本单位账户与对账单"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BUYER, Kind.BROKER, Kind.PARK_OPERATOR},
    roles={Role.FINANCE, Role.TRADER, Role.PURCHASER},
)
VIEW_EVIDENCE = permission(
    "ledger.view_evidence",
    _("查看交易与奖励所引用的记账凭证"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT},
    roles={Role.FIRST_REVIEWER, Role.SECOND_REVIEWER, Role.FINANCE},
)
VIEW_ALL_BOOKS = permission(
    "ledger.view_all",
    _("查看全部账户与试算平衡"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.AUDITOR},
    roles={Role.FINANCE, Role.AUDITOR},
)
