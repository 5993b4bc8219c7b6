from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DemandsConfig(AppConfig):
    name = "exchange.demands"
    verbose_name = _("数据需求")
