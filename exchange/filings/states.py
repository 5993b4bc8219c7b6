"""States of a transaction filing, of its way to the outside exchange, and of an import of past trades."""

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


class OutsideState(models.TextChoices):
    """`pending` waits for its turn; `sent` has left and its answer is not known yet."""

    PENDING = "pending", _("待报送")
    SENT = "sent", _("已发出")
    ACKNOWLEDGED = "acknowledged", _("对方已接收")
    REJECTED = "rejected", _("对方已拒收")


OUTSIDE_FILING = Machine(
    "outside_filing",
    OutsideState,
    [
        Move("send", ("pending", "sent"), "sent", _("报送")),
        Move("acknowledge", ("sent",), "acknowledged", _("对方接收")),
        Move("reject", ("sent",), "rejected", _("对方拒收")),
        Move("defer", ("sent",), "pending", _("暂未送达，稍后再报")),
        Move("retry", ("pending", "rejected"), "pending", _("人工重报")),
    ],
)


class ImportState(models.TextChoices):
    CHECKED = "checked", _("已检查")
    IMPORTED = "imported", _("已导入")


PAST_IMPORT = Machine(
    "past_trade_import",
    ImportState,
    [Move("import", ("checked",), "imported", _("确认导入"))],
)


class ExportFormat(models.TextChoices):
    """In which forms the register is exported."""

    CSV = "csv", "CSV"
    EXCEL = "xlsx", "Excel"
    PARQUET = "parquet", "Parquet"
