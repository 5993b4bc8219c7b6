"""Answers already given, by idempotency key."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.records import Record


class GivenAnswer(Record):
    """What was answered to one keyed request of one caller; the same request gets it again.

    `caller` is the organization or user id; `fingerprint` the SHA-256 over method, path and body.
    """

    caller = models.UUIDField(_("调用方"))
    key = models.CharField(_("幂等键"), max_length=200)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(_("状态码"), null=True)
    media_type = models.CharField(max_length=80, blank=True)
    body = models.TextField(_("回答"), blank=True)

    class Meta:
        verbose_name = _("幂等回答")
        verbose_name_plural = _("幂等回答")
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="given_answer_once")]

    def __str__(self) -> str:
        return self.key
