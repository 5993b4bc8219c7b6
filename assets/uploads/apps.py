from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class UploadsConfig(AppConfig):
    name = "assets.uploads"
    verbose_name = _("数据上传")

    def ready(self) -> None:
        """The work behind the sealing job is known wherever a job may be queued."""
        from assets.uploads import tasks  # noqa: F401
