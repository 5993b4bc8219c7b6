"""Who posts demands, who answers them, who moderates."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

POST_DEMANDS = permission(
    "demands.post", _("发布数据需求、选定应答"), kinds={Kind.BUYER}, roles={Role.PURCHASER}
)
ANSWER_DEMANDS = permission(
    "demands.answer", _("应答数据需求"), kinds={Kind.ANNOTATION_FIRM, Kind.BROKER}, roles={Role.TRADER}
)
MODERATE_DEMANDS = permission(
    "demands.moderate",
    _("隐藏不当的数据需求"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.LISTING_REVIEWER},
)
