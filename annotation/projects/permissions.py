"""Who may do what with annotation projects."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

VIEW = permission(
    "projects.view",
    _("查看标注项目"),
    roles={
        Role.PROJECT_LEAD, Role.QUALITY_REVIEWER, Role.ASSET_CLERK, Role.TRADER, Role.PURCHASER, Role.FINANCE,
        Role.AUDITOR,
    },
)  # fmt: skip
RUN = permission(
    "projects.run", _("建立、发布和交付标注项目"), kinds={Kind.ANNOTATION_FIRM}, roles={Role.PROJECT_LEAD}
)
ACCEPT = permission(
    "projects.accept", _("验收标注项目"), roles={Role.PROJECT_LEAD, Role.QUALITY_REVIEWER, Role.PURCHASER}
)
