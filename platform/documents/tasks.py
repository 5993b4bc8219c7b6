"""Periodic work on documents."""

from __future__ import annotations

from celery import shared_task

from documents import services
from kernel import clock


@shared_task(name="documents.refuse_abandoned")  # type: ignore[untyped-decorator]
def refuse_abandoned() -> int:
    """Close announcements whose file never came."""
    return services.refuse_abandoned(at=clock.now())
