from django.urls import path

from notifications import pages

app_name = "notifications"
urlpatterns = [
    path("", pages.notifications, name="list"),
    path("read/", pages.read_all, name="read_all"),
    path("<uuid:notification_id>/open/", pages.open_notification, name="open"),
]
