from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RiskConfig(AppConfig):
    name = "settlement.risk"
    verbose_name = _("风险监测")
