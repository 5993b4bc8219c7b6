"""Long work of rewards."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from django.urls import reverse

from jobs.models import Job
from jobs.services import Progress, job_kind
from kernel import clock
from settlement.rewards import services
from settlement.rewards.services.notices import DRAFT_KIND


@shared_task(name="rewards.watch_deadlines")  # type: ignore[untyped-decorator]
def watch_deadlines() -> int:
    """Remind reviewers of deadlines that come near or have passed; notices grow with the calendar."""
    return services.watch_deadlines(at=clock.now())


@shared_task(name="rewards.tell_release")  # type: ignore[untyped-decorator]
def tell_release() -> int:
    """Tell firms what released rules make of the statements that lie with them."""
    return services.tell_release(at=clock.now())


@job_kind(DRAFT_KIND)
def draft_statements(job: Job, progress: Progress) -> dict[str, Any]:
    """Draft the statements of a notice, firm by firm; a killed worker's successor goes on where it stopped."""
    run = services.draft_run(notice_id=UUID(job.arguments["notice"]), job_id=job.pk)
    while done := services.draft_next(at=clock.now(), run_id=run.pk):
        progress.advance(done)
    run.refresh_from_db()
    return {
        "drafted": run.drafted_count,
        "passed": run.passed_count,
        "url": reverse("rewards:notice", args=[run.notice.number]),
    }
