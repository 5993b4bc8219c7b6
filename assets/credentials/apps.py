from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CredentialsConfig(AppConfig):
    name = "assets.credentials"
    verbose_name = _("可验证凭证")
