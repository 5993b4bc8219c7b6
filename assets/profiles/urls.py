from django.urls import path

from assets.profiles import pages

app_name = "profiles"
urlpatterns = [
    path("versions/<uuid:version_id>/", pages.overview, name="overview"),
    path("versions/<uuid:version_id>/make/", pages.make, name="make"),
    path("versions/<uuid:version_id>/rows/", pages.rows, name="rows"),
    path("versions/<uuid:version_id>/row/", pages.row, name="row"),
    path("versions/<uuid:version_id>/sensitive/", pages.sensitive, name="sensitive"),
    path("versions/<uuid:version_id>/sample/", pages.sample, name="sample"),
]
