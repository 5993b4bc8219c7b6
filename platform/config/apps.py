from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import celery, wiring

        celery.app.set_default()
        wiring.connect()
