"""Addresses under /tasks/."""

from django.urls import path

from annotation.work import pages, steering_pages

app_name = "work"
urlpatterns = [
    path("", pages.mine, name="mine"),
    path("reviews/", pages.reviews, name="reviews"),
    path("reviews/take/", pages.take_next, name="take_next"),
    path("handbacks/", pages.handbacks, name="handbacks"),
    path("statement/", steering_pages.statement, name="statement"),
    path("wage-floors/", steering_pages.wage_floors, name="wage_floors"),
    path("claims/<uuid:project_id>/", pages.claim, name="claim"),
    path("<uuid:task_id>/", pages.task_page, name="task"),
    path("<uuid:task_id>/draft/", pages.draft, name="draft"),
    path("<uuid:task_id>/skip/", pages.skip, name="skip"),
    path("<uuid:task_id>/dispute/", pages.dispute, name="dispute"),
    path("<uuid:task_id>/release/", pages.release, name="release"),
    path("<uuid:task_id>/guideline/", steering_pages.guideline, name="guideline"),
    path("<uuid:task_id>/example/", steering_pages.example, name="example"),
    path("<uuid:task_id>/reassign/", pages.reassign, name="reassign"),
    path("<uuid:task_id>/take/", pages.take, name="take"),
    path("<uuid:task_id>/put-back/", pages.put_back, name="put_back"),
    path("<uuid:task_id>/reopen/", pages.reopen, name="reopen"),
    path("<uuid:task_id>/review/", pages.review, name="review"),
]
