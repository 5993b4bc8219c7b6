"""Who hands out, does and reviews annotation tasks."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

FIRM = {Kind.ANNOTATION_FIRM}
ASSIGN = permission("tasks.assign", _("分配标注任务"), kinds=FIRM, roles={Role.PROJECT_LEAD})
LABEL = permission("tasks.label", _("领取和提交标注任务"), kinds=FIRM, roles={Role.ANNOTATOR})
REVIEW = permission("tasks.review", _("质检标注结果"), kinds=FIRM, roles={Role.QUALITY_REVIEWER})
STATEMENT = permission(
    "tasks.statement", _("查看作业结算单"), kinds=FIRM, roles={Role.PROJECT_LEAD, Role.FINANCE}
)
FLOOR_VIEW = permission(
    "tasks.view_floors",
    _("查看小时工资下限"),
    kinds={*FIRM, Kind.EXCHANGE_OPERATOR, Kind.AUDITOR},
    roles={Role.PROJECT_LEAD, Role.FINANCE, Role.AUDITOR},
)
FLOOR_OWN = permission("tasks.set_own_floor", _("设定本单位的小时工资下限"), kinds=FIRM, roles={Role.FINANCE})
FLOOR_PLACE = permission(
    "tasks.set_place_floor",
    _("设定地区的小时工资下限"),
    kinds={Kind.EXCHANGE_OPERATOR},
    roles={Role.FINANCE},
)
LABELLERS = frozenset({Role.ANNOTATOR, Role.ADMINISTRATOR})
