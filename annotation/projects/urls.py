"""Addresses under /projects/. Tabs that show tasks, imports and models belong to apps above this one."""

from django.urls import include, path

from annotation.projects import pages

app_name = "projects"
urlpatterns = [
    path("", pages.project_list, name="list"),
    path("new/", pages.new, name="new"),
    path("<uuid:project_id>/edit/", pages.edit, name="edit"),
    path("<uuid:project_id>/guideline/", pages.guideline, name="guideline"),
    path("<uuid:project_id>/plan/", pages.plan, name="plan"),
    path("<uuid:project_id>/questions/<uuid:question_id>/answer/", pages.answer, name="answer"),
    path("<uuid:project_id>/items/", pages.items, name="items"),
    path("<uuid:project_id>/open/", pages.open_, name="open"),
    path("<uuid:project_id>/deliver/", pages.deliver, name="deliver"),
    path("<uuid:project_id>/accept/", pages.accept, name="accept"),
    path("<uuid:project_id>/close/", pages.close, name="close"),
    path("<uuid:project_id>/cancel/", pages.cancel, name="cancel"),
    path("<uuid:project_id>/quality/", include("annotation.quality.project_urls")),
    path("<uuid:project_id>/inspection/", include("annotation.inspection.project_urls")),
    path("", include("annotation.intake.project_urls")),
    path("<uuid:project_id>/", include("annotation.work.project_urls")),
]
