"""Periodic work on the audit log."""

from __future__ import annotations

from celery import shared_task

from audit import services
from kernel import clock


@shared_task(name="audit.seal")  # type: ignore[untyped-decorator]
def seal() -> int:
    """Chain the events that were written since."""
    return services.seal(at=clock.now())
