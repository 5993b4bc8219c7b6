from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SearchesConfig(AppConfig):
    name = "exchange.searches"
    verbose_name = _("保存的搜索")
