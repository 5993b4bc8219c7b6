from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeliveryConfig(AppConfig):
    name = "exchange.delivery"
    verbose_name = _("交付")

    def ready(self) -> None:
        from exchange.delivery import tasks  # noqa: F401 - registers the kind of job
