from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RequestsConfig(AppConfig):
    name = "exchange.requests"
    verbose_name = _("使用申请")
