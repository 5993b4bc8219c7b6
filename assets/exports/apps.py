from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ExportsConfig(AppConfig):
    name = "assets.exports"
    verbose_name = _("数据导出")

    def ready(self) -> None:
        from assets.exports import tasks  # noqa: F401 - registers the kind of job
