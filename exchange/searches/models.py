"""Saved searches, and which products each has told of."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from exchange.catalogue.models import Product
from exchange.searches.states import News, Sharing
from kernel.records import Record


class SavedSearch(Record):
    """A search of the catalogue that a member keeps, for itself or for its whole organization.

    `wanted`: text, chosen and sort, as `Wanted.kept()` tells them. `digested_on`: the last business day whose digest
    was sent. Only the owner is told of news.
    """

    owner = models.ForeignKey("accounts.User", models.PROTECT, related_name="saved_searches")
    organization = models.ForeignKey(
        "organizations.Organization", models.PROTECT, related_name="saved_searches"
    )
    name = models.CharField(_("名称"), max_length=60)
    wanted = models.JSONField(_("搜索内容"))
    sharing = models.CharField(_("共享"), max_length=16, choices=Sharing.choices, default=Sharing.OWN)
    news = models.CharField(_("通知"), max_length=16, choices=News.choices, default=News.AT_ONCE)
    saved_at = models.DateTimeField(_("保存时间"))
    digested_on = models.DateField(_("最近汇总日"), null=True, blank=True)

    class Meta:
        verbose_name = _("保存的搜索")
        verbose_name_plural = _("保存的搜索")
        constraints = [
            models.UniqueConstraint(fields=["owner", "organization", "name"], name="search_name_once"),
            models.CheckConstraint(condition=Q(sharing__in=Sharing.values), name="search_sharing_known"),
            models.CheckConstraint(condition=Q(news__in=News.values), name="search_news_known"),
        ]
        indexes = [models.Index(fields=["organization", "-id"], name="search_of_organization")]

    def __str__(self) -> str:
        return self.name


class SearchMatch(models.Model):
    """A product that came on sale after a search was saved and matches it; met once, told once."""

    search = models.ForeignKey(SavedSearch, models.CASCADE, related_name="matches")
    product = models.ForeignKey(Product, models.CASCADE, related_name="+")
    met_at = models.DateTimeField(_("匹配时间"))
    told_at = models.DateTimeField(_("通知时间"), null=True, blank=True)

    class Meta:
        verbose_name = _("搜索新结果")
        verbose_name_plural = _("搜索新结果")
        constraints = [models.UniqueConstraint(fields=["search", "product"], name="search_match_once")]
        indexes = [models.Index(fields=["search", "-met_at"], name="search_match_newest")]

    def __str__(self) -> str:
        return f"{self.search_id} · {self.product_id}"


class SearchLook(models.Model):
    """When a member last looked at a saved search."""

    search = models.ForeignKey(SavedSearch, models.CASCADE, related_name="looks")
    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    looked_at = models.DateTimeField(_("查看时间"))

    class Meta:
        verbose_name = _("搜索查看记录")
        verbose_name_plural = _("搜索查看记录")
        constraints = [models.UniqueConstraint(fields=["search", "user"], name="search_look_once")]

    def __str__(self) -> str:
        return f"{self.search_id} · {self.user_id}"
