"""Who calls, applies, scores, decides and signs, and who may look on."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

MANAGE = permission(
    "pilots.manage",
    _("办理经纪人试点：征集、指派评审、公示、考核"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.FIRST_REVIEWER},
)
SIGN_AS_OPERATOR = permission(
    "pilots.sign_as_operator",
    _("代表服务基地签署试点协议"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.FIRST_REVIEWER},
)
SCORE = permission(
    "pilots.score",
    _("评审试点申报"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.PARK_OPERATOR},
    roles={Role.REGISTRATION_REVIEWER, Role.LISTING_REVIEWER, Role.FIRST_REVIEWER, Role.SECOND_REVIEWER},
)
APPLY = permission("pilots.apply", _("申报经纪人试点"), kinds={Kind.BROKER}, roles={Role.BROKER_AGENT})
SIGN_AS_BROKER = permission("pilots.sign_as_broker", _("代表数据经纪人签署试点协议"), kinds={Kind.BROKER})
VIEW = permission(
    "pilots.view",
    _("查看本单位试点"),
    kinds={Kind.BROKER},
    roles={Role.BROKER_AGENT, Role.TRADER, Role.FINANCE},
)
VIEW_ALL = permission(
    "pilots.view_all",
    _("查看全部试点申报与考核"),
    kinds={Kind.EXCHANGE_OPERATOR, Kind.DEPARTMENT, Kind.AUDITOR},
    roles={Role.FIRST_REVIEWER, Role.SECOND_REVIEWER, Role.AUDITOR},
)
