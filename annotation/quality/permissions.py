"""Who keeps gold and merges results, and who reads how good the work is."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from annotation.work.permissions import FIRM
from organizations.permissions import permission
from organizations.states import Role

KEEP_GOLD = permission(
    "quality.keep_gold", _("维护标准答案、资格与共识"), kinds=FIRM, roles={Role.PROJECT_LEAD}
)
VIEW_QUALITY = permission(
    "quality.view",
    _("查看标注质量"),
    roles={
        Role.PROJECT_LEAD, Role.QUALITY_REVIEWER, Role.ASSET_CLERK, Role.TRADER, Role.PURCHASER, Role.FINANCE,
        Role.AUDITOR,
    },
)  # fmt: skip
