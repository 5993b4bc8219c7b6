"""Addresses under /projects/ of imports and of models; `annotation.projects.urls` includes them."""

from django.urls import path

from annotation.intake import pages

urlpatterns = [
    path("<uuid:project_id>/imports/", pages.intakes, name="intakes"),
    path("<uuid:project_id>/imports/storages/", pages.storages, name="storages"),
    path("<uuid:project_id>/predictors/", pages.predictors, name="predictors"),
    path("imports/storages/<uuid:storage_id>/end/", pages.end_storage, name="end_storage"),
    path("imports/<uuid:intake_id>/", pages.intake, name="intake"),
    path("imports/<uuid:intake_id>/files/", pages.add_files, name="intake_files"),
    path("imports/<uuid:intake_id>/check/", pages.check, name="intake_check"),
    path("imports/<uuid:intake_id>/decide/", pages.decide, name="intake_decide"),
    path("imports/<uuid:intake_id>/again/", pages.gather_again, name="intake_again"),
    path("imports/<uuid:intake_id>/cancel/", pages.cancel, name="intake_cancel"),
    path("predictors/<uuid:predictor_id>/run/", pages.run, name="predictor_run"),
    path("predictors/<uuid:predictor_id>/state/", pages.set_active, name="predictor_state"),
]
