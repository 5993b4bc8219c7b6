from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BrokersConfig(AppConfig):
    name = "exchange.brokers"
    verbose_name = _("数据经纪")
