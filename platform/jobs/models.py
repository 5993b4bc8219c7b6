"""Long work: a row per job for progress, result and error."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from jobs.states import JOB, JobState
from kernel.records import Record
from kernel.states import StateField


class Job(Record):
    """One piece of long work, run by a worker; `kind` names the registered function, `arguments` its ids."""

    organization = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, related_name="+"
    )
    started_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    kind = models.CharField(_("种类"), max_length=60)
    title = models.CharField(_("名称"), max_length=160)
    arguments = models.JSONField(default=dict)
    done_count = models.PositiveIntegerField(_("已完成"), default=0)
    total_count = models.PositiveIntegerField(_("总数"), default=0)
    result = models.JSONField(_("结果"), default=dict)
    result_url = models.CharField(max_length=300, blank=True)
    error = models.TextField(_("错误"), blank=True)
    attempt_count = models.PositiveSmallIntegerField(_("尝试次数"), default=0)
    created_at = models.DateTimeField(_("创建时间"))
    ended_at = models.DateTimeField(_("结束时间"), null=True, blank=True)
    state = StateField(states=JobState)

    class Meta:
        verbose_name = _("后台作业")
        verbose_name_plural = _("后台作业")
        constraints = [JOB.constraint()]

    def __str__(self) -> str:
        return self.title
