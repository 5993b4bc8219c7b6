from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BankingConfig(AppConfig):
    name = "settlement.banking"
    verbose_name = _("银行对账")
