"""Who collects, gives back, transfers, pays out, approves, connects programs and looks on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

MERCHANTS = {Kind.ANNOTATION_FIRM, Kind.BROKER, Kind.BUYER}

VIEW_MERCHANT = permission(
    "merchant.view",
    _("查看本单位的商户收付款"),
    kinds=MERCHANTS,
    roles={Role.FINANCE, Role.TRADER, Role.PURCHASER},
)
COLLECT = permission("merchant.collect", _("发起和管理收款"), kinds=MERCHANTS, roles={Role.FINANCE})
REFUND_CHARGES = permission("merchant.refund", _("为收款办理退款"), kinds=MERCHANTS, roles={Role.FINANCE})
TRANSFER = permission("merchant.transfer", _("向其他单位转账"), kinds=MERCHANTS, roles={Role.FINANCE})
PAY_OUT = permission("merchant.pay_out", _("提现到银行账户"), kinds=MERCHANTS, roles={Role.FINANCE})
APPROVE_PAYOUTS = permission(
    "merchant.approve_payouts", _("批准大额提现"), kinds=MERCHANTS, roles={Role.FINANCE}
)
DEVELOP = permission("merchant.develop", _("管理事件推送端点"), kinds=MERCHANTS)
SETTLE_PAYOUTS = permission(
    "merchant.settle_payouts",
    _("登记到账与提现结果"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.FINANCE},
)
VIEW_ALL_MERCHANTS = permission(
    "merchant.view_all",
    _("查看全部商户收付款"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.AUDITOR},
    roles={Role.FINANCE, Role.AUDITOR},
)
