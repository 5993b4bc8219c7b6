"""Addresses under /projects/<id>/ that show tasks; `annotation.projects.urls` includes them."""

from django.urls import path

from annotation.work import pages, steering_pages

urlpatterns = [
    path("", pages.overview, name="detail"),
    path("tasks/", pages.tasks, name="tasks"),
    path("rework/", steering_pages.rework, name="rework"),
    path("members/", pages.members, name="members"),
    path("delivery/", pages.delivery, name="delivery"),
    path("send-back/", pages.send_back, name="send_back"),
]
