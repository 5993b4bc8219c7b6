"""Addresses under /quality/: an annotator's own figures."""

from django.urls import path

from annotation.quality import pages

app_name = "quality"
urlpatterns = [
    path("", pages.mine, name="mine"),
    path("outcomes/<uuid:outcome_id>/", pages.outcome, name="outcome"),
    path("standings/<uuid:qualification_id>/appeal/", pages.appeal, name="appeal"),
]
