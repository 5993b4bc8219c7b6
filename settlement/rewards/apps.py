from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RewardsConfig(AppConfig):
    name = "settlement.rewards"
    verbose_name = _("奖励")

    def ready(self) -> None:
        from settlement.rewards import tasks  # noqa: F401 - registers the kind of job
