"""What buyers say of what they bought, with every earlier wording."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from exchange.catalogue.models import Product
from exchange.trading.models import Order
from kernel.records import Record

LEAST_STARS, MOST_STARS = 1, 5


class Review(Record):
    """One buyer's word on one completed order; the supplier may answer, the operator may hide it."""

    order = models.OneToOneField(Order, models.PROTECT, related_name="review")
    product = models.ForeignKey(Product, models.PROTECT, related_name="reviews")
    author = models.ForeignKey("organizations.Organization", models.PROTECT, related_name="+")
    stars = models.PositiveSmallIntegerField(_("星级"))
    text = models.CharField(_("评价"), max_length=1_000)
    written_at = models.DateTimeField(_("评价时间"))
    edited_at = models.DateTimeField(_("修改时间"), null=True, blank=True)
    answer = models.CharField(_("供方回复"), max_length=1_000, blank=True)
    answered_at = models.DateTimeField(_("回复时间"), null=True, blank=True)
    hidden_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, blank=True, related_name="+")
    hidden_at = models.DateTimeField(_("隐藏时间"), null=True, blank=True)
    hidden_reason = models.CharField(_("隐藏理由"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("买方评价")
        verbose_name_plural = _("买方评价")
        indexes = [models.Index(fields=["product", "-id"], name="review_of_product")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(stars__gte=LEAST_STARS, stars__lte=MOST_STARS),
                name="review_stars_one_to_five",
            ),
            models.CheckConstraint(
                condition=models.Q(answer="", answered_at__isnull=True)
                | (~models.Q(answer="") & models.Q(answered_at__isnull=False)),
                name="review_answer_has_time",
            ),
            models.CheckConstraint(
                condition=models.Q(hidden_at__isnull=True, hidden_reason="")
                | (models.Q(hidden_at__isnull=False) & ~models.Q(hidden_reason="")),
                name="review_hidden_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.order} · {self.stars}"


class Wording(Record):
    """A wording of a review as it once stood, the present one too."""

    review = models.ForeignKey(Review, models.PROTECT, related_name="wordings")
    stars = models.PositiveSmallIntegerField(_("星级"))
    text = models.CharField(_("评价"), max_length=1_000)
    written_by = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="+")
    written_at = models.DateTimeField(_("时间"))

    class Meta:
        verbose_name = _("评价的历次内容")
        verbose_name_plural = _("评价的历次内容")
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.review} · {self.written_at:%Y-%m-%d}"
