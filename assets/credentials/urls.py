from django.urls import path

from assets.credentials import pages

app_name = "credentials"
urlpatterns = [
    path("status/<slug:name>", pages.status, name="status"),
    path("annotations/<uuid:version_id>/", pages.annotation, name="annotation"),
    path("<str:number>/", pages.detail, name="detail"),
    path("<str:number>/credential.jwt", pages.token, name="token"),
    path("<str:number>/credential.json", pages.document, name="document"),
]
