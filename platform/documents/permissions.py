"""Who uploads files."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission
from organizations.states import Role

UPLOAD = permission("documents.upload", _("上传文件"), roles=tuple(Role))
