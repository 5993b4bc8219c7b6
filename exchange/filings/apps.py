from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FilingsConfig(AppConfig):
    name = "exchange.filings"
    verbose_name = _("交易备案")
