"""Who reads the audit log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import OrganizationKind, Role

READ_ALL = permission(
    "audit.read_all", _("查看全部审计记录"), kinds={OrganizationKind.AUDITOR}, roles={Role.AUDITOR}
)
READ_OWN = permission("audit.read_own", _("查看本单位审计记录"))
EITHER = (READ_ALL, READ_OWN)
