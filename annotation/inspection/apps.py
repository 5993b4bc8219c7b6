from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class InspectionConfig(AppConfig):
    name = "annotation.inspection"
    verbose_name = _("批次抽检")
