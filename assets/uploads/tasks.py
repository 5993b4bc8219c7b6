"""Background work of uploads."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from django.urls import reverse

from assets.uploads import services
from assets.uploads.services.sealing import KIND
from jobs.models import Job
from jobs.services import Progress, job_kind
from kernel import clock
from organizations.models import Membership
from organizations.permissions import Actor


def _asker(job: Job) -> Actor:
    """Who started the job, as a member; the system in the organization's name when that person has left since."""
    membership = Membership.objects.filter(
        user=job.started_by, organization=job.organization, ended_at=None
    ).first()
    if membership is not None:
        return Actor.of(membership)
    return Actor(user=job.started_by, organization=job.organization, name="uploads", is_system=True)


@job_kind(KIND)
def seal_upload(job: Job, progress: Progress) -> dict[str, Any]:
    """Check the files of one upload and seal the version, in the name of who asked for it."""
    version = services.check_and_seal(
        by=_asker(job), at=clock.now(), upload_id=UUID(job.arguments["upload"]), progress=progress
    )
    return {
        "version": version.version,
        "root_hash": version.root_hash,
        "url": reverse("datasets:version", args=[version.dataset_id, version.version]),
    }


@shared_task(name="uploads.clear_waiting")  # type: ignore[untyped-decorator]
def clear_waiting(upload_id: str) -> int:
    """Throw away what waits in the store under an ended session; doing it again finds nothing."""
    return services.clear_waiting(UUID(upload_id))


@shared_task(name="uploads.check_arrived")  # type: ignore[untyped-decorator]
def check_arrived(upload_id: str) -> int:
    """Tell the faults of files that have arrived; doing it again reads only what was not read yet."""
    return services.check_arrived(upload_id=UUID(upload_id))


@shared_task(name="uploads.abandon_idle")  # type: ignore[untyped-decorator]
def abandon_idle() -> int:
    """Give up sessions that nobody touched for thirty days."""
    return services.abandon_idle(at=clock.now())
