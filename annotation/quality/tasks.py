"""The job behind measurements, and what sends it out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from django.urls import reverse

from annotation.quality import services
from annotation.quality.selectors import due_for_measuring
from annotation.quality.services.merging import JOB_KIND
from jobs.models import Job
from jobs.services import Progress, job_kind
from kernel import clock
from organizations.permissions import Actor


@job_kind(JOB_KIND)
def measure(job: Job, progress: Progress) -> dict[str, Any]:
    """Measure one project; a second run measures again, which changes nothing that is merged already."""
    project_id = UUID(job.arguments["project"])
    made = services.measure(
        by=Actor.system("quality"), at=clock.now(), project_id=project_id, watcher=progress
    )
    return {"measurement": str(made.pk), "url": reverse("projects:quality", args=[project_id])}


@shared_task(name="quality.measure_due")  # type: ignore[untyped-decorator]
def measure_due() -> int:
    """Queue the measurement of every project to which its plan's number of results came since the last."""
    due = due_for_measuring()
    for project_id in due:
        services.queue_measuring(by=Actor.system("quality"), at=clock.now(), project_id=project_id)
    return len(due)
