"""The job behind profiles."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.urls import reverse

from assets.profiles import services
from assets.profiles.selectors import JOB_KIND
from jobs.models import Job
from jobs.services import Progress, job_kind
from kernel import clock
from organizations.permissions import Actor


@job_kind(JOB_KIND)
def make(job: Job, progress: Progress) -> dict[str, Any]:
    """Measure one version; a second run goes on after the steps that are kept."""
    version_id = UUID(job.arguments["version"])
    profile = services.make_profile(
        by=Actor.system("profiles"), at=clock.now(), version_id=version_id, progress=progress
    )
    return {"profile": str(profile.pk), "url": reverse("profiles:overview", args=[version_id])}
