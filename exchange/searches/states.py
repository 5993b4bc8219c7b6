"""How a saved search is shared, and how its news comes."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Sharing(models.TextChoices):
    OWN = "own", _("仅自己")
    ORGANIZATION = "organization", _("本单位共享")


class News(models.TextChoices):
    """When the owner is told of new matches."""

    AT_ONCE = "at_once", _("有新产品就通知")
    DAILY = "daily", _("每天汇总一次")
    NONE = "none", _("不通知")
