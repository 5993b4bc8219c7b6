from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProfilesConfig(AppConfig):
    name = "assets.profiles"
    verbose_name = _("数据画像")

    def ready(self) -> None:
        from assets.profiles import tasks  # noqa: F401 - registers the kind of job
