"""States of a dataset version."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class VersionState(models.TextChoices):
    BUILDING = "building", _("制作中")
    SEALED = "sealed", _("已封版")
    WITHDRAWN = "withdrawn", _("已撤回")


DATASET_VERSION = Machine(
    "dataset_version",
    VersionState,
    [
        Move("seal", ("building",), "sealed", _("封版")),
        Move("withdraw", ("sealed",), "withdrawn", _("撤回")),
    ],
)
