"""Who applies, who reviews, who looks."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

VIEW_REGISTRY = permission(
    "registry.view",
    _("查看登记申请与证书"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BUYER, Kind.AUDITOR},
    roles={Role.PROJECT_LEAD, Role.ASSET_CLERK, Role.TRADER, Role.PURCHASER, Role.FINANCE, Role.AUDITOR},
)
APPLY = permission(
    "registry.apply",
    _("申请各类登记"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BUYER},
    roles={Role.ASSET_CLERK},
)
AGREE = permission(
    "registry.agree",
    _("作为受让方或被许可方确认登记"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BUYER},
    roles={Role.ASSET_CLERK, Role.PURCHASER},
)
REVIEW = permission(
    "registry.review",
    _("受理与审查登记申请"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.REGISTRATION_REVIEWER},
)
CERTIFY = permission(
    "registry.certify",
    _("签发登记证书"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.REGISTRATION_REVIEWER},
)
MANAGE_REVIEWS = permission(
    "registry.manage",
    _("分派、转交登记审查"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles=(),
)
VOTE = permission(
    "registry.vote",
    _("作为委员对重要数据的登记表决"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT},
    roles={Role.REGISTRATION_REVIEWER, Role.SECOND_REVIEWER},
)
CONTROL_CERTIFICATES = permission(
    "registry.control",
    _("中止、恢复与撤销登记证书"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.REGISTRATION_REVIEWER},
)
