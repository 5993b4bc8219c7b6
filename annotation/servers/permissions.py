"""Who connects Label Studio servers and sees what came from them."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

FIRM = {Kind.ANNOTATION_FIRM}
VIEW = permission(
    "label_servers.view",
    _("查看 Label Studio 服务器"),
    kinds=FIRM,
    roles={Role.PROJECT_LEAD, Role.QUALITY_REVIEWER},
)
MANAGE = permission(
    "label_servers.manage",
    _("连接 Label Studio 服务器并收发任务"),
    kinds=FIRM,
    roles={Role.PROJECT_LEAD},
)
