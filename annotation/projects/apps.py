from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProjectsConfig(AppConfig):
    name = "annotation.projects"
    verbose_name = _("标注项目")
