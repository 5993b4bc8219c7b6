from django.urls import path

from assets.transparency import pages

app_name = "transparency"
urlpatterns = [
    path("", pages.log, name="log"),
    path("head.jwt", pages.head_token, name="head"),
    path("entries/<int:number>/", pages.entry, name="entry"),
]
