from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        from config import celery, wiring
        from documents import objects
        from web import health

        celery.app.set_default()
        wiring.connect()
        health.register_check("object store", objects.is_reachable)
        health.register_check("worker", celery.a_worker_is_alive)
