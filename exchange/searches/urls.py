from django.urls import path

from exchange.searches import pages

app_name = "searches"
urlpatterns = [
    path("", pages.searches, name="list"),
    path("new/", pages.new, name="new"),
    path("<uuid:search_id>/", pages.change, name="change"),
    path("<uuid:search_id>/act/", pages.act, name="act"),
]
