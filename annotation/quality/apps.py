from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QualityConfig(AppConfig):
    name = "annotation.quality"
    verbose_name = _("标注质量")

    def ready(self) -> None:
        from annotation.quality import tasks  # noqa: F401 - registers the kind of job
