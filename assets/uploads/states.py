"""States of an upload, and how far one of its files is."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class UploadState(models.TextChoices):
    OPEN = "open", _("上传中")
    SEALING = "sealing", _("校验与封版中")
    FAILED = "failed", _("有文件未通过")
    SEALED = "sealed", _("已封版")
    ABANDONED = "abandoned", _("已放弃")


UPLOAD = Machine(
    "dataset_upload",
    UploadState,
    [
        Move("begin_sealing", ("open",), "sealing", _("开始封版")),
        Move("seal", ("sealing",), "sealed", _("封版")),
        Move("fail", ("sealing",), "failed", _("退回补正")),
        Move("reopen", ("failed",), "open", _("继续上传")),
        Move("abandon", ("open", "sealing", "failed"), "abandoned", _("放弃")),
    ],
)


class FileState(models.TextChoices):
    """How far one file is. Files are counted, not logged: a session may hold 100,000 of them."""

    ANNOUNCED = "announced", _("等待传输")
    STORED = "stored", _("已传到")
    VERIFIED = "verified", _("已校验")
    REFUSED = "refused", _("未通过")
