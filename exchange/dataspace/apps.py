from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DataspaceConfig(AppConfig):
    name = "exchange.dataspace"
    verbose_name = _("行业数据空间")
