from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TendersConfig(AppConfig):
    name = "exchange.tenders"
    verbose_name = _("标注服务招标")
