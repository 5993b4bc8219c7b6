from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MerchantConfig(AppConfig):
    name = "settlement.merchant"
    verbose_name = _("商户收付款")
