"""Who confirms, reviews, approves and replays reward claims."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

FIRM_KINDS = frozenset({Kind.ANNOTATION_FIRM, Kind.BUYER, Kind.BROKER})

SEE_OWN_CLAIMS = permission(
    "rewards.see_own",
    _("查看本单位奖励申报"),
    kinds=FIRM_KINDS,
    roles={Role.FINANCE, Role.TRADER, Role.ASSET_CLERK, Role.PROJECT_LEAD},
)
CLAIM_REWARDS = permission(
    "rewards.claim", _("测算、确认奖励申报或提出异议"), kinds=FIRM_KINDS, roles={Role.FINANCE}
)
SEE_ALL_CLAIMS = permission(
    "rewards.see_all",
    _("查看全部奖励申报"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR},
    roles={Role.FIRST_REVIEWER, Role.SECOND_REVIEWER, Role.AUDITOR},
)
FIRST_REVIEW = permission(
    "rewards.first_review",
    _("奖励初审"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.FIRST_REVIEWER},
)
SECOND_REVIEW = permission(
    "rewards.second_review",
    _("奖励复审、公示与批准"),
    kinds={Kind.DEPARTMENT},
    roles={Role.SECOND_REVIEWER},
)
REPLAY = permission(
    "rewards.replay",
    _("重演测算"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR},
    roles={Role.FIRST_REVIEWER, Role.SECOND_REVIEWER, Role.AUDITOR},
)
