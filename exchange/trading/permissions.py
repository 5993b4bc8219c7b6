"""Who orders, signs, accepts, and who may look on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

SELLERS = {Kind.ANNOTATION_FIRM, Kind.BROKER}
BUYERS = {Kind.BUYER}
WATCHERS = {Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR}

PLACE_ORDERS = permission("orders.place", _("申请购买"), kinds=BUYERS, roles={Role.PURCHASER})
SIGN_AS_BUYER = permission("contracts.sign_as_buyer", _("代表需方签约"), kinds=BUYERS, roles={Role.PURCHASER})
SIGN_AS_SUPPLIER = permission(
    "contracts.sign_as_supplier", _("代表供方签约"), kinds=SELLERS, roles={Role.TRADER}
)
ACCEPT_ORDERS = permission("orders.accept", _("验收"), kinds=BUYERS, roles={Role.PURCHASER})
CANCEL_ORDERS = permission(
    "orders.cancel", _("取消订单"), kinds=BUYERS | SELLERS, roles={Role.PURCHASER, Role.TRADER}
)
VIEW_ORDERS = permission(
    "orders.view",
    _("查看本单位订单"),
    kinds=BUYERS | SELLERS,
    roles={Role.PURCHASER, Role.TRADER, Role.FINANCE, Role.ASSET_CLERK, Role.PROJECT_LEAD},
)
VIEW_ALL_ORDERS = permission(
    "orders.view_all",
    _("查看全部订单"),
    kinds=WATCHERS,
    roles={
        Role.LISTING_REVIEWER,
        Role.REGISTRATION_REVIEWER,
        Role.FIRST_REVIEWER,
        Role.SECOND_REVIEWER,
        Role.AUDITOR,
    },
)
