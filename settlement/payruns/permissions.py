"""Who draws a pay run up, who approves it, who sees their slip."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

MAKE_RUNS = permission(
    "payruns.make", _("编制、提交和复核报酬发放"), kinds={Kind.ANNOTATION_FIRM}, roles={Role.FINANCE}
)
VIEW_SLIPS = permission(
    "payruns.slips", _("查看本人报酬单"), kinds={Kind.ANNOTATION_FIRM}, roles={Role.ANNOTATOR}
)
RETURN_PAY = permission(
    "payruns.return", _("登记报酬退票"), kinds={Kind.EXCHANGE_OPERATOR}, roles={Role.FINANCE}
)
VIEW_ALL_RUNS = permission(
    "payruns.view_all",
    _("查看全部报酬发放"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.AUDITOR},
    roles={Role.FINANCE, Role.AUDITOR},
)
