"""States of a job."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.states import Machine, Move


class JobState(models.TextChoices):
    QUEUED = "queued", _("排队中")
    RUNNING = "running", _("进行中")
    SUCCEEDED = "succeeded", _("已完成")
    FAILED = "failed", _("失败")


JOB = Machine(
    "job",
    JobState,
    [
        Move("start", ("queued", "running"), "running", _("开始")),
        Move("succeed", ("running",), "succeeded", _("完成")),
        Move("fail", ("queued", "running"), "failed", _("失败")),
        Move("retry", ("failed",), "queued", _("重试")),
    ],
)
