"""Addresses under /inspection/: lots and what was drawn from them."""

from django.urls import path

from annotation.inspection import pages

app_name = "inspection"
urlpatterns = [
    path("", pages.waiting, name="waiting"),
    path("lots/<uuid:lot_id>/", pages.lot, name="lot"),
    path("lots/<uuid:lot_id>/draw/", pages.draw, name="draw"),
    path("lots/<uuid:lot_id>/decide/", pages.decide, name="decide"),
    path("lots/<uuid:lot_id>/resubmit/", pages.resubmit, name="resubmit"),
    path("lots/<uuid:lot_id>/report.pdf", pages.report, name="report"),
    path("lots/<uuid:lot_id>/contents.csv", pages.contents, name="contents"),
    path("samples/<uuid:sample_id>/", pages.inspect, name="inspect"),
]
