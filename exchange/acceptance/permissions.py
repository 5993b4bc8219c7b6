"""Who inspects and complains, who answers, who rules, who looks on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

COMPLAIN = permission("complaints.file", _("提出交付异议"), kinds={Kind.BUYER}, roles={Role.PURCHASER})
ANSWER = permission(
    "complaints.answer",
    _("答复交付异议"),
    kinds={Kind.ANNOTATION_FIRM, Kind.BROKER},
    roles={Role.TRADER},
)
RULE = permission(
    "disputes.rule", _("裁决交易争议"), kinds={Kind.EXCHANGE_OPERATOR}, roles={Role.LISTING_REVIEWER}
)
VIEW_DISPUTES = permission(
    "disputes.view_all",
    _("查看全部交易争议"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.AUDITOR},
    roles={Role.LISTING_REVIEWER, Role.AUDITOR},
)
