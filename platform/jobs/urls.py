from django.urls import path

from jobs import pages

app_name = "jobs"
urlpatterns = [
    path("", pages.jobs, name="list"),
    path("<uuid:job_id>/", pages.detail, name="detail"),
    path("<uuid:job_id>/progress/", pages.progress, name="progress"),
    path("<uuid:job_id>/retry/", pages.retry, name="retry"),
]
