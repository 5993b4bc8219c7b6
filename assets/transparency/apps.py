from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TransparencyConfig(AppConfig):
    name = "assets.transparency"
    verbose_name = _("登记日志")
