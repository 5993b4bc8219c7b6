from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WorkConfig(AppConfig):
    name = "annotation.work"
    verbose_name = _("标注作业")
