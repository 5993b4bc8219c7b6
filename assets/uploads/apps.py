from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class UploadsConfig(AppConfig):
    name = "assets.uploads"
    verbose_name = _("数据上传")
