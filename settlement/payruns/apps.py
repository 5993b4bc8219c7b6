from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PayrunsConfig(AppConfig):
    name = "settlement.payruns"
    verbose_name = _("报酬发放")
