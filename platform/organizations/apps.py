from importlib import import_module

from django.apps import AppConfig, apps
from django.utils.module_loading import module_has_submodule
from django.utils.translation import gettext_lazy as _


class OrganizationsConfig(AppConfig):
    name = "organizations"
    verbose_name = _("单位")

    def ready(self) -> None:
        """Load every app's permission table, so that the whole matrix is known at start."""
        for app in apps.get_app_configs():
            if app.module is not None and module_has_submodule(app.module, "permissions"):
                import_module(f"{app.name}.permissions")
