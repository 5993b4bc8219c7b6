"""Messages to people: in the site, and by mail."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from kernel.records import Record


class Notification(Record):
    """One message to one person about one thing of one organization."""

    user = models.ForeignKey("accounts.User", models.PROTECT, related_name="notifications")
    organization = models.ForeignKey(
        "organizations.Organization", models.PROTECT, null=True, related_name="+"
    )
    title = models.CharField(_("标题"), max_length=200)
    body = models.TextField(_("内容"), blank=True)
    url = models.CharField(_("链接"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("时间"))
    read_at = models.DateTimeField(_("已读时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("消息")
        verbose_name_plural = _("消息")
        indexes = [models.Index(fields=["user", "-created_at"], name="notification_user_created")]

    def __str__(self) -> str:
        return self.title
