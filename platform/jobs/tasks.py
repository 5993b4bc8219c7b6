"""Tasks behind jobs."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from jobs import services
from kernel import clock


@shared_task(name="jobs.run_job")  # type: ignore[untyped-decorator]
def run_job(job_id: str) -> None:
    """Do the work of one job; a second delivery goes on or finds nothing to do."""
    services.run(job_id=UUID(job_id), at=clock.now())


@shared_task(name="jobs.heartbeat")  # type: ignore[untyped-decorator]
def heartbeat() -> None:
    """Tell that a worker takes tasks."""
    services.beat(at=clock.now())


@shared_task(name="jobs.resend_lost")  # type: ignore[untyped-decorator]
def resend_lost() -> int:
    """Send again what got lost on the way."""
    return services.resend_lost(at=clock.now())
