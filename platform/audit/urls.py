from django.urls import path

from audit import pages

app_name = "audit"
urlpatterns = [
    path("", pages.events, name="list"),
    path("export/", pages.export, name="export"),
    path("<uuid:event_id>/", pages.detail, name="detail"),
]
