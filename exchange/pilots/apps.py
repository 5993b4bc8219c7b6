from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PilotsConfig(AppConfig):
    name = "exchange.pilots"
    verbose_name = _("数据经纪人试点")
