"""States of a transaction filing."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class FilingState(models.TextChoices):
    PENDING = "pending", _("待备案")
    FILED = "filed", _("已备案")
    AMENDED = "amended", _("已更正")
    VOIDED = "voided", _("已作废")


FILING = Machine(
    "transaction_filing",
    FilingState,
    [
        Move("file", ("pending",), "filed", _("备案并出具凭证")),
        Move("amend", ("filed", "amended"), "amended", _("更正备案")),
        Move("void", ("filed", "amended"), "voided", _("作废备案")),
    ],
)
