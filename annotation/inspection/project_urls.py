"""Addresses under /projects/<id>/inspection/; `annotation.projects.urls` includes them."""

from django.urls import path

from annotation.inspection import pages

urlpatterns = [
    path("", pages.board, name="inspection"),
    path("plan/", pages.propose, name="inspection_plan"),
    path("plan/<uuid:plan_id>/<slug:answer>/", pages.answer, name="inspection_answer"),
    path("lots/", pages.submit, name="inspection_submit"),
    path("value/", pages.commit, name="inspection_value"),
    path("resume/", pages.resume, name="inspection_resume"),
]
