from django.urls import path

from documents import pages

app_name = "documents"
urlpatterns = [
    path("", pages.documents, name="list"),
    path("upload/", pages.upload, name="upload"),
    path("<uuid:document_id>/download/", pages.download, name="download"),
]
