"""Who may see and make datasets."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

VIEW_DATASETS = permission(
    "datasets.view",
    _("查看数据集"),
    kinds={Kind.ANNOTATION_FIRM, Kind.AUDITOR},
    roles={
        Role.PROJECT_LEAD,
        Role.QUALITY_REVIEWER,
        Role.ASSET_CLERK,
        Role.TRADER,
        Role.FINANCE,
        Role.AUDITOR,
    },
)
MANAGE_DATASETS = permission(
    "datasets.manage",
    _("新建数据集、封版与撤回"),
    kinds={Kind.ANNOTATION_FIRM},
    roles={Role.PROJECT_LEAD, Role.ASSET_CLERK},
)
