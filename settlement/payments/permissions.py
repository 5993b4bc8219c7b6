"""Who pays, who gives back, who looks on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

SELLERS = {Kind.ANNOTATION_FIRM, Kind.BROKER}

PAY = permission("payments.pay", _("付款到托管"), kinds={Kind.BUYER}, roles={Role.PURCHASER, Role.FINANCE})
REFUND_SALES = permission("payments.refund", _("为本单位售出的订单退款"), kinds=SELLERS, roles={Role.FINANCE})
REFUND_ANY = permission(
    "payments.refund_any",
    _("裁定退款与托管退回"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.FINANCE, Role.LISTING_REVIEWER},
)
VIEW_PAYMENTS = permission(
    "payments.view",
    _("查看本单位收付款"),
    kinds={*SELLERS, Kind.BUYER},
    roles={Role.FINANCE, Role.TRADER, Role.PURCHASER},
)
VIEW_ALL_PAYMENTS = permission(
    "payments.view_all",
    _("查看全部收付款"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.AUDITOR},
    roles={Role.FINANCE, Role.LISTING_REVIEWER, Role.AUDITOR},
)
VIEW_EARNINGS = permission(
    "payments.earnings", _("查看本人标注报酬"), kinds={Kind.ANNOTATION_FIRM}, roles={Role.ANNOTATOR}
)
