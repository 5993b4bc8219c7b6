from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MilestonesConfig(AppConfig):
    name = "settlement.milestones"
    verbose_name = _("分批托管")
