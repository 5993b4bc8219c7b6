from django.urls import path

from accounts import pages

app_name = "accounts"
urlpatterns = [
    path("me/", pages.me, name="me"),
    path("me/sessions/end/", pages.end_sessions, name="end_sessions"),
]
