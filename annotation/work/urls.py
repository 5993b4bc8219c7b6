"""Addresses under /tasks/."""

from django.urls import path

from annotation.work import pages

app_name = "work"
urlpatterns = [
    path("", pages.mine, name="mine"),
    path("reviews/", pages.reviews, name="reviews"),
    path("claims/<uuid:project_id>/", pages.claim, name="claim"),
    path("<uuid:task_id>/", pages.task_page, name="task"),
    path("<uuid:task_id>/skip/", pages.skip, name="skip"),
    path("<uuid:task_id>/dispute/", pages.dispute, name="dispute"),
    path("<uuid:task_id>/release/", pages.release, name="release"),
    path("<uuid:task_id>/reopen/", pages.reopen, name="reopen"),
    path("<uuid:task_id>/review/", pages.review, name="review"),
]
