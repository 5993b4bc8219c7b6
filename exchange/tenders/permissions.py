"""Who asks for annotation work, who bids for it, who delivers and inspects it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

POST_TENDERS = permission(
    "tenders.post", _("发布标注招标、定标、评价服务商"), kinds={Kind.BUYER}, roles={Role.PURCHASER}
)
BID = permission(
    "tenders.bid",
    _("投标标注项目"),
    kinds={Kind.ANNOTATION_FIRM},
    roles={Role.TRADER, Role.PROJECT_LEAD},
)
DELIVER_LOTS = permission(
    "tenders.deliver",
    _("交付标注批次"),
    kinds={Kind.ANNOTATION_FIRM},
    roles={Role.TRADER, Role.PROJECT_LEAD},
)
INSPECT_LOTS = permission(
    "tenders.inspect", _("抽样验收标注批次"), kinds={Kind.BUYER}, roles={Role.PURCHASER}
)
VIEW_ENGAGEMENTS = permission(
    "tenders.view",
    _("查看本单位标注服务合同"),
    kinds={Kind.BUYER, Kind.ANNOTATION_FIRM},
    roles={Role.PURCHASER, Role.TRADER, Role.PROJECT_LEAD, Role.FINANCE},
)
VIEW_ALL_ENGAGEMENTS = permission(
    "tenders.view_all",
    _("查看全部标注服务合同"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.AUDITOR},
    roles={Role.LISTING_REVIEWER, Role.FINANCE, Role.AUDITOR},
)
