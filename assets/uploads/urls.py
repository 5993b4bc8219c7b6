from django.urls import path

from assets.uploads import pages

app_name = "uploads"
urlpatterns = [
    path("", pages.uploads, name="list"),
    path("new/", pages.new_upload, name="new"),
    path("<uuid:upload_id>/", pages.detail, name="detail"),
    path("<uuid:upload_id>/batches/", pages.add_batch, name="add_batch"),
    path("<uuid:upload_id>/files/", pages.add_files, name="add_files"),
    path("<uuid:upload_id>/removal/", pages.remove_file, name="remove_file"),
    path("<uuid:upload_id>/sealing/", pages.seal, name="seal"),
    path("<uuid:upload_id>/abandonment/", pages.abandon, name="abandon"),
]
