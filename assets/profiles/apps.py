from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProfilesConfig(AppConfig):
    name = "assets.profiles"
    verbose_name = _("数据画像")
