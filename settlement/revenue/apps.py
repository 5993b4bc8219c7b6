from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RevenueConfig(AppConfig):
    name = "settlement.revenue"
    verbose_name = _("实际收入")
