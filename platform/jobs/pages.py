"""作业: long work and how far it is."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from jobs import selectors, services
from jobs.models import Job
from kernel import clock
from kernel.models import Transition
from organizations.permissions import Actor
from web.answers import job_progress, page_or_fragment
from web.paging import paginate
from web.parts import JobFace


def _viewer(request: HttpRequest) -> Actor:
    viewer: Actor = request.actor  # type: ignore[attr-defined]
    return viewer


def face(job: Job) -> JobFace:
    """The job as the progress component shows it, for this page and for the pages of its domain."""
    return JobFace(
        key=str(job.pk),
        title=job.title,
        poll_url=reverse("jobs:progress", args=[job.pk]),
        done=job.done_count,
        total=job.total_count,
        message=job.error,
        state=job.state,
        result_url=job.result_url,
    )


@require_GET
@login_required
def jobs(request: HttpRequest) -> HttpResponse:
    """The organization's work, newest first."""
    page = paginate(selectors.jobs_visible_to(_viewer(request)).select_related("started_by"), request.GET)
    return page_or_fragment(request, "jobs/list.html", "jobs/list_rows.html", {"page": page})


@require_GET
@login_required
@never_cache
def detail(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """One job; may be left and come back to."""
    viewer = _viewer(request)
    job = selectors.job_visible_to(viewer, job_id)
    context = {
        "job": job,
        "face": face(job),
        "may_retry": selectors.may_retry(viewer, job),
        "transitions": Transition.objects.filter(subject_id=job.pk).order_by("at", "pk"),
    }
    return render(request, "jobs/detail.html", context)


@require_GET
@login_required
@never_cache
def progress(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """The progress component alone; 286 at the end stops the asking."""
    return job_progress(request, face(selectors.job_visible_to(_viewer(request), job_id)))


@require_POST
@login_required
def retry(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Start failed work again."""
    job = services.retry(by=_viewer(request), at=clock.now(), job_id=job_id)
    messages.success(request, _("已重新排队：%(title)s") % {"title": job.title})
    return redirect("jobs:detail", job.pk)
