"""The jobs behind imports and models, and the beat that lets models learn."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from django.urls import reverse

from annotation.intake import services
from annotation.intake.selectors import PREDICT_JOB
from jobs.models import Job
from jobs.services import Progress, job_kind
from kernel import clock


@job_kind(services.CHECK_JOB)
def check(job: Job, progress: Progress) -> dict[str, Any]:
    """One dry run; a second run goes on after the rows that are kept."""
    intake_id = UUID(job.arguments["intake"])
    services.check_intake(at=clock.now(), intake_id=intake_id, progress=progress)
    return {"url": reverse("projects:intake", args=[intake_id])}


@job_kind(services.BRING_JOB)
def bring_in(job: Job, progress: Progress) -> dict[str, Any]:
    """One import; a second run goes on after the bytes that are stored."""
    intake_id = UUID(job.arguments["intake"])
    brought = services.bring_in(at=clock.now(), intake_id=intake_id, progress=progress)
    return {**(brought or {}), "url": reverse("projects:intake", args=[intake_id])}


@job_kind(PREDICT_JOB)
def predict(job: Job, progress: Progress) -> dict[str, Any]:
    """One run of a model: it learns if it can, then labels beforehand what waits."""
    predictor_id = UUID(job.arguments["predictor"])
    return services.predict(at=clock.now(), predictor_id=predictor_id, progress=progress)


@shared_task(name="intake.retrain_due")  # type: ignore[untyped-decorator]
def retrain_due() -> int:
    """Let every built-in model learn again for whose project enough more was accepted; how many."""
    return services.retrain_due(at=clock.now())
