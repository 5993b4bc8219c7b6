"""JSON: long work."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router

from gateway.api import Page, actor, cursor_page, idempotent
from jobs import selectors, services
from jobs.models import Job
from jobs.schemas import JobOut
from kernel import clock

router = Router()


@router.get("", response=Page[JobOut])
def jobs(request: HttpRequest, cursor: str | None = None, limit: int = 20) -> dict[str, Any]:
    """Work the caller sees, newest first."""
    rows, following = cursor_page(selectors.jobs_visible_to(actor(request)), cursor=cursor, limit=limit)
    return {"items": rows, "next": following}


@router.get("/{job_id}", response=JobOut)
def job(request: HttpRequest, job_id: UUID) -> Job:
    """One piece of work."""
    return selectors.job_visible_to(actor(request), job_id)


@router.post("/{job_id}/retry", response=JobOut)
@idempotent
def retry(request: HttpRequest, job_id: UUID) -> Job:
    """Start failed work again."""
    return services.retry(by=actor(request), at=clock.now(), job_id=job_id)
