from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AcceptanceConfig(AppConfig):
    name = "exchange.acceptance"
    verbose_name = _("验收与争议")
