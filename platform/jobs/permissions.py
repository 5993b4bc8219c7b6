"""Who may start failed work again; whoever started it may as well."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from organizations.permissions import permission

RETRY = permission("jobs.retry", _("重试后台作业"))
