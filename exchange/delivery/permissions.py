"""Who delivers, who downloads."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

DELIVER = permission(
    "deliveries.deliver",
    _("交付数据"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BROKER},
    roles={Role.TRADER, Role.ASSET_CLERK},
)
DOWNLOAD = permission(
    "deliveries.download",
    _("下载已购数据"),
    kinds={Kind.BUYER},
    roles={Role.PURCHASER, Role.ASSET_CLERK, Role.PROJECT_LEAD},
)
