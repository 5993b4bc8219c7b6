"""Who asks, who answers, and who may look on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from exchange.trading.permissions import BUYERS, SELLERS, WATCHERS
from organizations.permissions import permission
from organizations.states import Role

ASK = permission("requests.ask", _("提交使用申请"), kinds=BUYERS, roles={Role.PURCHASER})
ANSWER = permission("requests.answer", _("答复使用申请"), kinds=SELLERS, roles={Role.TRADER})
VIEW_REQUESTS = permission(
    "requests.view",
    _("查看本单位的使用申请"),
    kinds=BUYERS | SELLERS,
    roles={Role.PURCHASER, Role.TRADER, Role.FINANCE},
)
VIEW_ALL_REQUESTS = permission(
    "requests.view_all",
    _("查看全部使用申请"),
    kinds=WATCHERS,
    roles={Role.LISTING_REVIEWER, Role.FIRST_REVIEWER, Role.SECOND_REVIEWER, Role.AUDITOR},
)
