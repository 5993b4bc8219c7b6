from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntakeConfig(AppConfig):
    name = "annotation.intake"
    verbose_name = _("数据导入与预标注")

    def ready(self) -> None:
        """Make the kinds of work known to `jobs`."""
        from annotation.intake import tasks  # noqa: F401
