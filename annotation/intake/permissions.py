"""Who may read from outside stores and ask outside models for a firm's projects; importing itself is leading a project."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind as Kind
from organizations.states import Role

CONNECT = permission(
    "intake.connect",
    _("配置导入用的对象存储与预标注模型"),
    kinds={Kind.ANNOTATION_FIRM},
    roles={Role.PROJECT_LEAD},
)
