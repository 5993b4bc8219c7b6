"""Background work of filings: the way out, the daily register, exports and reconciliations on demand."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from celery import shared_task
from django.urls import reverse

from exchange.filings import outside, services
from exchange.filings.services.registers import EXPORT_KIND
from exchange.filings.services.sending import RECONCILE_KIND, reconciliation_url
from jobs.models import Job
from jobs.services import Progress, job_kind
from kernel import clock
from organizations.models import Membership
from organizations.permissions import Actor


@shared_task(name="filings.send_outside")  # type: ignore[untyped-decorator]
def send_outside(row_id: str) -> None:
    """Try to file one issue with the outside exchange; what is not its turn is left alone."""
    if outside.is_configured():
        services.send(at=clock.now(), row_id=UUID(row_id))


@shared_task(name="filings.send_due")  # type: ignore[untyped-decorator]
def send_due() -> int:
    """Every minute: send what is due, also what lost its answer."""
    return services.send_due(at=clock.now())


@shared_task(name="filings.export_days")  # type: ignore[untyped-decorator]
def export_days() -> int:
    """Hourly: export the business days that have ended since."""
    return services.export_days(clock.now())


def _starter(job: Job) -> Actor:
    """Who started a job, as far as they are a member still; nobody otherwise, who may do nothing."""
    membership = (
        Membership.objects.select_related("user", "organization")
        .filter(user=job.started_by_id, organization=job.organization_id, ended_at=None)
        .first()
    )
    return Actor.of(membership) if membership else Actor.anonymous()


@job_kind(EXPORT_KIND)
def export(job: Job, progress: Progress) -> dict[str, Any]:
    """Write an export of some days; started by hand, so it may be made twice: both tell the same."""
    made = services.produce(
        by=_starter(job),
        at=clock.now(),
        first=date.fromisoformat(job.arguments["first"]),
        final=date.fromisoformat(job.arguments["final"]),
        has_imported=bool(job.arguments["has_imported"]),
        advance=progress.advance,
    )
    return {"url": reverse("filings:exports"), "export": str(made.pk)}


@job_kind(RECONCILE_KIND)
def reconcile(job: Job, progress: Progress) -> dict[str, Any]:
    """Lay one day beside the other side's list."""
    progress.start(1)
    made = services.reconcile(by=_starter(job), at=clock.now(), day=date.fromisoformat(job.arguments["day"]))
    return {"url": reconciliation_url(made), "reconciliation": str(made.pk)}
