from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InvoicingConfig(AppConfig):
    name = "settlement.invoicing"
    verbose_name = _("发票")
