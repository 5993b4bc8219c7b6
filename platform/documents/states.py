"""States of an uploaded document."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class DocumentState(models.TextChoices):
    EXPECTED = "expected", _("等待上传")
    STORED = "stored", _("已校验")
    REFUSED = "refused", _("未通过校验")


DOCUMENT = Machine(
    "document",
    DocumentState,
    [
        Move("store", ("expected",), "stored", _("校验通过")),
        Move("refuse", ("expected",), "refused", _("校验不通过")),
    ],
)
