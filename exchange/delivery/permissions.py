"""Who delivers, who downloads, who holds the keys, who traces a leaked copy."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

_SELLERS = {Kind.ANNOTATION_FIRM, Kind.BROKER}

DELIVER = permission(
    "deliveries.deliver",
    _("交付数据"),
    kinds=_SELLERS,
    roles={Role.TRADER, Role.ASSET_CLERK},
)
DOWNLOAD = permission(
    "deliveries.download",
    _("下载已购数据"),
    kinds={Kind.BUYER},
    roles={Role.PURCHASER, Role.ASSET_CLERK, Role.PROJECT_LEAD},
)
CLAIM = permission(
    "entitlements.claim",
    _("领取免费样例与试用"),
    kinds={Kind.BUYER},
    roles={Role.PURCHASER},
)
MANAGE_ACCESS_KEYS = permission(
    "deliveries.keys",
    _("管理数据访问令牌与凭据"),
    kinds={Kind.BUYER},
    roles={Role.PURCHASER, Role.PROJECT_LEAD},
)
TRACE_OWN = permission(
    "deliveries.trace_own",
    _("追溯本单位产品的副本"),
    kinds=_SELLERS,
    roles={Role.TRADER, Role.ASSET_CLERK},
)
SUPERVISE = permission(
    "entitlements.supervise",
    _("暂停、恢复数据授权与追溯副本"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.LISTING_REVIEWER},
)
