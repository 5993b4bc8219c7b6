"""States of an entitlement, and the vocabularies of access."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class EntitlementState(models.TextChoices):
    ACTIVE = "active", _("有效")
    SUSPENDED = "suspended", _("已暂停")
    ENDED = "ended", _("已结束")


ENTITLEMENT = Machine(
    "entitlement",
    EntitlementState,
    [
        Move("suspend", ("active",), "suspended", _("暂停使用")),
        Move("resume", ("suspended",), "active", _("恢复使用")),
        Move("end", ("active", "suspended"), "ended", _("结束")),
        Move("prolong", ("ended",), "active", _("合同延长，重新开放")),
    ],
)


class Covers(models.TextChoices):
    """Which versions an entitlement opens."""

    ONE = "one", _("所购版本")
    FOLLOWING = "following", _("所购版本及有效期内的新版本")
    SAMPLE = "sample", _("冻结样例")


class QuotaUnit(models.TextChoices):
    """What a metered entitlement counts."""

    CALLS = "calls", _("次")
    BYTES = "bytes", _("字节")


class KeyKind(models.TextChoices):
    """What a program shows to get in."""

    TOKEN = "token", _("访问令牌")
    S3 = "s3", _("S3 只读凭据")


class Way(models.TextChoices):
    """How the data were reached."""

    LINK = "link", _("短时链接")
    TICKET = "ticket", _("一次性链接")
    API = "api", _("接口")
    S3 = "s3", _("S3")
    ROWS = "rows", _("数据服务接口")
