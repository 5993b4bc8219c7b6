"""Who agrees on inspection and who inspects; lots are submitted by who runs the project."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import Role

AGREE = permission("inspection.agree", _("商定抽检方案"), roles={Role.PROJECT_LEAD, Role.PURCHASER})
INSPECT = permission(
    "inspection.inspect",
    _("抽检标注批次"),
    roles={Role.PROJECT_LEAD, Role.QUALITY_REVIEWER, Role.PURCHASER},
)
