from django.urls import path

from assets.exports import pages

app_name = "exports"
urlpatterns = [
    path("versions/<uuid:version_id>/", pages.version_exports, name="version"),
    path("versions/<uuid:version_id>/losses/", pages.losses, name="losses"),
    path("versions/<uuid:version_id>/metadata/<str:name>", pages.metadata, name="metadata"),
    path("versions/<uuid:version_id>/<slug:code>/make/", pages.make, name="make"),
    path("versions/<uuid:version_id>/<slug:code>/download/", pages.download, name="download"),
]
