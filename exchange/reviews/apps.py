from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReviewsConfig(AppConfig):
    name = "exchange.reviews"
    verbose_name = _("买方评价")
