"""Who gives mandates, who works under them, who looks on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

PRINCIPALS = {Kind.ANNOTATION_FIRM, Kind.BUYER}

WORK = permission(
    "brokers.work", _("办理委托、撮合与成交记录"), kinds={Kind.BROKER}, roles={Role.BROKER_AGENT}
)
SIGN_AS_BROKER = permission(
    "mandates.sign_as_broker", _("代表数据经纪人签署委托"), kinds={Kind.BROKER}, roles={Role.BROKER_AGENT}
)
ENTRUST = permission(
    "mandates.entrust",
    _("委托数据经纪人、答复撮合"),
    kinds=PRINCIPALS,
    roles={Role.TRADER, Role.PURCHASER},
)
CONFIRM = permission(
    "deals.confirm",
    _("确认经纪成交与佣金"),
    kinds=PRINCIPALS | {Kind.BROKER},
    roles={Role.TRADER, Role.PURCHASER},
)
RATE = permission("deals.rate", _("评价经纪服务"), kinds={Kind.BUYER}, roles={Role.PURCHASER})
VIEW = permission(
    "brokers.view",
    _("查看本单位的委托与经纪成交"),
    kinds=PRINCIPALS | {Kind.BROKER},
    roles={Role.BROKER_AGENT, Role.TRADER, Role.PURCHASER, Role.FINANCE},
)
VIEW_ALL = permission(
    "brokers.view_all",
    _("查看全部委托与经纪成交"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR},
    roles={Role.FIRST_REVIEWER, Role.SECOND_REVIEWER, Role.AUDITOR},
)
