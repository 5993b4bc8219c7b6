"""Which jobs a viewer sees."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from jobs.models import Job
from jobs.permissions import RETRY
from jobs.states import JobState
from kernel.errors import NotFound
from organizations.permissions import Actor


def jobs_visible_to(viewer: Actor) -> QuerySet[Job]:
    """The organization's work, and what the viewer started for no organization."""
    if viewer.is_system:
        return Job.objects.all()
    own = Q(organization=None, started_by_id=viewer.user_id) if viewer.user_id else Q(pk=None)
    return Job.objects.filter(Q(organization_id=viewer.organization_id, organization__isnull=False) | own)


def job_visible_to(viewer: Actor, job_id: UUID) -> Job:
    """One of them; NotFound otherwise."""
    found = jobs_visible_to(viewer).filter(pk=job_id).first()
    if found is None:
        raise NotFound
    return found


def may_retry(viewer: Actor, job: Job) -> bool:
    """Whether the viewer may start this failed job again."""
    is_starter = viewer.user_id is not None and viewer.user_id == job.started_by_id
    return job.state == JobState.FAILED and (is_starter or viewer.can(RETRY))
