"""Background work of the ledger: the daily close, the nightly proof, a proof on demand, holds that come to their end."""

from __future__ import annotations

from typing import Any

from celery import shared_task
from django.urls import reverse

from jobs.models import Job
from jobs.services import Progress, job_kind
from kernel import clock
from organizations.permissions import Actor
from settlement.ledger import closing, holds

PROVE_KIND = "ledger.prove"


@shared_task(name="ledger.close_day")  # type: ignore[untyped-decorator]
def close_day() -> None:
    """Hourly: close the business day that has ended, once."""
    closing.close_day(at=clock.now())


@shared_task(name="ledger.prove_nightly")  # type: ignore[untyped-decorator]
def prove_nightly() -> None:
    """Once a day: prove all books and keep what was found."""
    closing.record_proof(at=clock.now(), by="系统 · 每日核对")


@shared_task(name="ledger.expire_holds")  # type: ignore[untyped-decorator]
def expire_holds() -> int:
    """Every minute: let go what was reserved and never posted."""
    return holds.expire_due(by=Actor.system("系统 · 预留到期"), at=clock.now())


@job_kind(PROVE_KIND)
def prove(job: Job, progress: Progress) -> dict[str, Any]:
    """The same because somebody asked."""
    progress.start(1)
    found = closing.record_proof(at=clock.now(), by=str(job.started_by or "系统"))
    return {"url": reverse("ledger:index"), "differences": len(found.differences)}
